"""What to order anew (补货建议): days of stock left, how many to add, and why."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.catalog import Sku
from app.core import clock
from app.reports import figures, forecasting
from app.reports.figures import Dimension
from app.reports.forecasting import SkuForecast

AVERAGE_DAYS = 28


@dataclass(frozen=True)
class Restock:
    """How long a SKU's stock lasts, and what to add so that it lasts the days covered.

    `days_left` is None where nothing is being sold.
    """

    sku_id: int
    stock: int
    a_day: float
    days_left: int | None
    suggested: int
    reasoning: str


def suggest(skus: Sequence[Sku], *, cover_days: int, now: datetime) -> dict[int, Restock]:
    """A suggestion for each of these SKUs by its id.

    By the kept forecast of its sales where there is one, which takes six weeks of them,
    else by the average of the last four weeks. The SKU's warning level stays on top as a
    reserve.
    """
    forecasts = forecasting.kept([sku.id for sku in skus], now)
    return {sku.id: _of(sku, forecasts.get(sku.id), cover_days, now) for sku in skus}


def _of(sku: Sku, found: SkuForecast | None, cover_days: int, now: datetime) -> Restock:
    needed, how = _demand(sku.id, found, cover_days, now)
    a_day = needed / cover_days
    suggested = max(0, needed + sku.warn_below - sku.stock) if needed else 0
    if not needed:
        reasoning = f"{how}，没有销量，不建议补货"
    elif suggested:
        reasoning = (
            f"{how}，未来 {cover_days} 天约卖 {needed} 件，"
            f"加上预警值 {sku.warn_below} 件，减去现有 {sku.stock} 件"
        )
    else:
        reasoning = f"{how}，未来 {cover_days} 天约卖 {needed} 件，现有 {sku.stock} 件够卖"
    return Restock(
        sku.id, sku.stock, a_day, int(sku.stock / a_day) if needed else None, suggested, reasoning
    )


def _demand(
    sku_id: int, found: SkuForecast | None, cover_days: int, now: datetime
) -> tuple[int, str]:
    """Pieces for the days covered, and how they were found."""
    if found is not None:
        passed = (clock.local(now).date() - found.starts_on).days
        error = "" if found.error_bps is None else f"（误差约 {found.error_bps / 100:.0f}%）"
        return sum(found.units[passed : passed + cover_days]), f"按销量预测{error}"
    last = clock.local(now).date() - timedelta(days=1)
    days = figures.by_day(
        last - timedelta(days=AVERAGE_DAYS - 1),
        last,
        now=now,
        dimension=Dimension.SKU,
        key_id=sku_id,
    )
    sold = sum(row.units for row in days.values())
    return math.ceil(sold * cover_days / AVERAGE_DAYS), "销售记录不足 6 周，按近 28 天平均"
