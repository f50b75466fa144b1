"""`jobs`, `outbox` and `scheduler`: what runs behind the pages."""

import click
from flask.cli import AppGroup

from app import outbox
from app.commands.shared import run_job_by_hand
from app.core import clock, web
from app.core.db import run_unit
from app.jobs import scheduler

jobs = AppGroup("jobs", help="Jobs by hand.")


@jobs.command("run")
@click.argument("name")
@click.option("--as-of", "as_of", default="", help="Run as if it were this time (ISO 8601).")
@click.option("--dry-run", is_flag=True, help="Count only; change nothing.")
def run_job(name: str, as_of: str, dry_run: bool) -> None:
    """Run a job now; exit 1 if it failed."""
    run_job_by_hand(name, as_of, dry_run)


outbox_group = AppGroup("outbox", help="News that could not be delivered.")


@outbox_group.command("failed")
def failed_news() -> None:
    """List what was given up, with the last error."""
    for row in outbox.failed():
        print(f"{row.id}  {row.topic} {row.subject_id} > {row.subscriber}  {row.last_error}")


@outbox_group.command("retry")
@click.argument("row_id", type=int)
def retry_news(row_id: int) -> None:
    """Try a row again that was given up; orders wait for theirs."""
    if not run_unit(outbox.retry_failed, row_id, now=clock.now()):
        raise click.ClickException(f"row {row_id} was not given up")
    print("it will be delivered within seconds")


scheduler_group = AppGroup("scheduler", help="The scheduler process.")


@scheduler_group.command("run")
def run_scheduler() -> None:
    """Run every job in its time, until TERM."""
    scheduler.run(web.this_app())
