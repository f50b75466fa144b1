"""Who comes, what they buy, and how they pay."""

from app import catalog, distribution, members, orders, settings
from app.commission.cycles import Cycle
from app.core.db import db, run_unit
from app.distribution import BindingSource, Distributor, DistributorStatus
from app.orders import Item, Order, OrderStatus, PaidNotice
from scripts.simulation import ground
from scripts.simulation.ground import DESK
from scripts.simulation.returning import Returning
from scripts.simulation.wechat import APPID, MCHID


class Buying(Returning):
    """Acts of people and of the shop; whoever bought may think better of it."""

    def join(self) -> str:
        number = len(self.members) + 1
        member_id = ground.join(number, self.now)
        self.members.append(member_id)
        if self.codes and self.rng.random() < 0.85:
            self.bind(member_id)
        if number < 6 or self.rng.random() < 0.2:
            self.appoint(member_id)
        return "joined"

    def bind(self, member_id: int) -> str:
        found = run_unit(
            distribution.bind,
            member_id,
            code=self.pick(self.codes),
            source=BindingSource.SCAN,
            now=self.now,
        )
        self.news()
        return found.value

    def become(self) -> str:
        if not self.members:
            return "nobody"
        member_id = self.pick(self.members)
        return self.appoint(member_id) if self.rng.random() < 0.6 else self.bind(member_id)

    def appoint(self, member_id: int) -> str:
        code = ground.appoint(member_id, self.now)
        self.distributors.append(member_id)
        self.codes.append(code)
        return "appointed"

    def suspend_or_restore(self) -> str:
        if not self.distributors:
            return "nobody"
        member_id = self.pick(self.distributors)
        found: Distributor | None = distribution.distributor_of(member_id)
        if found is None:
            return "nobody"
        if found.status is DistributorStatus.SUSPENDED:
            run_unit(distribution.restore, found.id, actor=DESK, now=self.now)
            return "restored"
        if self.rng.random() < 0.5:
            return "spared"
        run_unit(distribution.suspend, found.id, reason="调查", actor=DESK, now=self.now)
        return "suspended"

    def restock(self) -> str:
        sku_id = self.rng.choice(self.skus)
        run_unit(
            catalog.receive_stock,
            sku_id,
            self.rng.randint(1, 80),
            key=f"sim:{self.step}",
            actor=DESK,
            now=self.now,
        )
        return "received"

    def new_plan(self) -> str:
        ground.publish_plan(self.rng.choice(ground.PLANS), self.now)
        return "published"

    def new_cycle(self) -> str:
        """The shop settles on other days from now on."""
        cycle = self.rng.choice(list(Cycle)).value
        key = settings.registry.SETTLE_CYCLE.key
        run_unit(settings.change, key, cycle, actor=DESK, now=self.now)
        return cycle

    def order(self) -> str:
        if not self.members:
            return "nobody"
        buyer = self.pick(self.members)
        wanted = self.rng.sample(self.skus, self.rng.randint(1, 2))
        items = [Item(sku_id, self.rng.randint(1, 3)) for sku_id in wanted]
        price = orders.quote(items, buyer_id=buyer, region=ground.REGION).payable_fen
        address = members.default_address(buyer)
        db.session.rollback()
        order = run_unit(
            orders.place,
            buyer,
            items=items,
            address_id=address.id if address else None,
            request_key=f"sim-{self.step}",
            expected_fen=price + (self.rng.random() < 0.03),
            now=self.now,
        )
        self.orders.append(order.id)
        try:
            orders.paying_sheet(
                order.id, description="高山绿茶", gateway=self.wechat.pay, now=self.now
            )
        except orders.PrepayRefused:
            return "no_sheet"
        # Most people who come this far pay.
        return self.pay(order.id) if self.rng.random() < 0.8 else "placed"

    def move_order(self) -> str:
        if not self.orders:
            return "none"
        order = db.session.get_one(Order, self.pick(self.orders))
        order_id, buyer, status = order.id, order.member_id, order.status
        drawn = self.rng.random()
        match status:
            case OrderStatus.UNPAID if drawn < 0.25:
                return orders.close(order_id, actor=DESK, gateway=self.wechat.pay, now=self.now)
            case OrderStatus.UNPAID:
                return self.pay(order_id)
            case OrderStatus.CLOSED | OrderStatus.CLOSING if drawn < 0.15:
                return self.pay_late(order_id)
            case OrderStatus.PAID if drawn < 0.7:
                run_unit(
                    orders.ship,
                    order_id,
                    carrier="顺丰速运",
                    tracking_number="SF1234567890",
                    actor=DESK,
                    now=self.now,
                )
            case OrderStatus.SHIPPED if drawn < 0.7:
                run_unit(orders.receive, order_id, actor=DESK, now=self.now)
            case OrderStatus.FINISHED if drawn < 0.25:
                return self.refund_now(order)
            case OrderStatus.PAID | OrderStatus.SHIPPED | OrderStatus.RECEIVED:
                return self.apply(order, buyer)
            case _:
                return f"left_{status.value}"
        self.news()
        return status.value

    def pay(self, order_id: int) -> str:
        payment = orders.open_payment(order_id)
        number = payment.out_trade_no if payment else ""
        db.session.rollback()
        notice = self.wechat.pay.paid(number, now=self.now)
        if notice is None:
            return "cannot_pay"
        drawn = self.rng.random()
        if drawn < 0.12:
            return "notice_lost"
        if drawn < 0.15:
            forged = PaidNotice(**{**vars(notice), "amount_fen": notice.amount_fen + 1})
            return f"forged_{self.take(forged)}"
        self.notices.append(notice)
        return self.take(notice)

    def take(self, notice: PaidNotice) -> str:
        taken = run_unit(orders.take_payment, notice, mchid=MCHID, appid=APPID, now=self.now)
        if self.rng.random() < 0.8:
            self.news()
        return taken.value

    def pay_late(self, order_id: int) -> str:
        [payment] = orders.payments_of(order_id)
        number, fen = payment.out_trade_no, payment.amount_fen
        openid = members.get(db.session.get_one(Order, order_id).member_id).openid
        db.session.rollback()
        notice = self.wechat.pay.late_money(number, openid=openid, fen=fen, now=self.now)
        self.notices.append(notice)
        return f"late_{self.take(notice)}"

    def repeat_notice(self) -> str:
        return self.take(self.pick(self.notices)) if self.notices else "none"
