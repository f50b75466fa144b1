"""The chain over the audit entries (操作日志的哈希链): a row taken out or changed shows.

Entries are sealed after their commit, by a job, in the order in which it finds them:
seal n holds a keyed hash over entry n and over seal n - 1. Writing an entry takes no
lock for it. A chain that each writer continued for itself would make every act of the
whole shop wait for the one before it, and an act that is rolled back would break it.

The hash is keyed (`DATA_KEYS`), so that nobody can make a chain anew who has the
database alone. What no chain can show by itself is that its newest seals are gone
together with their entries: note `head` elsewhere, the job logs it, and give it to
`verify`.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.audit.models import AuditEntry, AuditSeal
from app.core import crypto
from app.core.db import db, require_transaction
from app.core.rows import insert_now

# Entries may become visible in another order than that of their ids, as their
# transactions end. So far back is looked for those that came late.
WINDOW = 10_000
CHUNK = 500


@dataclass(frozen=True)
class Break:
    """The first place where the chain does not hold."""

    seq: int
    entry_id: int
    why: str  # `gap`, `removed`, `changed`, `unsealed` or `cut`


@dataclass(frozen=True)
class Verdict:
    """What came of a walk along the chain; `head` is its last seal, as `seq:hash`."""

    seals: int
    head: str
    broken: Break | None


def seal_chunk(now: datetime, *, since: int | None = None) -> int:
    """Seal up to `CHUNK` entries that were not; return how many.

    `since` is the entry id after which is looked; by default a window behind the
    newest one. Two at once do no harm: one of them seals nothing.
    """
    require_transaction()
    last = db.session.scalars(
        sa.select(AuditSeal).order_by(AuditSeal.seq.desc()).limit(1).with_for_update()
    ).first()
    seq, former = (last.seq, last.hash) if last else (0, "")
    if since is None:
        newest = db.session.scalar(sa.select(sa.func.max(AuditSeal.entry_id))) or 0
        since = newest - WINDOW
    open_entries = db.session.scalars(
        sa.select(AuditEntry)
        .outerjoin(AuditSeal, AuditSeal.entry_id == AuditEntry.id)
        .where(AuditEntry.id > since, AuditSeal.seq.is_(None))
        .order_by(AuditEntry.id)
        .limit(CHUNK)
    ).all()
    for count, entry in enumerate(open_entries, 1):
        former = chained(former, entry)
        made = AuditSeal(seq=seq + count, entry_id=entry.id, hash=former, sealed_at=now)
        try:
            insert_now(made)
        except IntegrityError:
            # Somebody else continued from the same seal, and goes on.
            if count > 1:
                raise
            return 0
    return len(open_entries)


def head() -> str:
    """The newest seal as `seq:hash`, to be noted where the database does not reach."""
    last = db.session.scalars(sa.select(AuditSeal).order_by(AuditSeal.seq.desc()).limit(1)).first()
    return f"{last.seq}:{last.hash}" if last else "0:"


def verify(noted: str = "") -> Verdict:
    """Walk along the whole chain and name the first break, if any.

    `noted` is a `head` of earlier, which must still be there.
    """
    verdict = walk(_sealed(), noted)
    if verdict.broken is None and (missed := _unsealed()):
        return Verdict(verdict.seals, verdict.head, Break(0, missed, "unsealed"))
    return verdict


def walk(sealed: Iterable[tuple[AuditSeal, AuditEntry | None]], noted: str = "") -> Verdict:
    """`verify` over these seals, in order, each with its entry."""
    former, seq = "", 0
    wanted_seq, _, wanted_hash = noted.partition(":")
    for seal, entry in sealed:
        why = ""
        if seal.seq != seq + 1:
            why = "gap"
        elif entry is None:
            why = "removed"
        elif seal.hash != chained(former, entry):
            why = "changed"
        elif wanted_seq == str(seal.seq) and wanted_hash != seal.hash:
            why = "cut"
        if why:
            return Verdict(seq, f"{seq}:{former}", Break(seal.seq, seal.entry_id, why))
        seq, former = seal.seq, seal.hash
    cut = wanted_seq.isdigit() and int(wanted_seq) > seq
    return Verdict(seq, f"{seq}:{former}", Break(seq + 1, 0, "cut") if cut else None)


def chained(former: str, entry: AuditEntry) -> str:
    """The hash of a seal: over everything the entry says and over the seal before it."""
    said = [
        former,
        entry.id,
        entry.actor,
        entry.action,
        entry.subject,
        entry.subject_id,
        entry.before,
        entry.after,
        entry.reason,
        entry.address,
        entry.at.isoformat(timespec="microseconds"),
    ]
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return crypto.keyring().chain_hash(text)


def _sealed() -> Iterator[tuple[AuditSeal, AuditEntry | None]]:
    """Every seal with its entry, by parts, so that a long log needs little memory."""
    after = 0
    while True:
        rows = db.session.execute(
            sa.select(AuditSeal, AuditEntry)
            .outerjoin(AuditEntry, AuditEntry.id == AuditSeal.entry_id)
            .where(AuditSeal.seq > after)
            .order_by(AuditSeal.seq)
            .limit(CHUNK)
        ).all()
        yield from ((seal, entry) for seal, entry in rows)
        if len(rows) < CHUNK:
            return
        after = rows[-1][0].seq
        db.session.expunge_all()


def _unsealed() -> int:
    """An entry so old that it should have been sealed long ago, or 0."""
    newest = db.session.scalar(sa.select(sa.func.max(AuditSeal.entry_id))) or 0
    return (
        db.session.scalar(
            sa.select(sa.func.min(AuditEntry.id))
            .outerjoin(AuditSeal, AuditSeal.entry_id == AuditEntry.id)
            .where(AuditSeal.seq.is_(None), AuditEntry.id <= newest - WINDOW)
        )
        or 0
    )
