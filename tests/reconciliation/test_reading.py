"""A bill file is taken whole, or refused with the reason."""

import pytest

from app.reconciliation import BillKind, BillRefused, Sort
from app.reconciliation.reading import read
from tests.factories import MCHID, NOON, days
from tests.reconciliation.files import DAY, Day, raw

TRADE, FLOW = BillKind.TRADE, BillKind.FLOW


def a_day() -> Day:
    return (
        Day()
        .payment("P20261121001", "42001", 100_00)
        .refund("R20261121001", "50301", 30_00)
        .transfer("B20261121001", "13301", 50_00)
    )


def take(kind: BillKind, text: str, sha1: str = ""):
    return read(kind, DAY, raw(text, sha1=sha1), mchid=MCHID)


def test_a_trade_bill_has_payments_and_refunds_by_our_numbers():
    bill = take(TRADE, a_day().text(TRADE))

    assert [(r.sort, r.number, r.wx_number, r.amount_fen) for r in bill.rows] == [
        (Sort.PAYMENT, "P20261121001", "42001", 100_00),
        (Sort.REFUND, "R20261121001", "50301", -30_00),
    ]
    assert bill.rows[0].at == NOON


def test_a_flow_bill_has_every_move_and_the_balances():
    bill = take(FLOW, "\ufeff" + a_day().text(FLOW))

    assert [(r.sort, r.amount_fen) for r in bill.rows] == [
        (Sort.PAYMENT, 100_00),
        (Sort.FEE, -60),
        (Sort.REFUND, -30_00),
        (Sort.TRANSFER, -50_00),
    ]
    assert (bill.opening_fen, bill.closing_fen) == (10_000_00, 10_019_40)


def _without_line(text: str, number: int) -> str:
    lines = text.split("\r\n")
    del lines[number]
    return "\r\n".join(lines)


@pytest.mark.parametrize(
    ("kind", "damage", "why"),
    [
        (TRADE, lambda t: t[: len(t) // 2], "缺少结尾的合计"),
        (TRADE, lambda t: _without_line(t, 2), "总交易单数与各行之和不符"),
        (FLOW, lambda t: _without_line(t, 2), "结余接不上"),
        (FLOW, lambda t: _without_line(t, 4), "资金流水总笔数与各行之和不符"),
        (TRADE, lambda t: t.replace("高山绿茶", "高山,绿茶", 1), "可能有一格里含逗号"),
        (FLOW, lambda t: t.replace("`system", "system", 1), "没有以 ` 开头"),
        (TRADE, lambda t: t.replace("交易时间", "时间", 1), "表头与约定的不同"),
        (TRADE, lambda t: t.replace(MCHID, "1900000009"), "不是本商户号"),
        (TRADE, lambda t: t.replace("`SUCCESS", "`REVOKED"), "交易状态 REVOKED 不认识"),
        (TRADE, lambda t: t.replace("2026-11-21 12", "2026-11-20 12", 1), "不是 2026-11-21"),
        (TRADE, lambda t: t.replace("2026-11-21 12", "21/11/2026 12", 1), "的时间"),
        (TRADE, lambda t: t.replace("`100.00", "`１００.00", 1), "读不懂"),
        (FLOW, lambda t: t.replace("`100.00", "`100.005", 1), "不是整分"),
        (FLOW, lambda t: t.replace("`收入", "`其他", 1), "收支类型 其他 不认识"),
        (FLOW, lambda t: t.replace("`1000000000000001", "`1000000000000000", 1), "出现了两次"),
        (FLOW, lambda t: t.replace("`4,`1,", "`4,`x,"), "笔数 x 读不懂"),
        (TRADE, lambda t: "", "表头与约定的不同"),
    ],
)
def test_a_damaged_file_is_refused_whole(kind, damage, why):
    text = a_day().text(kind)
    assert damage(text) != text

    with pytest.raises(BillRefused, match=why):
        take(kind, damage(text))


def test_a_file_with_another_hash_is_refused():
    with pytest.raises(BillRefused, match="摘要与微信给出的不一致"):
        take(TRADE, a_day().text(TRADE), sha1="0" * 40)


def test_the_same_payment_twice_is_refused():
    twice = a_day().payment("P20261121002", "42001", 1_00)

    with pytest.raises(BillRefused, match="42001 出现了两次"):
        take(TRADE, twice.text(TRADE))


def test_a_bill_of_another_day_is_refused():
    with pytest.raises(BillRefused, match="不是 2026-11-22"):
        read(FLOW, DAY + days(1), raw(a_day().text(FLOW)), mchid=MCHID)
