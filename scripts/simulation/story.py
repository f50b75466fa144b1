"""One sale from the order to the payout, written so that it may be played again.

Whoever plays it again does what people and schedulers do after a breakdown: taps
once more under the same key, hears the notice again, lets the jobs run. What was
done already is refused or found, so two plays end in the books of one.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from app import aftersales, distribution, members, orders, outbox, withdrawals
from app.aftersales import AfterSaleKind, Wanted
from app.core import clock
from app.core.db import db, run_unit
from app.core.errors import DomainError
from app.distribution import BindingSource
from app.jobs import tasks
from app.orders import Item, Order
from scripts.simulation import ground
from scripts.simulation.ground import DESK
from scripts.simulation.wechat import APPID, MCHID, WeChat

FIRST = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
# Stories do not overlap: what one leaves to do would be done by the next.
APART = timedelta(days=60)

RunJob = Callable[[str, datetime], None]


def run_job(name: str, now: datetime) -> None:
    """Run a job whatever slot it is; what failed in it is left to the next play."""
    with clock.fixed(now):
        try:
            tasks.JOBS[name].task(now, False)
        except tasks.RowsFailed:
            pass
        finally:
            db.session.rollback()


class Story:
    """Its people and goods are made at once; the rest by `play`."""

    def __init__(self, number: int, wechat: WeChat) -> None:
        self.wechat = wechat
        self.start = FIRST + APART * number
        # What a scheduler's clock says when it is really so late.
        self.clocks: Callable[[datetime], Sequence[datetime]] = lambda now: [now]
        self.run_job: RunJob = run_job
        self._sku = ground.make_sku(100_00, self.start)
        first = 10 * number
        self._top, self._near, self._buyer = (
            ground.join(first + n, self.start, story="story") for n in (1, 2, 3)
        )
        top_code = ground.appoint(self._top, self.start)
        near_code = ground.appoint(self._near, self.start)
        for member_id, code in ((self._near, top_code), (self._buyer, near_code)):
            run_unit(
                distribution.bind, member_id, code=code, source=BindingSource.SCAN, now=self.start
            )
        outbox.drain(self.start, calls=False)

    def play(self) -> None:
        """From the first tap to the last notice."""
        with self.wechat.in_its_place():
            now = self.start
            kept, returned = (self._buy(key, now) for key in ("kept", "returned"))
            self._jobs(now + timedelta(minutes=2), "outbox", "query-payments")
            for order_id in (kept, returned):
                self._send(order_id, now + timedelta(hours=1))
            self._give_back(returned, now + timedelta(days=1))
            now += timedelta(days=20)
            self._jobs(now, "settle")
            for member_id, fen in ((self._near, 20_00), (self._top, 8_00)):
                now += timedelta(hours=1)
                self._take_out(member_id, fen, now)
            self._claw_back(kept, now + timedelta(days=1))
            self._jobs(now + timedelta(days=2), "outbox", "settle")

    def _jobs(self, now: datetime, *names: str) -> None:
        for moment in self.clocks(now):
            for name in names:
                self.run_job(name, moment)

    def _buy(self, key: str, now: datetime) -> int:
        address = members.default_address(self._buyer)
        order: Order = run_unit(
            orders.place,
            self._buyer,
            items=[Item(self._sku, 2)],
            address_id=address.id if address else None,
            request_key=key,
            expected_fen=200_00,
            now=now,
        )
        order_id = order.id
        _tap(orders.paying_sheet, order_id, description="茶", gateway=self.wechat.pay, now=now)
        [payment] = orders.payments_of(order_id)
        number = payment.out_trade_no
        db.session.rollback()
        notice = self.wechat.pay.paid(number, now=now)
        if notice is not None:
            run_unit(orders.take_payment, notice, mchid=MCHID, appid=APPID, now=now)
        outbox.drain(now, calls=False)
        return order_id

    def _send(self, order_id: int, now: datetime) -> None:
        parcel = {"carrier": "顺丰速运", "tracking_number": "SF1234567890"}
        _unit(orders.ship, order_id, **parcel, actor=DESK, now=now)
        _unit(orders.receive, order_id, actor=DESK, now=now)
        self._jobs(now, "outbox")

    def _give_back(self, order_id: int, now: datetime) -> None:
        """The buyer returns one of two and gets 66.66 for it."""
        if not aftersales.aftersales_of_order(order_id):
            [line] = db.session.get_one(Order, order_id).lines
            _unit(
                aftersales.apply,
                self._buyer,
                order_id,
                kind=AfterSaleKind.REFUND,
                wanted=[Wanted(line.id, 1, 66_66)],
                reason="不想要了",
                now=now,
            )
        [row] = aftersales.aftersales_of_order(order_id)
        row_id = row.id
        db.session.rollback()
        self._jobs(now, "outbox")
        _unit(aftersales.approve, row_id, actor=DESK, now=now)
        self._refund(row_id, now)

    def _claw_back(self, order_id: int, now: datetime) -> None:
        """The shop refunds what was settled and paid out: a debt for both."""
        [line] = db.session.get_one(Order, order_id).lines
        _unit(
            aftersales.refund_now,
            order_id,
            wanted=[Wanted(line.id, 2)],
            freight_fen=0,
            reason="协商退款",
            actor=DESK,
            now=now,
            seen_refunded_fen=0,
        )
        [row] = aftersales.aftersales_of_order(order_id)
        row_id = row.id
        db.session.rollback()
        self._refund(row_id, now)

    def _refund(self, aftersale_id: int, now: datetime) -> None:
        self._jobs(now, "outbox", "send-refunds")
        refund = aftersales.refund_of(aftersale_id)
        number = refund.out_refund_no if refund else ""
        db.session.rollback()
        word = self.wechat.refunds.end(number, "SUCCESS")
        if word is not None:
            _unit(aftersales.report, word, mchid=MCHID, now=now)
        # The news of the news.
        for minutes in (1, 5, 20):
            self._jobs(now + timedelta(minutes=minutes), "send-refunds", "outbox")

    def _take_out(self, member_id: int, fen: int, now: datetime) -> None:
        row = _unit(withdrawals.request, member_id, amount_fen=fen, request_key="story", now=now)
        if row is None:
            # The settlement that pays for it is still another process's.
            return
        row_id = row.id
        _unit(withdrawals.approve, row_id, actor=DESK, actor_member_id=None, now=now)
        self._jobs(now, "outbox", "pay-withdrawals")
        # What got stuck is asked about, and sent again, before anybody confirms.
        for minutes in (2, 4):
            self._jobs(now + timedelta(minutes=minutes), "query-transfers")
        bill = withdrawals.current_bill(row_id)
        number = bill.out_bill_no if bill else ""
        db.session.rollback()
        answer = self.wechat.transfers.end(number, "SUCCESS")
        if answer is not None:
            _unit(withdrawals.report, answer, mchid=MCHID, now=now)
        self._jobs(now + timedelta(minutes=6), "query-transfers", "outbox")


def _unit(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """One unit of work; None where it was refused because it is done already."""
    return _tap(run_unit, work, *args, **kwargs)


def _tap(act: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        return act(*args, **kwargs)
    except DomainError:
        db.session.rollback()
        return None
