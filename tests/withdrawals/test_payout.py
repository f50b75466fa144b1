"""Paying out: one bill at a time, ended by WeChat's word and nothing else."""

import pytest
import sqlalchemy as sa

from app import audit, ledger, orders, withdrawals
from app.core.db import db, run_unit
from app.core.errors import IllegalMove
from app.ledger import AccountKind, Wallet
from app.orders import OddityKind
from app.withdrawals import (
    BillAnswer,
    BillState,
    GatewayUnclear,
    MerchantShort,
    TransferBill,
    Withdrawal,
    WithdrawalStatus,
)
from tests.factories import ADMIN, MCHID, NOON, broken_invariants, days, give_available, make_member
from tests.withdrawals.fakes import LOST, FakeTransfers, approve, approved, request

S = WithdrawalStatus


def pay(row: Withdrawal, gateway: FakeTransfers) -> str:
    return withdrawals.pay(row.id, gateway=gateway, now=NOON)


def bill_of(row: Withdrawal) -> TransferBill:
    found = withdrawals.current_bill(row.id)
    assert found is not None
    return found


def ask(row: Withdrawal, gateway: FakeTransfers) -> str:
    return withdrawals.ask(bill_of(row).id, gateway=gateway, now=NOON)


def report(answer: BillAnswer) -> bool:
    return run_unit(withdrawals.report, answer, mchid=MCHID, now=NOON)


def wallet(row: Withdrawal) -> Wallet:
    return ledger.wallet_of(row.member_id)


def path(row: Withdrawal) -> list[str]:
    return [m.to_state for m in audit.moves_of("withdrawal", row.id)]


def paid_out_fen() -> int:
    return db.session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(ledger.Entry.amount_fen), 0))
        .join(ledger.Posting, ledger.Posting.id == ledger.Entry.posting_id)
        .join(ledger.Account, ledger.Account.id == ledger.Entry.account_id)
        .where(
            ledger.Posting.event == "withdrawal_paid",
            ledger.Account.kind == AccountKind.WORLD_WX,
        )
    )


def oddity_kinds() -> list[OddityKind]:
    return [o.kind for o in orders.oddities(is_resolved=False).items]


def test_the_bill_is_committed_before_wechat_is_called(live):
    row = approved(50_00)
    gateway = FakeTransfers()
    seen = []
    send = gateway.send

    def look_first(body, **given):
        # Another connection sees only what was committed.
        with db.engine.connect() as other:
            seen.append(
                other.execute(
                    sa.text(
                        "SELECT b.state, b.amount_fen, w.status FROM transfer_bills b"
                        " JOIN withdrawals w ON w.id = b.live_withdrawal_id"
                        " WHERE b.out_bill_no = :n"
                    ),
                    {"n": body["out_bill_no"]},
                ).one()
            )
        return send(body, **given)

    gateway.send = look_first

    pay(row, gateway)

    assert [tuple(facts) for facts in seen] == [("CREATED", 50_00, "sending")]
    assert broken_invariants() == {}


def test_a_sent_bill_waits_for_the_member_and_keeps_its_package(session):
    row, gateway = approved(50_00), FakeTransfers()

    assert pay(row, gateway) == "WAIT_USER_CONFIRM"

    bill = bill_of(row)
    assert row.status is S.WAIT_CONFIRM
    assert (bill.state, bill.package_info) == (
        BillState.WAIT_USER_CONFIRM,
        f"package-{bill.out_bill_no}",
    )
    assert gateway.sent == [bill.body]
    assert bill.body["transfer_amount"] == 50_00
    assert wallet(row) == Wallet(frozen_fen=50_00)
    assert broken_invariants() == {}


def test_a_query_without_package_does_not_lose_the_one_that_was_kept(session):
    row, gateway = approved(50_00), FakeTransfers()
    pay(row, gateway)

    assert ask(row, gateway) == "WAIT_USER_CONFIRM"

    assert bill_of(row).package_info == f"package-{bill_of(row).out_bill_no}"
    assert row.status is S.WAIT_CONFIRM
    # It was never lost: nothing had to be sent again for it.
    assert len(gateway.sent) == 1
    assert broken_invariants() == {}


