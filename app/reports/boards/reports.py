"""The reports (报表), each a function of a span to tiles, charts and tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app import catalog, members
from app.core.db import db
from app.distribution import channels
from app.reports import figures, forecasting
from app.reports.boards import overview, targets
from app.reports.boards.blocks import Block, Board, Grid, Span, Tile, rate
from app.reports.boards.overview import MONEY, NUMBER, TEXT, named_day, ranking
from app.reports.figures import DailyFigure, Dimension, Sums

# As many rows as a person reads; a file of them is the same.
ROWS_MAX = 200
MONTHS = 12


@dataclass(frozen=True)
class Report:
    """A report by its name in addresses; `topic` says which part of the shop it tells of."""

    key: str
    title: str
    about: str
    topic: str
    make: Callable[[Span, datetime], Board]


@dataclass(frozen=True)
class _Days:
    """The span's days and those it is held against."""

    span: Span
    now: dict[date, Sums]
    before: dict[date, Sums] | None

    def tile(self, label: str, name: str, **more: Any) -> Tile:
        """The sum of a measure, or of a property of the sums, beside that before."""
        value = getattr(sum(self.now.values(), Sums()), name)
        if self.before is None:
            return Tile(label, value, **more)
        before = getattr(sum(self.before.values(), Sums()), name)
        change = None if value is None or before is None else figures.percent(value, before)
        return Tile(label, value, before=before, change=change, **more)

    def lines(self, title: str, name: str, unit: str) -> dict[str, Any]:
        """A measure day by day, and the days before as a dashed line below."""
        series: list[dict[str, Any]] = [
            {"name": title, "values": [getattr(row, name) for row in self.now.values()]}
        ]
        if self.before is not None:
            values = [getattr(row, name) for row in self.before.values()]
            series.append({"name": "对比期", "values": values, "dashed": True})
        return {
            "kind": "line",
            "unit": unit,
            "x": [f"{day:%m-%d}" for day in self.now],
            "series": series,
        }

    def grid(self, columns: Sequence[tuple[str, Any, str]]) -> Grid:
        """A row a day, the newest first; the first measure also as it was before."""
        title, kind, name = columns[0]
        head = [("日期", TEXT), (title, kind)]
        if self.before is not None:
            head.append((f"{title}（对比期）", kind))
        head += [(label, of) for label, of, _ in columns[1:]]
        before = list(self.before.values()) if self.before is not None else []
        rows = []
        for at, (day, row) in enumerate(self.now.items()):
            cells = [named_day(day), getattr(row, name)]
            if before:
                cells.append(getattr(before[at], name))
            cells += [getattr(row, other) for _, _, other in columns[1:]]
            rows.append(cells)
        return Grid(head, rows[::-1])


def _days(span: Span, now: datetime) -> _Days:
    before = span.before
    return _Days(
        span,
        figures.by_day(span.first, span.last, now=now),
        None if before is None else figures.by_day(before.first, before.last, now=now),
    )


def sales(span: Span, now: datetime) -> Board:
    days = _days(span, now)
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
                    [
                        ("成交额", MONEY, "sales_fen"),
                        ("付款订单", NUMBER, "orders"),
                        ("件数", NUMBER, "units"),
                        ("平均每单", MONEY, "per_order_fen"),
                        ("其中已退回", MONEY, "returned_fen"),
                    ]
                ),
                sub="元，含运费，按付款日；已退回是当天卖出的商品至今退回的金额",
                chart=days.lines("成交额", "sales_fen", "yuan"),
            )
        ],
    )


