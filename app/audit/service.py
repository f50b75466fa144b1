from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.audit.models import AuditEntry, StateMove
from app.core import brief
from app.core.db import db, require_transaction
from app.core.rows import insert_plain


@dataclass(frozen=True)
class Actor:
    """Who acts: `admin:3`, `member:7`, `system:settle`, and from which address.

    `member_id` is the member whom an admin is as well: nobody decides about their
    own money.
    """

    ref: str
    address: str = ""
    member_id: int | None = None

    @classmethod
    def admin(cls, admin_id: int, address: str = "", *, member_id: int | None = None) -> "Actor":
        return cls(f"admin:{admin_id}", address, member_id)

    @classmethod
    def member(cls, member_id: int, address: str = "") -> "Actor":
        return cls(f"member:{member_id}", address)

    @classmethod
    def system(cls, part: str) -> "Actor":
        return cls(f"system:{part}")


def record(
    action: str,
    *,
    subject: str,
    subject_id: int,
    actor: Actor,
    now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Write one audit entry in the caller's transaction."""
    require_transaction()
    brief.forget_after_commit(db.session())
    db.session.add(
        AuditEntry(
            actor=actor.ref,
            address=actor.address,
            action=action,
            subject=subject,
            subject_id=subject_id,
            before=before,
            after=after,
            reason=reason,
            at=now,
        )
    )


def record_move(
    subject: str,
    subject_id: int,
    *,
    from_state: str,
    to_state: str,
    actor: Actor,
    now: datetime,
    note: str = "",
) -> int:
    """Write one state move in the caller's transaction; its id."""
    return insert_plain(
        StateMove,
        subject=subject,
        subject_id=subject_id,
        from_state=from_state,
        to_state=to_state,
        actor=actor.ref,
        note=note,
        at=now,
    )


def move_by_id(move_id: int) -> StateMove:
    """The move that a piece of news is about."""
    return db.session.get_one(StateMove, move_id)


def moves_of(subject: str, subject_id: int) -> Sequence[StateMove]:
    """The moves of one subject, oldest first."""
    return db.session.scalars(
        sa.select(StateMove)
        .filter_by(subject=subject, subject_id=subject_id)
        .order_by(StateMove.id)
    ).all()
