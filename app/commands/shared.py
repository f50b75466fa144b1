"""What the commands share: refusals in words, files of JSON, a job by hand."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from app.audit.runs import JobRun, RunStatus
from app.core import clock
from app.core.db import db
from app.core.errors import DomainError
from app.jobs import runner


def said(error: DomainError) -> click.ClickException:
    return click.ClickException(f"{error.field}: {error.message}" if error.field else error.message)


def run_job_by_hand(name: str, as_of: str, dry_run: bool) -> None:
    try:
        moment = clock.parse(as_of) if as_of else None
    except ValueError:
        raise click.BadParameter(
            f"{as_of!r} is not an ISO 8601 time", param_hint="--as-of"
        ) from None
    try:
        run = runner.run_by_hand(name, as_of=moment, dry_run=dry_run, started_by="cli")
    except DomainError as error:
        raise click.ClickException(error.message) from None
    print(json.dumps(_run_summary(run), ensure_ascii=False))
    db.session.rollback()
    if run.status is RunStatus.FAILED:
        sys.exit(1)


def _run_summary(run: JobRun) -> dict[str, Any]:
    return {
        "job": run.job,
        "status": run.status.value,
        "dry_run": run.is_dry_run,
        "result": run.result,
        **({"error": run.error} if run.error else {}),
    }


def read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.ClickException(f"{file.name} is not JSON: {error}") from None
