"""Short ways through an after-sale."""

from dataclasses import dataclass

from app import aftersales, outbox
from app.aftersales import AfterSale, AfterSaleKind, Refund, Wanted
from app.core.db import db, run_unit
from app.members import Member
from app.orders import Order
from tests.aftersales.fakes import FakeRefunds
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    paid_order,
    received_order,
)

K = AfterSaleKind


@dataclass
class Sale:
    """A sale of one line of ¥100.00 in `pieces` that two uplines earn from: 10 % and 5 %."""

    order: Order
    buyer: Member
    near: Member
    top: Member
    gateway: FakeRefunds

    @property
    def line_id(self) -> int:
        return self.order.lines[0].id

    def ask(self, *, kind=K.REFUND, quantity=0, fen=None, reason="不想要了", now=NOON) -> AfterSale:
        row = run_unit(
            aftersales.apply,
            self.buyer.id,
            self.order.id,
            kind=kind,
            wanted=[Wanted(self.line_id, quantity, fen)],
            reason=reason,
            now=now,
        )
        outbox.drain(now)
        return row

    def agree(self, row: AfterSale, *, now=NOON) -> None:
        run_unit(aftersales.approve, row.id, actor=ADMIN, now=now)
        outbox.drain(now)

    def send(self, row: AfterSale, *, now=NOON) -> str:
        return aftersales.carry_on(refund_of(row).id, gateway=self.gateway, now=now)

    def end(self, row: AfterSale, status: str = "SUCCESS", *, now=NOON) -> bool:
        """WeChat's notice of how the refund ended."""
        word = self.gateway.end(refund_of(row).out_refund_no, status)
        good = run_unit(aftersales.report, word, mchid=self.gateway.mchid, now=now)
        settle_news(now)
        return good

    def refund(self, fen: int, *, now=NOON) -> AfterSale:
        """Ask for, agree to, send and finish a refund of so much."""
        row = self.ask(fen=fen, now=now)
        self.agree(row, now=now)
        self.send(row, now=now)
        self.end(row, now=now)
        return row

    def shop_refunds(self, fen: int, *, now=NOON) -> AfterSale:
        """The shop refunds on its own word, also after the order ended."""
        row = run_unit(
            aftersales.refund_now,
            self.order.id,
            wanted=[Wanted(self.line_id, 0, fen)],
            freight_fen=0,
            reason="协商退款",
            actor=ADMIN,
            now=now,
        )
        settle_news(now)
        self.send(row, now=now)
        self.end(row, now=now)
        return row


def settle_news(now=NOON) -> None:
    """Deliver the news, and the news of that news."""
    while outbox.drain(now):
        pass


def refund_of(row: AfterSale) -> Refund:
    found = aftersales.refund_of(row.id)
    assert found is not None
    return found


def afresh(row):
    """The row as it stands in the database now."""
    db.session.rollback()
    return db.session.get(type(row), row.id, populate_existing=True)


def sale(*, received: bool = False, pieces: int = 1, price_fen: int = 100_00, now=NOON) -> Sale:
    top = make_distributor("林杰", now=now)
    near = make_distributor("陈梅", under=top, now=now)
    buyer = make_member("王芳", now=now)
    bind(buyer, near, now=now)
    make_plan(now=now)
    make = received_order if received else paid_order
    order = make(buyer, make_sku(price_fen=price_fen), pieces, now=now)
    return Sale(order, buyer, near, top, FakeRefunds())
