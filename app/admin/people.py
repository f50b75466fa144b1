"""Names for the actors that audit rows store (`admin:3`, `member:7`, `system:settle`)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app import audit, members
from app.admin import words
from app.admin.models import Admin
from app.core.db import db


def names(refs: Iterable[str]) -> dict[str, str]:
    """A name for each actor, in two queries whatever their number."""
    wanted = {ref for ref in refs if ref}
    by_kind: dict[str, set[int]] = {"admin": set(), "member": set()}
    for ref in wanted:
        kind, _, rest = ref.partition(":")
        if kind in by_kind and rest.isdigit():
            by_kind[kind].add(int(rest))
    found: dict[str, str] = {}
    if by_kind["admin"]:
        rows = db.session.execute(
            sa.select(Admin.id, Admin.name).where(Admin.id.in_(by_kind["admin"]))
        )
        found |= {f"admin:{admin_id}": name for admin_id, name in rows}
    found |= {
        f"member:{m.id}": m.display_name for m in members.names_of(by_kind["member"]).values()
    }
    for ref in wanted - found.keys():
        kind, _, rest = ref.partition(":")
        found[ref] = f"系统·{words.SYSTEM.get(rest, rest)}" if kind == "system" else ref
    return found


def timeline(
    moves: Sequence[audit.StateMove], said: Mapping[str, words.Word]
) -> list[dict[str, Any]]:
    """State moves as the kit's timeline wants them, newest first."""
    called = names(move.actor for move in moves)
    return [
        {
            "at": move.at,
            "who": called.get(move.actor, ""),
            "what": words.word(said, move.to_state)[0],
            "note": move.note,
            "tone": words.word(said, move.to_state)[1],
        }
        for move in reversed(moves)
    ]
