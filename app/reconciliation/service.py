"""Keeping what a match found, closing breaks, unlocking payouts."""

from datetime import date, datetime, timedelta

import sqlalchemy as sa

from app import audit, withdrawals
from app.core import reasons
from app.core.db import db, require_transaction
from app.core.rows import lock_one
from app.reconciliation import matching, queries
from app.reconciliation.errors import BreaksOpen, DaysMissing
from app.reconciliation.importing import state_of
from app.reconciliation.matching import Found
from app.reconciliation.models import (
    BillKind,
    Break,
    DayState,
    FileState,
    ReconciledDay,
)
from app.withdrawals import LockCause

SYSTEM = audit.Actor.system("reconcile")


def keep(day: date, *, now: datetime) -> ReconciledDay:
    """Match a day whose bills are here and keep what came of it, again and again.

    A break that is not there any more closes itself; one that a person closed stays
    closed unless its amounts changed. Open breaks lock payouts in the same unit.
    """
    require_transaction()
    row = _day(day, now)
    if any(state_of(kind, day) is FileState.REFUSED for kind in BillKind):
        row.state, row.sums, row.break_count, row.in_flight = DayState.REFUSED, {}, 0, 0
        return row
    found = matching.match(day, now=now)
    open_count = _keep_breaks(day, found.breaks, now) + found.break_count - len(found.breaks)
    row.sums, row.in_flight, row.break_count = found.sums, found.in_flight, found.break_count
    row.state = DayState.BREAKS if open_count else DayState.AGREES
    if open_count:
        withdrawals.locks.lock(
            LockCause.BOOKS,
            f"{day} 的微信账单有 {open_count} 处差异",
            actor=SYSTEM,
            now=now,
        )
    return row


def close_break(break_id: int, *, reason: str, actor: audit.Actor, now: datetime) -> None:
    """Say why a break is none, or what was done. Raises NotFound, InvalidInput."""
    require_transaction()
    row = lock_one(Break, break_id, "记录不存在")
    said = reasons.given(reason, "请写明原因或处理结果，便于日后核对")
    if row.closed_at is not None:
        return
    row.closed_at, row.closed_by, row.reason = now, actor.ref, said
    audit.record(
        "reconciliation.close",
        subject="reconciliation_break",
        subject_id=row.id,
        actor=actor,
        now=now,
        after={"reference": row.reference},
        reason=row.reason,
    )
    db.session.flush()
    day = db.session.scalar(sa.select(ReconciledDay).filter_by(day=row.day).with_for_update())
    if day is not None and day.state is DayState.BREAKS and not queries.open_breaks(row.day):
        day.state = DayState.AGREES


def unlock(*, note: str, actor: audit.Actor, now: datetime) -> bool:
    """Agree to unlock payouts; True once two people did.

    Raises:
        BreaksOpen: somebody must look at what disagrees first.
        DaysMissing: a backup was restored, and not every day since is reconciled.
        PayoutsNotLocked, SameUnlocker, InvalidInput: as `withdrawals.locks.unlock`.
    """
    require_transaction()
    if queries.open_breaks():
        raise BreaksOpen()
    if days_missing():
        raise DaysMissing()
    return withdrawals.locks.unlock(note=note, actor=actor, now=now)


def days_missing() -> list[date]:
    """Days that must be reconciled before the lock may end."""
    lock = withdrawals.locks.current()
    if lock is None or lock.from_day is None or lock.to_day is None:
        return []
    wanted = [
        lock.from_day + timedelta(days=number)
        for number in range((lock.to_day - lock.from_day).days + 1)
    ]
    done = set(
        db.session.scalars(
            sa.select(ReconciledDay.day).where(
                ReconciledDay.day.in_(wanted),
                ReconciledDay.state == DayState.AGREES,
                # Matched after the lock: with what is here now.
                ReconciledDay.checked_at >= lock.locked_at,
            )
        )
    )
    return [day for day in wanted if day not in done]


def _day(day: date, now: datetime) -> ReconciledDay:
    found = db.session.scalar(
        sa.select(ReconciledDay)
        .filter_by(day=day)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        found = ReconciledDay(day=day, state=DayState.AGREES, sums={}, checked_at=now)
        db.session.add(found)
        db.session.flush()
    found.checked_at = now
    return found


def _keep_breaks(day: date, found: list[Found], now: datetime) -> int:
    """Write what was found, close what was not; return how many of them are open."""
    wanted = {(row.kind, row.reference): row for row in found}
    known = {
        (row.kind, row.reference): row
        for row in db.session.scalars(
            sa.select(Break).where(
                sa.or_(
                    Break.day == day,
                    Break.reference.in_([row.reference for row in found]),
                )
            )
        )
    }
    is_open = 0
    for key, row in wanted.items():
        old = known.get(key)
        amounts = (row.ledger_fen, row.request_fen, row.bill_fen)
        if old is None:
            db.session.add(
                Break(
                    day=day,
                    kind=row.kind,
                    reference=row.reference,
                    wx_number=row.wx_number,
                    ledger_fen=row.ledger_fen,
                    request_fen=row.request_fen,
                    bill_fen=row.bill_fen,
                    found_at=now,
                )
            )
            is_open += 1
            continue
        is_same = (old.ledger_fen, old.request_fen, old.bill_fen) == amounts
        by_itself = old.closed_by == SYSTEM.ref
        if old.closed_at is not None and (not is_same or by_itself):
            old.closed_at, old.closed_by, old.reason = None, "", ""
            old.found_at = now
        old.ledger_fen, old.request_fen, old.bill_fen = amounts
        is_open += old.closed_at is None
    for key, old in known.items():
        if key not in wanted and old.day == day and old.closed_at is None:
            old.closed_at, old.closed_by = now, SYSTEM.ref
            old.reason = "复核时已对上"
    return is_open
