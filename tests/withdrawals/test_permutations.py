"""Whatever comes in whatever order, and however often: one end state, money once, sound books.

Of {request, approve, send, notice, query, cancel, expire} one to three copies each are
put in random orders (seeded, so that a failure comes again) and done to the real
services. A small model says what must come of it: only WeChat itself is replaced, by
a fake that keeps bills as it does and refuses what it refuses.
"""

import random

import pytest

from app import ledger, withdrawals
from app.core.db import db, run_unit
from app.core.errors import DomainError
from app.ledger import Wallet
from app.withdrawals import BillAnswer, GatewayUnclear, Withdrawal, WithdrawalStatus, queries
from tests.factories import ADMIN, MCHID, NOON, broken_invariants, give_available, make_member
from tests.withdrawals.fakes import LOST, FakeTransfers

pytestmark = pytest.mark.engine_free

S = WithdrawalStatus
FEN = 50_00
ACTS = ("request", "approve", "send", "notice", "query", "cancel", "expire")
ORDERS, CHUNK = 200, 50
FINAL = ("SUCCESS", "FAIL", "CANCELLED")


class World:
    """One member, one request key, and WeChat's side of it."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.member = make_member()
        give_available(self.member, FEN)
        self.gateway = FakeTransfers()
        self.gateway.on_send = [chance.choice(["WAIT_USER_CONFIRM", LOST, GatewayUnclear("500")])]
        self.told: list[BillAnswer] = []

    def do(self, act: str) -> None:
        try:
            getattr(self, f"_{act}")()
        except DomainError:
            # What is out of order is refused, and nothing changed: the books say so.
            db.session.rollback()

    @property
    def row(self) -> Withdrawal | None:
        found = withdrawals.withdrawals_of(self.member.id).items
        assert len(found) <= 1
        return found[0] if found else None

    def _request(self) -> None:
        run_unit(withdrawals.request, self.member.id, amount_fen=FEN, request_key="tap", now=NOON)

    def _approve(self) -> None:
        if self.row:
            run_unit(withdrawals.approve, self.row.id, actor=ADMIN, actor_member_id=None, now=NOON)

    def _send(self) -> None:
        if self.row:
            withdrawals.pay(self.row.id, gateway=self.gateway, now=NOON)

    def _notice(self) -> None:
        """The member confirms, unless it ended; every notice so far comes again."""
        self._end("SUCCESS")
        for answer in self.chance.sample(self.told, len(self.told)):
            run_unit(withdrawals.report, answer, mchid=MCHID, now=NOON)

    def _query(self) -> None:
        bill = queries.current_bill(self.row.id) if self.row else None
        if bill is not None:
            withdrawals.ask(bill.id, gateway=self.gateway, now=NOON)

    def _cancel(self) -> None:
        """The member takes it back, or the desk stops the bill; WeChat ends it later."""
        row = self.row
        if row is None:
            return
        if row.status is S.SUBMITTED and self.chance.random() < 0.2:
            run_unit(withdrawals.cancel, row.id, member_id=self.member.id, now=NOON)
        else:
            withdrawals.cancel_bill(row.id, actor=ADMIN, gateway=self.gateway, now=NOON)

    def _expire(self) -> None:
        self._end("FAIL", "OVERDUE_CLOSE")

    def _end(self, state: str, reason: str = "") -> None:
        for number, bill in self.gateway.bills.items():
            if bill.state in FINAL:
                continue
            if bill.state == "CANCELING":
                state, reason = "CANCELLED", "MCH_CANCEL"
            self.told.append(self.gateway.end(number, state, reason))

    def expected(self) -> WithdrawalStatus | None:
        """What the queries that follow must lead to, from WeChat's side alone."""
        bills = list(self.gateway.bills.values())
        assert len(bills) <= 1
        if not bills:
            return self.row.status if self.row else None
        if bills[0].state in FINAL:
            return S.PAID if bills[0].state == "SUCCESS" else S.FAILED
        return S.CANCELLING if bills[0].state == "CANCELING" else S.WAIT_CONFIRM


def play(seed: int) -> tuple[list[str], World]:
    chance = random.Random(seed)
    acts = [act for act in ACTS for _ in range(chance.randint(1, 3))]
    chance.shuffle(acts)
    if chance.random() < 0.6:
        # Mostly with a beginning, or most orders would be refusals only.
        acts = ["request", "approve", "send", *acts]
    world = World(chance)
    for act in acts:
        world.do(act)
    # The jobs go on until WeChat has said all.
    for _ in range(2):
        world.do("query")
    return acts, world


@pytest.mark.parametrize("part", range(ORDERS // CHUNK))
def test_every_order_ends_in_one_state_with_money_once(session, part):
    ends: dict[WithdrawalStatus | None, int] = {}
    for seed in range(part * CHUNK, (part + 1) * CHUNK):
        acts, world = play(seed)
        row, expected = world.row, world.expected()
        status = row.status if row else None
        assert status == expected, (seed, acts)
        paid = status is S.PAID
        is_open = status in withdrawals.models.OPEN
        left = Wallet(frozen_fen=FEN) if is_open else Wallet(available_fen=0 if paid else FEN)
        assert ledger.wallet_of(world.member.id) == left, (seed, acts)
        ends[status] = ends.get(status, 0) + 1

    assert broken_invariants() == {}
    # The sample reached what matters: paid, given back, and still open.
    assert ends[S.PAID] > 3
    assert ends[S.FAILED] > 3
