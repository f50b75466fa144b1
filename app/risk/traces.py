from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.core.crypto import keyring
from app.core.db import db, require_transaction
from app.core.rows import add_once, affected
from app.risk.models import RiskTrace, TraceKind

# Long enough to see a habit, no longer than that needs.
KEPT = timedelta(days=365)


def phone_digest(phone: str) -> str:
    """The same hash by which applications are found by phone (`Distributor.phone_hash`)."""
    return keyring().search_hash(phone.strip())


def address_digest(region: str, detail: str) -> str:
    """Spaces do not tell two doors apart."""
    return keyring().search_hash("address:" + "".join(f"{region}{detail}".split()))


def note_device(member_id: int, token: str, *, now: datetime) -> None:
    """Remember the browser that a member logged in with; `token` is its random mark."""
    note(member_id, TraceKind.DEVICE, keyring().search_hash(f"device:{token}"), now=now)


def note(member_id: int, kind: TraceKind, digest: str, *, now: datetime) -> None:
    require_transaction()
    seen_again = affected(
        sa.update(RiskTrace)
        .where(RiskTrace.member_id == member_id, RiskTrace.kind == kind, RiskTrace.digest == digest)
        .values(seen_at=now)
    )
    if not seen_again:
        add_once(RiskTrace(member_id=member_id, kind=kind, digest=digest, seen_at=now))


def digests(member_ids: Iterable[int]) -> dict[tuple[int, TraceKind], set[str]]:
    """What each of these members used."""
    found: dict[tuple[int, TraceKind], set[str]] = {}
    rows = db.session.execute(
        sa.select(RiskTrace.member_id, RiskTrace.kind, RiskTrace.digest).where(
            RiskTrace.member_id.in_(set(member_ids))
        )
    )
    for member_id, kind, digest in rows:
        found.setdefault((member_id, kind), set()).add(digest)
    return found


def forget(member_id: int) -> None:
    """The account is being deleted: what it used is nobody's any more."""
    affected(sa.delete(RiskTrace).where(RiskTrace.member_id == member_id))


def tidy(now: datetime) -> int:
    """Drop what was not seen for a year; return how many."""
    return affected(sa.delete(RiskTrace).where(RiskTrace.seen_at < now - KEPT))
