"""How far distributors are towards their targets of a month (目标达成)."""

from datetime import date, datetime, timedelta

from app import members
from app.core import clock
from app.reports import figures
from app.reports import targets as book
from app.reports.boards.blocks import Block, Grid
from app.reports.exports import CellKind
from app.reports.figures import Dimension


def block(month: date, now: datetime) -> Block:
    """The targets of the month that begins on this day beside what was sold in it so far."""
    rows = book.of_month(month)
    last = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    sold = (
        dict(
            figures.by_key(
                Dimension.DISTRIBUTOR,
                month,
                min(last, clock.local(now).date()),
                now=now,
                measures=("sales_fen",),
            )
        )
        if rows
        else {}
    )
    known = members.names_of(row.member_id for row in rows)
    lines = [
        (known[row.member_id].display_name, row.target_fen, sold[row.member_id].sales_fen)
        if row.member_id in sold
        else (known[row.member_id].display_name, row.target_fen, 0)
        for row in rows
    ]
    return Block(
        "targets",
        "业绩目标",
        Grid(
            [
                ("分销员", CellKind.TEXT),
                ("本月目标", CellKind.MONEY),
                ("已完成", CellKind.MONEY),
                ("达成率", CellKind.TEXT),
                ("还差", CellKind.MONEY),
            ],
            [
                [name, target, done, f"{done * 100 // target}%", max(0, target - done)]
                for name, target, done in lines
            ],
            empty=f"{month:%Y 年 %m 月}还没有设目标",
        ),
        sub=f"{month:%Y 年 %m 月}，直属会员的成交额",
        chart={
            "kind": "bar",
            "unit": "yuan",
            "x": [name for name, _, _ in lines[:20]],
            "series": [
                {"name": "本月目标", "values": [target for _, target, _ in lines[:20]]},
                {"name": "已完成", "values": [done for _, _, done in lines[:20]]},
            ],
        },
    )
