"""Subscriptions: made and changed at the desk; what was sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from app import audit
from app.core import clock
from app.core.db import db, require_transaction
from app.core.errors import DomainError, IllegalMove, InvalidInput, NotFound
from app.core.pages import Page, newest_first
from app.core.rows import add_once, affected, lock_one
from app.reports.boards import REPORTS, Compare
from app.reports.subscriptions import schedule
from app.reports.subscriptions.models import (
    Cadence,
    Content,
    DeliveryState,
    Period,
    ReportDelivery,
    ReportSubscription,
    SubscriptionState,
    Way,
)
from app.reports.subscriptions.ports import Readers

# Of one admin.
SUBSCRIPTIONS_MAX = 20
RECIPIENTS_MAX = 20
_MISSING = "没有这个定期报表"


class MayNotSee(DomainError):
    """Whoever subscribes, or would get it, may not see this report."""

    code = "may_not_see"
    status = 403
    message = "没有查看这张报表的权限"


class _Readers:
    find: Readers | None = None


def configure(readers: Readers) -> None:
    """Name who knows the admins and what they may see."""
    _Readers.find = readers


def readers() -> Readers:
    if _Readers.find is None:
        raise RuntimeError("nobody knows the readers: configure() was not called")
    return _Readers.find


@dataclass(frozen=True)
class Wanted:
    """A subscription as it was filled in: plain texts and numbers, checked by `save`."""

    report: str
    period: str
    compare: str
    cadence: str
    on_day: int
    hour: int
    content: str
    ways: Sequence[str]
    recipients: Sequence[int]


def save(
    subscription_id: int | None,
    wanted: Wanted,
    *,
    admin_id: int,
    is_owner: bool = False,
    actor: audit.Actor,
    now: datetime,
) -> ReportSubscription:
    """Make one, or change one's own; an owner changes everybody's.

    Raises InvalidInput, MayNotSee, NotFound.
    """
    require_transaction()
    values = _checked(wanted)
    find = readers()
    if find(admin_id, wanted.report, values["content"]).refusal:
        raise MayNotSee()
    for reader_id in values["recipients"]:
        reader = find(reader_id, wanted.report, values["content"])
        if reader.refusal:
            raise InvalidInput("recipients", f"{reader.name}：{reader.refusal}")
        if Way.MAIL in values["ways"] and not reader.email:
            raise InvalidInput(
                "recipients", f"{reader.name}还没有登记邮箱，请先在“账号与安全”里登记"
            )
        if Way.WECHAT in values["ways"] and reader.member_id is None:
            raise InvalidInput("recipients", f"{reader.name}没有登记会员身份，收不到公众号消息")
    if subscription_id is None:
        if len(_own(admin_id)) >= SUBSCRIPTIONS_MAX:
            raise InvalidInput("report", f"每人最多 {SUBSCRIPTIONS_MAX} 个定期报表，请先删除不用的")
        row = ReportSubscription(
            **values, since=now, created_by=admin_id, created_at=now, updated_at=now
        )
        db.session.add(row)
        db.session.flush()
        _record("report.subscribe", row, actor, now, after=_facts(row))
        return row
    row = _locked(subscription_id, admin_id, is_owner=is_owner)
    before = _facts(row)
    for name, value in values.items():
        setattr(row, name, value)
    # Another hour does not bring back turns that went by.
    row.since = row.updated_at = now
    _record("report.subscription_change", row, actor, now, before=before, after=_facts(row))
    return row


def pause(
    subscription_id: int, *, admin_id: int, is_owner: bool, actor: audit.Actor, now: datetime
) -> None:
    """Nothing comes until it is resumed. Raises NotFound, IllegalMove."""
    row = _locked(subscription_id, admin_id, is_owner=is_owner)
    if row.state is not SubscriptionState.ACTIVE:
        raise IllegalMove("这个定期报表已经暂停")
    row.state = SubscriptionState.PAUSED
    _record("report.subscription_pause", row, actor, now)


def resume(
    subscription_id: int, *, admin_id: int, is_owner: bool, actor: audit.Actor, now: datetime
) -> None:
    """Go on; turns of the pause are left out. Raises NotFound, IllegalMove."""
    row = _locked(subscription_id, admin_id, is_owner=is_owner)
    if row.state is not SubscriptionState.PAUSED:
        raise IllegalMove("这个定期报表没有暂停")
    row.state, row.since = SubscriptionState.ACTIVE, now
    _record("report.subscription_resume", row, actor, now)


def delete(
    subscription_id: int, *, admin_id: int, is_owner: bool, actor: audit.Actor, now: datetime
) -> None:
    """End it; what waits is not sent, what was sent stays. Raises NotFound."""
    row = _locked(subscription_id, admin_id, is_owner=is_owner)
    row.state = SubscriptionState.DELETED
    _record("report.subscription_delete", row, actor, now, before=_facts(row))


def send_now(
    subscription_id: int, *, admin_id: int, is_owner: bool, actor: audit.Actor, now: datetime
) -> int:
    """Plan a turn for this minute; a second tap in the same minute plans none.

    Returns how many recipients will get it. Raises NotFound.
    """
    row = _locked(subscription_id, admin_id, is_owner=is_owner)
    local = clock.local(now)
    planned = plan(row, f"now:{local:%Y%m%d%H%M}", schedule_day=local.date(), now=now)
    if planned:
        _record("report.send_now", row, actor, now)
    return planned


def send_again(
    delivery_id: int, *, admin_id: int, is_owner: bool, actor: audit.Actor, now: datetime
) -> None:
    """Try one that was given up once more. Raises NotFound, IllegalMove."""
    found = delivery(delivery_id)
    subscription = _locked(found.subscription_id, admin_id, is_owner=is_owner)
    row = lock_one(ReportDelivery, delivery_id, "没有这条发送记录")
    if row.state not in (DeliveryState.FAILED, DeliveryState.REFUSED):
        raise IllegalMove("这条已经送达或正在发送")
    row.state, row.tries, row.due_at, row.error = DeliveryState.WAITING, 0, now, ""
    _record("report.send_again", subscription, actor, now, after={"turn": row.turn})


def plan(row: ReportSubscription, turn: str, *, schedule_day: Any, now: datetime) -> int:
    """Write down one turn for every recipient; return how many were not written yet."""
    span = schedule.span_of(row.period, schedule_day, row.compare)
    return sum(
        add_once(
            ReportDelivery(
                subscription_id=row.id,
                turn=turn,
                admin_id=admin_id,
                report=row.report,
                first=span.first,
                last=span.last,
                compare=row.compare,
                content=row.content,
                ways=row.ways,
                due_at=now,
                created_at=now,
            )
        )
        for admin_id in row.recipients
    )


# --- reading ------------------------------------------------------------------------


def subscription(subscription_id: int, *, admin_id: int, is_owner: bool) -> ReportSubscription:
    """One's own or one that one gets; an owner sees all. Raises NotFound."""
    row = db.session.get(ReportSubscription, subscription_id)
    if row is None or row.state is SubscriptionState.DELETED:
        raise NotFound(_MISSING)
    if not (is_owner or row.created_by == admin_id or admin_id in row.recipients):
        raise NotFound(_MISSING)
    return row


