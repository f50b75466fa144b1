"""What goes back: after-sales, refunds, and money that came too late."""

from collections.abc import Callable
from typing import Any

from app import aftersales, orders
from app.aftersales import AfterSale, AfterSaleKind, AfterSaleStatus, Wanted
from app.core.db import db, run_unit
from app.orders import Oddity, OddityKind, Order
from scripts.simulation.ground import DESK, DESK2
from scripts.simulation.stage import RECENT, Stage
from scripts.simulation.wechat import MCHID


class Returning(Stage):
    """Acts about money on its way back."""

    def wanted(self, order: Order) -> list[Wanted]:
        line = self.rng.choice(order.lines)
        left = line.quantity - line.refunded_quantity
        if self.rng.random() < 0.4:
            return [Wanted(line.id, 0, self.rng.randint(1, line.paid_fen))]
        if self.rng.random() < 0.5:
            return [Wanted(each.id, each.quantity - each.refunded_quantity) for each in order.lines]
        return [Wanted(line.id, self.rng.randint(0, left))]

    def apply(self, order: Order, buyer: int) -> str:
        kind = self.rng.choice(list(AfterSaleKind))
        row = run_unit(
            aftersales.apply,
            buyer,
            order.id,
            kind=kind,
            wanted=self.wanted(order),
            reason=aftersales.REASONS[kind][0],
            now=self.now,
        )
        self.aftersales.append(row.id)
        self.news()
        return kind.value

    def refund_now(self, order: Order) -> str:
        row = run_unit(
            aftersales.refund_now,
            order.id,
            wanted=self.wanted(order),
            freight_fen=0,
            reason="协商退款",
            actor=DESK,
            now=self.now,
        )
        self.aftersales.append(row.id)
        self.news()
        return "by_shop"

    def move_aftersale(self) -> str:
        if not self.aftersales:
            return "none"
        row = db.session.get_one(AfterSale, self.pick(self.aftersales))
        status, likes = row.status, self.rng.random()
        act = self._aftersale_act(row, likes)
        if act is None:
            return f"left_{status.value}"
        act()
        self.news()
        return status.value

    def _aftersale_act(self, row: AfterSale, likes: float) -> Callable[[], Any] | None:
        """What somebody does about it next; most are well disposed."""
        S, row_id, now = AfterSaleStatus, row.id, self.now  # noqa: N806
        parcel = {"carrier": "顺丰速运", "tracking": "SF7654321"}
        is_exchange = row.kind is AfterSaleKind.EXCHANGE
        match row.status:
            case S.APPLIED if likes < 0.7:
                return lambda: run_unit(aftersales.approve, row_id, actor=DESK, now=now)
            case S.APPLIED if likes < 0.85:
                return lambda: run_unit(
                    aftersales.reject, row_id, reason="不符合", actor=DESK, now=now
                )
            case S.APPLIED | S.APPROVED if likes > 0.85:
                return lambda: run_unit(aftersales.withdraw, row.member_id, row_id, now=now)
            case S.APPROVED:
                return lambda: run_unit(
                    aftersales.send_back, row.member_id, row_id, **parcel, now=now
                )
            case S.RETURNING:
                return lambda: run_unit(
                    aftersales.take_back, row_id, is_restocked=likes < 0.8, actor=DESK, now=now
                )
            case S.RETURNED if is_exchange:
                return lambda: run_unit(
                    aftersales.send_again, row_id, **parcel, actor=DESK, now=now
                )
            case S.REFUNDING | S.ABNORMAL:
                return lambda: self._end_refund(row_id, likes)
        return None

    def _end_refund(self, aftersale_id: int, likes: float) -> None:
        found = aftersales.refund_of(aftersale_id)
        if found is None:
            return
        refund_id, number, now = found.id, found.out_refund_no, self.now
        is_abnormal = found.status is aftersales.RefundStatus.ABNORMAL
        db.session.rollback()
        if is_abnormal and likes < 0.5:
            run_unit(aftersales.retry, refund_id, actor=DESK, now=now)
            return
        if is_abnormal:
            for actor in (DESK, DESK2):
                run_unit(aftersales.pay_by_hand, refund_id, note="转账凭证", actor=actor, now=now)
            return
        ends = "SUCCESS" if likes < 0.75 else "ABNORMAL" if likes < 0.88 else "CLOSED"
        word = self.wechat.refunds.end(number, ends)
        if word is not None:
            for _ in range(self.rng.randint(1, 2)):
                run_unit(aftersales.report, word, mchid=MCHID, now=now)

    def move_oddity(self) -> str:
        """Late money goes back; the rest somebody looked at."""
        rows = orders.oddities(is_resolved=False, size=RECENT).items
        if not rows:
            return "none"
        oddity: Oddity = self.rng.choice(rows)
        if oddity.kind in (OddityKind.PAID_LATE, OddityKind.PAID_TWICE):
            run_unit(aftersales.begin_late, oddity.id, actor=DESK, now=self.now)
            return "begun"
        run_unit(orders.resolve_oddity, oddity.id, resolution="已核对", actor=DESK, now=self.now)
        return "resolved"
