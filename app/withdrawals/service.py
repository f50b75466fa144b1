"""Asking for money and deciding about it."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import audit, ledger, members, settings
from app.core import ids, reasons
from app.core.db import db, require_transaction
from app.core.errors import DomainError
from app.core.money import format_yuan
from app.core.rows import add_once
from app.ledger import AccountKind
from app.tax import Withheld
from app.withdrawals import channels, payees, rules, states, withholding
from app.withdrawals.errors import (
    AboveBalance,
    NothingLeft,
    OwnWithdrawal,
    SamePerson,
    TermsChanged,
)
from app.withdrawals.models import Channel, Withdrawal, WithdrawalStatus

S = WithdrawalStatus
# The least that WeChat transfers (wechat.md, section 9); by hand nobody moves less.
LEAST_NET_FEN = 10


@dataclass(frozen=True)
class Preview:
    """What a withdrawal would come to, in fen, before the member confirms."""

    gross_fen: int
    fee_fen: int
    tax_fen: int
    vat_fen: int
    # How the tax comes about, None where nothing is withheld.
    detail: Withheld | None = None

    @property
    def net_fen(self) -> int:
        return self.gross_fen - self.fee_fen - self.tax_fen - self.vat_fen


def preview(
    member_id: int, amount_fen: int, *, now: datetime, channel: Channel = Channel.WECHAT
) -> Preview:
    """Split a gross amount into net, fee and what is withheld (提现试算).

    Raises NothingLeft, IdentityNeeded, NameNeeded.
    """
    price = _split(amount_fen, withholding.compute(member_id, amount_fen, now=now), channel)
    if channel is Channel.WECHAT:
        payees.name_for_wechat(member_id, price.net_fen)
    return price


def request(
    member_id: int,
    *,
    amount_fen: int,
    request_key: str,
    now: datetime,
    expected_net_fen: int | None = None,
    channel: Channel = Channel.WECHAT,
    payee_id: int | None = None,
) -> Withdrawal:
    """Freeze part of what a member may withdraw and queue it for review (申请提现).

    Asking again with the same `request_key` returns the first withdrawal. `payee_id`
    names one of the member's accounts, for what is paid by hand.

    Raises:
        BelowMinimum, AboveMaximum, AboveAllowance, NotOpenToday, NothingLeft,
        AboveBalance: naming the field `amount`.
        ChannelClosed: naming `channel`. InvalidInput: naming `payee`.
        TermsChanged: fee or tax changed since `expected_net_fen` was shown.
        IdentityNeeded: tax is withheld and the member did not say who they are.
        NameNeeded: so much that WeChat wants the receiver's name.
        DomainError: the member is blocked.
    """
    require_transaction()
    # One request of a member at a time: allowances and tax count what stands.
    member = members.locked(member_id)
    known = _requested(member_id, request_key).scalar_one_or_none()
    if known is not None:
        return known
    if member.status is not members.MemberStatus.ACTIVE:
        raise DomainError("账号已被限制，暂不能提现，请联系客服")
    rules.check(member_id, amount_fen, now=now, channel=channel)
    account = payees.chosen(member_id, channel, payee_id)
    computed = withholding.compute(member_id, amount_fen, now=now, lock=True)
    price = _split(amount_fen, computed, channel)
    if expected_net_fen is not None and price.net_fen != expected_net_fen:
        raise TermsChanged("amount", "手续费或税费刚刚有变动，请重新确认到账金额")
    name = payees.name_for_wechat(member_id, price.net_fen) if account is None else ""
    row = Withdrawal(
        number=ids.public_number("W", now),
        request_key=request_key,
        member_id=member_id,
        channel=channel,
        gross_fen=price.gross_fen,
        fee_fen=price.fee_fen,
        tax_fen=price.tax_fen,
        vat_fen=price.vat_fen,
        net_fen=price.net_fen,
        status=S.SUBMITTED,
        needs_two=amount_fen >= settings.value(settings.registry.WITHDRAW_TWO_PERSON_FEN),
        created_at=now,
    )
    if not add_once(row):
        # The second tap: it waited for the first one's commit.
        return _requested(member_id, request_key).scalar_one()
    withholding.keep(row, computed)
    payees.keep(row, account, name)
    audit.record_move(
        "withdrawal",
        row.id,
        from_state="",
        to_state=row.status.value,
        actor=audit.Actor.member(member_id),
        now=now,
    )
    try:
        states.freeze(row, now)
    except ledger.InsufficientBalance:
        free = ledger.balance_fen(AccountKind.AVAILABLE, member_id)
        raise AboveBalance(
            "amount", f"提现金额超过可提现余额 ¥{format_yuan(free)}", available_fen=free
        ) from None
    return row


def _split(amount_fen: int, computed: withholding.Computed, channel: Channel) -> Preview:
    fee = channels.terms(channel).fee_of(amount_fen)
    price = Preview(amount_fen, fee, computed.tax_fen, vat_fen=0, detail=computed.detail)
    if price.net_fen < LEAST_NET_FEN:
        raise NothingLeft("amount", "扣除手续费和税后不足 ¥0.10，无法到账，请提高提现金额")
    return price


def cancel(withdrawal_id: int, *, member_id: int, now: datetime) -> None:
    """The member takes the request back while nobody has decided. Raises IllegalMove."""
    row = states.locked(withdrawal_id)
    if row.member_id != member_id:
        raise ValueError("the caller must look the withdrawal up by its owner")
    states.move(row, S.CANCELLED, actor=audit.Actor.member(member_id), now=now)


def approve(
    withdrawal_id: int,
    *,
    actor: audit.Actor,
    actor_member_id: int | None,
    now: datetime,
    note: str = "",
) -> bool:
    """Accept a withdrawal for payout; return whether it is approved now.

    Above the limit the first person's word is kept and a second one is asked.

    Raises:
        IllegalMove: it was decided already.
        OwnWithdrawal, SamePerson.
        InvalidInput: the note is too long.
    """
    row = states.locked(withdrawal_id)
    _never_own(row, actor_member_id)
    said = reasons.if_any(note)
    if row.status is S.SUBMITTED and row.needs_two and not row.first_reviewer:
        row.first_reviewer = actor.ref
        _record(row, "withdrawal.first_approve", actor, now, said)
        return False
    if row.needs_two and row.first_reviewer == actor.ref:
        raise SamePerson()
    states.move(row, S.APPROVED, actor=actor, now=now, note=said)
    row.reviewer, row.reviewed_at, row.note = actor.ref, now, said
    _record(row, "withdrawal.approve", actor, now, said)
    return True


def reject(
    withdrawal_id: int,
    *,
    reason: str,
    actor: audit.Actor,
    actor_member_id: int | None,
    now: datetime,
) -> None:
    """Refuse a withdrawal; its money is free again. Raises IllegalMove, InvalidInput."""
    row = states.locked(withdrawal_id)
    _never_own(row, actor_member_id)
    said = reasons.given(reason, "请填写拒绝原因，申请人会看到")
    states.move(row, S.REJECTED, actor=actor, now=now, note=said)
    row.reviewer, row.reviewed_at, row.note = actor.ref, now, said
    _record(row, "withdrawal.reject", actor, now, row.note)


def _never_own(row: Withdrawal, actor_member_id: int | None) -> None:
    if actor_member_id is not None and actor_member_id == row.member_id:
        raise OwnWithdrawal()


def _record(row: Withdrawal, action: str, actor: audit.Actor, now: datetime, reason: str) -> None:
    audit.record(
        action,
        subject="withdrawal",
        subject_id=row.id,
        actor=actor,
        now=now,
        after={"status": row.status.value, "gross_fen": row.gross_fen},
        reason=reason,
    )


def _requested(member_id: int, request_key: str) -> sa.Result[Withdrawal]:
    return db.session.execute(
        sa.select(Withdrawal).filter_by(member_id=member_id, request_key=request_key)
    )
