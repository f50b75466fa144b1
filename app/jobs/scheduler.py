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

# An admin who asked for a run is looking at the page.
REQUESTS_SECONDS = 3


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

    scheduler.add_job(
        _wake_for_requests,
        "interval",
        seconds=REQUESTS_SECONDS,
        args=(app,),
        id="requests",
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


def _wake_for_requests(app: Flask) -> None:
    with app.app_context():
        try:
            runner.run_requested()
        finally:
            db.session.remove()
