"""Grants and what is paid with them, over HTTP with the real client and the sandbox."""

import pytest

from app import ledger, members, wechat, withdrawals
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.ledger import Wallet
from app.settings import change
from app.withdrawals import GrantStatus, WithdrawalStatus, granting, grants
from tests.admin.desk import ask_for
from tests.factories import ADMIN, SYSTEM, broken_invariants, give_available
from tests.stack import Stack, wait_for

LIN = "oSandbox_linjie_000000000001"
G = GrantStatus


@pytest.fixture
def lin(stack: Stack):
    now = clock.now()
    with transaction():
        change("withdraw.wechat_grant_on", True, actor=SYSTEM, now=now)
    member = run_unit(members.enter, LIN, now=now)
    give_available(member, 50_00, now=now)
    return member


def gateway():
    return wechat.current().transfers


def grant_of(member):
    db.session.rollback()
    return grants.newest_of(member.id)


def active(stack, lin):
    """Granted, confirmed and told by a notice."""
    assert granting.start(lin.id, gateway=gateway().grants, now=clock.now()) == "waiting"
    number = grant_of(lin).out_authorization_no
    stack.control(f"/authorizations/{number}/confirm")
    wait_for(lambda: grant_of(lin).status is G.ACTIVE)
    return grant_of(lin)


def approved(member):
    row = ask_for(member, 50_00)
    run_unit(withdrawals.approve, row.id, actor=ADMIN, actor_member_id=None, now=clock.now())
    return row


def test_a_notice_puts_it_in_effect_a_transfer_needs_no_word_and_a_notice_ends_it(stack, lin):
    grant = active(stack, lin)
    row = approved(lin)

    paid = withdrawals.pay(row.id, gateway=gateway(), now=clock.now())
    stack.control(f"/authorizations/{grant.out_authorization_no}/close", reason="USER_CLOSE")
    wait_for(lambda: grant_of(lin).status is G.CLOSED)

    assert paid == "SUCCESS"
    assert grant.authorization_id.startswith("1330000071200")
    assert grant_of(lin).close_reason == "USER_CLOSE"
    assert ledger.wallet_of(lin.id) == Wallet()
    (bill,) = stack.look("/transfers")["transfers"]
    assert (bill["state"], bill["amount_fen"], bill["openid"]) == ("SUCCESS", 50_00, LIN)
    assert broken_invariants() == {}


def test_without_notices_the_query_tells_and_closing_is_told_to_wechat(stack, lin):
    stack.control("/notices/hold")
    granting.start(lin.id, gateway=gateway().grants, now=clock.now())
    grant = grant_of(lin)
    stack.control(f"/authorizations/{grant.out_authorization_no}/confirm")

    asked = granting.ask(grant.id, gateway=gateway().grants, now=clock.now())
    stack.control("/faults", target="/v3/fund-app/mch-transfer/*/close", kind="drop")
    lost = granting.end(lin.id, gateway=gateway().grants, now=clock.now())
    ended = granting.ask(grant.id, gateway=gateway().grants, now=clock.now())

    assert (asked, lost, ended) == ("active", "active", "closed")
    (known,) = stack.look("/authorizations")["authorizations"]
    assert (known["state"], known["close_reason"]) == ("CLOSED", "CLOSE_VIA_MCH_API")


def test_a_merchant_without_the_product_is_told_so_and_nothing_stays_open(stack, lin):
    stack.control("/settings", authorizations_allowed=False)

    assert granting.start(lin.id, gateway=gateway().grants, now=clock.now()) == "closed"

    assert (grant_of(lin).close_reason, grant_of(lin).live_member_id) == ("NO_AUTH", None)
    assert stack.look("/authorizations")["authorizations"] == []


def test_a_grant_that_ended_unseen_leads_to_a_bill_that_is_confirmed(stack, lin):
    grant, row = active(stack, lin), approved(lin)
    stack.control("/notices/hold")
    stack.control(f"/authorizations/{grant.out_authorization_no}/close", reason="TRANSFER_RISK")
    now = clock.now()

    states = [withdrawals.pay(row.id, gateway=gateway(), now=now)]
    for minutes in (1, 6):
        bill = withdrawals.current_bill(row.id)
        later = now + minutes * grants.LOOK_AGAIN / 1440
        states.append(withdrawals.ask(bill.id, gateway=gateway(), now=later))

    assert states == ["unclear", "unclear", "WAIT_USER_CONFIRM"]
    assert grant_of(lin).close_reason == "TRANSFER_RISK"
    assert row.status is WithdrawalStatus.WAIT_CONFIRM
    assert [t["state"] for t in stack.look("/transfers")["transfers"]] == ["WAIT_USER_CONFIRM"]
    assert broken_invariants() == {}


def test_a_transfer_that_outlives_its_grant_goes_on_as_one_that_is_confirmed(stack, lin):
    grant, row = active(stack, lin), approved(lin)
    stack.control("/settings", auto_transfers=False)
    stack.control("/faults", target="transfer", kind="accepted")

    states = [withdrawals.pay(row.id, gateway=gateway(), now=clock.now())]
    stack.control(f"/authorizations/{grant.out_authorization_no}/close", reason="USER_CLOSE")
    stack.control("/settings", auto_transfers=True)
    wait_for(lambda: bill_states(stack) == ["FAIL"])
    bill = withdrawals.current_bill(row.id)
    states.append(withdrawals.ask(bill.id, gateway=gateway(), now=clock.now()))

    assert states == ["ACCEPTED", "WAIT_USER_CONFIRM"]
    assert row.status is WithdrawalStatus.WAIT_CONFIRM
    assert sorted(bill_states(stack)) == ["FAIL", "WAIT_USER_CONFIRM"]
    assert ledger.wallet_of(lin.id) == Wallet(frozen_fen=50_00)
    assert broken_invariants() == {}


def bill_states(stack) -> list[str]:
    return [bill["state"] for bill in stack.look("/transfers")["transfers"]]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "html"},
        {"kind": "bad_signature"},
        {"kind": "wrong_type", "field": "state", "value": "SOMETHING_NEW"},
        {"kind": "wrong_type", "field": "out_authorization_no", "value": "G404404"},
        {"kind": "status", "status": 429},
    ],
)
def test_what_is_no_answer_leaves_it_open_and_is_asked_for(stack, lin, fault):
    stack.control("/faults", target="/v3/fund-app/mch-transfer/user-confirm*", **fault)

    first = granting.start(lin.id, gateway=gateway().grants, now=clock.now())
    then = granting.ask(grant_of(lin).id, gateway=gateway().grants, now=clock.now())

    assert (first, then) == ("created", "waiting")
    assert len(stack.look("/authorizations")["authorizations"]) == 1
