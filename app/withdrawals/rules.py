"""How much may be withdrawn, how often and when (提现规则)."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from app import settings
from app.core import clock
from app.core.db import db
from app.core.money import format_yuan
from app.settings import registry
from app.withdrawals import channels
from app.withdrawals.channels import Terms
from app.withdrawals.errors import (
    AboveAllowance,
    AboveMaximum,
    BelowMinimum,
    ChannelClosed,
    NotOpenToday,
)
from app.withdrawals.models import RELEASED, Channel, Withdrawal


def check(
    member_id: int, amount_fen: int, *, now: datetime, channel: Channel = Channel.WECHAT
) -> None:
    """Whether this much may be asked for now, this way.

    Raises ChannelClosed naming `channel`; BelowMinimum, AboveMaximum, NotOpenToday,
    AboveAllowance, naming the field `amount`.
    """
    terms = channels.terms(channel)
    times, day_most, month_most, open_days = settings.several(
        registry.WITHDRAW_DAY_COUNT,
        registry.WITHDRAW_DAY_FEN,
        registry.WITHDRAW_MONTH_FEN,
        registry.WITHDRAW_OPEN_DAYS,
    )
    if not terms.is_on:
        raise ChannelClosed("channel", f"暂不能提现到{channels.NAME[channel]}，请换一种到账方式")
    _check_amount(amount_fen, terms)
    today = clock.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    if open_days and str(today.day) not in str(open_days).split(","):
        raise NotOpenToday("amount", f"今天不能申请提现，{days_said(str(open_days))}")
    if times or day_most:
        count, taken = _taken(member_id, today, today + timedelta(days=1))
        if times and count >= int(times):
            raise AboveAllowance("amount", f"每天最多提现 {times} 次，请明天再来", most=times)
        _check_sum("今天", amount_fen, taken, int(day_most))
    if terms.day_fen:
        _, taken = _taken(member_id, today, today + timedelta(days=1), channel)
        _check_sum(f"今天到{channels.NAME[channel]}", amount_fen, taken, terms.day_fen)
    if month_most:
        first = today.replace(day=1)
        _, taken = _taken(member_id, first, (first + timedelta(days=32)).replace(day=1))
        _check_sum("本月", amount_fen, taken, int(month_most))


def days_said(open_days: str) -> str:
    """`5,15` as people read it."""
    return f"每月 {'、'.join(open_days.split(','))} 日可以申请"


def _check_amount(amount_fen: int, terms: Terms) -> None:
    least, most = terms.least_fen, terms.most_fen
    if amount_fen <= 0:
        raise BelowMinimum("amount", "提现金额必须大于 0")
    if amount_fen < least:
        raise BelowMinimum("amount", f"提现金额最低 ¥{format_yuan(least)}", least_fen=least)
    if amount_fen > most:
        raise AboveMaximum("amount", f"单笔提现最高 ¥{format_yuan(most)}", most_fen=most)


def _check_sum(span: str, amount_fen: int, taken_fen: int, most_fen: int) -> None:
    if most_fen and taken_fen + amount_fen > most_fen:
        left = max(most_fen - taken_fen, 0)
        raise AboveAllowance(
            "amount",
            f"{span}最多提现 ¥{format_yuan(most_fen)}，还可提现 ¥{format_yuan(left)}",
            left_fen=left,
        )


def _taken(
    member_id: int, since: datetime, until: datetime, channel: Channel | None = None
) -> tuple[int, int]:
    """How many stand that were asked for in a span, by any way or this one, and their gross."""
    query = sa.select(
        sa.func.count(), sa.func.coalesce(sa.func.sum(Withdrawal.gross_fen), 0)
    ).where(
        Withdrawal.member_id == member_id,
        Withdrawal.created_at >= clock.as_utc(since),
        Withdrawal.created_at < clock.as_utc(until),
        Withdrawal.status.not_in(RELEASED),
    )
    if channel is not None:
        query = query.where(Withdrawal.channel == channel)
    count, gross = db.session.execute(query).one()
    return int(count), int(gross)
