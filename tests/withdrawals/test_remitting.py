"""Withheld tax on its way to the tax office: by two people, never more than is owed."""

from datetime import date

import pytest
import sqlalchemy as sa

from app import ledger, withdrawals
from app.core.db import db, run_unit
from app.core.errors import IllegalMove, InvalidInput
from app.ledger import AccountKind, Entry, Posting
from app.settings import change
from app.withdrawals import Channel, RemittanceState, TaxRemittance, remitting
from tests.factories import (
    ADMIN,
    ADMIN2,
    NOON,
    broken_invariants,
    days,
    give_available,
    make_member,
)
from tests.planting import plant, unchecked
from tests.tax.test_identity import identify
from tests.threads import behind
from tests.withdrawals.byhand import a_voucher, batch_of, open_channel, to_pay
from tests.withdrawals.fakes import FakeTransfers, approve

MONTH = "2026-11"
GOOD = {"amount_fen": 140_00, "paid_on": date(2026, 11, 21), "serial": "TAX-2026-11"}


def taxed(fen: int = 1_500_00, now=NOON):
    """A withdrawal that was paid; of 1,500.00 yuan 140.00 are withheld."""
    run_unit(change, "withdraw.max_fen", 1_999_00, actor=ADMIN, now=NOON)
    run_unit(change, "withdraw.two_person_fen", 10_000_00, actor=ADMIN, now=NOON)
    run_unit(change, "tax.method", "monthly", actor=ADMIN, now=NOON)
    member = make_member()
    identify(member)
    give_available(member, fen)
    gateway = FakeTransfers()
    gateway.on_send = ["SUCCESS"]
    row = run_unit(withdrawals.request, member.id, amount_fen=fen, request_key="tap", now=now)
    approve(row)
    withdrawals.pay(row.id, gateway=gateway, now=now)
    return row


@pytest.fixture
def owed(session):
    return taxed()


def ask(actor=ADMIN, now=NOON, **given) -> TaxRemittance:
    facts = {**GOOD, "voucher_id": None, **given}
    facts["voucher_id"] = facts["voucher_id"] or a_voucher()
    month = facts.pop("month", MONTH)
    return run_unit(remitting.ask, month, **facts, actor=actor, now=now)


def confirm(row, actor=ADMIN2) -> TaxRemittance:
    return run_unit(remitting.decide, row.id, agrees=True, actor=actor, now=NOON)


def balances() -> tuple[int, int]:
    """What the tax office is owed, and what left by hand."""
    db.session.rollback()
    return (
        ledger.system_balance_fen(AccountKind.TAX_PAYABLE),
        ledger.system_balance_fen(AccountKind.WORLD_BANK),
    )


def postings() -> list[tuple[str, str]]:
    found = sa.select(Posting.idem_key, Posting.event).filter_by(subject="tax_remittance")
    return [tuple(row) for row in db.session.execute(found.order_by(Posting.id))]


def test_a_second_person_confirms_and_it_is_booked_once(owed):
    row = ask()
    assert balances() == (140_00, 0)
    assert remitting.of_month(MONTH) == remitting.Month(MONTH, 140_00, 0)

    confirm(row)

    assert row.state is RemittanceState.DONE
    assert balances() == (0, 140_00)
    assert postings() == [(f"tax:{row.id}:booked", "tax_remitted")]
    assert remitting.months() == [remitting.Month(MONTH, 140_00, 140_00)]
    with pytest.raises(IllegalMove):
        confirm(row)
    assert balances() == (0, 140_00)
    assert broken_invariants() == {}


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"amount_fen": 0}, "amount", "缴款金额必须大于 0"),
        ({"amount_fen": -1}, "amount", "缴款金额必须大于 0"),
        ({"amount_fen": 140_01}, "amount", "最多 ¥140.00：已代扣而未缴的税款"),
        ({"month": "2026-10"}, "amount", "最多 ¥0.00：已代扣而未缴的税款"),
        ({"month": "2026-13"}, "month", "应为月份，例如 2026-11"),
        ({"paid_on": date(2026, 11, 22)}, "paid_on", "缴款日期应在所属月份开始之后，且不晚于今天"),
        ({"paid_on": date(2026, 10, 31)}, "paid_on", "缴款日期应在所属月份开始之后，且不晚于今天"),
        (
            {"serial": " "},
            "serial",
            "请填写完税凭证号码，4 到 64 位字母、数字或短横线",
        ),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_kept(owed, given, field, says):
    with pytest.raises(InvalidInput) as refused:
        ask(**given)

    assert (refused.value.field, refused.value.message) == (field, says)
    assert db.session.scalars(sa.select(TaxRemittance)).all() == []
    assert balances() == (140_00, 0)


def test_who_booked_it_neither_confirms_it_nor_books_a_second_one(owed):
    row = ask(amount_fen=100_00)

    with pytest.raises(remitting.SameRemitter):
        confirm(row, ADMIN)
    with pytest.raises(IllegalMove):
        ask(ADMIN2, amount_fen=40_00)

    assert balances() == (140_00, 0)
    assert db.session.scalars(sa.select(TaxRemittance.state)).all() == ["asked"]


def test_a_refused_one_books_nothing_and_makes_room(owed):
    row = ask()
    with pytest.raises(InvalidInput, match="请写明原因"):
        run_unit(remitting.decide, row.id, agrees=False, actor=ADMIN2, now=NOON)

    run_unit(remitting.decide, row.id, agrees=False, answer="凭证不清", actor=ADMIN2, now=NOON)

    assert (row.state, row.answer) == (RemittanceState.REFUSED, "凭证不清")
    assert balances() == (140_00, 0)
    confirm(ask())
    assert balances() == (0, 140_00)
    assert broken_invariants() == {}


