"""What was sold, came back, went where, and is expected (销售、商品、退款、地区、预测)."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from app import catalog
from app.reports import figures, forecasting
from app.reports.boards import overview
from app.reports.boards.blocks import Block, Board, Compare, Grid, Span, Tile, rate, year_before
from app.reports.boards.compared import (
    MONEY,
    NUMBER,
    ROWS_MAX,
    TEXT,
    Days,
    against,
    by_day,
    by_key,
    named_day,
)
from app.reports.figures import Dimension, Sums

GONE = "已删除的商品"


def titles_of(keys: Iterable[int]) -> dict[int, str]:
    """The title of each product, also of those that are gone."""
    keys = list(keys)
    found = catalog.titles_of(keys)
    return {key: found.get(key, GONE) for key in keys}


def sales(span: Span, now: datetime) -> Board:
    days = by_day(span, now)
    return Board(
        [
            days.tile("成交额", "sales_fen", kind=MONEY),
            days.tile("付款订单", "orders"),
            days.tile("平均每单", "per_order_fen", kind=MONEY),
            days.tile("售出件数", "units"),
            days.tile("扣除退回后", "net_fen", kind=MONEY),
            days.tile("商品成本", "cost_fen", kind=MONEY, rising_is_good=None),
        ],
        [
            Block(
                "sales",
                "每日成交",
                days.grid(
                    ("成交额", MONEY, "sales_fen"),
                    ("付款订单", NUMBER, "orders"),
                    ("件数", NUMBER, "units"),
                    ("平均每单", MONEY, "per_order_fen"),
                    ("其中已退回", MONEY, "returned_fen"),
                ),
                sub="元，含运费，按付款日；已退回是当天卖出的商品至今退回的金额",
                chart=days.lines("yuan", ("成交额", "sales_fen")),
            )
        ],
    )


def products(span: Span, now: datetime) -> Board:
    days = by_day(span, now)
    found = by_key(
        Dimension.PRODUCT,
        span,
        now,
        ("orders", "units", "sales_fen", "cost_fen", "returned_units", "returned_fen"),
    )
    titles = titles_of(found.keys)
    return Board(
        [
            days.tile("成交额", "sales_fen", kind=MONEY),
            days.tile("售出件数", "units"),
            _return_rate(days),
        ],
        [
            Block(
                "products",
                "商品成交",
                found.grid(
                    "商品",
                    titles,
                    ("件数", NUMBER, "units"),
                    ("订单", NUMBER, "orders"),
                    ("成交额", MONEY, "sales_fen"),
                    ("毛利", MONEY, lambda row: row.sales_fen - row.cost_fen),
                    ("退回件数", NUMBER, "returned_units"),
                    ("退货率", TEXT, lambda row: rate(row.return_bps)),
                ),
                sub=f"成交额前 {ROWS_MAX} 名，不含运费；毛利未扣佣金，退货率按金额",
                chart=found.chart("成交额", titles),
            )
        ],
    )


def refunds(span: Span, now: datetime) -> Board:
    days = by_day(span, now)
    found = by_key(
        Dimension.PRODUCT,
        span,
        now,
        ("units", "sales_fen", "returned_units", "returned_fen"),
        order="returned_fen",
    )
    titles = titles_of(key for key, row in found.now if row.returned_fen)
    return Board(
        [
            days.tile("同意退款", "refunds_fen", kind=MONEY, rising_is_good=False),
            days.tile("退款笔数", "refunds", rising_is_good=False),
            _return_rate(days),
        ],
        [
            Block(
                "days",
                "每日退款",
                days.grid(
                    ("同意退款", MONEY, "refunds_fen"),
                    ("笔数", NUMBER, "refunds"),
                    ("当天成交额", MONEY, "sales_fen"),
                    ("其中已退回", MONEY, "returned_fen"),
                ),
                sub="退款额按同意退款的日子；已退回按商品卖出的日子，迟到的退款会改写那一天",
                chart=days.lines("yuan", ("同意退款", "refunds_fen")),
                is_folded=True,
            ),
            Block(
                "products",
                "商品退货率",
                found.grid(
                    "商品",
                    titles,
                    ("售出件数", NUMBER, "units"),
                    ("退回件数", NUMBER, "returned_units"),
                    ("成交额", MONEY, "sales_fen"),
                    ("退回金额", MONEY, "returned_fen"),
                    ("退货率", TEXT, lambda row: rate(row.return_bps)),
                    empty="这段时间卖出的商品没有退回",
                ),
                sub="这段时间卖出的商品至今退回多少，按金额",
                chart=found.chart("退回金额", titles),
            ),
        ],
    )


def regions(span: Span, now: datetime) -> Board:
    days = by_day(span, now)
    return Board(
        [days.tile("成交额", "sales_fen", kind=MONEY), days.tile("付款订单", "orders")],
        [overview.provinces(span, now)],
    )


def forecast(span: Span, now: datetime) -> Board:
    """Two weeks ahead; the span says how much of the past is shown beside it."""
    try:
        found = forecasting.of_sales(now)
    except forecasting.TooLittleHistory as refused:
        return Board(notes=[refused.message])
    shown = [(day, fen) for day, fen in found.history.items() if day >= span.first][-90:]
    sold, ahead = [fen for _, fen in shown], list(found.values)
    # The dashed line begins where the other ends.
    gap: list[int | None] = [None] * max(0, len(sold) - 1)
    past = _as_long_before(found.days[0], len(ahead), span.compare)
    before = figures.total(past.first, past.last, now=now) if past else Sums()
    return Board(
        [
            against(
                f"未来 {len(ahead)} 天预计成交额",
                found.total,
                before.sales_fen if past else None,
                kind=MONEY,
            )
        ],
        [
            Block(
                "forecast",
                "成交额预测",
                Grid(
                    [("日期", TEXT), ("预计成交额", MONEY)],
                    [[named_day(day), fen] for day, fen in zip(found.days, ahead, strict=True)],
                ),
                sub="元，按每周规律的指数平滑（Holt-Winters）",
                chart={
                    "kind": "line",
                    "unit": "yuan",
                    "x": [f"{day:%m-%d}" for day, _ in shown] + [f"{d:%m-%d}" for d in found.days],
                    "series": [
                        {"name": "成交额", "values": [*sold, *([None] * len(ahead))]},
                        {"name": "预测", "values": [*gap, *sold[-1:], *ahead], "dashed": True},
                    ],
                },
            )
        ],
        [f"{found.in_words}。预测只看过去的销量，不知道活动和节假日"],
    )


def _as_long_before(first: date, days: int, compare: Compare) -> Span | None:
    """As many days as are forecast: those right before, or a year before."""
    if compare is Compare.NONE:
        return None
    start = first - timedelta(days=days) if compare is Compare.PREVIOUS else year_before(first)
    return Span(start, start + timedelta(days=days - 1), Compare.NONE)


def _return_rate(days: Days) -> Tile:
    return days.tile("退货率", "return_bps", kind=TEXT, rising_is_good=False)
