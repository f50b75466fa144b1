from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import (
    audit,
    distribution,
    interests,
    ledger,
    members,
    notices,
    reviews,
    risk,
    uploads,
)
from app.aftersales import forgetting as aftersales_forgetting
from app.content import sharing
from app.core.db import require_transaction
from app.core.errors import DomainError
from app.core.money import format_yuan
from app.distribution.errors import MoneyStillOpen
from app.orders import forgetting as orders_forgetting
from app.privacy.parts import registered
from app.withdrawals import forgetting as withdrawals_forgetting

EXPORT_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class Reason:
    """Why an account cannot be deleted yet, as its owner reads it; `key` names the page."""

    key: str
    sentence: str


class StillOpen(DomainError):
    """Something of money is under way: deleting now would strand it."""

    code = "account_still_open"

    def __init__(self, reasons: Sequence[Reason]) -> None:
        self.reasons = reasons
        super().__init__(reasons[0].sentence, reasons=[reason.key for reason in reasons])


class ExportedLately(DomainError):
    code = "exported_lately"
    status = 429
    message = "一小时内只能导出一次，请稍后再来"


def claim_export(member_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Note that a member takes a copy of their data. Raises ExportedLately."""
    # Of two taps the second waits here and sees the first one's entry.
    members.locked(member_id)
    before = audit.entries_of("member", member_id, ["member.export"])
    if before and before[-1].at > now - EXPORT_EVERY:
        raise ExportedLately()
    audit.record("member.export", subject="member", subject_id=member_id, actor=actor, now=now)


def reasons_against(member_id: int) -> list[Reason]:
    """Everything that keeps an account from being deleted, empty if nothing does."""
    found = []
    if count := orders_forgetting.open_orders(member_id):
        found.append(
            Reason("orders", f"还有 {count} 个订单没有完成（含退货期内的订单），完成后才能注销")
        )
    if count := aftersales_forgetting.open_aftersales(member_id):
        found.append(Reason("aftersales", f"还有 {count} 个售后在处理，结束后才能注销"))
    if count := aftersales_forgetting.open_refunds(member_id):
        found.append(Reason("refunds", f"还有 {count} 笔款项等待退回给你，退回后才能注销"))
    if count := orders_forgetting.open_invoices(member_id):
        found.append(Reason("invoices", f"还有 {count} 张发票等待开具，开好后才能注销"))
    if count := withdrawals_forgetting.open_withdrawals(member_id):
        found.append(Reason("withdrawals", f"还有 {count} 笔提现在处理，到账或退回后才能注销"))
    wallet = ledger.wallet_of(member_id)
    if wallet.pending_fen:
        found.append(
            Reason("pending", f"还有 ¥{format_yuan(wallet.pending_fen)} 佣金待结算，结算后才能注销")
        )
    if wallet.available_fen:
        found.append(
            Reason(
                "available",
                f"钱包里还有 ¥{format_yuan(wallet.available_fen)}，请先提现，以免损失",
            )
        )
    if wallet.frozen_fen and not any(reason.key == "withdrawals" for reason in found):
        found.append(
            Reason("frozen", f"还有 ¥{format_yuan(wallet.frozen_fen)} 冻结中，处理完才能注销")
        )
    if wallet.debt_fen:
        found.append(
            Reason(
                "debt", f"还有 ¥{format_yuan(wallet.debt_fen)} 待追回的佣金，请联系客服结清后再注销"
            )
        )
    return found


def erase(member_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Delete a member's account (注销): what says who it was is gone, the books stay.

    The locks come in the order in which bookings take them: the standing first,
    then the member, whom a new order holds. Behind them what is open is asked again.

    Raises StillOpen: something of money is under way; nothing changed.
    """
    require_transaction()
    _expect_closed(member_id)
    try:
        distribution.leave(member_id, actor=actor, now=now)
    except MoneyStillOpen:
        _expect_closed(member_id)
        raise
    distribution.forget(member_id)
    risk.forget(member_id)
    member = members.locked(member_id)
    _expect_closed(member_id)
    for part in registered():
        part.forget(member)
    reviews.erase(member_id)
    uploads.release_all(member_id)
    interests.erase(member_id)
    sharing.forget(member_id)
    notices.erase(member_id)
    aftersales_forgetting.forget(member_id)
    orders_forgetting.forget(member_id)
    members.notes.forget(member_id)
    members.tags.forget(member_id)
    withdrawals_forgetting.forget_identity(member_id, actor=actor, now=now)
    members.erase(member_id, now=now)
    withdrawals_forgetting.forget(member_id, openid=member.openid)
    audit.record("member.erase", subject="member", subject_id=member_id, actor=actor, now=now)


def _expect_closed(member_id: int) -> None:
    reasons = reasons_against(member_id)
    if reasons:
        raise StillOpen(reasons)
