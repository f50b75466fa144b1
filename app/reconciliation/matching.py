"""Matching a day three ways, in sets: what the bill says, what we asked for, what is booked.

From the bill's side every row of the day is looked up by its number, whenever it
was asked for. From ours whatever ended on the day must be in a bill of that day or
of one before. A minute to midnight may be the next day's at WeChat, so our day ends
ten minutes early and begins as much earlier.

Amounts are signed as the merchant's account sees them: a payment is positive.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.aftersales.models import FINAL as REFUND_FINAL
from app.aftersales.models import Refund, RefundStatus
from app.core import clock
from app.core.db import Rows, db
from app.ledger import Account, AccountKind, Entry, Posting
from app.orders.models import Payment, PaymentKind, PaymentStatus
from app.reconciliation.importing import closing_before, file_of
from app.reconciliation.models import BillKind, BillRow, BreakKind, FileState, Sort
from app.withdrawals.models import FINAL as TRANSFER_FINAL
from app.withdrawals.models import BillState, TransferBill

# WeChat's account books a little later than it confirms.
LAG = timedelta(minutes=10)
# Ours may take that long to end: a refund is on its way for days.
PATIENCE = timedelta(days=3)
# Of a day on which everything is wrong no person reads more.
BREAKS_MAX = 1_000
# What may be booked against WeChat, and by which of ours it is matched.
_BOOKED_EVENTS = (
    "order_paid",
    "paid_late",
    "paid_twice",
    "refund_succeeded",
    "withdrawal_paid",
)


@dataclass(frozen=True)
class Found:
    """A disagreement; None where a side has nothing."""

    kind: BreakKind
    reference: str
    wx_number: str = ""
    ledger_fen: int | None = None
    request_fen: int | None = None
    bill_fen: int | None = None


@dataclass(frozen=True)
class Matched:
    """What came of a day. `breaks` holds at most BREAKS_MAX of `break_count`."""

    sums: dict[str, dict[str, int]]
    breaks: list[Found]
    break_count: int
    in_flight: int


def bounds(day: date) -> tuple[datetime, datetime]:
    """Start and end of a day in Shanghai."""
    start = clock.as_utc(datetime.combine(day, time(), clock.SHANGHAI))
    return start, start + timedelta(days=1)


def match(day: date, *, now: datetime) -> Matched:
    """Match a day whose bills are here. Reads only."""
    start, end = bounds(day)
    files = {kind: file_of(kind, day) for kind in BillKind}
    ids = {kind: file.id if file else 0 for kind, file in files.items()}
    world = db.session.scalar(sa.select(Account.id).filter_by(kind=AccountKind.WORLD_WX)) or 0
    late = now - PATIENCE
    sides = {
        BreakKind.PAYMENT: _payments(ids[BillKind.TRADE], world, start - LAG, end - LAG),
        BreakKind.REFUND: _refunds(ids[BillKind.TRADE], world, start - LAG, end - LAG, late),
        BreakKind.TRANSFER: _transfers(ids[BillKind.FLOW], world, start - LAG, end - LAG, late),
    }
    sums: dict[str, dict[str, int]] = {}
    breaks: list[Found] = []
    count = in_flight = 0
    for kind, query in sides.items():
        rows = query.subquery()
        totals, flying = _totals(rows)
        sums[kind.value], in_flight = totals, in_flight + flying
        found = _disagreeing(kind, rows)
        count, breaks = count + found[0], breaks + found[1]
    for kind, query in (
        (BreakKind.FLOW, _only_in_flow(ids[BillKind.FLOW])),
        (BreakKind.FLOW, _only_in_trade(ids[BillKind.TRADE], end - LAG)),
        (BreakKind.LEDGER, _unasked(world, start, end)),
    ):
        found = _all_of(kind, query)
        count, breaks = count + found[0], breaks + found[1]
    flow = files[BillKind.FLOW]
    before = closing_before(day)
    if (
        flow is not None
        and flow.state is FileState.IMPORTED
        and flow.opening_fen is not None
        and before is not None
        and before != flow.opening_fen
    ):
        count += 1
        breaks.append(
            Found(BreakKind.GAP, day.isoformat(), request_fen=before, bill_fen=flow.opening_fen)
        )
    sums |= _unbooked(ids[BillKind.FLOW])
    return Matched(sums, breaks[:BREAKS_MAX], count, in_flight)


def _payments(file_id: int, world: int, start: datetime, end: datetime) -> Rows:
    bill, payment = aliased(BillRow), aliased(Payment)
    ours = payment.transaction_id == bill.wx_number
    # Money that the order could not take has a posting of its own.
    own = [
        _booked(world, Posting.idem_key == sa.literal("payment:") + bill.wx_number + tail)
        for tail in (":paid_twice", ":paid_late")
    ]
    from_bill = (
        sa.select(
            bill.number.label("number"),
            bill.wx_number.label("wx_number"),
            bill.amount_fen.label("bill_fen"),
            sa.case((ours, payment.amount_fen)).label("request_fen"),
            sa.case((ours, sa.func.coalesce(*own, _order_booked(world, payment)))).label(
                "ledger_fen"
            ),
            sa.literal(0).label("flying"),
        )
        .outerjoin(payment, payment.out_trade_no == bill.number)
        .where(bill.file_id == file_id, bill.sort == Sort.PAYMENT)
    )
    from_ours = sa.select(
        payment.out_trade_no,
        sa.func.coalesce(payment.transaction_id, ""),
        _none(),
        payment.amount_fen,
        _order_booked(world, payment),
        sa.literal(0),
    ).where(
        payment.status == PaymentStatus.SUCCESS,
        # What was paid with a balance never was WeChat's.
        payment.kind == PaymentKind.WECHAT,
        # Nobody can pay an order days later: this only keeps the search short.
        payment.created_at >= start - timedelta(days=3),
        payment.created_at < end,
        payment.paid_at >= start,
        payment.paid_at < end,
        ~_in_bill(BillKind.TRADE, Sort.PAYMENT, payment.out_trade_no),
    )
    return _both(from_bill, from_ours)


def _refunds(file_id: int, world: int, start: datetime, end: datetime, late: datetime) -> Rows:
    bill, refund = aliased(BillRow), aliased(Refund)
    under_way = sa.and_(
        refund.status.not_in(REFUND_FINAL),
        -refund.amount_fen == bill.amount_fen,
        bill.at > late,
    )
    key = sa.literal("refund:")
    from_bill = (
        sa.select(
            bill.number.label("number"),
            bill.wx_number.label("wx_number"),
            bill.amount_fen.label("bill_fen"),
            (-refund.amount_fen).label("request_fen"),
            _booked(world, Posting.idem_key == key + bill.number + ":paid").label("ledger_fen"),
            sa.case((under_way, 1), else_=0).label("flying"),
        )
        .outerjoin(refund, refund.out_refund_no == bill.number)
        .where(bill.file_id == file_id, bill.sort == Sort.REFUND)
    )
    from_ours = sa.select(
        refund.out_refund_no,
        refund.refund_id,
        _none(),
        -refund.amount_fen,
        _booked(world, Posting.idem_key == key + refund.out_refund_no + ":paid"),
        sa.literal(0),
    ).where(
        refund.status == RefundStatus.SUCCESS,
        sa.or_(refund.oddity_id.is_not(None), ~_to_balance(refund)),
        refund.ended_at >= start,
        refund.ended_at < end,
        ~_in_bill(BillKind.TRADE, Sort.REFUND, refund.out_refund_no),
    )
    return _both(from_bill, from_ours)


def _transfers(file_id: int, world: int, start: datetime, end: datetime, late: datetime) -> Rows:
    """Transfers are in the flow bill alone; one that failed may be there and back."""
    bill, every = aliased(BillRow), aliased(BillRow)
    by_number, by_wx = aliased(TransferBill), aliased(TransferBill)
    transfer = aliased(TransferBill)
    moved = (
        sa.select(sa.func.sum(every.amount_fen))
        .where(
            every.kind == BillKind.FLOW,
            every.sort == Sort.TRANSFER,
            every.wx_number == bill.wx_number,
        )
        .scalar_subquery()
    )
    failed = transfer.state.in_((BillState.FAIL, BillState.CANCELLED))
    under_way = sa.and_(transfer.state.not_in(TRANSFER_FINAL), bill.at > late)
    from_bill = (
        sa.select(
            sa.func.coalesce(transfer.out_bill_no, bill.number).label("number"),
            bill.wx_number.label("wx_number"),
            moved.label("bill_fen"),
            sa.case((failed, 0), else_=-transfer.amount_fen).label("request_fen"),
            sa.case((failed, 0), else_=_withdrawal_booked(world, transfer)).label("ledger_fen"),
            sa.case((under_way, 1), else_=0).label("flying"),
        )
        .select_from(bill)
        .outerjoin(by_number, by_number.out_bill_no == bill.number)
        .outerjoin(by_wx, sa.and_(by_wx.transfer_bill_no == bill.wx_number, bill.wx_number != ""))
        .outerjoin(transfer, transfer.id == sa.func.coalesce(by_number.id, by_wx.id))
        .where(bill.file_id == file_id, bill.sort == Sort.TRANSFER)
        .distinct()
    )
    from_ours = sa.select(
        transfer.out_bill_no,
        transfer.transfer_bill_no,
        _none(),
        -transfer.amount_fen,
        _withdrawal_booked(world, transfer),
        sa.literal(0),
    ).where(
        transfer.state == BillState.SUCCESS,
        transfer.ended_at >= start,
        transfer.ended_at < end,
        ~_in_bill(BillKind.FLOW, Sort.TRANSFER, transfer.out_bill_no),
        sa.or_(
            transfer.transfer_bill_no == "",
            ~_in_bill(BillKind.FLOW, Sort.TRANSFER, transfer.transfer_bill_no, by_wx=True),
        ),
    )
    return _both(from_bill, from_ours)


def _only_in_flow(file_id: int) -> Rows:
    """Payments that moved the account and are in no trade bill."""
    flow, trade = aliased(BillRow), aliased(BillRow)
    return sa.select(
        flow.wx_number.label("number"),
        flow.wx_number.label("wx_number"),
        flow.amount_fen.label("bill_fen"),
    ).where(
        flow.file_id == file_id,
        flow.sort == Sort.PAYMENT,
        ~sa.exists().where(
            trade.wx_number == flow.wx_number,
            trade.kind == BillKind.TRADE,
            trade.sort == Sort.PAYMENT,
            trade.amount_fen == flow.amount_fen,
        ),
    )


def _only_in_trade(file_id: int, end: datetime) -> Rows:
    """Payments of the trade bill that did not move the account."""
    flow, trade = aliased(BillRow), aliased(BillRow)
    return sa.select(
        trade.wx_number.label("number"),
        trade.wx_number.label("wx_number"),
        trade.amount_fen.label("bill_fen"),
    ).where(
        trade.file_id == file_id,
        trade.sort == Sort.PAYMENT,
        trade.at < end,
        ~sa.exists().where(
            flow.wx_number == trade.wx_number,
            flow.kind == BillKind.FLOW,
            flow.sort == Sort.PAYMENT,
        ),
    )


def _unasked(world: int, start: datetime, end: datetime) -> Rows:
    """Booked as WeChat's money, and nothing of it was asked for."""
    payment, refund = aliased(Payment), aliased(Refund)
    of_order = sa.exists().where(
        payment.order_id == Posting.subject_id, payment.status == PaymentStatus.SUCCESS
    )
    of_withdrawal = sa.exists().where(
        TransferBill.withdrawal_id == Posting.subject_id, TransferBill.state == BillState.SUCCESS
    )
    of_refund = sa.exists().where(
        refund.order_id == Posting.subject_id, refund.status == RefundStatus.SUCCESS
    )
    event = Posting.event
    return (
        sa.select(
            Posting.idem_key.label("number"),
            sa.literal("").label("wx_number"),
            _none().label("bill_fen"),
            (-Entry.amount_fen).label("ledger_fen"),
        )
        .join(Entry, sa.and_(Entry.posting_id == Posting.id, Entry.account_id == world))
        .where(
            Posting.at >= start,
            Posting.at < end,
            sa.or_(
                event.not_in(_BOOKED_EVENTS),
                sa.and_(event == "order_paid", ~of_order),
                sa.and_(event == "withdrawal_paid", ~of_withdrawal),
                sa.and_(event == "refund_succeeded", ~of_refund),
            ),
        )
    )


