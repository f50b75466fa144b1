"""Taking a bill file into the database: chunk by chunk, counted only when whole."""

from datetime import date, datetime, timedelta

import sqlalchemy as sa

from app.core.db import db, run_unit
from app.core.rows import add_once, affected, insert_all, lock_one
from app.reconciliation import reading
from app.reconciliation.errors import BillRefused
from app.reconciliation.models import BillFile, BillKind, BillRow, FileState
from app.reconciliation.ports import BillSource
from app.reconciliation.reading import Bill, Row

# Whoever writes meanwhile waits for one chunk, not for a file.
CHUNK = 10_000
_DONE = (FileState.IMPORTED, FileState.EMPTY)


class Superseded(Exception):
    """Somebody else began to import the same file later."""


def bring(kind: BillKind, day: date, *, source: BillSource, mchid: str, now: datetime) -> FileState:
    """Fetch, check and store a bill unless it is here; return what it is then.

    A file that is not whole is kept as refused, with the reason and without a row.
    Raises BillNotReady, BillUnclear, Superseded.
    """
    state = state_of(kind, day)
    db.session.rollback()
    if state in _DONE:
        return state
    try:
        raw = source.fetch(kind, day)
        bill = reading.read(kind, day, raw, mchid=mchid) if raw else None
    except BillRefused as error:
        run_unit(_end, run_unit(_begin, kind, day, now), FileState.REFUSED, reason=error.message)
        return FileState.REFUSED
    claim = run_unit(_begin, kind, day, now)
    if bill is None:
        run_unit(_end, claim, FileState.EMPTY)
        return FileState.EMPTY
    for first in range(0, len(bill.rows), CHUNK):
        run_unit(_add, claim, kind, bill.rows[first : first + CHUNK])
    run_unit(_end, claim, FileState.IMPORTED, bill=bill)
    return FileState.IMPORTED


def state_of(kind: BillKind, day: date) -> FileState | None:
    return db.session.scalar(sa.select(BillFile.state).filter_by(day=day, kind=kind))


def file_of(kind: BillKind, day: date) -> BillFile | None:
    return db.session.scalar(sa.select(BillFile).filter_by(day=day, kind=kind))


def closing_before(day: date) -> int | None:
    """The account's balance after the last day before this one that has a flow bill.

    None unless the days in between are known to be empty.
    """
    last = db.session.scalars(
        sa.select(BillFile)
        .where(
            BillFile.kind == BillKind.FLOW,
            BillFile.day < day,
            BillFile.state == FileState.IMPORTED,
            BillFile.closing_fen.is_not(None),
        )
        .order_by(BillFile.day.desc())
        .limit(1)
    ).first()
    if last is None:
        return None
    between = db.session.scalar(
        sa.select(sa.func.count()).where(
            BillFile.kind == BillKind.FLOW,
            BillFile.day > last.day,
            BillFile.day < day,
            BillFile.state == FileState.EMPTY,
        )
    )
    return last.closing_fen if between == (day - last.day - timedelta(days=1)).days else None


def _begin(kind: BillKind, day: date, now: datetime) -> tuple[int, int]:
    """Claim the file; what an earlier attempt left of it goes."""
    add_once(BillFile(day=day, kind=kind, state=FileState.IMPORTING, fetched_at=now))
    file_id = db.session.execute(sa.select(BillFile.id).filter_by(day=day, kind=kind)).scalar_one()
    file = lock_one(BillFile, file_id, "账单不存在")
    if file.state in _DONE:
        raise Superseded
    affected(sa.delete(BillRow).where(BillRow.file_id == file.id))
    file.attempt += 1
    file.state, file.fetched_at, file.reason = FileState.IMPORTING, now, ""
    return file.id, file.attempt


def _add(claim: tuple[int, int], kind: BillKind, rows: list[Row]) -> None:
    file = _mine(claim)
    insert_all(
        BillRow,
        [
            {
                "file_id": file.id,
                "line": row.line,
                "kind": kind,
                "sort": row.sort,
                "at": row.at,
                "number": row.number[:64],
                "wx_number": row.wx_number[:64],
                "amount_fen": row.amount_fen,
            }
            for row in rows
        ],
    )


def _end(
    claim: tuple[int, int], state: FileState, *, bill: Bill | None = None, reason: str = ""
) -> None:
    file = _mine(claim)
    file.state, file.reason = state, reason[:200]
    if bill is not None:
        file.sha1, file.row_count = bill.sha1, len(bill.rows)
        file.opening_fen, file.closing_fen = bill.opening_fen, bill.closing_fen


def _mine(claim: tuple[int, int]) -> BillFile:
    file_id, attempt = claim
    file = lock_one(BillFile, file_id, "账单不存在")
    if file.attempt != attempt:
        raise Superseded
    return file