def test_a_waiting_bill_whose_package_never_reached_us_is_sent_again_for_it(session):
    row, gateway = approved(50_00), FakeTransfers()
    gateway.on_send = [LOST]
    pay(row, gateway)

    assert ask(row, gateway) == "WAIT_USER_CONFIRM"

    assert gateway.sent[0] == gateway.sent[1]
    assert len(gateway.bills) == 1
    assert bill_of(row).package_info == f"package-{bill_of(row).out_bill_no}"
    assert row.status is S.WAIT_CONFIRM
    assert broken_invariants() == {}


def test_the_members_confirmation_pays(session):
    row, gateway = approved(50_00), FakeTransfers()
    pay(row, gateway)

    assert report(gateway.end(bill_of(row).out_bill_no, "SUCCESS")) is True

    assert row.status is S.PAID
    assert row.ended_at == NOON
    assert wallet(row) == Wallet()
    assert paid_out_fen() == 50_00
    assert path(row) == ["submitted", "approved", "sending", "wait_confirm", "paid"]
    assert broken_invariants() == {}


def test_a_lost_answer_leaves_it_unknown_with_the_money_frozen(session):
    row, gateway = approved(50_00), FakeTransfers()
    gateway.on_send = [LOST]

    assert pay(row, gateway) == "unclear"

    assert row.status is S.UNKNOWN
    assert bill_of(row).state is BillState.CREATED
    assert wallet(row) == Wallet(frozen_fen=50_00)
    assert broken_invariants() == {}


def test_after_a_lost_answer_a_query_that_finds_success_pays_once(session):
    row, gateway = approved(50_00), FakeTransfers()
    gateway.on_send = [LOST]
    pay(row, gateway)
    gateway.end(bill_of(row).out_bill_no, "SUCCESS")

    assert ask(row, gateway) == "SUCCESS"
    assert ask(row, gateway) == "SUCCESS"

    assert row.status is S.PAID
    assert len(gateway.sent) == 1
    assert paid_out_fen() == 50_00
    assert wallet(row) == Wallet()
    assert broken_invariants() == {}


def test_a_bill_that_never_arrived_is_sent_again_with_the_same_number_and_body(session):
    row, gateway = approved(50_00), FakeTransfers()
    gateway.on_send = [GatewayUnclear("refused")]
    pay(row, gateway)
    number = bill_of(row).out_bill_no

    assert ask(row, gateway) == "WAIT_USER_CONFIRM"

    assert gateway.queried == [number]
    assert [body["out_bill_no"] for body in gateway.sent] == [number, number]
    assert gateway.sent[0] == gateway.sent[1]
    assert bill_of(row).sent_count == 2
    assert row.status is S.WAIT_CONFIRM
    assert path(row) == ["submitted", "approved", "sending", "unknown", "wait_confirm"]
    assert broken_invariants() == {}


def test_a_crash_between_commit_and_call_is_mended_by_the_query(session):
    row, gateway = approved(50_00), FakeTransfers()
    run_unit(withdrawals.prepare_bill, row.id, gateway=gateway, now=NOON)
    assert row.status is S.SENDING

    assert ask(row, gateway) == "WAIT_USER_CONFIRM"

    assert len(gateway.sent) == 1
    assert row.status is S.WAIT_CONFIRM
    assert broken_invariants() == {}


def test_an_unclear_query_changes_nothing(session):
    row, gateway = approved(50_00), FakeTransfers()
    gateway.on_send = [LOST]
    pay(row, gateway)
    gateway.on_query = [GatewayUnclear("500")]

    assert ask(row, gateway) == "unclear"

    assert row.status is S.UNKNOWN
    assert len(gateway.sent) == 1
    assert wallet(row) == Wallet(frozen_fen=50_00)
    assert broken_invariants() == {}


@pytest.mark.parametrize("state", ["ACCEPTED", "PROCESSING", "TRANSFERING"])
def test_a_bill_under_way_at_wechat_is_asked_about_later(session, state):
    row, gateway = approved(50_00), FakeTransfers()
    gateway.on_send = [state]

    assert pay(row, gateway) == state

    assert row.status is S.UNKNOWN
    assert wallet(row) == Wallet(frozen_fen=50_00)
    assert withdrawals.bills_to_query(NOON) == []
    assert withdrawals.bills_to_query(NOON + days(1)) == [bill_of(row).id]
    assert broken_invariants() == {}


