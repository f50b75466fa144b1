"""Things that tests need, made by the same services that the app uses."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from app import audit, catalog, commission, distribution, ledger, members, orders, outbox
from app.catalog import (
    Category,
    FreightBy,
    FreightTemplate,
    Product,
    ProductInput,
    Rate,
    Sku,
    SkuInput,
    Terms,
)
from app.core.db import db, run_unit, transaction
from app.distribution import levels
from app.ledger import AccountKind, Move
from app.members import AddressInput, Member
from app.orders import Item, Order, PaidNotice

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai
MCHID, APPID = "1900000001", "wxtest"
ADMIN = audit.Actor.admin(1, "10.0.0.1")
ADMIN2 = audit.Actor.admin(2, "10.0.0.2")
SYSTEM = audit.Actor.system("test")

PLAN = {
    "depth_cap": 2,
    "base": "paid",
    "mode": "fixed",
    "self_purchase": "off",
    "inactive_upline": "skip",
    "line_cap_bps": 3000,
    "default": {"1": {"bps": 1000}, "2": {"bps": 500}},
}

_count = itertools.count(1)


def make_member(nickname: str = "", *, now: datetime = NOON) -> Member:
    number = next(_count)
    openid = f"oTest{number:023d}"
    with transaction():
        member = members.enter(openid, now=now)
        members.set_profile(member.id, nickname=nickname or f"会员{number}", avatar_url="")
    return member


def make_distributor(
    nickname: str = "", *, now: datetime = NOON, under: Member | None = None
) -> Member:
    member = make_member(nickname, now=now)
    make_distributor_of(member, now=now)
    if under is not None:
        bind(member, under, now=now)
    return member


def make_distributor_of(member: Member, *, now: datetime = NOON) -> None:
    """Let a member that is there already earn."""
    with transaction():
        applied = distribution.apply(
            member.id,
            statement="",
            agreed_version=distribution.CONTRACT_VERSION,
            now=now,
        )
        distribution.approve(applied.id, actor=ADMIN, now=now)


def distributor(member: Member) -> distribution.Distributor:
    """The distributor of this member, as the database has it now."""
    found = distribution.distributor_of(member.id)
    assert found is not None
    db.session.refresh(found)
    return found


def make_level(code: str, rank: int, name: str = "", **given: Any) -> levels.Level:
    """A level of the ladder; `given` are the other fields of `LevelInput`."""
    made = levels.LevelInput(name or f"等级{rank}", rank, **given)
    with transaction():
        return levels.save(code, made, is_new=True, actor=ADMIN, now=NOON)


def code_of(member: Member) -> str:
    with transaction():
        return distribution.referral_code(member.id, now=NOON).code


def bind(member: Member, under: Member, *, now: datetime = NOON) -> distribution.AttemptResult:
    code = code_of(under)
    with transaction():
        return distribution.bind(
            member.id, code=code, source=distribution.BindingSource.LINK, now=now
        )


def make_sku(
    *,
    price_fen: int = 100_00,
    cost_fen: int = 40_00,
    stock: int = 100,
    title: str = "高山绿茶",
    name: str = "一盒",
    is_on_shelf: bool = True,
) -> Sku:
    with transaction():
        product = Product(
            title=title, is_on_shelf=is_on_shelf, pictures=[], created_at=NOON, subtitle=""
        )
        sku = Sku(name=name, price_fen=price_fen, cost_fen=cost_fen)
        product.skus = [sku]
        db.session.add(product)
        db.session.flush()
        if stock:
            catalog.add_stock(sku.id, stock, key=f"test:{sku.id}", reason="入库", now=NOON)
    return sku


def make_category(name: str = "茶饮", *, parent: Category | None = None) -> Category:
    with transaction():
        return catalog.category_tree.save(
            None,
            name=name,
            parent_id=parent.id if parent else None,
            sort=0,
            actor=ADMIN,
            now=NOON,
        )


def make_freight(name: str = "普通快递", terms: Terms | None = None) -> FreightTemplate:
    plain = Terms(FreightBy.PIECE, Rate(1, 8_00, 1, 2_00, free_from_fen=99_00))
    with transaction():
        return catalog.save_freight(None, name=name, terms=terms or plain, actor=ADMIN, now=NOON)


def make_product(title: str = "高山绿茶", *, is_on_shelf: bool = True, **given: Any) -> Product:
    """A product as the editor makes one, with one SKU of 100 yuan unless `given` says otherwise."""
    typed = {
        "skus": (SkuInput((), 100_00, opening_stock=10),),
        "pictures": ("p/1.jpg",),
        **given,
    }
    with transaction():
        made = catalog.products.save(
            None, ProductInput(title=title, **typed), actor=ADMIN, now=NOON
        )
        if is_on_shelf:
            catalog.products.put_on_shelf([made.id], actor=ADMIN, now=NOON)
    return made


def make_address(member: Member) -> members.Address:
    known = members.default_address(member.id)
    if known is not None:
        return known
    with transaction():
        return members.add_address(
            member.id,
            AddressInput("王芳", "13812345678", "浙江省杭州市西湖区", "文三路 1 号"),
            now=NOON,
        )


def make_plan(document: dict | None = None, *, now: datetime = NOON) -> commission.PlanVersion:
    with transaction():
        plan = commission.draft_plan(document or PLAN, name="测试方案", actor=ADMIN, now=now)
        return commission.publish_plan(plan.id, effective_from=now, actor=ADMIN2, now=now)


def place_order(
    buyer: Member,
    sku: Sku,
    quantity: int = 1,
    *,
    now: datetime = NOON,
    request_key: str | None = None,
) -> Order:
    address = make_address(buyer)
    with transaction():
        return orders.place(
            buyer.id,
            items=[Item(sku.id, quantity)],
            address_id=address.id,
            request_key=request_key or f"tap-{next(_count)}",
            expected_fen=sku.price_fen * quantity,
            now=now,
        )


def notice_for(order: Order, *, now: datetime = NOON, **changed: object) -> PaidNotice:
    payment = orders.open_payment(order.id)
    assert payment is not None
    facts = {
        "out_trade_no": payment.out_trade_no,
        "transaction_id": f"4200{order.id:016d}",
        "mchid": MCHID,
        "appid": APPID,
        "amount_fen": payment.amount_fen,
        "currency": "CNY",
        "openid": members.get(order.member_id).openid,
        "paid_at": now,
    }
    return PaidNotice(**{**facts, **changed})  # type: ignore[arg-type]


def take(notice: PaidNotice, *, now: datetime = NOON) -> orders.Taken:
    return run_unit(orders.take_payment, notice, mchid=MCHID, appid=APPID, now=now)


def paid_order(buyer: Member, sku: Sku, quantity: int = 1, *, now: datetime = NOON) -> Order:
    """An order that is paid, with its news delivered."""
    order = place_order(buyer, sku, quantity, now=now)
    take(notice_for(order, now=now), now=now)
    outbox.drain(now)
    return order


def received_order(buyer: Member, sku: Sku, quantity: int = 1, *, now: datetime = NOON) -> Order:
    order = paid_order(buyer, sku, quantity, now=now)
    run_unit(
        orders.ship,
        order.id,
        carrier="顺丰速运",
        tracking_number="SF1234567890",
        actor=ADMIN,
        now=now,
    )
    run_unit(orders.receive, order.id, actor=SYSTEM, now=now)
    outbox.drain(now)
    return order


def give_available(member: Member, amount_fen: int, *, now: datetime = NOON) -> None:
    """Money that a member may withdraw, earned by a bonus from the shop's income."""
    key = f"test:give:{next(_count)}"
    with transaction():
        ledger.post(
            f"{key}:in",
            event="test_income",
            moves=[
                Move(
                    ledger.system(AccountKind.WORLD_WX),
                    ledger.system(AccountKind.SHOP),
                    amount_fen,
                )
            ],
            now=now,
        )
        ledger.post(
            key,
            event="bonus",
            moves=[
                Move(
                    ledger.system(AccountKind.SHOP),
                    ledger.member(AccountKind.AVAILABLE, member.id),
                    amount_fen,
                )
            ],
            now=now,
            reason="测试奖励",
        )


def broken_invariants() -> dict[str, list[str]]:
    """The invariants that do not hold now; `{}` on sound books."""
    return {r.code: r.sample for r in ledger.verify() if r.offending}


def days(count: int) -> timedelta:
    return timedelta(days=count)
