"""Writes that happen once however often a client sends them (幂等).

A claim is committed before the work begins, so that a second sender is told to wait.
The answer is kept in the work's own transaction: what was done has its answer, and
a claim without one means that nothing was done. So a claim whose process died may be
taken over after its turn, and a process that wakes up late cannot commit any more.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.core.db import db, require_transaction
from app.core.rows import add_once, affected
from app.integrations.errors import InProgress, KeyReused
from app.integrations.models import ApiWrite

KEPT = timedelta(hours=24)
# Longer than any request may take.
TURN = timedelta(minutes=2)


@dataclass(frozen=True)
class Claim:
    """The right to do it."""

    write_id: int
    turn: str


@dataclass(frozen=True)
class Answer:
    """What came of it before."""

    status: int
    body: str


def fingerprint(method: str, address: str, body: bytes) -> str:
    """What makes two requests the same."""
    return hashlib.sha256(f"{method} {address}\n".encode() + body).hexdigest()


def claim(owner: str, key: str, *, print_: str, now: datetime) -> Claim | Answer:
    """Take the turn, or the answer of whoever had it before.

    Raises:
        KeyReused: the key named another request.
        InProgress: somebody works on it now.
    """
    require_transaction()
    turn = secrets.token_hex(16)
    row = ApiWrite(
        owner=owner,
        key_hash=hashlib.sha256(key.encode()).hexdigest(),
        fingerprint=print_,
        turn=turn,
        turn_ends_at=now + TURN,
        created_at=now,
    )
    if add_once(row):
        return Claim(row.id, turn)
    known = db.session.scalars(
        sa.select(ApiWrite)
        .filter_by(owner=owner, key_hash=row.key_hash)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if known is None:
        # Dropped in this moment; whoever asks again has it.
        raise InProgress()
    if known.created_at <= now - KEPT:
        # Past its time, only not swept yet.
        known.status = known.body = None
        known.fingerprint, known.created_at = print_, now
    elif known.fingerprint != print_:
        raise KeyReused()
    elif known.status is not None and known.body is not None:
        return Answer(known.status, known.body)
    elif known.turn_ends_at > now:
        raise InProgress()
    known.turn, known.turn_ends_at = turn, now + TURN
    return Claim(known.id, turn)


def finish(taken: Claim, *, status: int, body: str) -> None:
    """Keep the answer, in the work's own unit. Raises InProgress if the turn was lost."""
    row = db.session.scalars(
        sa.select(ApiWrite)
        .filter_by(id=taken.write_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None or row.turn != taken.turn or row.status is not None:
        raise InProgress()
    row.status, row.body = status, body


def release(taken: Claim) -> None:
    """Nothing was done, and the next one may try at once."""
    affected(
        sa.delete(ApiWrite).where(
            ApiWrite.id == taken.write_id,
            ApiWrite.turn == taken.turn,
            ApiWrite.status.is_(None),
        )
    )


def tidy(now: datetime) -> int:
    """Drop what is older than a day."""
    return affected(sa.delete(ApiWrite).where(ApiWrite.created_at <= now - KEPT))
