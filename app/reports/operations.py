"""What an operator's monitoring watches (运维指标), read at each scrape.

The sums of the books are read at most once in `SUMS_SECONDS` for all processes:
they walk over every account, and a scrape comes every few seconds.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app import outbox
from app.audit import runs
from app.core.cache import Cache
from app.core.metrics import Gauge
from app.reports.queries import money, queues

SUMS_SECONDS = 60
_SUMS = "metrics:sums"
BOOKS = "verify-books"


def gauges(now: datetime, *, cache: Cache) -> Iterator[Gauge]:
    """Everything that is read."""
    yield from _jobs(now)
    yield from _books()
    yield from _outbox(now)
    sums = cache.get(_SUMS)
    if sums is None:
        sums = _sums(now)
        cache.set(_SUMS, sums, SUMS_SECONDS)
    yield from _told(sums)


def _jobs(now: datetime) -> Iterator[Gauge]:
    for job, kind in runs.KINDS.items():
        since, failures = runs.since_success(job)
        age = math.inf if since is None else max(0.0, (now - since).total_seconds())
        named = {"job": job}
        yield Gauge(
            "mall_job_success_age_seconds", "Since a job last ended well; +Inf: never.", age, named
        )
        yield Gauge("mall_job_failures", "Failed runs since then.", failures, named)
        yield Gauge("mall_job_period_seconds", "How often a job is to run.", kind.seconds, named)


def _books() -> Iterator[Gauge]:
    run = runs.latest_runs().get(BOOKS)
    if run is None or run.ended_at is None:
        return
    offending = {code: int(n) for code, n in run.result.items() if code not in ("failed", "broken")}
    yield Gauge(
        "mall_invariant_offending_rows",
        "Rows that break an invariant, as of the last verification.",
        sum(offending.values()),
        {"invariant": "all"},
    )
    for code, count in offending.items():
        yield Gauge("mall_invariant_offending_rows", "", count, {"invariant": code})


def _outbox(now: datetime) -> Iterator[Gauge]:
    standing = outbox.standing()
    for state in (outbox.State.WAITING, outbox.State.FAILED):
        count, oldest = standing.get(state, (0, None))
        age = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
        named = {"state": state.value}
        yield Gauge("mall_outbox_rows", "News not delivered; failed: given up.", count, named)
        yield Gauge("mall_outbox_oldest_seconds", "How old the oldest of it is.", age, named)


def _sums(now: datetime) -> dict[str, Any]:
    """Plain values, so that they can be kept."""
    held = money()
    return {
        "money": {**asdict(held), "owed_fen": held.owed_fen},
        "queues": [
            [queue.key, queue.count, queue.oldest.timestamp() if queue.oldest else None]
            for queue in queues(now)
        ],
        "at": now.timestamp(),
    }


def _told(sums: Mapping[str, Any]) -> Iterator[Gauge]:
    for name, fen in sums["money"].items():
        yield Gauge(
            "mall_money_fen",
            "Money as booked, in fen; owed: pending, available and frozen together.",
            fen,
            {"account": name.removesuffix("_fen")},
        )
    for key, count, oldest in sums["queues"]:
        yield Gauge("mall_queue_items", "What waits for a person.", count, {"queue": key})
        age = 0.0 if oldest is None else max(0.0, sums["at"] - oldest)
        yield Gauge(
            "mall_queue_oldest_seconds", "How long the oldest of it waits.", age, {"queue": key}
        )
