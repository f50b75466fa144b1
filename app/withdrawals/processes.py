"""Payout steps that speak to WeChat between two units of work.

The bill's number and body are committed before the call. Whatever goes wrong
after that leaves the withdrawal `sending` or `unknown` with its money frozen,
and the next run asks WeChat before it does anything else.
"""

from datetime import datetime

import sqlalchemy as sa

from app import audit
from app.core.db import db, run_unit
from app.withdrawals import granting, locks, payout
from app.withdrawals.errors import PayoutsLocked
from app.withdrawals.models import BillState, TransferBill, Withdrawal, WithdrawalStatus
from app.withdrawals.ports import BillAnswer, GatewayUnclear, MerchantShort, TransferGateway


def pay(withdrawal_id: int, *, gateway: TransferGateway, now: datetime) -> str:
    """Make the bill of an approved withdrawal and send it (打款).

    Returns WeChat's state, `unclear`, `locked` where payouts were locked meanwhile, or
    `taken` if another worker was first.

    Raises:
        PayoutsLocked: the books do not agree; nothing was done.
        MerchantShort: the account is short of money; the bill waits.
    """
    bill = run_unit(payout.prepare_bill, withdrawal_id, gateway=gateway, now=now)
    if bill is None:
        return "taken"
    return send(bill.id, gateway=gateway, now=now)


def send(bill_id: int, *, gateway: TransferGateway, now: datetime) -> str:
    """Send a saved bill, for the first time or again with the same data."""
    bill = run_unit(payout.bill_to_send, bill_id)
    if bill is None:
        is_locked = locks.current() is not None
        db.session.rollback()
        return "locked" if is_locked else "taken"
    body, payee_name = bill.body, bill.payee_name
    db.session.rollback()
    try:
        answer = gateway.send(body, payee_name=payee_name)
    except GatewayUnclear as error:
        run_unit(payout.unclear, bill_id, now=now)
        if isinstance(error, MerchantShort):
            raise
        return "unclear"
    return _report(answer, gateway, now)


def ask(bill_id: int, *, gateway: TransferGateway, now: datetime) -> str:
    """Ask WeChat about a bill; send it again if it never arrived or its answer is lost."""
    number = db.session.execute(
        sa.select(TransferBill.out_bill_no).filter_by(id=bill_id)
    ).scalar_one()
    db.session.rollback()
    try:
        answer = gateway.query(number)
    except GatewayUnclear:
        run_unit(payout.unclear, bill_id, now=now)
        return "unclear"
    if answer.state == BillState.FAIL:
        new = _after_failure(bill_id, answer, gateway, now)
        if new is not None:
            return new
    state = _report(answer, gateway, now, asked=True)
    status, lacks_package = _standing(bill_id)
    if status is WithdrawalStatus.CANCELLING:
        if answer.state == BillState.WAIT_USER_CONFIRM:
            # The cancelling never reached WeChat.
            return _cancel(number, gateway, now)
    elif answer.state is None or lacks_package:
        return _send_again(bill_id, gateway, now)
    return state


def _after_failure(
    bill_id: int, answer: BillAnswer, gateway: TransferGateway, now: datetime
) -> str | None:
    """Go on with an ordinary bill where one failed because its grant is closed.

    None: it failed for another reason. While WeChat does not say where the grant stands,
    or payouts are locked, nothing is decided.
    """
    grant_id = run_unit(payout.leaves_open, bill_id, answer)
    if grant_id is None:
        return None
    try:
        granting.look(grant_id, gateway=gateway.grants, now=now)
        new = run_unit(
            payout.instead, bill_id, answer, mchid=gateway.mchid, gateway=gateway, now=now
        )
    except (GatewayUnclear, PayoutsLocked):
        run_unit(payout.unclear, bill_id, now=now)
        return "unclear"
    return None if new is None else send(new, gateway=gateway, now=now)


def _send_again(bill_id: int, gateway: TransferGateway, now: datetime) -> str:
    """Send a bill whose answer is missing, or the one that takes its place."""
    grant_id, state = db.session.execute(
        sa.select(TransferBill.grant_id, TransferBill.state).filter_by(id=bill_id)
    ).one()
    db.session.rollback()
    if grant_id is not None and state is BillState.CREATED:
        granting.ask(grant_id, gateway=gateway.grants, now=now)
        chosen = run_unit(payout.without_grant, bill_id, gateway=gateway, now=now)
        if chosen is None:
            return "unclear"
        bill_id = chosen
    return send(bill_id, gateway=gateway, now=now)


def cancel_bill(
    withdrawal_id: int, *, actor: audit.Actor, gateway: TransferGateway, now: datetime
) -> str:
    """Ask WeChat to cancel a bill that waits for the member (撤销转账).

    WeChat cancels later; the notice or the query ends it.
    """
    bill = run_unit(payout.begin_cancel, withdrawal_id, actor=actor, now=now)
    number = bill.out_bill_no
    db.session.rollback()
    return _cancel(number, gateway, now)


def _cancel(number: str, gateway: TransferGateway, now: datetime) -> str:
    try:
        answer = gateway.cancel(number)
    except GatewayUnclear:
        return "unclear"
    return _report(answer, gateway, now)


def _standing(bill_id: int) -> tuple[WithdrawalStatus, bool]:
    """The withdrawal's state, and whether its bill waits for a member it can't reach."""
    status, state, package = db.session.execute(
        sa.select(Withdrawal.status, TransferBill.state, TransferBill.package_info)
        .join(Withdrawal, Withdrawal.id == TransferBill.withdrawal_id)
        .where(TransferBill.id == bill_id)
    ).one()
    db.session.rollback()
    return status, state is BillState.WAIT_USER_CONFIRM and not package


def _report(
    answer: BillAnswer, gateway: TransferGateway, now: datetime, *, asked: bool = False
) -> str:
    run_unit(payout.report, answer, mchid=gateway.mchid, now=now, asked=asked)
    return answer.state or BillState.CREATED.value
