"""The lock on payouts (打款锁): set by the system, ended by two people.

It is a row that the payout run reads in the same unit of work in which it saves a
bill, and again in the one before a bill is sent.
"""

from datetime import date, datetime

import sqlalchemy as sa

from app import audit
from app.core import reasons
from app.core.db import db, require_transaction
from app.core.rows import add_once, lock_rows
from app.withdrawals.errors import PayoutsLocked, PayoutsNotLocked, SameUnlocker
from app.withdrawals.models import LockCause, PayoutLock


def current() -> PayoutLock | None:
    """The lock that holds, if one does."""
    return db.session.scalar(
        sa.select(PayoutLock).filter_by(live=1).execution_options(populate_existing=True)
    )


def require_unlocked() -> None:
    """Raises PayoutsLocked."""
    require_transaction()
    if current() is not None:
        raise PayoutsLocked()


def lock(
    cause: LockCause,
    detail: str,
    *,
    actor: audit.Actor,
    now: datetime,
    from_day: date | None = None,
    to_day: date | None = None,
) -> bool:
    """Stop payouts; False if they were stopped for the same reason before.

    A new reason on a lock that holds replaces the old one, and whoever agreed to
    unlocking agreed to something else. What a restored backup asks for stays asked.
    """
    require_transaction()
    made = PayoutLock(
        live=1,
        cause=cause,
        detail=detail[:300],
        from_day=from_day,
        to_day=to_day,
        locked_at=now,
        locked_by=actor.ref,
    )
    if add_once(made):
        row = made
    else:
        row = _locked()
        if row.from_day is not None and from_day is None:
            cause, from_day, to_day = row.cause, row.from_day, row.to_day
        elif row.from_day is not None and from_day is not None:
            from_day = min(row.from_day, from_day)
        wanted = (cause, detail[:300], from_day, to_day)
        if (row.cause, row.detail, row.from_day, row.to_day) == wanted:
            return False
        row.cause, row.detail, row.from_day, row.to_day = wanted
        row.first_by = row.first_note = ""
    audit.record(
        "payout.lock",
        subject="payout_lock",
        subject_id=row.id,
        actor=actor,
        now=now,
        after={"cause": cause.value, "detail": detail[:300]},
    )
    return True


def unlock(*, note: str, actor: audit.Actor, now: datetime) -> bool:
    """Agree to unlock; True once two people did. Whether it is right is the caller's.

    Raises PayoutsNotLocked, InvalidInput, SameUnlocker.
    """
    require_transaction()
    said = reasons.given(note, "请写明为什么可以继续打款，便于日后核对", field="note")
    row = _locked()
    if row.first_by == actor.ref:
        raise SameUnlocker()
    is_second = bool(row.first_by)
    if is_second:
        row.live, row.unlocked_at, row.unlocked_by, row.note = None, now, actor.ref, said
    else:
        row.first_by, row.first_note = actor.ref, said
    audit.record(
        "payout.unlock" if is_second else "payout.unlock_first",
        subject="payout_lock",
        subject_id=row.id,
        actor=actor,
        now=now,
        reason=said,
    )
    return is_second


def _locked() -> PayoutLock:
    found = db.session.scalar(sa.select(PayoutLock.id).filter_by(live=1))
    rows = lock_rows(PayoutLock, [found]) if found is not None else []
    if not rows or rows[0].live is None:
        raise PayoutsNotLocked()
    return rows[0]
