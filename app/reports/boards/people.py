"""Who came, bought again, sold, and by which channel (会员、分销员、渠道)."""

from datetime import datetime

from app import members
from app.distribution import channels
from app.reports import figures
from app.reports.boards import overview, targets
from app.reports.boards.blocks import Block, Board, Grid, Span, rate
from app.reports.boards.compared import (
    MONEY,
    NUMBER,
    ROWS_MAX,
    TEXT,
    by_day,
    by_key,
    by_month,
)
from app.reports.figures import Dimension


def people(span: Span, now: datetime) -> Board:
    days = by_day(span, now)
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
                    ("新会员", NUMBER, "members"),
                    ("访客", NUMBER, "visitors"),
                    ("买家", NUMBER, "buyers"),
                    ("首次购买", NUMBER, "first_buyers"),
                    ("当天多次购买", NUMBER, "repeat_buyers"),
                ),
                sub="访客是当天打开过商城的会员；老客是当天之前付过款的会员",
                chart=days.lines(
                    "count",
                    ("新会员", "members"),
                    ("首次购买", "first_buyers"),
                    ("老客", "returning_buyers"),
                ),
                is_folded=True,
            ),
            repurchase(span),
        ],
    )


def repurchase(span: Span) -> Block:
    """Month by month, as far as the months are counted."""
    known, before = by_month(span)
    head = [
        ("月份", TEXT),
        ("买家", NUMBER),
        ("首次购买", NUMBER),
        ("老客", NUMBER),
        ("当月复购", NUMBER),
        ("复购率", TEXT),
        *([("复购率（对比期）", TEXT)] if before is not None else []),
    ]
    rows = [
        [
            f"{month:%Y-%m}",
            row.buyers,
            row.first_buyers,
            row.returning_buyers,
            row.repeat_buyers,
            rate(row.repeat_bps),
            *([rate(before[month].repeat_bps)] if before is not None else []),
        ]
        for month, row in reversed(known)
    ]
    return Block(
        "repurchase",
        "每月复购",
        Grid(head, rows),
        sub="截至昨天；复购是同一个月付款两次及以上的买家，对比上一个月或去年同月",
        chart={
            "kind": "bar",
            "unit": "count",
            "x": [f"{month:%Y-%m}" for month, _ in known],
            "series": [
                {"name": "买家", "values": [row.buyers for _, row in known]},
                {"name": "当月复购", "values": [row.repeat_buyers for _, row in known]},
            ],
        },
    )


def distributors(span: Span, now: datetime) -> Board:
    days = by_day(span, now)
    found = by_key(Dimension.DISTRIBUTOR, span, now, figures.SELLER_MEASURES)
    names = {key: row.display_name for key, row in members.names_of(found.keys).items()}
    return Board(
        [
            days.tile("新分销员", "distributors"),
            days.tile("新绑定", "binds"),
            days.tile("推广订单", "referred_orders"),
            days.tile("佣金", "commissions_fen", kind=MONEY, rising_is_good=None),
        ],
        [
            targets.block(span.last.replace(day=1), now),
            Block(
                "distributors",
                "分销员业绩",
                found.grid("分销员", names, *overview.SELLER_COLUMNS),
                sub=f"直属会员的成交额前 {ROWS_MAX} 名",
                chart=found.chart("直属成交额", names),
            ),
        ],
    )


def by_channel(span: Span, now: datetime) -> Board:
    days = by_day(span, now)
    found = by_key(
        Dimension.CHANNEL, span, now, ("scans", "follows", "members", "orders", "sales_fen")
    )
    names = {key: row.name for key, row in channels.by_ids(found.keys).items()}
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
                found.grid(
                    "渠道",
                    names,
                    ("扫码", NUMBER, "scans"),
                    ("关注", NUMBER, "follows"),
                    ("带来会员", NUMBER, "members"),
                    ("订单", NUMBER, "orders"),
                    ("成交额", MONEY, "sales_fen"),
                ),
                sub="会员按首次经由的渠道计；成交是他们此后下的单，计入付款当天",
                chart=found.chart("成交额", names),
            ),
            overview.funnel(span, now),
        ],
    )
