"""Runs of jobs (任务运行): what the system did by itself, when, and what came of it.

The record lives here and not with the scheduler, so that the admin panel, which
may not import the scheduler, can show it and ask for a run.
"""

import enum
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.audit.service import Actor, record
from app.core.db import BigId, Model, Rows, UTCDateTime, db, enum_column, require_transaction
from app.core.errors import NotFound
from app.core.rows import affected


@dataclass(frozen=True)
class Kind:
    """A job: its Chinese title, and after how many seconds it runs again."""

    title: str
    seconds: int


# `app.jobs.tasks` has one task for each.
KINDS = {
    # Who earns by a sale is told so by this.
    "outbox": Kind("处理内部事件", 2),
    "send-messages": Kind("发送微信通知", 5),
    "send-hooks": Kind("推送事件给其他系统", 10),
    "query-payments": Kind("补查支付结果", 30),
    "expire-orders": Kind("关闭超时订单", 60),
    "receive-orders": Kind("自动确认收货", 3_600),
    "settle": Kind("佣金结算", 600),
    "send-refunds": Kind("退款与补查", 20),
    "expire-returns": Kind("关闭超时退货", 3_600),
    "pay-withdrawals": Kind("提现打款", 60),
    "query-transfers": Kind("补查转账结果", 60),
    "query-grants": Kind("补查免确认授权", 60),
    "renew-scenes": Kind("续期推广码", 300),
    "sync-followers": Kind("同步关注状态", 43_200),
    "sync-tags": Kind("同步标签", 300),
    "remind-confirmations": Kind("提醒确认收款", 600),
    "weekly-digest": Kind("发送团队佣金周报", 21_600),
    "review-levels": Kind("等级保级考核", 86_400),
    "bonus": Kind("返利核算与追回", 3_600),
    "rank": Kind("计算排行榜", 600),
    "verify-books": Kind("账目校验", 86_400),
    # WeChat has the bills of yesterday from about 10:00 on.
    "reconcile": Kind("微信对账", 3_600),
    "seal-audit": Kind("封存操作日志", 60),
    "verify-audit": Kind("核对操作日志", 86_400),
    "figures": Kind("计算每日数据", 600),
    "forecast": Kind("预测规格销量", 21_600),
    "make-exports": Kind("生成导出文件", 5),
    "send-reports": Kind("发送定期报表", 60),
    "tidy": Kind("清理过期数据", 86_400),
}
TITLES = {name: kind.title for name, kind in KINDS.items()}

# How long nothing at all may run: some jobs run every few seconds.
STANDSTILL = timedelta(minutes=5)
# How much later than its turn a job may come: a process starts anew, a run takes long.
GRACE = timedelta(minutes=5)
# After so long a run will not end any more: its process is gone.
STUCK = timedelta(hours=1)


class RunStatus(enum.StrEnum):
    REQUESTED = "requested"  # asked for by an admin, not claimed by a scheduler yet
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # also where a single row failed


