"""The shop in figures by day (每日数据): the read model of dashboard and reports.

One row says what one day brought to the shop as a whole, a product, a SKU, a
distributor, a province or a channel. Rows are nothing but sums of facts: `rebuild`
computes a day anew at any time, and a test proves that both agree. Today is never
stored, it is summed when somebody looks. The days before it are also kept summed for
the spans of the dashboard (`FigureSpan`), for as long as none of them changes.

Which day something belongs to:

- a sale: the day on which it was paid (in Asia/Shanghai, by WeChat's time);
- money that goes back to a buyer (`refunds_fen`): the day on which the refund was
  agreed to and booked. What the past shows of it never changes;
- what came back of a day's sales (`returned_fen`, `returned_units`): the day of the
  sale. A late refund changes that day, which `refresh` then computes anew;
- commissions, settlements, withdrawals and tax: the day of their posting.
"""

from app.reports.figures.facts import facts_of
from app.reports.figures.leaders import SELLER_MEASURES, leading_sellers
from app.reports.figures.models import MEASURES, SPANS, DailyFigure, Dimension
from app.reports.figures.queries import (
    Moment,
    Sums,
    by_day,
    by_key,
    days_of,
    moments,
    percent,
    total,
)
from app.reports.figures.service import (
    Refreshed,
    first_day,
    last_closed,
    rebuild,
    rebuild_all,
    rebuild_span,
    refresh,
    stale,
)

__all__ = [
    "MEASURES",
    "SELLER_MEASURES",
    "SPANS",
    "DailyFigure",
    "Dimension",
    "Moment",
    "Refreshed",
    "Sums",
    "by_day",
    "by_key",
    "days_of",
    "facts_of",
    "first_day",
    "last_closed",
    "leading_sellers",
    "moments",
    "percent",
    "rebuild",
    "rebuild_all",
    "rebuild_span",
    "refresh",
    "stale",
    "total",
]
