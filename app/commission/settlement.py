"""Moving matured commissions into wallets (结算), in chunks of set-based statements."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import distribution, ledger, outbox, risk
from app.commission import cycles
from app.commission.models import Commission, CommissionStatus, SettlementBatch
from app.core.db import affected, db, require_transaction
from app.ledger import AccountKind

# MariaDB would read the whole table for each chunk.
_BY_KEY = "FORCE INDEX (ix_commissions_batch_id_member_id_mature_at)"
_MARIADB = ("mysql", "mariadb")


@dataclass(frozen=True)
class Settled:
    """How many commissions, of how many members, and how much."""

    rows: int = 0
    members: int = 0
    amount_fen: int = 0

    def __add__(self, other: "Settled") -> "Settled":
        return Settled(
            self.rows + other.rows,
            self.members + other.members,
            self.amount_fen + other.amount_fen,
        )


def count_due(now: datetime) -> Settled:
    """What a run would settle now; nothing changes (dry run)."""
    rows, members, amount = db.session.execute(
        sa.select(
            sa.func.count(),
            sa.func.count(sa.distinct(Commission.member_id)),
            sa.func.coalesce(sa.func.sum(_standing()), 0),
        ).where(
            *_due(cycles.in_force().cutoff(now)),
            *(Commission.member_id.not_in(members) for members in _left_out()),
        )
    ).one()
    return Settled(rows, members, int(amount))


def settle_chunk(
    now: datetime, *, after: int = 0, limit: int = 250_000
) -> tuple[Settled, int | None]:
    """Settle what matured by the newest payday of the next members, as one unit of work.

    Takes whole members in the order of their ids, from behind `after` on, until they
    have `limit` commissions together: so a run writes one pair of entries a member.
    Returns what was settled, and the `after` of the next chunk; None ends the run.

    The claim is one conditional UPDATE: any number of runs at once, or a run
    that died and came again, take each row once. Every claimed row names the
    posting through its batch (C4).
    """
    require_transaction()
    until = cycles.in_force().cutoff(now)
    # By what the key alone says: a chunk may turn out smaller.
    matured = [Commission.filed_batch_id == 0, Commission.mature_at <= until]
    last = _last_member(matured, after, limit)
    batch = SettlementBatch(at=now)
    db.session.add(batch)
    db.session.flush()
    claimed = affected(_claim(batch.id, until, after, last))
    if claimed == 0:
        # Nothing was due, or another run has just taken them.
        db.session.delete(batch)
        return Settled(), last
    posting, members, total = ledger.post_many(
        f"settlement:{batch.id}",
        event="commission_settled",
        source=AccountKind.PENDING,
        target=AccountKind.AVAILABLE,
        amounts=_sums(batch.id, after, last),
        now=now,
    )
    batch.posting_id, batch.rows, batch.amount_fen = posting.id, claimed, total
    outbox.publish("commissions_settled", batch.id, now=now)
    return Settled(claimed, members, total), last


def _standing() -> sa.ColumnElement[int]:
    return Commission.amount_fen - Commission.reversed_fen


def _due(until: datetime) -> list[sa.ColumnElement[bool]]:
    return [
        # What is filed stays out of the walk.
        Commission.filed_batch_id == 0,
        Commission.batch_id == 0,
        Commission.mature_at <= until,
        Commission.status == CommissionStatus.PENDING,
    ]


def _left_out() -> list[sa.Select[int]]:
    """Members whose commissions wait for a person."""
    suspended = sa.select(distribution.Distributor.member_id).where(
        distribution.Distributor.status == distribution.DistributorStatus.SUSPENDED
    )
    return [suspended, risk.held()]


def _locked_out() -> set[int]:
    """Their ids, who stay so until this unit of work ends.

    Asked first, since an UPDATE would ask MariaDB again for each row.
    """
    return {
        member_id
        for query in _left_out()
        for member_id in db.session.scalars(query.with_for_update(read=True))
    }


def file_chunk(*, after: int = 0, limit: int = 10_000) -> tuple[int, int | None]:
    """Bring the key up to date for what was settled, members behind `after` first.

    Apart from the settlement, which it would make three times as long: nothing waits
    for it, and what is not filed yet is found all the same (`Commission.of_batches`).
    Returns how many rows, and the `after` of the next chunk; None ends it.
    """
    require_transaction()
    unfiled = Commission.filed_batch_id == 0
    last = _last_member([unfiled], after, limit)
    filed = affected(
        sa.update(Commission)
        .where(unfiled, Commission.batch_id > 0, *_span(after, last))
        .values(filed_batch_id=Commission.batch_id)
    )
    return filed, last


def _last_member(which: list[sa.ColumnElement[bool]], after: int, limit: int) -> int | None:
    """Up to whom a chunk of about `limit` goes; None where fewer are left."""
    return db.session.scalar(
        sa.select(Commission.member_id)
        .where(*which, Commission.member_id > after)
        .order_by(Commission.member_id)
        .offset(limit - 1)
        .limit(1)
    )


def _span(after: int, last: int | None) -> list[sa.ColumnElement[bool]]:
    span = [Commission.member_id > after]
    return span if last is None else [*span, Commission.member_id <= last]


def _claim(batch_id: int, until: datetime, after: int, last: int | None) -> sa.Update:
    query = sa.update(Commission).where(
        *_due(until), Commission.member_id.not_in(_locked_out()), *_span(after, last)
    )
    for dialect in _MARIADB:
        query = query.with_hint(_BY_KEY, dialect_name=dialect)
    return query.values(
        batch_id=batch_id,
        status=CommissionStatus.SETTLED,
        settled_fen=_standing(),
    )


def _sums(batch_id: int, after: int, last: int | None) -> sa.Select[int, int]:
    """What each member gets by this batch."""
    query = (
        sa.select(Commission.member_id, sa.func.sum(Commission.settled_fen))
        .where(Commission.batch_id == batch_id, Commission.filed_batch_id == 0, *_span(after, last))
        .group_by(Commission.member_id)
    )
    for dialect in _MARIADB:
        query = query.with_hint(Commission, _BY_KEY, dialect)
    return query