class JobRun(Model):
    """One run of a job (任务运行). The UNIQUE is the claim: a slot runs once."""

    __tablename__ = "job_runs"
    __table_args__ = (sa.UniqueConstraint("job", "slot"), sa.Index(None, "job", "id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    job: Mapped[str] = mapped_column(sa.String(40))
    # The planned moment, or `manual:` and a random part.
    slot: Mapped[str] = mapped_column(sa.String(40))
    status: Mapped[RunStatus] = mapped_column(
        enum_column(RunStatus, "status"), default=RunStatus.RUNNING
    )
    is_dry_run: Mapped[bool] = mapped_column(default=False)
    as_of: Mapped[datetime] = mapped_column(UTCDateTime)
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    result: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    # Whether there was anything to do: most runs of the frequent jobs find nothing.
    did_work: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str] = mapped_column(sa.String(300), default="")
    started_by: Mapped[str] = mapped_column(sa.String(64), default="")


def manual_slot() -> str:
    """A slot of its own for a run that somebody asks for."""
    return f"manual:{secrets.token_hex(8)}"


def request_run(job: str, *, dry_run: bool, actor: Actor, now: datetime) -> JobRun:
    """Ask for a run; a scheduler claims it within seconds. Raises NotFound."""
    require_transaction()
    if job not in TITLES:
        raise NotFound("没有这个任务")
    run = JobRun(
        job=job,
        slot=manual_slot(),
        status=RunStatus.REQUESTED,
        is_dry_run=dry_run,
        as_of=now,
        started_at=now,
        started_by=actor.ref,
    )
    db.session.add(run)
    db.session.flush()
    record(
        "job.request",
        subject="job_run",
        subject_id=run.id,
        actor=actor,
        now=now,
        after={"job": job, "dry_run": dry_run},
    )
    return run


def desk(job: str = "", *, with_idle: bool = False) -> Rows:
    """Runs of one job, or of all, as the panel's list reads them.

    Those that found nothing only on request.
    """
    query: Rows = sa.select(JobRun)
    if job:
        query = query.where(JobRun.job == job)
    if not with_idle:
        query = query.where(
            sa.or_(JobRun.did_work, JobRun.is_dry_run, JobRun.status != RunStatus.DONE)
        )
    return query


def tidy(now: datetime) -> int:
    """Delete records of runs that found nothing, a day later; return how many.

    A job of every two seconds leaves 43,000 a day. The newest of each job stay.
    """
    require_transaction()
    newest = [row.id for row in latest_runs().values()]
    return affected(
        sa.delete(JobRun).where(
            JobRun.status == RunStatus.DONE,
            JobRun.did_work.is_(False),
            JobRun.started_at < now - timedelta(days=1),
            JobRun.id.not_in(newest),
        )
    )


def latest_runs() -> dict[str, JobRun]:
    """The newest real run of each job: no trial, and not merely asked for."""
    newest = (
        sa.select(sa.func.max(JobRun.id))
        .where(JobRun.is_dry_run.is_(False), JobRun.status != RunStatus.REQUESTED)
        .group_by(JobRun.job)
    )
    rows: Sequence[JobRun] = db.session.scalars(
        sa.select(JobRun).where(JobRun.id.in_(newest))
    ).all()
    return {row.job: row for row in rows}


class Trouble(enum.StrEnum):
    """What is wrong with a job (任务告警)."""

    STANDSTILL = "standstill"  # nothing runs at all: the process is not there
    FAILED = "failed"  # the newest run failed
    LATE = "late"  # its turn has passed
    STUCK = "stuck"  # it began and does not end


@dataclass(frozen=True)
class Alert:
    """A job that needs a person, and since when; `job` is empty for all of them."""

    job: str
    trouble: Trouble
    since: datetime | None
    error: str = ""


def alerts(now: datetime) -> list[Alert]:
    """What is wrong now; a job that runs well again is in it no more.

    Nothing is stored, so an alert needs nobody to close it.
    """
    latest = latest_runs()
    newest = max((run.started_at for run in latest.values()), default=None)
    if newest is None or newest < now - STANDSTILL:
        return [Alert("", Trouble.STANDSTILL, newest)]
    found = (_alert(latest.get(name), name, kind, now) for name, kind in KINDS.items())
    return [alert for alert in found if alert is not None]


def _alert(run: JobRun | None, name: str, kind: Kind, now: datetime) -> Alert | None:
    if run is None:
        # A new kind, or a mall that was set up just now: every job runs at the start.
        return None
    if run.status is RunStatus.FAILED:
        return Alert(name, Trouble.FAILED, run.started_at, run.error)
    if run.status is RunStatus.RUNNING:
        return Alert(name, Trouble.STUCK, run.started_at) if run.started_at < now - STUCK else None
    turn = run.started_at + timedelta(seconds=kind.seconds)
    return Alert(name, Trouble.LATE, turn) if turn + GRACE < now else None


def since_success(job: str) -> tuple[datetime | None, int]:
    """When a job last ended well (None: never), and how many runs failed since."""
    real = (JobRun.job == job, JobRun.is_dry_run.is_(False))
    last = db.session.execute(
        sa.select(JobRun.id, JobRun.ended_at)
        .where(*real, JobRun.status == RunStatus.DONE)
        .order_by(JobRun.id.desc())
        .limit(1)
    ).first()
    last_id, ended_at = last or (0, None)
    failures = db.session.scalar(
        sa.select(sa.func.count()).where(
            *real, JobRun.status == RunStatus.FAILED, JobRun.id > last_id
        )
    )
    return ended_at, failures or 0


def requested_runs() -> list[int]:
    """Runs that were asked for, oldest first."""
    return list(
        db.session.scalars(
            sa.select(JobRun.id).filter_by(status=RunStatus.REQUESTED).order_by(JobRun.id)
        )
    )