def test_a_failed_bill_frees_the_money_and_lives_no_more(session):
    row, gateway = approved(50_00), FakeTransfers()
    gateway.on_send = ["FAIL"]

    assert pay(row, gateway) == "FAIL"

    bill = bill_of(row)
    assert (row.status, row.note) == (S.FAILED, "PAYEE_ACCOUNT_ABNORMAL")
    assert (bill.state, bill.live_withdrawal_id, bill.ended_at) == (BillState.FAIL, None, NOON)
    assert wallet(row) == Wallet(available_fen=50_00)
    assert paid_out_fen() == 0
    assert broken_invariants() == {}


def test_after_a_failure_only_a_new_request_makes_a_new_bill(session):
    row, gateway = approved(50_00), FakeTransfers()
    gateway.on_send = ["FAIL"]
    pay(row, gateway)

    assert pay(row, gateway) == "taken"
    assert withdrawals.due_to_pay() == []
    member = withdrawals.withdrawal_by_number(row.number).member_id
    again = run_unit(withdrawals.request, member, amount_fen=50_00, request_key="again", now=NOON)
    approve(again)
    assert pay(again, gateway) == "WAIT_USER_CONFIRM"

    numbers = [body["out_bill_no"] for body in gateway.sent]
    assert len(set(numbers)) == 2
    assert broken_invariants() == {}


@pytest.mark.parametrize("state", ["SUCCESS", "WAIT_USER_CONFIRM", "FAIL", "PROCESSING"])
def test_a_word_after_success_changes_nothing(session, state):
    row, gateway = approved(50_00), FakeTransfers()
    pay(row, gateway)
    number = bill_of(row).out_bill_no
    report(gateway.end(number, "SUCCESS"))

    assert report(BillAnswer(number, state)) is True

    assert row.status is S.PAID
    assert bill_of(row).state is BillState.SUCCESS
    assert paid_out_fen() == 50_00
    assert wallet(row) == Wallet()
    assert broken_invariants() == {}


@pytest.mark.parametrize("state", ["SUCCESS", "WAIT_USER_CONFIRM", "FAIL"])
def test_a_word_after_failure_changes_nothing(session, state):
    row, gateway = approved(50_00), FakeTransfers()
    pay(row, gateway)
    number = bill_of(row).out_bill_no
    report(gateway.end(number, "FAIL", "OVER_24_HOURS"))

    assert report(BillAnswer(number, state)) is True

    assert row.status is S.FAILED
    assert bill_of(row).live_withdrawal_id is None
    assert wallet(row) == Wallet(available_fen=50_00)
    assert broken_invariants() == {}


def test_a_notice_that_overtakes_the_answer_pays_once(session):
    row, gateway = approved(50_00), FakeTransfers()
    bill = run_unit(withdrawals.prepare_bill, row.id, gateway=gateway, now=NOON)

    assert report(BillAnswer(bill.out_bill_no, "SUCCESS")) is True
    assert withdrawals.send(bill.id, gateway=gateway, now=NOON) == "taken"

    assert gateway.sent == []
    assert row.status is S.PAID
    assert paid_out_fen() == 50_00
    assert broken_invariants() == {}


@pytest.mark.parametrize(
    "wrong",
    [{"amount_fen": 50_01}, {"mchid": "1999999999"}, {"openid": "oSomebodyElse"}],
    ids=["amount", "merchant", "person"],
)
def test_a_word_that_contradicts_the_bill_is_refused_and_raised(session, wrong):
    row, gateway = approved(50_00), FakeTransfers()
    pay(row, gateway)
    number = bill_of(row).out_bill_no

    assert report(BillAnswer(number, "SUCCESS", **wrong)) is False
    assert report(BillAnswer(number, "SUCCESS", **wrong)) is False

    assert row.status is S.WAIT_CONFIRM
    assert bill_of(row).state is BillState.WAIT_USER_CONFIRM
    assert wallet(row) == Wallet(frozen_fen=50_00)
    assert oddity_kinds() == [OddityKind.TRANSFER_DIFFERS]
    assert broken_invariants() == {}


def test_a_word_that_agrees_in_every_fact_is_taken(session):
    row, gateway = approved(50_00), FakeTransfers()
    pay(row, gateway)
    bill = bill_of(row)

    assert (
        report(
            BillAnswer(
                bill.out_bill_no, "SUCCESS", amount_fen=50_00, mchid=MCHID, openid=bill.openid
            )
        )
        is True
    )

    assert row.status is S.PAID
    assert oddity_kinds() == []
    assert broken_invariants() == {}