def subscriptions_for(admin_id: int, *, is_owner: bool) -> list[ReportSubscription]:
    """Those that `subscription` shows, the newest first: tens, by the limit of each admin."""
    rows = db.session.scalars(
        sa.select(ReportSubscription)
        .where(ReportSubscription.state != SubscriptionState.DELETED)
        .order_by(ReportSubscription.id.desc())
    )
    return [
        row for row in rows if is_owner or row.created_by == admin_id or admin_id in row.recipients
    ]


def newest_of(ids: Sequence[int]) -> dict[int, ReportDelivery]:
    """The newest delivery of each of these subscriptions."""
    newest = (
        sa.select(sa.func.max(ReportDelivery.id))
        .where(ReportDelivery.subscription_id.in_(ids))
        .group_by(ReportDelivery.subscription_id)
    )
    rows = db.session.scalars(sa.select(ReportDelivery).where(ReportDelivery.id.in_(newest)))
    return {row.subscription_id: row for row in rows}


def delivery(delivery_id: int) -> ReportDelivery:
    """Raises NotFound."""
    found = db.session.get(ReportDelivery, delivery_id)
    if found is None:
        raise NotFound("没有这条发送记录")
    return found


def history(subscription_id: int, *, before: int | None = None) -> Page[ReportDelivery]:
    query = sa.select(ReportDelivery).filter_by(subscription_id=subscription_id)
    return newest_first(query, ReportDelivery.id, before=before)


