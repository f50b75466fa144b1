"""Invariant S1, for any subject whose moves are recorded."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from app.audit.models import StateMove
from app.core.db import Rows


def illegal_moves(
    subject: str,
    transitions: Mapping[Any, set[Any]],
    first_states: set[str],
    table: Any,
) -> Rows:
    """Moves outside `transitions`, moves that do not follow the last one, and
    subjects of `table` whose `status` is not where their last move ended."""
    chained = (
        sa.select(
            StateMove.id,
            StateMove.subject_id,
            StateMove.from_state,
            StateMove.to_state,
            sa.func.lag(StateMove.to_state)
            .over(partition_by=StateMove.subject_id, order_by=StateMove.id)
            .label("last_state"),
            sa.func.lead(StateMove.id)
            .over(partition_by=StateMove.subject_id, order_by=StateMove.id)
            .label("next_id"),
        )
        .where(StateMove.subject == subject)
        .subquery()
    )
    moves = chained.c
    legal = [
        sa.and_(moves.from_state == str(a), moves.to_state == str(b))
        for a, targets in transitions.items()
        for b in targets
    ]
    wrong = sa.or_(
        sa.and_(moves.last_state.is_(None), moves.from_state != ""),
        sa.and_(moves.last_state.is_(None), moves.to_state.not_in(first_states)),
        sa.and_(moves.last_state.is_not(None), moves.from_state != moves.last_state),
        sa.and_(moves.last_state.is_not(None), sa.not_(sa.or_(*legal))),
    )
    status = sa.cast(table.status, sa.String(24))
    return (
        sa.select(table.id.label(subject), status.label("status"), moves.to_state)
        .outerjoin(chained, moves.subject_id == table.id)
        .where(
            sa.or_(
                moves.id.is_(None),
                wrong,
                sa.and_(moves.next_id.is_(None), moves.to_state != status),
            )
        )
    )
