"""Grants to receive without confirming each transfer, and what is paid with them."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import audit, ledger, members, orders, outbox, privacy, withdrawals
from app.core.db import db, run_unit, transaction
from app.core.errors import DomainError
from app.ledger import Wallet
from app.notices import Notice
from app.orders import OddityKind
from app.settings import change
from app.withdrawals import (
    BillAnswer,
    BillState,
    GatewayUnclear,
    GrantAnswer,
    GrantRefused,
    GrantStatus,
    WithdrawalStatus,
    granting,
    grants,
)
from app.withdrawals.errors import GrantEnding, GrantsClosed, NoGrant
from tests.factories import ADMIN, APPID, MCHID, NOON, SYSTEM, broken_invariants, days, make_member
from tests.withdrawals.fakes import LOST, FakeTransfers, approved

G, S = GrantStatus, WithdrawalStatus
MINUTE = timedelta(minutes=1)


@pytest.fixture
def offered(session):
    offer(True)


def offer(is_on):
    with transaction():
        change("withdraw.wechat_grant_on", is_on, actor=ADMIN, now=NOON)


def start(member, gateway, now=NOON):
    return granting.start(member.id, gateway=gateway.grants, now=now)


def tell(answer, **given):
    return run_unit(grants.report, answer, appid=APPID, now=NOON, **given)


def grant_of(member):
    db.session.rollback()
    return grants.newest_of(member.id)


def active(member, gateway):
    """A grant in effect, confirmed by its member."""
    start(member, gateway)
    number = grant_of(member).out_authorization_no
    tell(gateway.grants.agree(number))
    return grant_of(member)


def paid_by(row, gateway, now=NOON):
    return withdrawals.pay(row.id, gateway=gateway, now=now)


def path(kind, row):
    return [m.to_state for m in audit.moves_of(kind, row.id)]


def test_asking_waits_for_the_member_and_their_word_puts_it_in_effect(offered):
    member, gateway = make_member("茶🍵小王"), FakeTransfers()

    assert start(member, gateway) == "waiting"
    asked = grant_of(member)
    number = asked.out_authorization_no
    assert (asked.package_info, grants.to_pay_with(member.id)) == (f"page-{number}", None)
    assert gateway.grants.sent == [asked.body]
    assert asked.body["user_display_name"] == "茶小王"
    tell(gateway.grants.agree(number))

    row = grant_of(member)
    assert (row.status, row.active_at, row.package_info) == (G.ACTIVE, NOON, "")
    assert row.authorization_id == f"A{number}"
    assert grants.to_pay_with(member.id) is row
    assert path("transfer_grant", row) == ["created", "waiting", "active"]


def test_asking_twice_is_one_grant(offered):
    member, gateway = make_member(), FakeTransfers()
    start(member, gateway)

    assert start(member, gateway) == "waiting"

    assert len(gateway.grants.known) == len(gateway.grants.sent) == 1


def test_a_lost_answer_is_asked_for_and_a_lost_call_is_made_again_with_the_same_data(offered):
    member, gateway = make_member(), FakeTransfers()
    gateway.grants.on_start = [GatewayUnclear("500"), LOST]
    assert start(member, gateway) == "created"

    states = [
        granting.ask(grant_of(member).id, gateway=gateway.grants, now=NOON + n * MINUTE)
        for n in (1, 2)
    ]

    assert states == ["created", "waiting"]
    assert gateway.grants.sent[0] == gateway.grants.sent[1]
    assert len(gateway.grants.sent) == 2
    assert grant_of(member).package_info.startswith("page-G")


def test_what_wechat_refuses_and_does_not_know_is_closed_with_its_code(offered):
    member, gateway = make_member(), FakeTransfers()
    gateway.grants.on_start = [GrantRefused("NO_AUTH")]

    assert start(member, gateway) == "closed"

    assert grant_of(member).close_reason == "NO_AUTH"
    # Somebody may try again.
    assert start(member, gateway) == "waiting"


def test_a_refusal_of_what_is_there_is_not_believed(offered):
    member, gateway = make_member(), FakeTransfers()
    gateway.grants.on_start = [LOST, GrantRefused("ALREADY_EXISTS")]
    gateway.grants.on_query = [GatewayUnclear("500")]
    start(member, gateway)

    assert start(member, gateway) == "created"
    assert granting.ask(grant_of(member).id, gateway=gateway.grants, now=NOON) == "waiting"


def test_nobody_is_offered_what_is_off_nor_who_is_blocked(session):
    member, gateway = make_member(), FakeTransfers()
    with pytest.raises(GrantsClosed):
        start(member, gateway)
    offer(True)
    with transaction():
        members.locked(member.id).status = members.MemberStatus.BLOCKED
    with pytest.raises(DomainError, match="限制"):
        start(member, gateway)

    assert grant_of(member) is None
    assert gateway.grants.sent == []


def test_the_member_ends_it_and_it_pays_nothing_from_that_moment(offered):
    member, gateway = make_member(), FakeTransfers()
    row = active(member, gateway)
    gateway.grants.on_close = [GatewayUnclear("500"), LOST]

    assert granting.end(member.id, gateway=gateway.grants, now=NOON) == "active"
    assert grants.to_pay_with(member.id) is None
    with pytest.raises(GrantEnding):
        start(member, gateway)
    db.session.rollback()
    # The job goes on: the second closing arrives, its answer does not; then a query says so.
    assert grants.to_query(NOON + MINUTE) == [row.id]
    later = [granting.ask(row.id, gateway=gateway.grants, now=NOON + n * MINUTE) for n in (1, 2)]

    assert later == ["active", "closed"]
    assert grant_of(member).close_reason == "CLOSE_VIA_MCH_API"
    assert gateway.grants.closed == [row.out_authorization_no]
    with pytest.raises(NoGrant):
        granting.end(member.id, gateway=gateway.grants, now=NOON)


def test_ending_what_never_arrived_closes_it_without_sending_it(offered):
    member, gateway = make_member(), FakeTransfers()
    gateway.grants.on_start = [GatewayUnclear("500")]
    start(member, gateway)

    assert granting.end(member.id, gateway=gateway.grants, now=NOON) == "closed"
    assert (len(gateway.grants.sent), gateway.grants.closed) == (1, [])


def test_what_was_not_confirmed_for_a_day_is_over(offered):
    member, gateway = make_member(), FakeTransfers()
    start(member, gateway)
    row = grant_of(member)
    gateway.grants.known.clear()

    assert granting.ask(row.id, gateway=gateway.grants, now=NOON + days(1)) == "waiting"
    assert granting.ask(row.id, gateway=gateway.grants, now=NOON + days(1) + MINUTE) == "closed"
    assert grant_of(member).close_reason == "USER_OVERDUE_UNCONFIRMED"


def test_waiting_ones_are_asked_about_each_minute_and_active_ones_daily(offered):
    waiting, held, gateway = make_member(), make_member(), FakeTransfers()
    start(waiting, gateway)
    first, second = grant_of(waiting).id, active(held, gateway).id

    assert grants.to_query(NOON) == []
    assert grants.to_query(NOON + MINUTE) == [first]
    assert sorted(grants.to_query(NOON + days(1))) == sorted([first, second])


@pytest.mark.parametrize(
    "wrong", [{"openid": "oSomebodyElse"}, {"appid": "wx0"}, {"out_authorization_no": "G404404"}]
)
def test_what_contradicts_a_grant_is_refused_and_raised(offered, wrong):
    member, gateway = make_member(), FakeTransfers()
    start(member, gateway)
    good = {
        "out_authorization_no": grant_of(member).out_authorization_no,
        "status": G.ACTIVE,
        "openid": member.openid,
        "appid": APPID,
    }

    assert tell(GrantAnswer(**(good | wrong))) is False

    assert grant_of(member).status is G.WAITING
    assert [o.kind for o in orders.oddities(is_resolved=False).items] == [
        OddityKind.TRANSFER_DIFFERS
    ]


# --- paying ---------------------------------------------------------------------------


def granted(gateway, fen=50_00):
    """An approved withdrawal of a member whose grant is in effect."""
    row = approved(fen)
    active(members.get(row.member_id), gateway)
    return row


def test_a_grant_is_paid_with_at_once_without_waiting_for_the_member(offered):
    gateway = FakeTransfers()
    row = granted(gateway)

    assert paid_by(row, gateway) == "SUCCESS"

    (bill,) = withdrawals.bills_of(row.id)
    grant = grants.newest_of(row.member_id)
    assert row.status is S.PAID
    assert path("withdrawal", row) == ["submitted", "approved", "sending", "paid"]
    assert gateway.sent == [bill.body]
    assert bill.body["out_authorization_no"] == grant.out_authorization_no
    assert "openid" not in bill.body
    assert grants.paid_with([row.id]) == {row.id}
    outbox.drain(NOON, calls=False)
    assert broken_invariants() == {}


@pytest.mark.parametrize("why", ["off", "ending", "waiting"])
def test_without_a_grant_in_effect_the_member_confirms(offered, why):
    gateway = FakeTransfers()
    row = approved(50_00)
    member = members.get(row.member_id)
    if why == "waiting":
        start(member, gateway)
    else:
        active(member, gateway)
    if why == "ending":
        gateway.grants.on_close = [GatewayUnclear("500")]
        granting.end(member.id, gateway=gateway.grants, now=NOON)
    if why == "off":
        offer(False)

    assert paid_by(row, gateway) == "WAIT_USER_CONFIRM"
    assert withdrawals.current_bill(row.id).body["openid"] == member.openid
    assert grants.paid_with([row.id]) == set()


def test_a_lost_answer_is_asked_for_and_pays_once(offered):
    gateway = FakeTransfers()
    row = granted(gateway)
    gateway.on_send = [GatewayUnclear("500"), LOST]
    assert paid_by(row, gateway) == "unclear"
    bill = withdrawals.current_bill(row.id)

    # The grant holds: the same number with the same data.
    states = [withdrawals.ask(bill.id, gateway=gateway, now=NOON + n * MINUTE) for n in (1, 2)]

    assert states == ["unclear", "SUCCESS"]
    assert gateway.sent == [bill.body, bill.body]
    assert row.status is S.PAID
    assert broken_invariants() == {}


def gone(gateway):
    """A withdrawal whose bill WeChat refused: the grant had ended there, unseen."""
    row = granted(gateway)
    gateway.grants.end(grants.newest_of(row.member_id).out_authorization_no)
    db.session.rollback()
    assert paid_by(row, gateway) == "unclear"
    return row


def ask_at(row, gateway, minutes):
    bill = withdrawals.current_bill(row.id)
    return withdrawals.ask(bill.id, gateway=gateway, now=NOON + minutes * MINUTE)


def test_a_grant_that_is_gone_is_closed_and_a_new_bill_waits_for_the_member(offered):
    gateway = FakeTransfers()
    row = gone(gateway)
    assert (row.status, ledger.wallet_of(row.member_id)) == (S.UNKNOWN, Wallet(frozen_fen=50_00))

    # Not known for less than five minutes: it may still turn up.
    assert [ask_at(row, gateway, n) for n in (1, 3, 5)] == ["unclear"] * 3
    assert grants.newest_of(row.member_id).status is G.CLOSED
    assert len(withdrawals.bills_of(row.id)) == 1
    assert ask_at(row, gateway, 6) == "WAIT_USER_CONFIRM"

    new, old = withdrawals.bills_of(row.id)
    assert (old.state, old.fail_reason) == (BillState.FAIL, "AUTHORIZATION_CLOSED")
    assert (new.state, new.grant_id) == (BillState.WAIT_USER_CONFIRM, None)
    assert new.out_bill_no != old.out_bill_no
    assert new.body["openid"] == old.openid
    assert row.status is S.WAIT_CONFIRM
    assert broken_invariants() == {}


def failed(gateway, reason, *, closed=True):
    """A withdrawal whose bill WeChat took with a grant, and then let fail; its notice came."""
    row = granted(gateway)
    gateway.on_send = ["PROCESSING"]
    assert paid_by(row, gateway) == "PROCESSING"
    if closed:
        gateway.grants.end(grants.newest_of(row.member_id).out_authorization_no)
    db.session.rollback()
    word = gateway.end(withdrawals.current_bill(row.id).out_bill_no, "FAIL", reason)
    run_unit(withdrawals.report, word, mchid=MCHID, now=NOON)
    return row


@pytest.mark.parametrize("reason", ["", "OTHER_FAIL_REASON_TYPE", "AUTHORIZATION_NOT_EFFECTIVE"])
def test_a_bill_that_fails_with_its_grant_closed_goes_on_once_as_an_ordinary_one(offered, reason):
    gateway = FakeTransfers()
    row = failed(gateway, reason)
    # A notice is not a query: nothing is given back, nothing is sent yet.
    assert (row.status, ledger.wallet_of(row.member_id)) == (S.UNKNOWN, Wallet(frozen_fen=50_00))
    assert len(gateway.sent) == 1

    assert ask_at(row, gateway, 1) == "WAIT_USER_CONFIRM"
    run_unit(withdrawals.report, next(iter(gateway.bills.values())), mchid=MCHID, now=NOON)

    new, old = withdrawals.bills_of(row.id)
    assert (old.state, old.fail_reason) == (BillState.FAIL, "AUTHORIZATION_CLOSED")
    assert (new.state, new.grant_id, new.amount_fen) == (BillState.WAIT_USER_CONFIRM, None, 50_00)
    assert [body["out_bill_no"] for body in gateway.sent] == [old.out_bill_no, new.out_bill_no]
    assert (row.status, row.note[:8]) == (S.WAIT_CONFIRM, "免确认授权已关闭")
    outbox.drain(NOON + MINUTE, calls=False)
    told = sa.select(Notice).filter_by(kind="withdrawal_to_confirm")
    assert db.session.scalars(told).one().values["note"] == "免确认已关闭，请点开确认收款"
    # Whatever comes of the second one is final.
    gateway.end(new.out_bill_no, "FAIL", "")
    assert ask_at(row, gateway, 3) == "FAIL"
    assert (row.status, len(gateway.sent)) == (S.FAILED, 2)
    assert ledger.wallet_of(row.member_id) == Wallet(available_fen=50_00)
    assert broken_invariants() == {}


@pytest.mark.parametrize(("reason", "closed"), [("ACCOUNT_FROZEN", True), ("", False)])
def test_a_failure_that_is_not_the_grants_gives_the_money_back(offered, reason, closed):
    gateway = FakeTransfers()
    row = failed(gateway, reason, closed=closed)
    if not reason:
        ask_at(row, gateway, 1)

    assert (row.status, len(gateway.sent)) == (S.FAILED, 1)
    assert ledger.wallet_of(row.member_id) == Wallet(available_fen=50_00)
    assert broken_invariants() == {}


@pytest.mark.parametrize("why", ["locked", "unclear"])
def test_nothing_is_decided_of_a_failure_while_it_cannot_be(offered, why):
    gateway = FakeTransfers()
    row = failed(gateway, "")
    if why == "locked":
        cause = withdrawals.LockCause.BOOKS
        run_unit(withdrawals.locks.lock, cause, "差异", actor=SYSTEM, now=NOON)
    else:
        gateway.grants.on_query = [GatewayUnclear("500")]

    assert ask_at(row, gateway, 1) == "unclear"

    assert (row.status, len(withdrawals.bills_of(row.id))) == (S.UNKNOWN, 1)
    assert ledger.wallet_of(row.member_id) == Wallet(frozen_fen=50_00)


def test_no_new_bill_is_made_while_payouts_are_locked(offered):
    gateway = FakeTransfers()
    row = gone(gateway)
    ask_at(row, gateway, 1)
    run_unit(withdrawals.locks.lock, withdrawals.LockCause.BOOKS, "差异", actor=SYSTEM, now=NOON)
    assert ask_at(row, gateway, 9) == "unclear"

    assert len(withdrawals.bills_of(row.id)) == 1
    assert row.status is S.UNKNOWN


def test_a_bill_given_up_that_was_paid_after_all_is_raised(offered):
    gateway = FakeTransfers()
    row = gone(gateway)
    ask_at(row, gateway, 1)
    ask_at(row, gateway, 6)
    _, old = withdrawals.bills_of(row.id)

    late = BillAnswer(old.out_bill_no, "SUCCESS", amount_fen=50_00, mchid=MCHID)
    assert run_unit(withdrawals.report, late, mchid=MCHID, now=NOON) is False

    assert row.status is S.WAIT_CONFIRM
    assert [o.kind for o in orders.oddities(is_resolved=False).items] == [
        OddityKind.TRANSFER_DIFFERS
    ]


def test_who_deletes_the_account_is_forgotten_and_the_grant_is_closed_at_wechat(offered):
    member, gateway = make_member("欧阳娜娜"), FakeTransfers()
    row = active(member, gateway)
    openid = member.openid

    run_unit(privacy.erase, member.id, actor=ADMIN, now=NOON)
    kept = grant_of(member)
    assert (openid in str(kept.body), kept.openid == openid, kept.body) == (False, False, {})
    assert granting.ask(row.id, gateway=gateway.grants, now=NOON) == "closed"

    assert gateway.grants.closed == [row.out_authorization_no]
    assert orders.oddities(is_resolved=False).items == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("林杰", "林杰"),
        ("Lin-Jie_2 ·", "Lin-Jie_2 ·"),
        ("🍵🍵", "会员"),
        ("☀阿明", "阿明"),
        ("长" * 40, "长" * 32),
        ("", "会员"),
    ],
)
def test_names_are_shown_as_wechat_takes_them(name, shown):
    assert grants.shown_name(name) == shown
