"""Writing into each commission which settlement took it (归档), once the money has moved."""

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from app.commission.models import Commission, CommissionStatus
from app.commission.models import CommissionDue as Due
from app.core.db import affected, db, require_transaction

_DUE = sa.select(Due.member_id, Due.commission_id, Due.batch_id)


def file_chunk(*, after: int = 0, limit: int = 10_000) -> tuple[int, int | None]:
    """File what settlements took, the members from `after` on first.

    Returns how many rows, and the `after` of the next chunk; None ends it.
    """
    require_transaction()
    taken = db.session.execute(
        _DUE.where(Due.member_id >= after, Due.batch_id > 0)
        .order_by(Due.member_id, Due.commission_id)
        .limit(limit)
    ).all()
    return _file(taken), taken[-1].member_id if len(taken) == limit else None


def file_now(rows: Sequence[Commission]) -> None:
    """File those of these locked commissions that a settlement took.

    What is due of the others stays locked: no settlement takes them meanwhile.
    """
    require_transaction()
    its = [sa.and_(Due.member_id == row.member_id, Due.commission_id == row.id) for row in rows]
    due = db.session.execute(_DUE.where(sa.or_(*its)).with_for_update())
    if _file([row for row in due if row.batch_id]):
        for row in rows:
            db.session.refresh(row)


def _file(taken: Sequence[sa.Row[int, int, int]]) -> int:
    """File commissions under their batches; those that somebody else filed stay."""
    if not taken:
        return 0
    by_batch: dict[int, list[int]] = defaultdict(list)
    for row in taken:
        by_batch[row.batch_id].append(row.commission_id)
    filed = sum(
        affected(
            sa.update(Commission)
            # Not by `batch_id`, whose key an engine may walk instead.
            .where(Commission.id.in_(ids), Commission.status == CommissionStatus.PENDING)
            .values(
                batch_id=batch_id,
                filed_batch_id=batch_id,
                status=CommissionStatus.SETTLED,
                # As the settlement took it: it does not change before it is filed.
                settled_fen=Commission.amount_fen - Commission.reversed_fen,
            )
        )
        for batch_id, ids in by_batch.items()
    )
    members = [row.member_id for row in taken]
    affected(
        sa.delete(Due).where(
            Due.member_id.between(min(members), max(members)),
            Due.commission_id.in_([row.commission_id for row in taken]),
        )
    )
    return filed


def settled_in(batch_ids: Sequence[int] | None = None) -> sa.Subquery:
    """What these settlements took, or all of them, filed or not.

    Columns: batch_id, commission_id, member_id, order_id, settled_fen.
    """
    filed = sa.select(
        Commission.batch_id,
        Commission.id.label("commission_id"),
        Commission.member_id,
        Commission.order_id,
        Commission.settled_fen,
    ).where(Commission.batch_id > 0 if batch_ids is None else Commission.batch_id.in_(batch_ids))
    taken = (
        sa.select(Due.batch_id, Due.commission_id, Due.member_id, Commission.order_id)
        .add_columns(Due.amount_fen)
        .join(Commission, Commission.id == Due.commission_id)
        .where(Due.batch_id > 0 if batch_ids is None else Due.batch_id.in_(batch_ids))
    )
    return filed.union_all(taken).subquery("settled")