def test_a_word_on_an_unknown_bill_is_refused_and_raised(session):
    assert report(BillAnswer("B000000UNKNOWN", "SUCCESS", amount_fen=1_00)) is False

    (found,) = orders.oddities(is_resolved=False).items
    assert (found.kind, found.reference) == (OddityKind.TRANSFER_DIFFERS, "B000000UNKNOWN")
    assert found.facts["expected_fen"] is None
    assert broken_invariants() == {}


def test_a_short_merchant_account_pauses_and_keeps_the_money_frozen(session):
    row, gateway = approved(50_00), FakeTransfers()
    gateway.on_send = [MerchantShort("NOT_ENOUGH")]

    with pytest.raises(MerchantShort):
        pay(row, gateway)

    assert row.status is S.UNKNOWN
    assert wallet(row) == Wallet(frozen_fen=50_00)
    assert ask(row, gateway) == "WAIT_USER_CONFIRM"
    assert gateway.sent[0] == gateway.sent[1]
    assert broken_invariants() == {}


def cancel(row: Withdrawal, gateway: FakeTransfers) -> str:
    return withdrawals.cancel_bill(row.id, actor=ADMIN, gateway=gateway, now=NOON)


def test_a_cancelled_bill_frees_the_money_once_wechat_says_so(session):
    row, gateway = approved(50_00), FakeTransfers()
    pay(row, gateway)

    assert cancel(row, gateway) == "CANCELING"
    assert row.status is S.CANCELLING
    assert wallet(row) == Wallet(frozen_fen=50_00)
    gateway.end(bill_of(row).out_bill_no, "CANCELLED")
    assert ask(row, gateway) == "CANCELLED"

    assert row.status is S.FAILED
    assert wallet(row) == Wallet(available_fen=50_00)
    assert path(row)[-2:] == ["cancelling", "failed"]
    assert broken_invariants() == {}


def test_a_member_who_confirmed_before_the_cancel_is_paid(session):
    row, gateway = approved(50_00), FakeTransfers()
    pay(row, gateway)
    cancel(row, gateway)

    report(gateway.end(bill_of(row).out_bill_no, "SUCCESS"))

    assert row.status is S.PAID
    assert wallet(row) == Wallet()
    assert paid_out_fen() == 50_00
    assert broken_invariants() == {}


def test_an_unclear_cancel_waits_for_wechats_word(session):
    row, gateway = approved(50_00), FakeTransfers()
    pay(row, gateway)
    gateway.on_cancel = [GatewayUnclear("timed out")]

    assert cancel(row, gateway) == "unclear"

    assert row.status is S.CANCELLING
    assert wallet(row) == Wallet(frozen_fen=50_00)
    assert broken_invariants() == {}


def test_a_cancel_that_never_reached_wechat_is_asked_again(session):
    row, gateway = approved(50_00), FakeTransfers()
    pay(row, gateway)
    gateway.on_cancel = [GatewayUnclear("timed out")]
    cancel(row, gateway)

    assert ask(row, gateway) == "CANCELING"

    gateway.end(bill_of(row).out_bill_no, "CANCELLED")
    assert ask(row, gateway) == "CANCELLED"
    assert row.status is S.FAILED
    assert len(gateway.sent) == 1
    assert wallet(row) == Wallet(available_fen=50_00)
    assert broken_invariants() == {}


@pytest.mark.parametrize("state", ["submitted", "approved", "unknown", "paid", "failed"])
def test_only_a_bill_that_is_out_can_be_cancelled(session, state):
    gateway = FakeTransfers()
    if state == "submitted":
        member = make_member()
        give_available(member, 50_00)
        row = request(member, 50_00)
    else:
        row = approved(50_00)
    if state in ("paid", "failed", "unknown"):
        gateway.on_send = [{"paid": "SUCCESS", "failed": "FAIL", "unknown": LOST}[state]]
        pay(row, gateway)
    before = wallet(row)

    with pytest.raises(IllegalMove):
        cancel(row, gateway)

    assert row.status.value == state
    assert wallet(row) == before
    assert broken_invariants() == {}


def test_the_database_itself_refuses_a_second_live_bill(session):
    row, gateway = approved(50_00), FakeTransfers()
    pay(row, gateway)
    bill = bill_of(row)

    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(
            sa.insert(TransferBill).values(
                withdrawal_id=row.id,
                live_withdrawal_id=row.id,
                out_bill_no="Bsecond",
                openid=bill.openid,
                amount_fen=50_00,
                body={},
                created_at=NOON,
            )
        )

    db.session.rollback()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(TransferBill)) == 1