def inbox(admin_id: int, *, before: int | None = None) -> Page[ReportDelivery]:
    """What came for an admin, the newest first."""
    query = (
        sa.select(ReportDelivery)
        .where(ReportDelivery.admin_id == admin_id, ReportDelivery.made_at.is_not(None))
        .options(joinedload(ReportDelivery.subscription))
    )
    return newest_first(query, ReportDelivery.id, before=before)


def received(admin_id: int, delivery_id: int) -> ReportDelivery:
    """One of those that came for this admin. Raises NotFound."""
    found = db.session.get(ReportDelivery, delivery_id)
    if found is None or found.admin_id != admin_id or found.made_at is None:
        raise NotFound("没有这份报表")
    return found


def unread_count(admin_id: int) -> int:
    query = (
        sa.select(sa.func.count())
        .select_from(ReportDelivery)
        .where(
            ReportDelivery.admin_id == admin_id,
            ReportDelivery.made_at.is_not(None),
            ReportDelivery.read_at.is_(None),
        )
    )
    return db.session.scalar(query) or 0


def mark_read(admin_id: int, *, up_to: int, now: datetime) -> int:
    """Those of this admin that were on the page are no news any more."""
    require_transaction()
    return affected(
        sa.update(ReportDelivery)
        .where(
            ReportDelivery.admin_id == admin_id,
            ReportDelivery.id <= up_to,
            ReportDelivery.made_at.is_not(None),
            ReportDelivery.read_at.is_(None),
        )
        .values(read_at=now)
    )


# --- the parts ------------------------------------------------------------------------


def _checked(wanted: Wanted) -> dict[str, Any]:
    """The values of the columns. Raises InvalidInput."""
    if wanted.report not in REPORTS:
        raise InvalidInput("report", "请选择报表")
    for name, kind, said in (
        ("period", Period, "统计时间"),
        ("compare", Compare, "对比"),
        ("cadence", Cadence, "频率"),
        ("content", Content, "内容"),
    ):
        if getattr(wanted, name) not in {str(member) for member in kind}:
            raise InvalidInput(name, f"请选择{said}")
    cadence = Cadence(wanted.cadence)
    first, last = {Cadence.DAILY: (0, 0), Cadence.WEEKLY: (0, 6), Cadence.MONTHLY: (1, 31)}[cadence]
    on_day = 0 if cadence is Cadence.DAILY else wanted.on_day
    if not first <= on_day <= last:
        raise InvalidInput("on_day", "请选择发送的日子")
    if not 0 <= wanted.hour <= 23:
        raise InvalidInput("hour", "请选择发送的时间")
    if not set(wanted.ways) <= set(Way):
        raise InvalidInput("ways", "没有这种接收方式")
    recipients = sorted(set(wanted.recipients))
    if not recipients:
        raise InvalidInput("recipients", "请至少选择一位接收人")
    if len(recipients) > RECIPIENTS_MAX:
        raise InvalidInput("recipients", f"最多选择 {RECIPIENTS_MAX} 位接收人")
    return {
        "report": wanted.report,
        "period": Period(wanted.period),
        "compare": Compare(wanted.compare),
        "cadence": cadence,
        "on_day": on_day,
        "hour": wanted.hour,
        "content": Content(wanted.content),
        "ways": [way.value for way in Way if way in wanted.ways],
        "recipients": recipients,
    }


def _own(admin_id: int) -> Sequence[int]:
    return db.session.scalars(
        sa.select(ReportSubscription.id).where(
            ReportSubscription.created_by == admin_id,
            ReportSubscription.state != SubscriptionState.DELETED,
        )
    ).all()


def _locked(subscription_id: int, admin_id: int, *, is_owner: bool) -> ReportSubscription:
    """One that this admin may change. Raises NotFound."""
    row = lock_one(ReportSubscription, subscription_id, _MISSING)
    if row.state is SubscriptionState.DELETED or not (is_owner or row.created_by == admin_id):
        raise NotFound(_MISSING)
    return row


def _facts(row: ReportSubscription) -> dict[str, Any]:
    return {
        "report": REPORTS[row.report].title if row.report in REPORTS else row.report,
        "period": row.period.value,
        "compare": row.compare.value,
        "cadence": row.cadence.value,
        "on_day": row.on_day,
        "hour": row.hour,
        "content": row.content.value,
        "ways": list(row.ways),
        "recipients": list(row.recipients),
    }


def _record(
    action: str, row: ReportSubscription, actor: audit.Actor, now: datetime, **more: Any
) -> None:
    audit.record(
        action, subject="report_subscription", subject_id=row.id, actor=actor, now=now, **more
    )
