"""What a deleted account leaves behind in its withdrawals (注销)."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app import audit, tax
from app.core import clock
from app.core.db import db, require_transaction
from app.core.rows import affected
from app.members import Member
from app.withdrawals import withholding
from app.withdrawals.grant_models import TransferGrant
from app.withdrawals.models import OPEN, Channel, TransferBill, Withdrawal, Withholding
from app.withdrawals.payee_models import PayeeAccount, WithdrawalPayee

KEPT_YEARS = 10


def open_withdrawals(member_id: int) -> int:
    """How many withdrawals of a member did not end."""
    return (
        db.session.scalar(
            sa.select(sa.func.count())
            .select_from(Withdrawal)
            .where(Withdrawal.member_id == member_id, Withdrawal.status.in_(OPEN))
        )
        or 0
    )


def forget_identity(member_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Forget who a member is to the tax office, unless tax was withheld of them.

    Then name and number stay, sealed, for as long as the law wants (税收征管法): the
    shop answers for what it withheld of whom. `tidy` ends it.
    """
    if not withholding.has_any(member_id):
        tax.identity.delete(member_id, actor=actor, now=now)


def _tidy_payees(now: datetime, limit: int) -> int:
    """The same for whom withdrawals by hand were paid to, which vouch for the books."""
    over = datetime(clock.local(now).year - KEPT_YEARS, 1, 1, tzinfo=clock.SHANGHAI)
    found = list(
        db.session.scalars(
            sa.select(WithdrawalPayee.withdrawal_id)
            .join(Withdrawal, Withdrawal.id == WithdrawalPayee.withdrawal_id)
            .join(Member, Member.id == Withdrawal.member_id)
            .where(
                Member.erased_at.is_not(None),
                Withdrawal.ended_at < clock.as_utc(over),
            )
            .limit(limit)
        )
    )
    return affected(sa.delete(WithdrawalPayee).where(WithdrawalPayee.withdrawal_id.in_(found)))


def tidy(now: datetime, *, limit: int = 500) -> int:
    """Delete identities, and payees, of deleted accounts ten years after the last withholding's year."""
    require_transaction()
    last = sa.select(Withholding.withdrawal_id).where(
        Withholding.member_id == tax.Identity.member_id,
        Withholding.month >= f"{clock.local(now).year - KEPT_YEARS}-01",
    )
    over = list(
        db.session.scalars(
            sa.select(tax.Identity.member_id)
            .join(Member, Member.id == tax.Identity.member_id)
            .where(Member.erased_at.is_not(None), ~last.exists())
            .limit(limit)
        )
    )
    actor = audit.Actor.system("tidy")
    forgotten = sum(tax.identity.delete(member_id, actor=actor, now=now) for member_id in over)
    return forgotten + _tidy_payees(now, limit)


def _forget_grants(member_id: int, *, openid: str) -> None:
    """Grants belong to the bills they paid; one that is left is closed at WeChat by the job."""
    rows = db.session.scalars(
        sa.select(TransferGrant).filter_by(member_id=member_id).with_for_update()
    )
    for row in rows:
        row.openid, row.body, row.package_info = openid, {}, ""
        if row.live_member_id is not None and row.end_asked_at is None:
            row.end_asked_at = clock.now()


def forget(member_id: int, *, openid: str) -> None:
    """Let a member's bills say `openid`, the account's tombstone, instead of a person.

    Amounts, numbers and WeChat's answers stay: the books and the tax office need
    them, and WeChat finds its side by the bill's number. Only bills that ended are
    of a member who may go.
    """
    require_transaction()
    bills = db.session.scalars(
        sa.select(TransferBill)
        .join(Withdrawal, Withdrawal.id == TransferBill.withdrawal_id)
        .where(Withdrawal.member_id == member_id)
    )
    for bill in bills:
        body: dict[str, Any] = {**bill.body}
        if "openid" in body:
            body["openid"] = openid
        bill.openid, bill.body, bill.package_info = openid, body, ""
        bill.payee_name = None
    _forget_grants(member_id, openid=openid)
    affected(sa.delete(PayeeAccount).filter_by(member_id=member_id))
    # WeChat was told a name; to whom money went by hand is a voucher, see `tidy`.
    own = sa.select(Withdrawal.id).filter_by(member_id=member_id)
    affected(
        sa.delete(WithdrawalPayee).where(
            WithdrawalPayee.withdrawal_id.in_(own), WithdrawalPayee.channel == Channel.WECHAT
        )
    )
    db.session.flush()