def test_a_correction_takes_all_of_it_back_once(owed):
    paid = confirm(ask())

    back = run_unit(remitting.ask_reversal, paid.id, reason="记错了月份", actor=ADMIN2, now=NOON)
    with pytest.raises(remitting.SameRemitter):
        confirm(back, ADMIN2)
    assert balances() == (0, 140_00)
    confirm(back, ADMIN)

    assert balances() == (140_00, 0)
    assert [event for _, event in postings()] == ["tax_remitted", "tax_remittance_reversed"]
    assert remitting.of_month(MONTH).open_fen == 140_00
    for again in (paid, back):
        with pytest.raises(IllegalMove):
            run_unit(remitting.ask_reversal, again.id, reason="再来", actor=ADMIN, now=NOON)
    confirm(ask())
    assert balances() == (0, 140_00)
    assert broken_invariants() == {}


@pytest.fixture
def overpaid(owed):
    """340.00 were withheld and paid for November; then a payout with 200.00 came back."""
    open_channel(Channel.BANK, fee_bps=0, fee_fen=0)
    member = make_member()
    identify(member)
    row = to_pay(1_000_00, member=member)
    batch, lines = batch_of()
    ids = [lines[0].id]
    who = {"actor_member_id": None, "now": NOON}
    paid = {"serial": "BANK-1", "voucher_id": a_voucher(), "actor": ADMIN}
    run_unit(withdrawals.byhand.mark_paid, batch.id, ids, **paid, **who)
    assert (row.tax_fen, remitting.of_month(MONTH).withheld_fen) == (200_00, 340_00)
    booked = confirm(ask(amount_fen=340_00))
    back = {"reason": "账号有误", "actor": ADMIN2}
    run_unit(withdrawals.byhand.mark_returned, ids[0], **back, **who)
    return booked


def standing() -> dict[str, tuple[int, int]]:
    """What is withheld and remitted, by month."""
    db.session.rollback()
    return {m.month: (m.withheld_fen, m.remitted_fen) for m in remitting.months()}


LATER = NOON + days(20)
DECEMBER = {"month": "2026-12", "paid_on": date(2026, 12, 11), "now": LATER}


def test_a_payout_that_comes_back_after_its_tax_was_paid_leaves_the_month_overpaid(overpaid):
    assert remitting.of_month(MONTH).open_fen == -200_00
    assert balances() == (-200_00, 340_00)
    with pytest.raises(InvalidInput, match="最多 ¥0"):
        ask(amount_fen=1)
    assert broken_invariants() == {}


def test_what_is_overpaid_is_credited_to_the_next_payments_until_it_is_used_up(overpaid):
    # Of one person: 140.00, and 300.00 more of the second.
    taxed(now=LATER)
    taxed(now=LATER)

    first = ask(amount_fen=150_00, **DECEMBER)
    # What one request carries no other may.
    assert remitting.credits_for(290_00) == {MONTH: 50_00}
    confirm(first)
    second = confirm(ask(amount_fen=290_00, **DECEMBER))

    assert [(r.credit_fen, r.cash_fen) for r in (first, second)] == [(150_00, 0), (50_00, 240_00)]
    assert remitting.credits_of([first.id, second.id]) == {
        first.id: {MONTH: 150_00},
        second.id: {MONTH: 50_00},
    }
    # Withheld equals remitted, month by month and in all; 580.00 left in money.
    assert standing() == {"2026-12": (440_00, 440_00), MONTH: (140_00, 140_00)}
    assert balances() == (0, 580_00)
    entries = sa.select(Entry.amount_fen).join(Posting).where(Posting.subject_id == second.id)
    booked = entries.where(Posting.subject == "tax_remittance").order_by(Entry.id)
    assert db.session.scalars(booked).all() == [-290_00, 290_00, -50_00, 50_00]
    assert broken_invariants() == {}

    back = run_unit(remitting.ask_reversal, second.id, reason="记错了", actor=ADMIN, now=LATER)
    confirm(back)

    assert standing() == {"2026-12": (440_00, 150_00), MONTH: (140_00, 190_00)}
    assert balances() == (240_00, 340_00)
    assert broken_invariants() == {}


def test_a_credit_that_is_gone_by_the_time_of_confirming_books_nothing(overpaid):
    taxed(now=LATER)
    row = ask(amount_fen=140_00, **DECEMBER)
    back = run_unit(remitting.ask_reversal, overpaid.id, reason="重报", actor=ADMIN, now=LATER)
    confirm(back)
    before = balances()

    with pytest.raises(remitting.CreditChanged):
        confirm(row)

    assert (row.state, balances()) == (RemittanceState.ASKED, before)
    assert broken_invariants() == {}


def test_w5_finds_a_payment_that_is_not_booked_or_not_as_confirmed(owed):
    row = confirm(ask(amount_fen=100_00))

    with unchecked():
        plant(f"UPDATE tax_remittances SET amount_fen = 9900 WHERE id = {row.id}")
        assert [*broken_invariants()] == ["W5"]
        plant(f"UPDATE tax_remittances SET amount_fen = 10000 WHERE id = {row.id}")
    assert broken_invariants() == {}


@pytest.mark.mariadb_only
def test_of_two_who_confirm_at_once_one_books(live):
    taxed()
    row_id = ask().id
    db.session.rollback()

    def decide(actor) -> RemittanceState:
        return remitting.decide(row_id, agrees=True, actor=actor, now=NOON).state

    second = behind(live, lambda: decide(ADMIN2), lambda: run_unit(decide, ADMIN2))

    assert isinstance(second, IllegalMove)
    assert balances() == (0, 140_00)
    assert broken_invariants() == {}
