import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.core.db import UTCDateTime, db, require_transaction, run_unit
from app.core.rows import affected, write
from app.outbox.models import OutboxRow, State

Handler = Callable[[int, datetime], None]

ATTEMPTS_MAX = 12
# How long a call may take before another worker may try it.
LEASE = timedelta(minutes=2)

log = structlog.get_logger()


@dataclass(frozen=True)
class _Subscriber:
    topic: str
    name: str
    handle: Handler
    calls_network: bool
    holds_up: bool


_subscribers: dict[tuple[str, str], _Subscriber] = {}


def subscribe(
    topic: str,
    name: str,
    handle: Handler,
    *,
    calls_network: bool = False,
    holds_up: bool = True,
) -> None:
    """Register `handle(subject_id, now)` for `topic` under a stable `name`.

    Whoever waits for a fact's news (`undelivered`) waits for units that hold up.
    """
    _subscribers[topic, name] = _Subscriber(
        topic, name, handle, calls_network, holds_up and not calls_network
    )


def publish(topic: str, subject_id: int, *, now: datetime) -> None:
    """Write one row for each subscriber of `topic` in the caller's transaction."""
    require_transaction()
    names = [s.name for s in _subscribers.values() if s.topic == topic]
    if names:
        each = {f"subscriber{n}": name for n, name in enumerate(names)}
        write(_news(len(names)), topic=topic, subject_id=subject_id, now=now, **each)


@functools.cache
def _news(count: int) -> sa.Insert:
    """The statement that writes a fact's rows for so many subscribers, built once.

    What all rows share is named once: the driver writes out every value that it is given.
    """
    now = sa.bindparam("now", type_=UTCDateTime)
    shared = {
        "topic": sa.bindparam("topic", type_=sa.String),
        "subject_id": sa.bindparam("subject_id", type_=sa.BigInteger),
        "state": sa.literal_column("'waiting'"),
        "attempts": sa.literal_column("0"),
        "last_error": sa.literal_column("''"),
        "due_at": now,
        "created_at": now,
    }
    return sa.insert(OutboxRow).values(
        [
            {**shared, "subscriber": sa.bindparam(f"subscriber{n}", type_=sa.String)}
            for n in range(count)
        ]
    )


def undelivered(topic: str) -> sa.Select[int]:
    """Subject ids whose `topic` has yet to change the database, as a subquery.

    Messages do not count: one that cannot be told must not stop money.
    """
    units = [s.name for s in _subscribers.values() if s.topic == topic and s.holds_up]
    return sa.select(OutboxRow.subject_id).where(
        OutboxRow.topic == topic,
        OutboxRow.subscriber.in_(units),
        OutboxRow.state != State.DONE,
    )


def backlog() -> tuple[int, datetime | None]:
    """How many rows are not done, and since when the oldest waits."""
    count, oldest = db.session.execute(
        sa.select(sa.func.count(), sa.func.min(OutboxRow.created_at)).where(
            OutboxRow.state != State.DONE
        )
    ).one()
    return count, oldest


def standing() -> dict[State, tuple[int, datetime]]:
    """How many rows wait or were given up, and since when the oldest does."""
    rows = db.session.execute(
        sa.select(OutboxRow.state, sa.func.count(), sa.func.min(OutboxRow.created_at))
        .where(OutboxRow.state.in_((State.WAITING, State.FAILED)))
        .group_by(OutboxRow.state)
    )
    return {state: (count, oldest) for state, count, oldest in rows}


def waiting(*, calls: bool | None = None) -> int:
    """How many rows wait for their time or a worker; see `drain`."""
    rows = _of(calls).subquery()
    return db.session.scalar(sa.select(sa.func.count()).select_from(rows)) or 0


def is_due(now: datetime, *, calls: bool | None = None) -> bool:
    """Whether a row waits to be delivered now; see `drain`."""
    due = _of(calls).where(OutboxRow.due_at <= now)
    found = db.session.scalar(due.limit(1)) is not None
    db.session.rollback()
    return found


def failed() -> Sequence[OutboxRow]:
    """What was given up, oldest first."""
    return db.session.scalars(
        sa.select(OutboxRow).filter_by(state=State.FAILED).order_by(OutboxRow.id).limit(200)
    ).all()


def retry_failed(row_id: int, *, now: datetime) -> bool:
    """Give a row that was given up a new set of attempts; False if it was not."""
    found = affected(
        sa.update(OutboxRow)
        .where(OutboxRow.id == row_id, OutboxRow.state == State.FAILED)
        .values(state=State.WAITING, attempts=0, due_at=now)
    )
    return found == 1


