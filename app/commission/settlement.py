"""Moving matured commissions into wallets (结算), in chunks of set-based statements."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import distribution, ledger, outbox
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
        ).where(*_due(now))
    ).one()
    return Settled(rows, members, int(amount))


def settle_chunk(now: datetime, *, limit: int = 10_000) -> Settled:
    """Settle at most `limit` matured commissions as one unit of work.

    The claim is one conditional UPDATE: any number of runs at once, or a run
    that died and came again, take each row once. One posting with one pair of
    entries a member; every claimed row names it through its batch (C4).
    """
    require_transaction()
    batch = SettlementBatch(at=now)
    db.session.add(batch)
    db.session.flush()
    claimed = affected(_claim(batch.id, now, limit))
    if claimed == 0:
        db.session.delete(batch)
        return Settled()
    amounts = (
        sa.select(Commission.member_id, sa.func.sum(Commission.settled_fen).label("amount_fen"))
        .where(Commission.batch_id == batch.id)
        .group_by(Commission.member_id)
        .subquery()
    )
    members, total = db.session.execute(
        sa.select(sa.func.count(), sa.func.sum(amounts.c.amount_fen)).select_from(amounts)
    ).one()
    posting = ledger.post_many(
        f"settlement:{batch.id}",
        event="commission_settled",
        source=AccountKind.PENDING,
        target=AccountKind.AVAILABLE,
        amounts=amounts,
        now=now,
    )
    batch.posting_id, batch.rows, batch.amount_fen = posting.id, claimed, int(total)
    outbox.publish("commissions_settled", batch.id, now=now)
    return Settled(claimed, members, int(total))


def _standing() -> sa.ColumnElement[int]:
    return Commission.amount_fen - Commission.reversed_fen


def _due(now: datetime) -> list[sa.ColumnElement[bool]]:
    suspended = sa.select(distribution.Distributor.member_id).where(
        distribution.Distributor.status == distribution.DistributorStatus.SUSPENDED
    )
    return [
        Commission.mature_at <= now,
        Commission.batch_id == 0,
        Commission.status == CommissionStatus.PENDING,
        Commission.member_id.not_in(suspended),
    ]


def _claim(batch_id: int, now: datetime, limit: int) -> sa.Update:
    change = {
        "batch_id": batch_id,
        "status": CommissionStatus.SETTLED,
        "settled_at": now,
        "settled_fen": _standing(),
    }
    order = (Commission.mature_at, Commission.id)
    if db.session.get_bind().dialect.name == "sqlite":
        first = sa.select(Commission.id).where(*_due(now)).order_by(*order).limit(limit)
        return sa.update(Commission).where(Commission.id.in_(first)).values(change)
    # MariaDB refuses LIMIT in an IN subquery; a derived table is read first.
    due = sa.select(Commission.id).where(*_due(now)).order_by(*order).limit(limit).subquery()
    return (
        sa.update(Commission)
        .where(Commission.id == due.c.id, Commission.batch_id == 0)
        .values(change)
    )
