"""Who leads (领先分销员) over a span whose past is kept summed, today included.

Thousands sell on a busy day and ten lead. The database ranks today's sellers by what they
have in all and hands over those ten, not everybody.
"""

from datetime import date, datetime

import sqlalchemy as sa

from app.core.db import db
from app.reports.figures import facts
from app.reports.figures.models import Dimension, SpanFigure
from app.reports.figures.queries import Live, Sums, by_key, kept_days, today

SELLER_MEASURES = ("orders", "sales_fen", "commissions_fen", "members")
_SELLER = Dimension.DISTRIBUTOR


def leading_sellers(
    first: date, last: date, *, now: datetime, limit: int
) -> list[tuple[int, Sums]]:
    """The distributors with the most sales from `first` to `last`, as `by_key` has them."""
    days = kept_days(first, last, now)
    if days is not None:
        found = _ranked(days, today(now), limit)
        # With fewer, those who earned without a sale of their own follow.
        if len(found) == limit and found[-1][1].sales_fen:
            return found
    return by_key(_SELLER, first, last, now=now, limit=limit, measures=SELLER_MEASURES)


def _ranked(days: int, live: Live, limit: int) -> list[tuple[int, Sums]]:
    span = sa.and_(SpanFigure.days == days, SpanFigure.dimension == _SELLER)
    # Who sold nothing today and leads, leads here as well.
    before = db.session.scalars(
        sa.select(SpanFigure.key_id).where(span).order_by(SpanFigure.sales_fen.desc()).limit(limit)
    ).all()
    sold = facts.sold_directly(live.day, live.until).subquery()
    whole = sold.c.sales_fen + sa.func.coalesce(SpanFigure.sales_fen, 0)
    rows = db.session.execute(
        sa.select(sold.c.member_id, sold.c.orders, sold.c.sales_fen)
        .outerjoin(SpanFigure, sa.and_(span, SpanFigure.key_id == sold.c.member_id))
        .order_by(sa.case((sold.c.member_id.in_(before), 0), else_=1), whole.desc())
        .limit(2 * limit)
    )
    sums = {key: Sums(orders=int(orders), sales_fen=int(fen)) for key, orders, fen in rows}
    keys = {*before, *sums}
    for key, fen in db.session.execute(facts.earned(live.day, live.until, keys)):
        sums[key] = sums.get(key, Sums()) + Sums(commissions_fen=int(fen))
    came = live.rows(_SELLER, ("members",))
    for key in keys & came.keys():
        sums[key] = sums.get(key, Sums()) + Sums(members=came[key].get("members", 0))
    columns = [getattr(SpanFigure, name) for name in SELLER_MEASURES]
    for key, *values in db.session.execute(
        sa.select(SpanFigure.key_id, *columns).where(span, SpanFigure.key_id.in_(keys))
    ):
        stored = Sums(**dict(zip(SELLER_MEASURES, values, strict=True)))
        sums[key] = sums.get(key, Sums()) + stored
    return sorted(sums.items(), key=lambda item: (-item[1].sales_fen, item[0]))[:limit]
