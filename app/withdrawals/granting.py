"""Steps of a grant that speak to WeChat between two units of work."""

from datetime import datetime

from app.core.db import db, run_unit
from app.withdrawals import grants
from app.withdrawals.grant_models import GrantStatus, TransferGrant
from app.withdrawals.ports import GatewayUnclear, GrantAnswer, GrantGateway, GrantRefused


def start(member_id: int, *, gateway: GrantGateway, now: datetime) -> str:
    """Ask WeChat for a member's grant (开通免确认收款); the member confirms it there.

    Returns the grant's status then. Raises GrantsClosed, GrantEnding, DomainError.
    """
    row = run_unit(grants.begin, member_id, gateway=gateway, now=now)
    return _send(row.id, gateway, now)


def end(member_id: int, *, gateway: GrantGateway, now: datetime) -> str:
    """Close a member's grant at WeChat (关闭免确认收款). Returns its status. Raises NoGrant."""
    row = run_unit(grants.ask_to_end, member_id, now=now)
    return ask(row.id, gateway=gateway, now=now)


def ask(grant_id: int, *, gateway: GrantGateway, now: datetime, refused: str = "") -> str:
    """Ask WeChat about a grant; send it if it never arrived, close it if that is wanted."""
    number = _row(grant_id).out_authorization_no
    db.session.rollback()
    try:
        answer = gateway.query(number)
    except GatewayUnclear:
        run_unit(grants.unclear, grant_id, now=now)
        return _status(grant_id)
    _report(answer, gateway, now, asked=True, refused=refused)
    row = _row(grant_id)
    status, is_ending = row.status, row.end_asked_at is not None
    db.session.rollback()
    if is_ending and status is not GrantStatus.CLOSED:
        return _close(grant_id, number, gateway, now)
    if answer.status is None and status is GrantStatus.CREATED:
        return _send(grant_id, gateway, now)
    return status.value


def look(grant_id: int, *, gateway: GrantGateway, now: datetime) -> None:
    """Take WeChat's word on where a grant stands now. Raises GatewayUnclear."""
    number = _row(grant_id).out_authorization_no
    db.session.rollback()
    _report(gateway.query(number), gateway, now, asked=True)


def _send(grant_id: int, gateway: GrantGateway, now: datetime) -> str:
    row = run_unit(grants.to_send, grant_id)
    if row is None:
        return _status(grant_id)
    body = row.body
    db.session.rollback()
    try:
        answer = gateway.start(body)
    except GrantRefused as error:
        # Refused now may still be there from an earlier call: WeChat says.
        return ask(grant_id, gateway=gateway, now=now, refused=error.code)
    except GatewayUnclear:
        return _status(grant_id)
    _report(answer, gateway, now)
    return _status(grant_id)


def _close(grant_id: int, number: str, gateway: GrantGateway, now: datetime) -> str:
    try:
        answer = gateway.close(number)
    except GatewayUnclear:
        # The job asks again, and closes again, until it is closed.
        return _status(grant_id)
    _report(answer, gateway, now)
    return _status(grant_id)


def _report(
    answer: GrantAnswer,
    gateway: GrantGateway,
    now: datetime,
    *,
    asked: bool = False,
    refused: str = "",
) -> None:
    run_unit(grants.report, answer, appid=gateway.appid, now=now, asked=asked, refused=refused)


def _row(grant_id: int) -> TransferGrant:
    return db.session.get_one(TransferGrant, grant_id, populate_existing=True)


def _status(grant_id: int) -> str:
    status = _row(grant_id).status.value
    db.session.rollback()
    return status
