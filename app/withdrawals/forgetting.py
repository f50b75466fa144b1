"""What a deleted account leaves behind in its withdrawals (注销)."""

from typing import Any

import sqlalchemy as sa

from app.core.db import db, require_transaction
from app.withdrawals.models import OPEN, TransferBill, Withdrawal


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
    db.session.flush()