def products(span: Span, now: datetime) -> Board:
    days = _days(span, now)
    found = figures.by_key(
        Dimension.PRODUCT,
        span.first,
        span.last,
        now=now,
        limit=ROWS_MAX,
        measures=("orders", "units", "sales_fen", "cost_fen", "returned_units", "returned_fen"),
    )
    earlier = _before(Dimension.PRODUCT, span, now, [key for key, _ in found])
    titles = catalog.titles_of(key for key, _ in found)
    named = [(key, titles.get(key, "已删除的商品"), row) for key, row in found]
    return Board(
        [
            days.tile("成交额", "sales_fen", kind=MONEY),
            days.tile("售出件数", "units"),
            days.tile("退货率", "return_bps", kind=TEXT, rising_is_good=False),
        ],
        [
            Block(
                "products",
                "商品成交",
                Grid(
                    [
                        ("商品", TEXT),
                        ("件数", NUMBER),
                        ("订单", NUMBER),
                        ("成交额", MONEY),
                        *([("对比期成交额", MONEY)] if span.before else []),
                        ("毛利", MONEY),
                        ("退回件数", NUMBER),
                        ("退货率", TEXT),
                    ],
                    [
                        [
                            title,
                            row.units,
                            row.orders,
                            row.sales_fen,
                            *([earlier.get(key, 0)] if span.before else []),
                            row.sales_fen - row.cost_fen,
                            row.returned_units,
                            rate(row.return_bps),
                        ]
                        for key, title, row in named
                    ],
                ),
                sub=f"成交额前 {ROWS_MAX} 名，不含运费；毛利未扣佣金，退货率按金额",
                chart=ranking("成交额", [(title, row.sales_fen) for _, title, row in named[:10]]),
            )
        ],
    )


