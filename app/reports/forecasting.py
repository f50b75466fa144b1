"""What the next days will sell (销量预测), and how far such forecasts were off.

Holt-Winters' exponential smoothing with a week as its season, by statsmodels. Whoever
reads a forecast is told its error: for each of the last four weeks the week is forecast
from the days before it, and what was forecast is compared with what was sold (WAPE: the
sum of the differences, of what was sold). The same is asked of the plainest forecast,
that a day sells what the same day a week before did.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.catalog import Product, Sku
from app.core import clock
from app.core.db import Model, db, run_unit
from app.core.errors import DomainError
from app.reports import figures
from app.reports.figures import Dimension

WEEK = 7
# Below that a week's pattern is chance, and nothing is left to test it on.
DAYS_MIN = 6 * WEEK
# Older days say little about the next ones.
DAYS_USED = 26 * WEEK
TESTED_WEEKS = 4
# How many days a kept forecast says, and how old it may be.
KEPT_AHEAD = 90
STALE_DAYS = 7


class TooLittleHistory(DomainError):
    """There are fewer than six weeks of sales."""

    code = "too_little_history"

    def __init__(self, days: int) -> None:
        super().__init__(
            f"预测需要至少 6 周（{DAYS_MIN} 天）的销售记录，现在只有 {days} 天，请过些时候再看"
        )
        self.days = days


@dataclass(frozen=True)
class Forecast:
    """The next days' sales, whole and never below 0, with the error of such forecasts.

    `error_bps` and `naive_bps` are basis points of what was sold in the tested weeks;
    None where nothing was sold in them.
    """

    days: tuple[date, ...]
    values: tuple[int, ...]
    error_bps: int | None
    naive_bps: int | None
    history: dict[date, int]

    @property
    def total(self) -> int:
        return sum(self.values)

    @property
    def in_words(self) -> str:
        """How far to trust it, as people say it."""
        if self.error_bps is None:
            return "最近四周没有成交，无法检验预测的误差"
        said = f"用最近四周检验，预测与实际平均相差 {self.error_bps / 100:.0f}%"
        if self.naive_bps is None:
            return said
        better = "好于" if self.error_bps < self.naive_bps else "不如"
        return f"{said}；{better}直接照搬上周（相差 {self.naive_bps / 100:.0f}%）"


def of_sales(now: datetime, *, ahead: int = 14) -> Forecast:
    """The shop's sales in fen for the next days, today included. Raises TooLittleHistory."""
    return _of(Dimension.ALL, 0, "sales_fen", now, ahead)


def of_sku(sku_id: int, now: datetime, *, ahead: int = 28) -> Forecast:
    """Pieces of a SKU for the next days, today included. Raises TooLittleHistory."""
    return _of(Dimension.SKU, sku_id, "units", now, ahead)


def _of(dimension: Dimension, key_id: int, measure: str, now: datetime, ahead: int) -> Forecast:
    yesterday = clock.local(now).date() - timedelta(days=1)
    first = yesterday - timedelta(days=DAYS_USED - 1)
    days = figures.by_day(first, yesterday, now=now, dimension=dimension, key_id=key_id)
    history = {day: int(getattr(row, measure)) for day, row in days.items()}
    # It begins with the first sale: before that nothing could be bought.
    begins = next((day for day, value in history.items() if value), None)
    history = {day: value for day, value in history.items() if begins and day >= begins}
    if len(history) < DAYS_MIN:
        raise TooLittleHistory(len(history))
    values = list(history.values())
    errors, naive, sold = 0, 0, 0
    for week in range(TESTED_WEEKS, 0, -1):
        known = values[: len(values) - week * WEEK]
        actual = values[len(known) : len(known) + WEEK]
        guessed = predict(known, WEEK)
        errors += sum(abs(a - b) for a, b in zip(actual, guessed, strict=True))
        naive += sum(abs(a - b) for a, b in zip(actual, known[-WEEK:], strict=True))
        sold += sum(actual)
    return Forecast(
        tuple(yesterday + timedelta(days=n) for n in range(1, ahead + 1)),
        tuple(predict(values, ahead)),
        errors * 10_000 // sold if sold else None,
        naive * 10_000 // sold if sold else None,
        history,
    )


def predict(values: Sequence[int], ahead: int) -> list[int]:
    """The next `ahead` values of a daily series, whole and never below 0."""
    if not any(values):
        return [0] * ahead
    # Half a second and fifty megabytes, which only whoever forecasts shall pay.
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    scale = max(values)
    with warnings.catch_warnings():
        # A series that fits badly is forecast badly: the error beside it says so.
        warnings.simplefilter("ignore")
        model = ExponentialSmoothing(
            [value / scale for value in values],
            trend="add",
            damped_trend=True,
            seasonal="add",
            seasonal_periods=WEEK,
            initialization_method="estimated",
        )
        found = model.fit().forecast(ahead)
    return [max(0, round(float(value) * scale)) for value in found]


class SkuForecast(Model):
    """What a SKU is expected to sell (规格销量预测), computed at night: a page cannot wait."""

    __tablename__ = "sku_forecasts"

    sku_id: Mapped[int] = mapped_column(
        sa.ForeignKey("skus.id"), primary_key=True, autoincrement=False
    )
    # The first of the days that `units` are about.
    starts_on: Mapped[date] = mapped_column(sa.Date)
    units: Mapped[list[int]] = mapped_column(sa.JSON)
    error_bps: Mapped[int | None]


def keep(sku_id: int, now: datetime) -> str:
    """Forecast a SKU and keep it; says `kept`, or `too_little` where there is not enough."""
    try:
        found = of_sku(sku_id, now, ahead=KEPT_AHEAD)
    except TooLittleHistory:
        return "too_little"
    db.session.rollback()
    run_unit(_put, sku_id, found)
    return "kept"


def _put(sku_id: int, found: Forecast) -> None:
    row = db.session.get(SkuForecast, sku_id)
    if row is None:
        row = SkuForecast(sku_id=sku_id)
        db.session.add(row)
    row.starts_on, row.units = found.days[0], list(found.values)
    row.error_bps = found.error_bps


def due(now: datetime, *, limit: int = 500) -> list[int]:
    """The SKUs on sale that run low and have no forecast of today."""
    today = clock.local(now).date()
    return list(
        db.session.scalars(
            sa.select(Sku.id)
            .join(Product, Product.id == Sku.product_id)
            .outerjoin(SkuForecast, SkuForecast.sku_id == Sku.id)
            .where(
                Product.selling(now),
                Sku.is_active,
                Sku.stock <= Sku.warn_below,
                sa.or_(SkuForecast.sku_id.is_(None), SkuForecast.starts_on < today),
            )
            .order_by(Sku.id)
            .limit(limit)
        )
    )


def kept(sku_ids: Sequence[int], now: datetime) -> dict[int, SkuForecast]:
    """Kept forecasts that are not too old, by SKU."""
    oldest = clock.local(now).date() - timedelta(days=STALE_DAYS)
    rows = db.session.scalars(
        sa.select(SkuForecast).where(
            SkuForecast.sku_id.in_(sku_ids), SkuForecast.starts_on >= oldest
        )
    )
    return {row.sku_id: row for row in rows}
