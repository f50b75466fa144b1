"""Moving matured commissions into wallets (结算), in chunks of set-based statements."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import distribution, ledger, outbox, risk
from app.commission import cycles
from app.commission.models import CommissionDue as Due
from app.commission.models import SettlementBatch
from app.core.db import db, require_transaction
from app.core.rows import affected
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
            sa.func.count(sa.distinct(Due.member_id)),
            sa.func.coalesce(sa.func.sum(Due.amount_fen), 0),
        ).where(
            *_due(cycles.in_force().cutoff(now)),
            *(Due.member_id.not_in(members) for members in _left_out()),
        )
    ).one()
    return Settled(rows, members, int(amount))


def settle_chunk(
    now: datetime, *, after: int = 0, limit: int = 25_000
) -> tuple[Settled, int | None]:
    """Settle what matured by the newest payday of the next members, as one unit of work.

    Takes `limit` members who ever earned in the order of their ids, from behind `after`
    on, each with all that is due: so a run writes one pair of entries a member.
    Returns what was settled, and the `after` of the next chunk; None ends the run.

    The claim is one conditional UPDATE: any number of runs at once, or a run
    that died and came again, take each row once. Every claimed row names the
    posting through its batch (C4); the commissions themselves are written after
    that, by `filing.py`.
    """
    require_transaction()
    until = cycles.in_force().cutoff(now)
    last = _last_member(after, limit)
    span = [Due.member_id > after] + ([] if last is None else [Due.member_id <= last])
    batch = SettlementBatch(at=now)
    db.session.add(batch)
    db.session.flush()
    claimed = affected(
        sa.update(Due)
        .where(*_due(until), *span, Due.member_id.not_in(_locked_out()))
        .values(batch_id=batch.id)
    )
    if claimed == 0:
        # Nothing was due, or another run has just taken them.
        db.session.delete(batch)
        return Settled(), last
    posting, members, total = ledger.post_many(
        f"settlement:{batch.id}",
        event="commission_settled",
        source=AccountKind.PENDING,
        target=AccountKind.AVAILABLE,
        amounts=sa.select(Due.member_id, sa.func.sum(Due.amount_fen))
        .where(*span, Due.batch_id == batch.id)
        .group_by(Due.member_id),
        now=now,
    )
    batch.posting_id, batch.rows, batch.amount_fen = posting.id, claimed, total
    outbox.publish("commissions_settled", batch.id, now=now)
    return Settled(claimed, members, total), last


def _due(until: datetime) -> list[sa.ColumnElement[bool]]:
    return [Due.batch_id == 0, Due.mature_at <= until]


def _last_member(after: int, limit: int) -> int | None:
    """Up to whom a chunk goes; None where fewer are left.

    By their accounts: to count what is due of them takes a tenth of the run.
    """
    account = ledger.Account
    return db.session.scalar(
        sa.select(account.owner_id)
        .where(account.kind == AccountKind.PENDING, account.owner_id > after)
        .order_by(account.owner_id)
        .offset(limit - 1)
        .limit(1)
    )


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
