"""The charts of the dashboard (概览): trends, funnel, leaders, provinces."""

import itertools
from datetime import datetime, timedelta

from app import catalog, members
from app.core import clock
from app.members import regions
from app.reports import figures
from app.reports.boards.blocks import Block, Compare, Grid, Span, rate
from app.reports.boards.compared import MONEY, NUMBER, TEXT, Column, Ranked, by_key, named_day
from app.reports.figures import Dimension

LEADERS = 10
# With today; the days before it are kept summed.
PERIODS = tuple(days + 1 for days in figures.SPANS)
# From a scanned code to a settled commission.
STEPS = (
    ("扫码", "scans"),
    ("关注", "follows"),
    ("绑定", "binds"),
    ("下单", "referred_orders"),
    ("结算", "settled_orders"),
)
# What the lines by day show. Of today nothing else is added up: who buys again, for one,
# asks about each of the day's buyers.
TRENDS = (
    *("orders", "sales_fen", "commissions_fen", "withdrawn_fen"),
    *("visitors", "members", "distributors"),
)
# What a distributor brought: orders of those directly below.
SELLER_COLUMNS: tuple[Column, ...] = (
    ("直属订单", NUMBER, "orders"),
    ("直属成交额", MONEY, "sales_fen"),
    ("佣金", MONEY, "commissions_fen"),
    ("新绑定", NUMBER, "members"),
)


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
    days = figures.by_day(span.first, span.last, now=now, measures=TRENDS)
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
    counted = [measure for _, measure in STEPS]
    found = figures.total(span.first, span.last, now=now, measures=counted)
    was = span.before and figures.total(
        span.before.first, span.before.last, now=now, measures=counted
    )
    steps = [(name, getattr(found, measure)) for name, measure in STEPS]
    falls = all(more >= less for (_, more), (_, less) in itertools.pairwise(steps))
    rows, upper = [], 0
    for (name, value), (_, measure) in zip(steps, STEPS, strict=True):
        then = [getattr(was, measure)] if was else []
        rows.append([name, value, *then, rate(value * 10_000 // upper if upper else None)])
        upper = value
    head = [("数量", NUMBER), *([("数量（对比期）", NUMBER)] if was else [])]
    return Block(
        "funnel",
        "推广漏斗",
        Grid([("环节", TEXT), *head, ("占上一步", TEXT)], rows),
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
    found = by_key(
        Dimension.PROVINCE,
        span,
        now,
        ("orders", "units", "sales_fen", "returned_fen"),
        limit=None,
    )
    known = regions.provinces()
    names = {key: known[key].short if key in known else "没有地区" for key in found.keys}
    whole = sum(row.sales_fen for _, row in found.now)
    return Block(
        "provinces",
        "各省成交",
        found.grid(
            "省份",
            names,
            ("成交额", MONEY, "sales_fen"),
            ("占比", TEXT, lambda row: rate(row.sales_fen * 10_000 // whole if whole else None)),
            ("付款订单", NUMBER, "orders"),
            ("件数", NUMBER, "units"),
            ("已退回", MONEY, "returned_fen"),
        ),
        sub="按收货地区；自提和不用寄送的订单没有地区",
        chart={
            "kind": "map",
            "unit": "yuan",
            "x": list(names.values()),
            "series": [{"name": "成交额", "values": [row.sales_fen for _, row in found.now]}],
        },
    )


def leading_products(span: Span, now: datetime) -> Block:
    found = by_key(Dimension.PRODUCT, span, now, ("orders", "units", "sales_fen"), limit=LEADERS)
    titles = catalog.titles_of(found.keys)
    names = {key: titles.get(key, "已删除的商品") for key in found.keys}
    columns = (
        ("件数", NUMBER, "units"),
        ("订单", NUMBER, "orders"),
        ("成交额", MONEY, "sales_fen"),
    )
    return Block(
        "products",
        "热销商品",
        found.grid("商品", names, *columns),
        sub=f"成交额前 {LEADERS} 名，不含运费",
        chart=found.chart("成交额", names),
    )


def leading_distributors(span: Span, now: datetime) -> Block:
    leading = figures.leading_sellers(span.first, span.last, now=now, limit=LEADERS)
    found = Ranked("sales_fen", leading, None)
    names = {key: row.display_name for key, row in members.names_of(found.keys).items()}
    return Block(
        "distributors",
        "领先分销员",
        found.grid("分销员", names, *SELLER_COLUMNS),
        sub=f"直属会员的成交额前 {LEADERS} 名",
        chart=found.chart("直属成交额", names),
    )