def _unbooked(file_id: int) -> dict[str, dict[str, int]]:
    """What the account moved that our books do not keep: fees, top-ups and the like."""
    rows = db.session.execute(
        sa.select(BillRow.sort, sa.func.count(), sa.func.sum(BillRow.amount_fen))
        .where(BillRow.file_id == file_id, BillRow.sort.in_((Sort.FEE, Sort.OTHER)))
        .group_by(BillRow.sort)
    )
    return {sort.value: {"count": count, "bill_fen": int(total)} for sort, count, total in rows}


# --- pieces ------------------------------------------------------------------------


def _to_balance(refund: Any) -> sa.ColumnElement[bool]:
    """Refunds of an order that was paid with a balance go back there, and to no bill."""
    return sa.exists().where(Payment.id == refund.payment_id, Payment.kind == PaymentKind.BALANCE)


def _booked(world: int, *which: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
    """What a posting moved at WeChat, as the merchant's account sees it."""
    return (
        sa.select(-Entry.amount_fen)
        .join(Posting, Posting.id == Entry.posting_id)
        # By the posting, of which there is one: the sum, and the function below, keep
        # planners from walking along every entry of the account or every such event.
        .where(Entry.account_id + 0 == world, *which)
        .scalar_subquery()
    )


def _order_booked(world: int, payment: Any) -> sa.ScalarSelect[Any]:
    return _booked(
        world,
        Posting.subject == "order",
        Posting.subject_id == payment.order_id,
        sa.func.coalesce(Posting.event, "") == "order_paid",
    )


def _withdrawal_booked(world: int, transfer: Any) -> sa.ScalarSelect[Any]:
    return _booked(
        world,
        Posting.subject == "withdrawal",
        Posting.subject_id == transfer.withdrawal_id,
        sa.func.coalesce(Posting.event, "") == "withdrawal_paid",
    )


def _in_bill(
    kind: BillKind, sort: Sort, number: Any, *, by_wx: bool = False
) -> sa.ColumnElement[bool]:
    row = aliased(BillRow)
    column = row.wx_number if by_wx else row.number
    return sa.exists().where(column == number, row.kind == kind, row.sort == sort)


def _none() -> sa.ColumnElement[Any]:
    return sa.cast(sa.null(), sa.BigInteger)


def _both(first: Any, second: Any) -> Rows:
    joined = sa.union_all(first, second).subquery()
    return sa.select(joined)


def _totals(rows: sa.Subquery) -> tuple[dict[str, int], int]:
    def total(column: Any) -> Any:
        return sa.func.coalesce(sa.func.sum(column), 0)

    c = rows.c
    row = db.session.execute(
        sa.select(
            sa.func.count(),
            total(c.ledger_fen),
            total(c.request_fen),
            total(c.bill_fen),
            total(c.flying),
        ).select_from(rows)
    ).one()
    names = ("count", "ledger_fen", "request_fen", "bill_fen")
    return {name: int(value) for name, value in zip(names, row[:4], strict=True)}, int(row[4])


def _disagreeing(kind: BreakKind, rows: sa.Subquery) -> tuple[int, list[Found]]:
    c = rows.c
    nothing = -(2**62)  # An amount that cannot be: NULL equals only NULL.
    bill, request, ledger = (
        sa.func.coalesce(column, nothing) for column in (c.bill_fen, c.request_fen, c.ledger_fen)
    )
    wrong = sa.and_(c.flying == 0, sa.or_(bill != request, request != ledger))
    return _all_of(kind, sa.select(rows).where(wrong))


def _all_of(kind: BreakKind, query: Rows) -> tuple[int, list[Found]]:
    found = [
        Found(
            kind,
            row.number[:128] or row.wx_number,
            row.wx_number,
            ledger_fen=_int(getattr(row, "ledger_fen", None)),
            request_fen=_int(getattr(row, "request_fen", None)),
            bill_fen=_int(getattr(row, "bill_fen", None)),
        )
        for row in db.session.execute(query.limit(BREAKS_MAX))
    ]
    if len(found) < BREAKS_MAX:
        return len(found), found
    count = db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery()))
    return count or 0, found


def _int(value: Any) -> int | None:
    return None if value is None else int(value)
