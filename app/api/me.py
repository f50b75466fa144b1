"""A member's own: who they are, addresses, the cart."""

from collections.abc import Sequence
from typing import Literal

from flask import Response
from pydantic import Field

from app import ledger, members, privacy
from app.api.blueprint import V1, bp
from app.api.operation import csrf_token, current_member, once, operation
from app.api.shapes import Answer, Body, Fen
from app.core import clock
from app.core.db import db
from app.distribution import distributor_of
from app.distribution.models import DistributorStatus
from app.members import Address, AddressInput
from app.orders import cart

TAG = "我的"


class WalletOut(Answer):
    pending_fen: Fen = Field(description="待结算（分）")
    available_fen: Fen = Field(description="可提现（分）")
    frozen_fen: Fen = Field(description="提现中（分）")
    debt_fen: Fen = Field(description="待追回（分）")


class MeOut(Answer):
    id: str = Field(description="会员编号")
    nickname: str
    is_subscribed: bool
    distributor: DistributorStatus | None
    wallet: WalletOut
    csrf_token: str = Field(description="写操作放在请求头 X-CSRF-Token 里")


class AddressIn(Body):
    name: str = Field(max_length=200)
    phone: str = Field(max_length=200)
    region: str = Field(max_length=200, description="省 市 区，以空格分开")
    detail: str = Field(max_length=200)
    is_default: bool = False
    agreed: Literal[True] = Field(description="同意《隐私政策》，必须为 true")


class AddressOut(Answer):
    id: int
    name: str
    phone: str
    region: str
    detail: str
    is_default: bool


class AddressList(Answer):
    items: Sequence[AddressOut]


class CartRowOut(Answer):
    sku_id: int
    product_id: int
    title: str
    sku_name: str
    quantity: int
    unit_fen: Fen
    stock: int
    is_ticked: bool
    is_gone: bool = Field(description="已下架或售罄")


class CartOut(Answer):
    items: Sequence[CartRowOut]
    total_fen: Fen = Field(description="勾选商品的金额（分），不含运费")


class CartIn(Body):
    sku_id: int = Field(ge=1, le=10**15)
    quantity: int = Field(1, ge=1, le=999)


class CartChange(Body):
    quantity: int | None = Field(None, ge=1, le=999)
    is_ticked: bool | None = None


class DoneOut(Answer):
    done: bool = True


@bp.get(f"{V1}/me")
@operation(MeOut, tag=TAG, phone=True)
def get_me() -> MeOut:
    """我是谁，和写操作要用的 csrf_token"""
    me = current_member()
    standing = distributor_of(me.id)
    return MeOut(
        id=me.public_id,
        nickname=me.display_name,
        is_subscribed=me.is_subscribed,
        distributor=standing.status if standing else None,
        wallet=WalletOut.model_validate(ledger.wallet_of(me.id)),
        csrf_token=csrf_token(),
    )


@bp.get(f"{V1}/me/addresses")
@operation(AddressList, tag=TAG, phone=True)
def list_addresses() -> AddressList:
    """收货地址"""
    rows = members.addresses_of(current_member().id)
    return AddressList(items=[AddressOut.model_validate(row) for row in rows])


@bp.post(f"{V1}/me/addresses")
@operation(AddressOut, tag=TAG, phone=True, writes=True, status=201)
def add_address(json: AddressIn) -> Response:
    """新增收货地址"""
    member_id, now = current_member().id, clock.now()

    def work() -> AddressOut:
        privacy.agree(member_id, now=now)
        given = _typed(json)
        row = members.add_address(member_id, given, now=now, is_default=json.is_default)
        return _address(row)

    return once(work)


@bp.put(f"{V1}/me/addresses/<int:address_id>")
@operation(AddressOut, tag=TAG, phone=True, writes=True)
def change_address(address_id: int, json: AddressIn) -> Response:
    """修改收货地址"""
    member_id, now = current_member().id, clock.now()
    return once(
        lambda: _address(
            members.change_address(
                member_id, address_id, _typed(json), now=now, is_default=json.is_default
            )
        )
    )


@bp.delete(f"{V1}/me/addresses/<int:address_id>")
@operation(DoneOut, tag=TAG, phone=True, writes=True)
def delete_address(address_id: int) -> Response:
    """删除收货地址"""
    member_id = current_member().id

    def work() -> DoneOut:
        members.delete_address(member_id, address_id)
        return DoneOut()

    return once(work)


@bp.get(f"{V1}/me/cart")
@operation(CartOut, tag=TAG, phone=True)
def get_cart() -> CartOut:
    """购物车，按现在的价格"""
    return _cart(current_member().id)


@bp.post(f"{V1}/me/cart")
@operation(CartOut, tag=TAG, phone=True, writes=True)
def add_to_cart(json: CartIn) -> Response:
    """加入购物车"""
    member_id, now = current_member().id, clock.now()

    def work() -> CartOut:
        cart.add(member_id, json.sku_id, json.quantity, now=now)
        return _cart(member_id)

    return once(work)


@bp.patch(f"{V1}/me/cart/<int:sku_id>")
@operation(CartOut, tag=TAG, phone=True, writes=True)
def change_cart(sku_id: int, json: CartChange) -> Response:
    """改数量，或勾选、取消勾选"""
    member_id = current_member().id

    def work() -> CartOut:
        if json.quantity is not None:
            cart.set_quantity(member_id, sku_id, json.quantity)
        if json.is_ticked is not None:
            cart.tick(member_id, [sku_id], is_ticked=json.is_ticked)
        return _cart(member_id)

    return once(work)


@bp.delete(f"{V1}/me/cart/<int:sku_id>")
@operation(CartOut, tag=TAG, phone=True, writes=True)
def remove_from_cart(sku_id: int) -> Response:
    """移出购物车"""
    member_id = current_member().id

    def work() -> CartOut:
        cart.remove(member_id, [sku_id])
        return _cart(member_id)

    return once(work)


def _typed(json: AddressIn) -> AddressInput:
    return AddressInput(name=json.name, phone=json.phone, region=json.region, detail=json.detail)


def _address(row: Address) -> AddressOut:
    db.session.flush()
    return AddressOut.model_validate(row)


def _cart(member_id: int) -> CartOut:
    found = cart.contents(member_id)
    return CartOut(
        items=[
            CartRowOut(
                sku_id=row.sku.id,
                product_id=row.sku.product_id,
                title=row.sku.product.title,
                sku_name=row.sku.name,
                quantity=row.quantity,
                unit_fen=row.unit_fen,
                stock=row.sku.stock,
                is_ticked=row.is_ticked,
                is_gone=row.is_gone,
            )
            for row in [*found.live, *found.gone]
        ],
        total_fen=found.total_fen,
    )