def drain(
    now: datetime,
    *,
    limit: int = 200,
    subject: tuple[str, int] | None = None,
    calls: bool | None = None,
) -> int:
    """Deliver what is due, at most `limit` rows; return how many were delivered.

    `subject=(topic, id)` delivers the rows of that one fact only: an entry point
    does so right after its commit, so that people see results at once. `calls`
    True delivers only what speaks to the network, False only what does not: a
    slow network must not make the books wait.
    """
    due = _of(calls).where(OutboxRow.due_at <= now)
    if subject is not None:
        due = due.where(OutboxRow.topic == subject[0], OutboxRow.subject_id == subject[1])
    rows = db.session.execute(
        due.add_columns(OutboxRow.topic, OutboxRow.subject_id, OutboxRow.subscriber)
        .order_by(OutboxRow.due_at, OutboxRow.id)
        .limit(limit)
    ).all()
    db.session.rollback()
    parts: dict[tuple[str, int, bool], list[int]] = {}
    for row_id, topic, subject_id, name in rows:
        subscriber = _subscribers.get((topic, name))
        is_call = subscriber is not None and subscriber.calls_network
        parts.setdefault((topic, subject_id, is_call), []).append(row_id)
    return sum(
        _deliver_together(ids, now) if not is_call else sum(_deliver(row, now) for row in ids)
        for (_, _, is_call), ids in parts.items()
    )


def _deliver_together(ids: Sequence[int], now: datetime) -> int:
    """The news of one fact in one unit; each on its own where one of them fails.

    What they read of the fact is read once, and one commit serves all.
    """
    if len(ids) > 1:
        try:
            return run_unit(_claim_units, ids, now)
        except Exception as error:  # Which one it was shows when each is alone.
            log.warning("outbox_not_together", rows=list(ids), error=type(error).__name__)
    return sum(_deliver(row_id, now) for row_id in ids)


def _claim_units(ids: Sequence[int], now: datetime) -> int:
    rows = db.session.scalars(
        sa.select(OutboxRow)
        .where(OutboxRow.id.in_(ids), OutboxRow.state == State.WAITING, OutboxRow.due_at <= now)
        .order_by(OutboxRow.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    with _holding_on():
        for row in rows:
            _subscribers[row.topic, row.subscriber].handle(row.subject_id, now)
    delivered = [row.id for row in rows]
    affected(sa.update(OutboxRow).where(OutboxRow.id.in_(delivered)).values(state=State.DONE))
    return len(delivered)


@contextmanager
def _holding_on() -> Iterator[None]:
    """Let the session keep what one subscriber read for the next; it would forget it."""
    session = db.session()
    held: list[object] = []

    def hold(_session: Session, instance: object) -> None:
        held.append(instance)

    event.listen(session, "loaded_as_persistent", hold)
    try:
        yield
    finally:
        event.remove(session, "loaded_as_persistent", hold)


def _of(calls: bool | None) -> sa.Select[int]:
    waiting_rows = sa.select(OutboxRow.id).where(OutboxRow.state == State.WAITING)
    if calls is None:
        return waiting_rows
    network = [s.name for s in _subscribers.values() if s.calls_network]
    return waiting_rows.where(
        OutboxRow.subscriber.in_(network) if calls else OutboxRow.subscriber.not_in(network)
    )


def _deliver(row_id: int, now: datetime) -> bool:
    try:
        leased = run_unit(_claim, row_id, now)
        if leased is None:
            return False
        subscriber, subject_id = leased
        if subscriber.calls_network:
            subscriber.handle(subject_id, now)
            run_unit(_finish, row_id)
        return True
    except Exception as error:  # One bad row must not stop the others.
        db.session.rollback()
        log.exception("outbox_delivery_failed", row=row_id)
        run_unit(_fail, row_id, f"{type(error).__name__}: {error}"[:300], now)
        return False


def _claim(row_id: int, now: datetime) -> tuple[_Subscriber, int] | None:
    """Lock the row; deliver it here (unit) or lease it (call). None: not ours."""
    row = db.session.scalar(
        sa.select(OutboxRow)
        .where(OutboxRow.id == row_id, OutboxRow.state == State.WAITING, OutboxRow.due_at <= now)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if row is None:
        return None
    subscriber = _subscribers[row.topic, row.subscriber]
    if subscriber.calls_network:
        row.attempts += 1
        if row.attempts > ATTEMPTS_MAX:
            # Its worker died each time before it could say so.
            row.state, row.last_error = State.FAILED, "never came back"
            return None
        row.due_at = now + LEASE
    else:
        subscriber.handle(row.subject_id, now)
        row.state = State.DONE
    return subscriber, row.subject_id


def _finish(row_id: int) -> None:
    affected(sa.update(OutboxRow).where(OutboxRow.id == row_id).values(state=State.DONE))


def _fail(row_id: int, error: str, now: datetime) -> None:
    row = db.session.scalar(sa.select(OutboxRow).filter_by(id=row_id).with_for_update())
    if row is None or row.state is State.DONE:
        return
    subscriber = _subscribers.get((row.topic, row.subscriber))
    if subscriber is None or not subscriber.calls_network:
        row.attempts += 1
    row.last_error = error
    row.due_at = now + timedelta(seconds=min(2**row.attempts, 3600))
    if row.attempts >= ATTEMPTS_MAX:
        row.state = State.FAILED
