"""Reading batches of payouts by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.core.db import Rows, db
from app.core.errors import NotFound
from app.withdrawals.models import BY_HAND, Channel, Withdrawal, WithdrawalStatus
from app.withdrawals.payee_models import LineState, PayoutBatch, PayoutLine, WithdrawalPayee


@dataclass(frozen=True)
class Item:
    """A line with its withdrawal and its payee."""

    line: PayoutLine
    withdrawal: Withdrawal
    # None once the law lets it be forgotten.
    payee: WithdrawalPayee | None


def waiting() -> dict[Channel, tuple[int, int]]:
    """For each way by hand how many approved withdrawals wait, and their net in fen."""
    rows = db.session.execute(
        sa.select(Withdrawal.channel, sa.func.count(), sa.func.sum(Withdrawal.net_fen))
        .where(Withdrawal.status == WithdrawalStatus.APPROVED, Withdrawal.channel.in_(BY_HAND))
        .group_by(Withdrawal.channel)
    )
    found = {channel: (count, int(net)) for channel, count, net in rows}
    return {channel: found.get(channel, (0, 0)) for channel in BY_HAND}


def desk(channel: str = "") -> Rows:
    """Batches of one way of paying, or all, as the panel's list reads them."""
    query: Rows = sa.select(PayoutBatch)
    known = {str(way) for way in Channel}
    return query.where(PayoutBatch.channel == Channel(channel)) if channel in known else query


def by_number(number: str) -> PayoutBatch:
    """Raises NotFound."""
    found = db.session.scalar(sa.select(PayoutBatch).filter_by(number=number))
    if found is None:
        raise NotFound("打款批次不存在")
    return found


def items(batch_id: int) -> Sequence[Item]:
    """The lines of a batch in their order; at most `byhand.LINES_MAX`."""
    rows = db.session.execute(
        sa.select(PayoutLine, Withdrawal, WithdrawalPayee)
        .join(Withdrawal, Withdrawal.id == PayoutLine.withdrawal_id)
        .outerjoin(WithdrawalPayee, WithdrawalPayee.withdrawal_id == PayoutLine.withdrawal_id)
        .where(PayoutLine.batch_id == batch_id)
        .order_by(PayoutLine.id)
    )
    return [Item(*row) for row in rows]


def sums(batch_ids: Sequence[int]) -> Mapping[int, Mapping[LineState, tuple[int, int]]]:
    """For each batch the count and the amount of its lines by their state."""
    found: dict[int, dict[LineState, tuple[int, int]]] = {batch: {} for batch in batch_ids}
    if not found:
        return found
    rows = db.session.execute(
        sa.select(
            PayoutLine.batch_id,
            PayoutLine.state,
            sa.func.count(),
            sa.func.sum(PayoutLine.amount_fen),
        )
        .where(PayoutLine.batch_id.in_(found))
        .group_by(PayoutLine.batch_id, PayoutLine.state)
    )
    for batch, state, count, total in rows:
        found[batch][state] = (count, int(total))
    return found


def line_of(withdrawal_id: int) -> tuple[PayoutLine, PayoutBatch] | None:
    """Where a withdrawal is, or was, paid by hand: the newest line that it has."""
    row = db.session.execute(
        sa.select(PayoutLine, PayoutBatch)
        .join(PayoutBatch, PayoutBatch.id == PayoutLine.batch_id)
        .where(PayoutLine.withdrawal_id == withdrawal_id)
        .order_by(PayoutLine.id.desc())
        .limit(1)
    ).first()
    return (row[0], row[1]) if row else None
