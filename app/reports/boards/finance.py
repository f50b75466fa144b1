"""What was earned and paid out (佣金与成本、提现与税)."""

from datetime import datetime

from app.reports.boards.blocks import Block, Board, Span
from app.reports.boards.compared import MONEY, NUMBER, TEXT, by_day


def commissions(span: Span, now: datetime) -> Board:
    days = by_day(span, now)
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
                    ("产生佣金", MONEY, "commissions_fen"),
                    ("退款收回", MONEY, "reversed_fen"),
                    ("已结算", MONEY, "settled_fen"),
                    ("推广订单", NUMBER, "referred_orders"),
                    ("成交额", MONEY, "sales_fen"),
                    ("商品成本", MONEY, "cost_fen"),
                ),
                sub="元，各按发生当天",
                chart=days.lines("yuan", ("产生佣金", "commissions_fen")),
            )
        ],
    )


def withdrawals(span: Span, now: datetime) -> Board:
    days = by_day(span, now)
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
                    ("到账金额", MONEY, "withdrawn_fen"),
                    ("笔数", NUMBER, "withdrawals"),
                    ("代扣税款", MONEY, "tax_fen"),
                ),
                sub="元，按到账日；后来退票的不扣减",
                chart=days.lines("yuan", ("到账金额", "withdrawn_fen")),
            )
        ],
    )
