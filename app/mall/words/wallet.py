"""Words for what moves the money of a wallet (余额变动)."""

from app import reports
from app.ledger import Entry

EVENT = {
    "commission_settled": "佣金结算入账",
    "withdrawal_requested": "申请提现",
    "withdrawal_released": "提现退回",
    "withdrawal_paid": "提现到账",
    "withdrawal_returned": "提现退票退回",
    "commission_reversed": "退款收回佣金",
    "order_paid": "余额支付订单",
    "refund_succeeded": "订单退款退回余额",
    "debt_filled": "抵扣待追回",
    "bonus": "返利",
    "bonus_reversed": "退款收回返利",
    "manual": "人工调整",
}


def entry_title(entry: Entry) -> str:
    """What moved the money of a wallet's entry."""
    return event_title(entry.posting.event, entry.amount_fen, entry.posting.reason)


_DEBT = {
    "commission_reversed": "退款收回的佣金",
    "bonus_reversed": "退款收回的返利",
    "commission_settled": "佣金结算抵扣",
    "bonus": "返利抵扣",
    "refund_succeeded": "订单退款抵扣",
    "debt_written_off": "商家免除",
}


def debt_title(entry: Entry) -> str:
    """What made a debt, or made it smaller."""
    event = entry.posting.event
    if event.endswith("_reversed") and entry.amount_fen > 0:
        return "退款关闭，不再追回"
    return _DEBT.get(event) or entry.posting.reason or "待追回变动"


def event_title(event: str, change_fen: int, reason: str) -> str:
    """What moved the money."""
    if event == "commission_reversed" and change_fen > 0:
        return "退款关闭，佣金退回"
    if event == "bonus_reversed" and change_fen > 0:
        return "退款关闭，返利退回"
    if event == "bonus" and change_fen < 0:
        return "抵扣待追回"
    return EVENT.get(event) or reason or "余额变动"


def line_reason(line: reports.Line) -> str:
    """Where a statement's line is explained, in words for a file."""
    kind, of = line.link
    said = {
        "withdrawal": f"提现单 {of}",
        "commission": f"佣金 {of}",
        "settlement": f"结算 {of}",
        "bonus": f"返利 {of}",
        "order": f"订单 {of}",
    }
    return said.get(kind) or line.reason
