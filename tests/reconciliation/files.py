"""Bills as WeChat writes them, and a source that has them."""

import hashlib
from datetime import date, datetime

from app.core import clock
from app.reconciliation import BillKind, RawBill, Sort
from app.reconciliation.reading import FLOW_HEAD, FLOW_SUM, TRADE_HEAD, TRADE_SUM
from tests.factories import APPID, MCHID, NOON

DAY = clock.local(NOON).date()


def yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def line(*cells: object) -> str:
    return ",".join(f"`{cell}" for cell in cells)


def _clock(at: datetime) -> str:
    return clock.local(at).strftime("%Y-%m-%d %H:%M:%S")


class Day:
    """What happened at WeChat on a day, written as its two bills."""

    def __init__(self, opening_fen: int = 10_000_00) -> None:
        self.trade: list[list[str]] = []
        self.flow: list[list[str]] = []
        self.balance = opening_fen
        self.moved: list[int] = []

    def payment(self, number: str, wx: str, fen: int, *, at: datetime = NOON) -> "Day":
        self.in_trade(Sort.PAYMENT, number, wx, fen, at)
        self.in_flow("交易", number, wx, fen, at)
        return self.in_flow("扣除交易手续费", number, wx, -(fen * 60 // 10_000), at)

    def refund(self, number: str, wx: str, fen: int, *, at: datetime = NOON) -> "Day":
        self.in_trade(Sort.REFUND, number, wx, fen, at)
        return self.in_flow("退款", number, wx, -fen, at)

    def transfer(self, number: str, wx: str, fen: int, *, at: datetime = NOON) -> "Day":
        return self.in_flow("商家转账", number, wx, -fen, at)

    def in_trade(self, sort: Sort, number: str, wx: str, fen: int, at: datetime = NOON) -> "Day":
        is_refund = sort is Sort.REFUND
        paid, back = (0, fen) if is_refund else (fen, 0)
        cells = dict.fromkeys(TRADE_HEAD, "")
        cells |= {
            "交易时间": _clock(at),
            "公众账号ID": APPID,
            "商户号": MCHID,
            "微信订单号": "4200" if is_refund else wx,
            "商户订单号": "O1" if is_refund else number,
            "交易状态": "REFUND" if is_refund else "SUCCESS",
            "应结订单金额": yuan(paid),
            "代金券金额": "0.00",
            "微信退款单号": wx if is_refund else "0",
            "商户退款单号": number if is_refund else "0",
            "退款金额": yuan(back),
            "充值券退款金额": "0.00",
            "商品名称": "高山绿茶",
            "手续费": f"{yuan(fen * 60 // 10_000)}000",
            "订单金额": yuan(paid),
            "申请退款金额": yuan(back),
        }
        self.trade.append(list(cells.values()))
        return self

    def in_flow(self, kind: str, number: str, wx: str, fen: int, at: datetime = NOON) -> "Day":
        if not fen:
            return self
        self.balance += fen
        self.moved.append(fen)
        self.flow.append(
            [
                _clock(at),
                wx,
                f"1000{len(self.flow):012d}",
                kind,
                kind,
                "收入" if fen > 0 else "支出",
                yuan(abs(fen)),
                yuan(self.balance),
                "system",
                "",
                number,
            ]
        )
        return self

    def text(self, kind: BillKind) -> str:
        if kind is BillKind.TRADE:

            def total(name: str, more: int = 1) -> int:
                place = TRADE_HEAD.index(name)
                return sum(round(float(row[place]) * 100) for row in self.trade)

            names = (
                "应结订单金额",
                "退款金额",
                "充值券退款金额",
                "手续费",
                "订单金额",
                "申请退款金额",
            )
            foot: list[object] = [len(self.trade), *(yuan(total(name)) for name in names)]
            head, sums, rows = TRADE_HEAD, TRADE_SUM, self.trade
        else:
            came = [fen for fen in self.moved if fen > 0]
            went = [-fen for fen in self.moved if fen < 0]
            foot = [len(self.flow), len(came), yuan(sum(came)), len(went), yuan(sum(went))]
            head, sums, rows = FLOW_HEAD, FLOW_SUM, self.flow
        lines = [",".join(head), *(line(*row) for row in rows), ",".join(sums), line(*foot)]
        return "\r\n".join(lines) + "\r\n"

    def raw(self, kind: BillKind) -> RawBill | None:
        if not (self.trade if kind is BillKind.TRADE else self.flow):
            return None
        return raw(self.text(kind))


def raw(text: str, *, sha1: str = "") -> RawBill:
    content = text.encode()
    found = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return RawBill(content, "SHA1", sha1 or found)


class Bills:
    """Implements `reconciliation.BillSource`; `days` and `files` say what there is."""

    def __init__(self, **_: object) -> None:
        self.days: dict[date, Day] = {}
        self.files: dict[tuple[BillKind, date], RawBill | Exception] = {}
        self.asked: list[tuple[BillKind, date]] = []

    def fetch(self, kind: BillKind, day: date) -> RawBill | None:
        self.asked.append((kind, day))
        given = self.files.get((kind, day))
        if isinstance(given, Exception):
            raise given
        if given is not None:
            return given
        return self.days[day].raw(kind) if day in self.days else None
