"""Moving matured commissions into wallets (结算), in chunks of set-based statements."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import distribution, ledger, outbox, risk
from app.commission import cycles
from app.commission.models import Commission, CommissionStatus, SettlementBatch
from app.core.db import affected, db, require_transaction
from app.ledger import AccountKind


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
        ).where(*_due(cycles.in_force().cutoff(now)))
    ).one()
    return Settled(rows, members, int(amount))


def settle_chunk(
    now: datetime, *, after: int = 0, limit: int = 50_000
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
    last = _last_member(until, after, limit)
    batch = SettlementBatch(at=now)
    db.session.add(batch)
    db.session.flush()
    claimed = affected(_claim(batch.id, until, after, last))
    if claimed == 0:
        # Nothing was due, or another run has just taken them.
        db.session.delete(batch)
        return Settled(), last
    taken = sa.select(Commission.member_id).where(Commission.batch_id == batch.id)
    posting, members, total = ledger.post_many(
        f"settlement:{batch.id}",
        event="commission_settled",
        source=AccountKind.PENDING,
        target=AccountKind.AVAILABLE,
        members=taken.distinct().subquery(),
        amounts=taken.add_columns(sa.func.sum(Commission.settled_fen).label("amount_fen"))
        .group_by(Commission.member_id)
        .subquery(),
        now=now,
    )
    batch.posting_id, batch.rows, batch.amount_fen = posting.id, claimed, total
    outbox.publish("commissions_settled", batch.id, now=now)
    return Settled(claimed, members, total), last


def _standing() -> sa.ColumnElement[int]:
    return Commission.amount_fen - Commission.reversed_fen


def _due(until: datetime) -> list[sa.ColumnElement[bool]]:
    suspended = sa.select(distribution.Distributor.member_id).where(
        distribution.Distributor.status == distribution.DistributorStatus.SUSPENDED
    )
    return [
        # What is settled has a batch: the walk meets open commissions only.
        Commission.batch_id == 0,
        Commission.mature_at <= until,
        Commission.status == CommissionStatus.PENDING,
        Commission.member_id.not_in(suspended),
        Commission.member_id.not_in(risk.held()),
    ]


def _last_member(until: datetime, after: int, limit: int) -> int | None:
    """Up to whom a chunk of about `limit` goes; None where fewer are left."""
    return db.session.scalar(
        sa.select(Commission.member_id)
        .where(*_due(until), Commission.member_id > after)
        .order_by(Commission.member_id)
        .offset(limit - 1)
        .limit(1)
    )


def _claim(batch_id: int, until: datetime, after: int, last: int | None) -> sa.Update:
    span = [Commission.member_id > after]
    if last is not None:
        span.append(Commission.member_id <= last)
    return (
        sa.update(Commission)
        .where(*_due(until), *span)
        .values(
            batch_id=batch_id,
            status=CommissionStatus.SETTLED,
            settled_fen=_standing(),
        )
    )
