"""The charts of the dashboard (概览): trends, funnel, leaders, provinces."""

import itertools
from datetime import date, datetime, timedelta

from app import catalog, members
from app.core import clock
from app.members import regions
from app.reports import figures
from app.reports.boards.blocks import Block, Compare, Grid, Span
from app.reports.exports import CellKind
from app.reports.figures import Dimension

TEXT, MONEY, NUMBER = CellKind.TEXT, CellKind.MONEY, CellKind.NUMBER
LEADERS = 10
PERIODS = (7, 30, 90)
_WEEKDAYS = "一二三四五六日"


def last_days(days: int, now: datetime) -> Span:
    """The `days` that end today."""
    today = clock.local(now).date()
    return Span(today - timedelta(days=days - 1), today, Compare.NONE)


def blocks(span: Span, now: datetime) -> list[Block]:
    """Every chart of the dashboard, with its table."""
    return [
        *trends(span, now),
        funnel(span, now),
        provinces(span, now),
        leading_products(span, now),
        leading_distributors(span, now),
    ]


def trends(span: Span, now: datetime) -> list[Block]:
    days = figures.by_day(span.first, span.last, now=now)
    shown = [f"{day:%m-%d}" for day in days]
    rows = [(named_day(day), row) for day, row in reversed(days.items())]
    return [
        Block(
            "sales",
            "成交与佣金",
            Grid(
                [
                    ("日期", TEXT),
                    ("成交额", MONEY),
                    ("付款订单", NUMBER),
                    ("佣金", MONEY),
                    ("提现到账", MONEY),
                ],
                [
                    [day, row.sales_fen, row.orders, row.commissions_fen, row.withdrawn_fen]
                    for day, row in rows
                ],
            ),
            sub="元，按付款日",
            chart={
                "kind": "line",
                "unit": "yuan",
                "x": shown,
                "series": [
                    {"name": "成交额", "values": [row.sales_fen for row in days.values()]},
                    {"name": "佣金", "values": [row.commissions_fen for row in days.values()]},
                ],
            },
            is_folded=True,
        ),
        Block(
            "people",
            "访客、订单与新人",
            Grid(
                [
                    ("日期", TEXT),
                    ("访客", NUMBER),
                    ("付款订单", NUMBER),
                    ("新会员", NUMBER),
                    ("新分销员", NUMBER),
                ],
                [
                    [day, row.visitors, row.orders, row.members, row.distributors]
                    for day, row in rows
                ],
            ),
            sub="访客是当天打开过商城的会员",
            chart={
                "kind": "line",
                "unit": "count",
                "x": shown,
                "series": [
                    {"name": name, "values": [getattr(row, key) for row in days.values()]}
                    for name, key in (
                        ("访客", "visitors"),
                        ("付款订单", "orders"),
                        ("新会员", "members"),
                        ("新分销员", "distributors"),
                    )
                ],
            },
            is_folded=True,
        ),
    ]


def funnel(span: Span, now: datetime) -> Block:
    """From a scanned code to a settled commission."""
    found = figures.total(span.first, span.last, now=now)
    steps = [
        ("扫码", found.scans),
        ("关注", found.follows),
        ("绑定", found.binds),
        ("下单", found.referred_orders),
        ("结算", found.settled_orders),
    ]
    falls = all(more >= less for (_, more), (_, less) in itertools.pairwise(steps))
    rows, before = [], 0
    for name, value in steps:
        rows.append([name, value, f"{value * 100 / before:.1f}%" if before else "—"])
        before = value
    return Block(
        "funnel",
        "推广漏斗",
        Grid([("环节", TEXT), ("数量", NUMBER), ("占上一步", TEXT)], rows),
        sub="各环节按发生当天计，不是同一批人",
        chart={
            # What grows on the way is no funnel to look at.
            "kind": "funnel" if found.scans and falls else "rank",
            "unit": "count",
            "x": [name for name, _ in steps],
            "series": [{"name": "推广漏斗", "values": [value for _, value in steps]}],
        },
    )


def provinces(span: Span, now: datetime) -> Block:
    found = figures.by_key(
        Dimension.PROVINCE,
        span.first,
        span.last,
        now=now,
        measures=("orders", "units", "sales_fen", "returned_fen"),
    )
    known = regions.provinces()
    named = [(known[key].short if key in known else "没有地区", row) for key, row in found]
    whole = sum(row.sales_fen for _, row in found)
    return Block(
        "provinces",
        "各省成交",
        Grid(
            [
                ("省份", TEXT),
                ("成交额", MONEY),
                ("占比", TEXT),
                ("付款订单", NUMBER),
                ("件数", NUMBER),
                ("已退回", MONEY),
            ],
            [
                [
                    name,
                    row.sales_fen,
                    f"{row.sales_fen * 100 / whole:.1f}%" if whole else "—",
                    row.orders,
                    row.units,
                    row.returned_fen,
                ]
                for name, row in named
            ],
        ),
        sub="按收货地区；自提和不用寄送的订单没有地区",
        chart={
            "kind": "map",
            "unit": "yuan",
            "x": [name for name, _ in named],
            "series": [{"name": "成交额", "values": [row.sales_fen for _, row in named]}],
        },
    )


def leading_products(span: Span, now: datetime) -> Block:
    found = figures.by_key(
        Dimension.PRODUCT,
        span.first,
        span.last,
        now=now,
        limit=LEADERS,
        measures=("orders", "units", "sales_fen"),
    )
    titles = catalog.titles_of(key for key, _ in found)
    named = [(titles.get(key, "已删除的商品"), row) for key, row in found]
    rows = [[title, row.units, row.orders, row.sales_fen] for title, row in named]
    return Block(
        "products",
        "热销商品",
        Grid([("商品", TEXT), ("件数", NUMBER), ("订单", NUMBER), ("成交额", MONEY)], rows),
        sub=f"成交额前 {LEADERS} 名，不含运费",
        chart=ranking("成交额", [(title, row.sales_fen) for title, row in named]),
    )


def leading_distributors(span: Span, now: datetime) -> Block:
    found = figures.by_key(
        Dimension.DISTRIBUTOR,
        span.first,
        span.last,
        now=now,
        limit=LEADERS,
        measures=("orders", "sales_fen", "commissions_fen", "members"),
    )
    known = members.names_of(key for key, _ in found)
    named = [(known[key].display_name, row) for key, row in found]
    rows = [
        [name, row.orders, row.sales_fen, row.commissions_fen, row.members] for name, row in named
    ]
    return Block(
        "distributors",
        "领先分销员",
        Grid(
            [
                ("分销员", TEXT),
                ("直属订单", NUMBER),
                ("直属成交额", MONEY),
                ("佣金", MONEY),
                ("新绑定", NUMBER),
            ],
            rows,
        ),
        sub=f"直属会员的成交额前 {LEADERS} 名",
        chart=ranking("直属成交额", [(name, row.sales_fen) for name, row in named]),
    )


def ranking(name: str, pairs: list[tuple[str, int]]) -> dict[str, object] | None:
    """Bars that lie, the longest on top, in yuan; None where nobody has any."""
    pairs = [(label, fen) for label, fen in pairs if fen > 0]
    if not pairs:
        return None
    return {
        "kind": "rank",
        "unit": "yuan",
        "x": [label for label, _ in pairs],
        "series": [{"name": name, "values": [value for _, value in pairs]}],
    }


def named_day(day: date) -> str:
    return f"{day:%Y-%m-%d} 周{_WEEKDAYS[day.weekday()]}"
