"""Claiming a run and keeping its record."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError

from app.audit import runs
from app.audit.runs import JobRun, RunStatus
from app.core import clock
from app.core.db import db, run_unit
from app.core.errors import NotFound
from app.core.rows import affected
from app.jobs.tasks import JOBS, Job, RowsFailed

log = structlog.get_logger()


def run_slot(job: Job, now: datetime) -> None:
    """Run a job for the present slot, unless another scheduler claimed it."""
    slot = str(int(now.timestamp()) // job.seconds)
    run_id = _claim(job, slot, as_of=now, dry_run=False, started_by="scheduler")
    if run_id is not None:
        _run(job, run_id, now, dry_run=False)


def run_by_hand(
    name: str, *, as_of: datetime | None = None, dry_run: bool = False, started_by: str
) -> JobRun:
    """Run a job now, as if it were `as_of`; return its record. Raises NotFound."""
    job = JOBS.get(name)
    if job is None:
        raise NotFound(f"没有名为 {name} 的任务")
    now = as_of or clock.now()
    run_id = _claim(job, runs.manual_slot(), as_of=now, dry_run=dry_run, started_by=started_by)
    if run_id is None:
        raise RuntimeError("a random slot was taken")
    _run(job, run_id, now, dry_run=dry_run)
    return db.session.get_one(JobRun, run_id)


def run_requested() -> None:
    """Run what admins asked for; of several schedulers the first to claim does."""
    for run_id in runs.requested_runs():
        db.session.rollback()
        claimed = run_unit(
            affected,
            sa.update(JobRun)
            .where(JobRun.id == run_id, JobRun.status == RunStatus.REQUESTED)
            .values(status=RunStatus.RUNNING, started_at=clock.now()),
        )
        if claimed == 1:
            run = db.session.get_one(JobRun, run_id)
            job, as_of, dry_run = JOBS[run.job], run.as_of, run.is_dry_run
            db.session.rollback()
            _run(job, run_id, as_of, dry_run=dry_run)


def _claim(job: Job, slot: str, *, as_of: datetime, dry_run: bool, started_by: str) -> int | None:
    def claim() -> int:
        run = JobRun(
            job=job.name,
            slot=slot,
            is_dry_run=dry_run,
            as_of=as_of,
            started_at=clock.now(),
            started_by=started_by,
        )
        db.session.add(run)
        db.session.flush()
        return run.id

    try:
        return run_unit(claim)
    except IntegrityError:
        return None


def _run(job: Job, run_id: int, now: datetime, *, dry_run: bool) -> None:
    status, result, error = RunStatus.DONE, {}, ""
    with structlog.contextvars.bound_contextvars(job=job.name, run=run_id):
        try:
            result = job.task(now, dry_run)
        except RowsFailed as failed:
            status, result, error = RunStatus.FAILED, failed.result, str(failed)
        except Exception as failed:
            log.exception("job_failed")
            status, error = RunStatus.FAILED, f"{type(failed).__name__}: {failed}"[:300]
        finally:
            db.session.rollback()
    run_unit(_end, run_id, status, result, error)


def _end(run_id: int, status: RunStatus, result: dict[str, Any], error: str) -> None:
    run = db.session.execute(sa.select(JobRun).filter_by(id=run_id)).scalar_one()
    run.status, run.result, run.error, run.ended_at = status, result, error, clock.now()
    run.did_work = any(result.values())
