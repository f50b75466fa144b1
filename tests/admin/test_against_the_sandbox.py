"""Paying and cancelling from the desk, with WeChat's own answers over real HTTP."""

from datetime import timedelta

import pytest

from app import ledger, members, withdrawals
from app.core import clock
from app.core.db import db, transaction
from app.demo import LIN_JIE
from app.ledger import Wallet
from app.withdrawals import WithdrawalStatus
from tests.admin.desk import make_admin, sign_in
from tests.factories import broken_invariants, give_available
from tests.stack import wait_for


@pytest.fixture
def desk(stack):
    """A browser with an owner logged in, and a withdrawal of a person of the sandbox."""
    with stack.app.app_context():
        now = clock.now()
        with transaction():
            member_id = members.enter(LIN_JIE[0], now=now).id
        give_available(members.get(member_id), 80_00, now=now)
        with transaction():
            row = withdrawals.request(member_id, amount_fen=50_00, request_key="k", now=now)
            number = row.number
        make_admin("boss")
        client = stack.app.test_client()
        client.environ_base["HTTP_ORIGIN"] = stack.url
        sign_in(client, "boss")
        yield client, number, member_id


def status(number: str) -> WithdrawalStatus:
    db.session.rollback()
    return withdrawals.withdrawal_by_number(number).status


def test_a_bill_is_sent_and_taken_back(stack, desk):
    client, number, member_id = desk
    client.post(f"/admin/withdrawals/{number}/approve")

    client.post(f"/admin/withdrawals/{number}/pay")
    assert status(number) is WithdrawalStatus.WAIT_CONFIRM
    assert "待收款人确认" in client.get(f"/admin/withdrawals/{number}").text

    client.post(f"/admin/withdrawals/{number}/cancel-bill")
    assert status(number) in (WithdrawalStatus.CANCELLING, WithdrawalStatus.FAILED)

    # WeChat takes its time to cancel; its notice or our query brings the end.
    later = clock.now()

    def is_over() -> bool:
        nonlocal later
        later += timedelta(minutes=2)
        stack.job("query-transfers", later.isoformat())
        return status(number) is WithdrawalStatus.FAILED

    assert wait_for(is_over)
    assert ledger.wallet_of(member_id) == Wallet(available_fen=80_00)
    assert broken_invariants() == {}
