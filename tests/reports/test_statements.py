"""Statements: what opens and what moved make what closes; every line says why."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from app import commission, ledger, reports, settings, withdrawals
from app.commission import Commission
from app.core.db import db, run_unit, transaction
from app.core.errors import NotFound
from app.jobs import tasks
from app.ledger import AccountKind, Move
from app.reports.statements import statement, tax_months, tax_years
from app.settings import registry
from tests.aftersales.steps import sale, settle_news
from tests.commission.ground import matured, settle
from tests.factories import ADMIN, NOON, days, give_available, make_member
from tests.tax.test_identity import identify
from tests.withdrawals.fakes import FakeTransfers, approve, request

DECEMBER = NOON + days(15)


def change(setting: settings.Setting, value: int | str) -> None:
    run_unit(settings.change, setting.key, value, actor=ADMIN, now=NOON)


def correct(member, fen: int, key: str, now: datetime) -> None:
    """A manual correction, back to the shop."""
    with transaction():
        ledger.post(
            key,
            event="manual",
            moves=[
                Move(
                    ledger.member(AccountKind.AVAILABLE, member.id),
                    ledger.system(AccountKind.SHOP),
                    fen,
                )
            ],
            now=now,
            reason="更正重复奖励",
        )


@pytest.fixture
def earner(session):
    """In November a bonus and a taxed withdrawal; in December a settlement and more."""
    change(registry.WITHDRAW_MAX_FEN, 1_999_00)
    change(registry.WITHDRAW_TWO_PERSON_FEN, 10_000_00)
    change(registry.WITHDRAW_FEE_FEN, 2_00)
    change(registry.TAX_METHOD, "monthly")
    member = matured(count=2)
    identify(member)
    give_available(member, 1_600_00)
    gateway = FakeTransfers()
    gateway.on_send = ["SUCCESS"]
    row = request(member, 1_500_00)
    approve(row)
    withdrawals.pay(row.id, gateway=gateway, now=NOON)
    settle(DECEMBER)
    correct(member, 5_00, "correction", DECEMBER)
    request(member, 50_00, "open")
    db.session.rollback()
    return member


def test_opening_and_moves_make_the_closing(earner):
    november = statement(earner.id, "2026-11", DECEMBER)
    december = statement(earner.id, "2026-12", DECEMBER)

    assert (november.opening_fen, november.closing_fen) == (0, 100_00)
    assert (november.earned_fen, november.withdrawn_fen) == (1_600_00, -1_358_00)
    assert (november.tax_fen, november.fee_fen) == (-140_00, -2_00)
    assert (december.opening_fen, december.closing_fen) == (100_00, 115_00)
    assert (december.earned_fen, december.reversed_fen) == (20_00, -5_00)
    for made in (november, december):
        moved = sum(line.change_fen for line in made.lines)
        assert made.opening_fen + moved == made.closing_fen == made.lines[-1].balance_fen
    wallet = ledger.wallet_of(earner.id)
    assert december.closing_fen == wallet.available_fen + wallet.frozen_fen - wallet.debt_fen


def test_every_line_leads_to_its_reason(earner):
    lines = [
        line
        for month in ("2026-11", "2026-12")
        for line in statement(earner.id, month, DECEMBER).lines
    ]

    number = withdrawals.withdrawals_of(earner.id).items[-1].number
    settled = next(line for line in lines if line.event == "commission_settled")
    assert {line.event: (line.link, line.reason) for line in lines} == {
        "bonus": (("", ""), "测试奖励"),
        "withdrawal_paid": (("withdrawal", number), ""),
        "commission_settled": (("settlement", str(settled.posting_id)), ""),
        "manual": (("", ""), "更正重复奖励"),
    }
    brought = commission.settled_by(earner.id, settled.posting_id).items
    assert sum(row.settled_fen for row in brought) == settled.earned_fen == 20_00
    assert commission.settled_by(make_member().id, settled.posting_id).items == []


def test_a_month_begins_at_midnight_in_shanghai():
    assert reports.statements.span("2026-12") == (
        datetime(2026, 11, 30, 16, tzinfo=UTC),
        datetime(2026, 12, 31, 16, tzinfo=UTC),
    )


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "20266-1", "2027-01", "x", ""])
def test_a_month_that_is_none_or_did_not_begin_is_not_found(session, month):
    with pytest.raises(NotFound):
        statement(make_member().id, month, DECEMBER)


def test_months_go_back_to_the_first_movement(earner):
    assert reports.statements.months(earner.id, datetime(2027, 1, 2, tzinfo=UTC)) == [
        "2027-01",
        "2026-12",
        "2026-11",
    ]
    assert reports.statements.months(make_member().id, NOON) == ["2026-11"]


def test_tax_is_summed_of_what_was_paid(earner):
    assert [
        (row.month, row.count, row.gross_fen, row.tax_fen, row.fee_fen, row.net_fen)
        for row in tax_months("2026-10", "2026-12")
    ] == [("2026-11", 1, 1_500_00, 140_00, 2_00, 1_358_00)]
    assert tax_months("2026-12", "2027-12") == []
    assert [(row.year, row.tax_fen) for row in tax_years(earner.id)] == [("2026", 140_00)]


def test_a_refund_beyond_the_wallet_is_taken_back_and_owed(session):
    sold = sale(received=True)
    tasks.sales.settle(DECEMBER, False)
    settle_news(DECEMBER)
    with transaction():
        withdrawals.request(sold.near.id, amount_fen=8_00, request_key="tap", now=DECEMBER)

    sold.shop_refunds(50_00, now=DECEMBER)

    made = statement(sold.near.id, "2026-12", DECEMBER)
    assert (made.earned_fen, made.reversed_fen, made.closing_fen) == (10_00, -5_00, 5_00)
    (row,) = db.session.scalars(sa.select(Commission).filter_by(member_id=sold.near.id))
    assert made.lines[-1].link == ("commission", str(row.id))
    assert ledger.wallet_of(sold.near.id) == ledger.Wallet(frozen_fen=8_00, debt_fen=3_00)
