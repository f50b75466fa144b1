"""Planning the turns that came, and sending what is due: leased, tried again later.

A letter is handed over outside of any transaction, between a lease and its outcome. A
process that dies in between sends it once more after the lease: at least once, with the
same Message-ID, never silently not at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from app import notices, settings
from app.core.db import db, run_unit
from app.core.mail import MailFailed
from app.core.rows import affected, lock_one
from app.reports.boards import REPORTS, Span
from app.reports.exports import FileFormat
from app.reports.subscriptions import letter, schedule, service
from app.reports.subscriptions.models import (
    Content,
    DeliveryState,
    ReportDelivery,
    ReportSubscription,
    SubscriptionState,
    Way,
)
from app.reports.subscriptions.ports import Mailer, Recipient

log = structlog.get_logger()

# Pauses after each failed attempt; half a day altogether, then it is given up.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 60, 120, 240, 300))
# How long one sending may take before another worker may try.
LEASE = timedelta(minutes=5)
KEPT = timedelta(days=180)
NOTICE = "report_ready"


@dataclass(frozen=True)
class _Job:
    """A delivery as it was when it was leased."""

    delivery_id: int
    admin_id: int
    report: str
    span: Span
    content: Content
    ways: tuple[str, ...]
    is_made: bool
    turn: str


def plan_due(now: datetime) -> int:
    """Write down every turn that has come, missed ones as well; return how many letters."""
    active = db.session.scalars(
        sa.select(ReportSubscription.id)
        .where(ReportSubscription.state == SubscriptionState.ACTIVE)
        .order_by(ReportSubscription.id)
    ).all()
    return sum(run_unit(_plan, subscription_id, now) for subscription_id in active)


def _plan(subscription_id: int, now: datetime) -> int:
    row = db.session.scalar(
        sa.select(ReportSubscription)
        .filter_by(id=subscription_id, state=SubscriptionState.ACTIVE)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        return 0
    days = schedule.turns(row.cadence, row.on_day, row.hour, since=row.since, now=now)
    planned = sum(service.plan(row, day.isoformat(), schedule_day=day, now=now) for day in days)
    if days:
        # Turns up to this one are written down: the next look begins behind them.
        row.since = schedule.moment(days[-1], row.hour)
    return planned


def due(now: datetime, *, limit: int = 50) -> list[int]:
    """Deliveries to send now, the oldest first."""
    return list(
        db.session.scalars(
            sa.select(ReportDelivery.id)
            .join(ReportSubscription, ReportSubscription.id == ReportDelivery.subscription_id)
            .where(
                ReportDelivery.state == DeliveryState.WAITING,
                ReportDelivery.due_at <= now,
                ReportSubscription.state != SubscriptionState.DELETED,
            )
            .order_by(ReportDelivery.due_at, ReportDelivery.id)
            .limit(limit)
        )
    )


def send(
    delivery_id: int,
    *,
    mailer: Mailer,
    link: Callable[[str, Span], str],
    now: datetime,
) -> str:
    """Make and send one; `delivered`, `failed`, `given_up`, `refused` or `taken`."""
    job = run_unit(_lease, delivery_id, now)
    if job is None:
        return "taken"
    reader = service.readers()(job.admin_id, job.report, job.content)
    if reader.refusal or job.report not in REPORTS:
        said = reader.refusal or "这张报表已经没有了"
        return run_unit(_end, job.delivery_id, DeliveryState.REFUSED, said, now)
    report = REPORTS[job.report]
    board = report.make(job.span, now)
    summary = letter.summary_of(report, job.span, board)
    shop = settings.value(settings.registry.SHOP_NAME)
    attached = []
    if job.content is not Content.SUMMARY:
        attached = letter.tables_of(job.span, board, FileFormat(job.content.value))
    db.session.rollback()
    if not job.is_made:
        # In the panel it is before any mail server was asked.
        run_unit(_made, job, reader, summary, now)
    if Way.MAIL in job.ways:
        try:
            if not reader.email:
                raise MailFailed("接收人还没有登记邮箱，报表在后台“我的报表”里", is_final=True)
            mail = letter.letter(
                summary,
                attached,
                sender=mailer.sender,
                to=reader.email,
                shop=shop,
                link=link(job.report, job.span),
                message_id=f"report.{job.delivery_id}.{job.turn.replace(':', '-')}",
                now=now,
            )
            mailer.send(mail)
        except MailFailed as failed:
            log.warning("report_mail_failed", delivery=job.delivery_id, reason=failed.message)
            return run_unit(_failed, job.delivery_id, failed.message, failed.is_final, now)
    return run_unit(_end, job.delivery_id, DeliveryState.DELIVERED, "", now)


def tidy(now: datetime) -> int:
    """Drop what was sent half a year ago: its summary may name people who left since."""
    return affected(
        sa.delete(ReportDelivery).where(
            ReportDelivery.created_at <= now - KEPT, ReportDelivery.state != DeliveryState.WAITING
        )
    )


def _lease(delivery_id: int, now: datetime) -> _Job | None:
    row = db.session.scalar(
        sa.select(ReportDelivery)
        .where(
            ReportDelivery.id == delivery_id,
            ReportDelivery.state == DeliveryState.WAITING,
            ReportDelivery.due_at <= now,
        )
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if row is None:
        return None
    row.tries += 1
    row.due_at = now + LEASE
    return _Job(
        row.id,
        row.admin_id,
        row.report,
        Span(row.first, row.last, row.compare),
        row.content,
        tuple(row.ways),
        row.made_at is not None,
        row.turn,
    )


def _made(job: _Job, reader: Recipient, summary: dict[str, object], now: datetime) -> None:
    row = _locked(job.delivery_id)
    row.summary, row.made_at = summary, now
    if Way.WECHAT in job.ways and reader.member_id is not None:
        notices.write(
            NOTICE,
            [
                notices.Draft(
                    key=f"{NOTICE}:{job.delivery_id}",
                    member_id=reader.member_id,
                    values={
                        "report": str(summary["title"]),
                        "span": str(summary["span"]),
                        "time": now.isoformat(),
                        "state": "已生成",
                    },
                    path="/admin/report-inbox",
                )
            ],
            now=now,
        )


def _failed(delivery_id: int, said: str, is_final: bool, now: datetime) -> str:
    row = _locked(delivery_id)
    row.error = said
    if is_final or row.tries > len(PAUSES):
        row.state = DeliveryState.FAILED
        return "given_up"
    row.due_at = now + PAUSES[row.tries - 1]
    return "failed"


def _end(delivery_id: int, state: DeliveryState, said: str, now: datetime) -> str:
    row = _locked(delivery_id)
    row.state, row.error = state, said
    if state is DeliveryState.DELIVERED:
        row.sent_at = now
    return state.value


def _locked(delivery_id: int) -> ReportDelivery:
    return lock_one(ReportDelivery, delivery_id, "没有这条发送记录")
