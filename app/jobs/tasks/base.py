"""What the tasks of the jobs share."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import structlog

from app.core.db import db

log = structlog.get_logger()

Row = TypeVar("Row")
Result = dict[str, Any]
Task = Callable[[datetime, bool], Result]


@dataclass(frozen=True)
class Job:
    """A job and how often it runs, as `app.audit.runs` says."""

    name: str
    seconds: int
    task: Task


class RowsFailed(Exception):
    """Some rows of a run failed; the others are done. `result` has the counts."""

    def __init__(self, result: Result) -> None:
        super().__init__(f"{result['failed']} rows failed")
        self.result = result


def each(ids: Sequence[Row], act: Callable[[Row], str], dry_run: bool) -> Result:
    """Run `act` on every row on its own; one bad row does not stop the others."""
    db.session.rollback()
    if dry_run:
        return {"due": len(ids)}
    outcomes: Counter[str] = Counter()
    for row_id in ids:
        try:
            outcomes[act(row_id)] += 1
        except Exception:
            db.session.rollback()
            log.exception("job_row_failed", row=row_id)
            outcomes["failed"] += 1
    result = {"due": len(ids), **outcomes}
    if outcomes["failed"]:
        raise RowsFailed(result)
    return result


def until_short(act: Callable[[int], str], short: type[Exception]) -> Callable[[int], str]:
    """`act` until the merchant account is short of money; the rows after that wait.

    Nothing is lost: the row at hand is sent again later.
    """
    is_short = False

    def carefully(row_id: int) -> str:
        nonlocal is_short
        if is_short:
            return "paused"
        try:
            return act(row_id)
        except short:
            log.error("merchant_account_short")
            is_short = True
            return "merchant_short"

    return carefully
