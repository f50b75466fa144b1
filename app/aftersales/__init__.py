"""After-sales (售后): refunds, returns, exchanges, and the money on its way back.

- `service` takes what members ask for and what admins answer; `limits` says what
  may still be asked. One after-sale at a time for a line (the database sees to it).
- `refunds` books an agreed refund (`order_hold`, or `shop` once the order ended,
  to `refund_due`) and saves its number before WeChat is called; WeChat's word ends
  it. An abnormal one is sent again under the same number, or paid by hand on the
  word of two people. Late and double payments go back the same way.
- `processes` speaks to WeChat between two units of work.
- While an after-sale is open its order does not finish. A refund ends in
  `refunds.conclude`, which waits for the commissions to follow first.

Two moves go beyond money.md's table, because people do them: goods that were never
sent back end the after-sale (`approved` > `withdrawn`), and goods that came back
wrong may be refused (`returning` > `rejected`).
"""

from app import outbox
from app.aftersales import refunds
from app.aftersales.errors import AlreadyOpen, NotAskable, OwnAfterSale
from app.aftersales.limits import (
    Wanted,
    asked_until,
    freight_of,
    kinds_for,
    most_fen,
    pieces_left,
    refunded_of,
)
from app.aftersales.models import (
    NEEDS_ADMIN,
    OPEN,
    TRANSITIONS,
    AfterSale,
    AfterSaleItem,
    AfterSaleKind,
    AfterSaleStatus,
    Refund,
    RefundStatus,
)
from app.aftersales.ports import (
    MerchantShort,
    RefundGateway,
    RefundRefused,
    RefundUnclear,
    RefundWord,
)
from app.aftersales.processes import carry_on
from app.aftersales.queries import (
    WITH_ITEMS,
    Habit,
    Trouble,
    aftersale_by_id,
    aftersale_by_number,
    aftersale_of,
    aftersales_of,
    aftersales_of_order,
    aftersales_page,
    counts_by_status,
    desk_aftersales,
    habit_of,
    is_open,
    numbers_by_id,
    open_count,
    open_line_ids,
    refund_by_id,
    refund_of,
    refund_of_oddity,
    refunds_due,
    refunds_of_oddities,
    returns_overdue,
    trouble,
    waiting,
)
from app.aftersales.refunds import begin_late, pay_by_hand, report, retry
from app.aftersales.service import (
    PICTURES_MAX,
    REASONS,
    apply,
    approve,
    check_refund,
    give_up_waiting,
    refund_now,
    reject,
    send_again,
    send_back,
    take_back,
    withdraw,
)

__all__ = [
    "NEEDS_ADMIN",
    "OPEN",
    "PICTURES_MAX",
    "REASONS",
    "TRANSITIONS",
    "AfterSale",
    "AfterSaleItem",
    "AfterSaleKind",
    "AfterSaleStatus",
    "AlreadyOpen",
    "Habit",
    "MerchantShort",
    "NotAskable",
    "OwnAfterSale",
    "Refund",
    "RefundGateway",
    "RefundRefused",
    "RefundStatus",
    "RefundUnclear",
    "RefundWord",
    "Trouble",
    "Wanted",
    "aftersale_by_id",
    "aftersale_by_number",
    "aftersale_of",
    "aftersales_of",
    "aftersales_of_order",
    "WITH_ITEMS",
    "desk_aftersales",
    "aftersales_page",
    "apply",
    "approve",
    "asked_until",
    "begin_late",
    "carry_on",
    "check_refund",
    "counts_by_status",
    "freight_of",
    "give_up_waiting",
    "habit_of",
    "kinds_for",
    "most_fen",
    "numbers_by_id",
    "open_count",
    "is_open",
    "open_line_ids",
    "pay_by_hand",
    "pieces_left",
    "refund_by_id",
    "refund_now",
    "refund_of",
    "refund_of_oddity",
    "refunded_of",
    "refunds_due",
    "refunds_of_oddities",
    "reject",
    "report",
    "retry",
    "returns_overdue",
    "send_again",
    "send_back",
    "subscribe",
    "take_back",
    "trouble",
    "waiting",
    "withdraw",
]


def subscribe() -> None:
    """Register with the outbox; called once when the app is made."""
    outbox.subscribe("refund_succeeded", "aftersales.conclude", refunds.conclude)
