"""Time: aware UTC inside, Asia/Shanghai where people and calendars are.

Services never look at a clock, they are given `now`. Entry points ask `now()`
here, so that a test or `--as-of` can move the whole process at one place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_fixed: ContextVar[datetime | None] = ContextVar("fixed_now", default=None)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _fixed.get() or datetime.now(UTC)


@contextmanager
def fixed(moment: datetime) -> Iterator[None]:
    """Let `now()` answer `moment` inside the block."""
    token = _fixed.set(as_utc(moment))
    try:
        yield
    finally:
        _fixed.reset(token)


def as_utc(moment: datetime) -> datetime:
    """`moment` in UTC. Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError(f"naive datetime refused: {moment!r}")
    return moment.astimezone(UTC)


def parse(text: str) -> datetime:
    """Read an ISO 8601 time; one without an offset is meant in Asia/Shanghai."""
    moment = datetime.fromisoformat(text)
    return as_utc(moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI))


def local(moment: datetime) -> datetime:
    """`moment` as the wall clock in Asia/Shanghai shows it."""
    return as_utc(moment).astimezone(SHANGHAI)
