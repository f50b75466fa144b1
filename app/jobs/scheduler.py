"""The scheduler process: APScheduler with a memory store wakes the jobs."""

import signal
from types import FrameType

import structlog
from apscheduler.schedulers.blocking import BlockingScheduler
from flask import Flask

from app.core import clock
from app.core.db import db
from app.jobs import runner
from app.jobs.tasks import JOBS, Job

log = structlog.get_logger()


def run(app: Flask) -> None:
    """Run until TERM or INT; a job under way ends first."""
    scheduler = BlockingScheduler(
        timezone="Asia/Shanghai",
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 30},
    )
    for job in JOBS.values():
        scheduler.add_job(
            _wake,
            "interval",
            seconds=job.seconds,
            args=(app, job),
            id=job.name,
            next_run_time=clock.now(),
        )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        scheduler.shutdown(wait=False)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("scheduler_started", jobs=len(JOBS))
    scheduler.start()
    log.info("scheduler_stopped")


def _wake(app: Flask, job: Job) -> None:
    with app.app_context():
        try:
            runner.run_slot(job, clock.now())
        finally:
            db.session.remove()