def people(span: Span, now: datetime) -> Board:
    days = _days(span, now)
    months = _months(span)
    known = [(f"{month:%Y-%m}", row) for month, row in months]
    return Board(
        [
            days.tile("新会员", "members"),
            days.tile("访客（按天累计）", "visitors"),
            days.tile("首次购买的会员", "first_buyers"),
            days.tile("老客占买家", "returning_bps", kind=TEXT),
        ],
        [
            Block(
                "days",
                "每日会员",
                days.grid(
                    [
                        ("新会员", NUMBER, "members"),
                        ("访客", NUMBER, "visitors"),
                        ("买家", NUMBER, "buyers"),
                        ("首次购买", NUMBER, "first_buyers"),
                        ("当天多次购买", NUMBER, "repeat_buyers"),
                    ]
                ),
                sub="访客是当天打开过商城的会员；老客是当天之前付过款的会员",
                chart={
                    "kind": "line",
                    "unit": "count",
                    "x": [f"{day:%m-%d}" for day in days.now],
                    "series": [
                        {"name": name, "values": [value(row) for row in days.now.values()]}
                        for name, value in (
                            ("新会员", lambda row: row.members),
                            ("首次购买", lambda row: row.first_buyers),
                            ("老客", lambda row: row.buyers - row.first_buyers),
                        )
                    ],
                },
                is_folded=True,
            ),
            Block(
                "repurchase",
                "每月复购",
                Grid(
                    [
                        ("月份", TEXT),
                        ("买家", NUMBER),
                        ("首次购买", NUMBER),
                        ("老客", NUMBER),
                        ("当月复购", NUMBER),
                        ("复购率", TEXT),
                    ],
                    [
                        [
                            name,
                            row.buyers,
                            row.first_buyers,
                            row.buyers - row.first_buyers,
                            row.repeat_buyers,
                            rate(row.repeat_buyers * 10_000 // row.buyers if row.buyers else None),
                        ]
                        for name, row in reversed(known)
                    ],
                ),
                sub="截至昨天；复购是同一个月付款两次及以上的买家",
                chart={
                    "kind": "bar",
                    "unit": "count",
                    "x": [name for name, _ in known],
                    "series": [
                        {"name": "买家", "values": [row.buyers for _, row in known]},
                        {"name": "当月复购", "values": [row.repeat_buyers for _, row in known]},
                    ],
                },
            ),
        ],
    )


def distributors(span: Span, now: datetime) -> Board:
    days = _days(span, now)
    month = span.last.replace(day=1)
    found = figures.by_key(
        Dimension.DISTRIBUTOR,
        span.first,
        span.last,
        now=now,
        limit=ROWS_MAX,
        measures=("orders", "sales_fen", "commissions_fen", "members"),
    )
    earlier = _before(Dimension.DISTRIBUTOR, span, now, [key for key, _ in found])
    known = members.names_of(key for key, _ in found)
    named = [(key, known[key].display_name, row) for key, row in found]
    return Board(
        [
            days.tile("新分销员", "distributors"),
            days.tile("新绑定", "binds"),
            days.tile("推广订单", "referred_orders"),
            days.tile("佣金", "commissions_fen", kind=MONEY, rising_is_good=None),
        ],
        [
            targets.block(month, now),
            Block(
                "distributors",
                "分销员业绩",
                Grid(
                    [
                        ("分销员", TEXT),
                        ("直属订单", NUMBER),
                        ("直属成交额", MONEY),
                        *([("对比期成交额", MONEY)] if span.before else []),
                        ("佣金", MONEY),
                        ("新绑定", NUMBER),
                    ],
                    [
                        [
                            name,
                            row.orders,
                            row.sales_fen,
                            *([earlier.get(key, 0)] if span.before else []),
                            row.commissions_fen,
                            row.members,
                        ]
                        for key, name, row in named
                    ],
                ),
                sub=f"直属会员的成交额前 {ROWS_MAX} 名",
                chart=ranking("直属成交额", [(name, row.sales_fen) for _, name, row in named[:10]]),
            ),
        ],
    )


def commissions(span: Span, now: datetime) -> Board:
    days = _days(span, now)
    return Board(
        [
            days.tile("产生佣金", "commissions_fen", kind=MONEY, rising_is_good=None),
            days.tile("退款收回", "reversed_fen", kind=MONEY, rising_is_good=None),
            days.tile("已结算", "settled_fen", kind=MONEY, rising_is_good=None),
            days.tile("佣金占成交额", "commission_bps", kind=TEXT),
            days.tile("商品成本", "cost_fen", kind=MONEY, rising_is_good=None),
        ],
        [
            Block(
                "days",
                "每日佣金与成本",
                days.grid(
                    [
                        ("产生佣金", MONEY, "commissions_fen"),
                        ("退款收回", MONEY, "reversed_fen"),
                        ("已结算", MONEY, "settled_fen"),
                        ("推广订单", NUMBER, "referred_orders"),
                        ("成交额", MONEY, "sales_fen"),
                        ("商品成本", MONEY, "cost_fen"),
                    ]
                ),
                sub="元，各按发生当天",
                chart=days.lines("产生佣金", "commissions_fen", "yuan"),
            )
        ],
    )


def withdrawals(span: Span, now: datetime) -> Board:
    days = _days(span, now)
    return Board(
        [
            days.tile("提现到账", "withdrawn_fen", kind=MONEY, rising_is_good=None),
            days.tile("到账笔数", "withdrawals", rising_is_good=None),
            days.tile("代扣税款", "tax_fen", kind=MONEY, rising_is_good=None),
        ],
        [
            Block(
                "days",
                "每日提现与税款",
                days.grid(
                    [
                        ("到账金额", MONEY, "withdrawn_fen"),
                        ("笔数", NUMBER, "withdrawals"),
                        ("代扣税款", MONEY, "tax_fen"),
                    ]
                ),
                sub="元，按到账日；后来退票的不扣减",
                chart=days.lines("到账金额", "withdrawn_fen", "yuan"),
            )
        ],
    )


def refunds(span: Span, now: datetime) -> Board:
    days = _days(span, now)
    found = figures.by_key(
        Dimension.PRODUCT,
        span.first,
        span.last,
        now=now,
        order="returned_fen",
        limit=ROWS_MAX,
        measures=("units", "sales_fen", "returned_units", "returned_fen"),
    )
    titles = catalog.titles_of(key for key, _ in found)
    named = [(titles.get(key, "已删除的商品"), row) for key, row in found if row.returned_fen]
    return Board(
        [
            days.tile("同意退款", "refunds_fen", kind=MONEY, rising_is_good=False),
            days.tile("退款笔数", "refunds", rising_is_good=False),
            days.tile("退货率", "return_bps", kind=TEXT, rising_is_good=False),
        ],
        [
            Block(
                "days",
                "每日退款",
                days.grid(
                    [
                        ("同意退款", MONEY, "refunds_fen"),
                        ("笔数", NUMBER, "refunds"),
                        ("当天成交额", MONEY, "sales_fen"),
                        ("其中已退回", MONEY, "returned_fen"),
                    ]
                ),
                sub="退款额按同意退款的日子；已退回按商品卖出的日子，迟到的退款会改写那一天",
                chart=days.lines("同意退款", "refunds_fen", "yuan"),
                is_folded=True,
            ),
            Block(
                "products",
                "商品退货率",
                Grid(
                    [
                        ("商品", TEXT),
                        ("售出件数", NUMBER),
                        ("退回件数", NUMBER),
                        ("成交额", MONEY),
                        ("退回金额", MONEY),
                        ("退货率", TEXT),
                    ],
                    [
                        [
                            title,
                            row.units,
                            row.returned_units,
                            row.sales_fen,
                            row.returned_fen,
                            rate(row.return_bps),
                        ]
                        for title, row in named
                    ],
                    empty="这段时间卖出的商品没有退回",
                ),
                sub="这段时间卖出的商品至今退回多少，按金额",
                chart=ranking("退回金额", [(title, row.returned_fen) for title, row in named[:10]]),
            ),
        ],
    )


def regions(span: Span, now: datetime) -> Board:
    days = _days(span, now)
    return Board(
        [days.tile("成交额", "sales_fen", kind=MONEY), days.tile("付款订单", "orders")],
        [overview.provinces(span, now)],
    )


def by_channel(span: Span, now: datetime) -> Board:
    days = _days(span, now)
    found = figures.by_key(
        Dimension.CHANNEL,
        span.first,
        span.last,
        now=now,
        limit=ROWS_MAX,
        measures=("scans", "follows", "members", "orders", "sales_fen"),
    )
    known = channels.by_ids(key for key, _ in found)
    named = [(known[key].name, row) for key, row in found]
    return Board(
        [
            days.tile("扫码", "scans"),
            days.tile("关注", "follows"),
            days.tile("绑定", "binds"),
            days.tile("新会员", "members"),
        ],
        [
            Block(
                "channels",
                "渠道效果",
                Grid(
                    [
                        ("渠道", TEXT),
                        ("扫码", NUMBER),
                        ("关注", NUMBER),
                        ("带来会员", NUMBER),
                        ("订单", NUMBER),
                        ("成交额", MONEY),
                    ],
                    [
                        [n, row.scans, row.follows, row.members, row.orders, row.sales_fen]
                        for n, row in named
                    ],
                ),
                sub="会员按首次经由的渠道计；成交是他们此后下的单，计入付款当天",
                chart=ranking("成交额", [(name, row.sales_fen) for name, row in named[:10]]),
            ),
            overview.funnel(span, now),
        ],
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
    return Board(
        [Tile(f"未来 {len(ahead)} 天预计成交额", found.total, kind=MONEY)],
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


def _before(dimension: Dimension, span: Span, now: datetime, keys: Sequence[int]) -> dict[int, int]:
    """Sales of these in the span that this one is held against."""
    if span.before is None or not keys:
        return {}
    found = figures.by_key(
        dimension, span.before.first, span.before.last, now=now, measures=("sales_fen",)
    )
    wanted = set(keys)
    return {key: row.sales_fen for key, row in found if key in wanted}


def _months(span: Span) -> list[tuple[date, Sums]]:
    """The buyers of the twelve months that end with the span's last, the oldest first."""
    last = span.last.replace(day=1)
    rows = db.session.scalars(
        sa.select(DailyFigure)
        .where(
            DailyFigure.dimension == Dimension.MONTH,
            DailyFigure.day.between(last - timedelta(days=31 * (MONTHS - 1)), last),
        )
        .order_by(DailyFigure.day)
    )
    return [
        (
            row.day,
            Sums(buyers=row.buyers, first_buyers=row.first_buyers, repeat_buyers=row.repeat_buyers),
        )
        for row in rows
    ]


REPORTS = {
    report.key: report
    for report in (
        Report("sales", "销售", "成交额、订单、客单价", "orders", sales),
        Report("products", "商品", "卖得最好的和毛利", "products", products),
        Report("members", "会员", "新客、老客、复购", "members", people),
        Report("distributors", "分销员", "业绩与目标", "distributors", distributors),
        Report("commissions", "佣金与成本", "产生、收回、结算", "commissions", commissions),
        Report("withdrawals", "提现与税", "到账与代扣", "withdrawals", withdrawals),
        Report("refunds", "退款", "退款额与退货率", "orders", refunds),
        Report("regions", "地区", "各省成交", "orders", regions),
        Report("forecast", "预测", "未来两周的成交额", "orders", forecast),
        Report("channels", "渠道", "扫码到成交", "channels", by_channel),
    )
}
