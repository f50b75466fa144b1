"""Writing into each commission which settlement took it (归档), once the money has moved."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from app.commission.models import Commission, CommissionStatus
from app.commission.models import CommissionDue as Due
from app.core.db import BigId, db, require_transaction
from app.core.rows import affected

# What is being filed. Of the connection alone, and outside of the models' own metadata:
# the triggers that guard commissions let no statement name their table and ours together.
_FILING = sa.Table(
    "commission_filing",
    sa.MetaData(),
    sa.Column("commission_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("batch_id", sa.BigInteger, nullable=False),
    prefixes=["TEMPORARY"],
)


def file_chunk(*, after: int = 0, limit: int = 100_000) -> tuple[int, int | None]:
    """File what settlements took, the members behind `after` first.

    Takes whole members until they have about `limit` commissions. Returns how many
    rows, and the `after` of the next chunk; None ends it.
    """
    require_transaction()
    taken = [Due.batch_id > 0, Due.member_id > after]
    last = db.session.scalar(
        sa.select(Due.member_id).where(*taken).order_by(Due.member_id).offset(limit - 1).limit(1)
    )
    return _file(taken if last is None else [*taken, Due.member_id <= last]), last


def file_now(rows: Sequence[Commission]) -> None:
    """File those of these locked commissions that a settlement took.

    What is due of the others stays locked: no settlement takes them meanwhile.
    """
    require_transaction()
    its = sa.or_(
        *(sa.and_(Due.member_id == row.member_id, Due.commission_id == row.id) for row in rows)
    )
    batches = db.session.scalars(sa.select(Due.batch_id).where(its).with_for_update())
    if any(batches.all()):
        _file([its, Due.batch_id > 0])
        for row in rows:
            db.session.refresh(row)


def _file(which: Sequence[sa.ColumnElement[bool]]) -> int:
    """File these; how many, without those that somebody else filed meanwhile."""
    db.session.execute(CreateTable(_FILING, if_not_exists=True))
    # The line may have filed others before.
    db.session.execute(sa.delete(_FILING))
    db.session.execute(
        sa.insert(_FILING).from_select(
            ["commission_id", "batch_id"],
            sa.select(Due.commission_id, Due.batch_id).where(*which),
        )
    )
    filed = affected(
        sa.update(Commission)
        .where(
            Commission.id == _FILING.c.commission_id,
            Commission.status == CommissionStatus.PENDING,
        )
        .values(
            batch_id=_FILING.c.batch_id,
            filed_batch_id=_FILING.c.batch_id,
            status=CommissionStatus.SETTLED,
            # As the settlement took it: it does not change before it is filed.
            settled_fen=Commission.amount_fen - Commission.reversed_fen,
        )
    )
    affected(
        sa.delete(Due).where(*which, Due.commission_id.in_(sa.select(_FILING.c.commission_id)))
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
