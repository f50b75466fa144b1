"""Who did what, when (审计): append-only, written in the act's own transaction.

`record` keeps an admin's or a system's act with what was before and after;
`record_move` keeps each state move of an order, a withdrawal, a distributor.
Invariant S1 replays the moves against the tables of legal moves; `chain` seals the
entries, so that one that was removed or changed shows.
"""

from app.audit.models import AuditEntry, AuditSeal, StateMove
from app.audit.queries import (
    Search,
    entries_by_parts,
    entries_of,
    known_actors,
    newest_entry_id,
)
from app.audit.service import Actor, move_by_id, moves_of, record, record_move

__all__ = [
    "Actor",
    "AuditEntry",
    "AuditSeal",
    "Search",
    "StateMove",
    "entries_by_parts",
    "entries_of",
    "known_actors",
    "move_by_id",
    "moves_of",
    "newest_entry_id",
    "record",
    "record_move",
]
