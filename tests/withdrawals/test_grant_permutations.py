"""Whatever comes in whatever order, and however often: a grant has one end, and money comes once.

Of {ask, notice, query, close} one to three copies each, with payouts between them, in
seeded random orders, done to the real services. What WeChat holds says what must come.
"""

import random

import pytest
import sqlalchemy as sa

from app import ledger, withdrawals
from app.core.db import db, run_unit, transaction
from app.core.errors import DomainError
from app.ledger import Wallet
from app.settings import change
from app.withdrawals import (
    GatewayUnclear,
    GrantAnswer,
    GrantRefused,
    GrantStatus,
    TransferGrant,
    WithdrawalStatus,
    granting,
    grants,
)
from tests.factories import ADMIN, APPID, NOON, broken_invariants, days
from tests.withdrawals.fakes import LOST, FakeTransfers, approved

pytestmark = pytest.mark.engine_free

G, S = GrantStatus, WithdrawalStatus
ACTS = ("ask", "notice", "query", "close", "pay")
ORDERS = 24


class World:
    """One member with one approved withdrawal, and WeChat's side of it."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.row = approved(50_00)
        self.member_id = self.row.member_id
        self.gateway = FakeTransfers()
        calls = self.gateway.grants
        calls.on_start = [chance.choice(["", LOST, GatewayUnclear("500"), GrantRefused("NO_AUTH")])]
        calls.on_query = [chance.choice(["", GatewayUnclear("500")])]
        calls.on_close = [chance.choice(["", LOST, GatewayUnclear("500")])]
        self.gateway.on_send = [chance.choice([GatewayUnclear("500"), LOST])]
        self.told: list[GrantAnswer] = []

    def do(self, act: str, at=NOON) -> None:
        try:
            getattr(self, f"_{act}")(at)
        except DomainError:
            db.session.rollback()

    def _ask(self, at) -> None:
        granting.start(self.member_id, gateway=self.gateway.grants, now=at)

    def _notice(self, at) -> None:
        """The member agrees, or ends it in WeChat; every notice so far comes again."""
        calls = self.gateway.grants
        for number, known in list(calls.known.items()):
            if known.status is G.WAITING:
                self.told.append(calls.agree(number))
            elif known.status is G.ACTIVE and self.chance.random() < 0.4:
                self.told.append(calls.end(number))
        for answer in self.chance.sample(self.told, len(self.told)):
            if self.chance.random() < 0.7:
                run_unit(grants.report, answer, appid=APPID, now=at)

    def _query(self, at) -> None:
        found = grants.live_of(self.member_id)
        if found is not None:
            granting.ask(found.id, gateway=self.gateway.grants, now=at)
        bill = withdrawals.current_bill(self.row.id)
        if bill is not None and bill.ended_at is None:
            withdrawals.ask(bill.id, gateway=self.gateway, now=at)

    def _close(self, at) -> None:
        granting.end(self.member_id, gateway=self.gateway.grants, now=at)

    def _pay(self, at) -> None:
        withdrawals.pay(self.row.id, gateway=self.gateway, now=at)


def play(seed: int) -> tuple[list[str], World]:
    chance = random.Random(seed)
    acts = [act for act in ACTS for _ in range(chance.randint(1, 3))]
    chance.shuffle(acts)
    if chance.random() < 0.6:
        # Mostly with a beginning, or the payout would come before the grant nearly always.
        acts = ["ask", "query", "notice", "query", "pay", *acts]
    world = World(chance)
    for act in acts:
        world.do(act)
    # The jobs go on until WeChat has said all.
    for minute in (2, 3, 9, 15):
        world.do("query", NOON + minute * days(1) / 1440)
    return acts, world


def test_every_order_ends_where_wechat_is_with_money_once(session):
    with transaction():
        change("withdraw.wechat_grant_on", True, actor=ADMIN, now=NOON)
    ends: dict[tuple[str, int], int] = {}
    for seed in range(ORDERS):
        acts, world = play(seed)
        known = world.gateway.grants.known
        for number, at_wechat in known.items():
            row = db.session.scalars(
                sa.select(TransferGrant).filter_by(out_authorization_no=number)
            ).one()
            # What is live here is what WeChat holds; nothing is live that it closed.
            assert row.status is at_wechat.status, (seed, acts)
        paid = [b for b in world.gateway.bills.values() if b.state == "SUCCESS"]
        assert len(paid) <= 1, (seed, acts)
        assert world.row.status is (S.PAID if paid else S.WAIT_CONFIRM), (seed, acts)
        assert ledger.wallet_of(world.member_id) == (Wallet() if paid else Wallet(frozen_fen=50_00))
        end = ("paid" if paid else "waits", len({k.status for k in known.values()} & {G.ACTIVE}))
        ends[end] = ends.get(end, 0) + 1

    assert broken_invariants() == {}
    # The sample reached what matters: paid or not, with a grant left and without.
    assert sorted(ends) == [("paid", 0), ("paid", 1), ("waits", 0), ("waits", 1)]
    assert sum(ends.values()) == ORDERS
