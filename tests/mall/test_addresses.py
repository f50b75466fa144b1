"""Addresses over HTTP, and choosing one at checkout."""

import pytest

from app import members, orders
from app.catalog import FreightBy, Product, Rate, RegionRate, Terms
from app.core.db import db, run_unit, transaction
from app.members import AddressInput
from tests.admin.desk import pickup_shop
from tests.factories import NOON, make_address, make_freight, make_member, make_sku, place_order
from tests.mall.pages import hidden_fields, text_of

ADDRESS = {
    "name": "王芳",
    "phone": "13800138000",
    "region": "浙江省 杭州市 西湖区",
    "detail": "文三路 1 号",
}


def kept(member) -> list[tuple[str, bool]]:
    db.session.rollback()
    return [(a.detail, a.is_default) for a in members.addresses_of(member.id)]


def second(member):
    given = AddressInput("李雷", "13900139000", "北京市 东城区", "长安街 1 号")
    return run_unit(members.add_address, member.id, given, now=NOON)


def test_an_empty_list_says_what_to_do(client, me):
    page = client.get("/me/address").text

    assert "还没有收货地址" in page
    assert "/me/address/new" in page


def test_an_address_is_added_and_shown_masked(client, me):
    answer = client.post("/me/address/new", data=ADDRESS)

    page = client.get("/me/address").text
    assert answer.location == "/me/address"
    assert "138****8000" in page
    assert "13800138000" not in page
    assert kept(me) == [("文三路 1 号", True)]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"phone": "1380013800"}, "phone"),
        ({"region": "浙江省"}, "region"),
        ({"name": ""}, "name"),
        ({"detail": "长" * 81}, "detail"),
    ],
)
def test_a_wrong_address_is_refused_at_its_field(client, me, changed, field):
    address = make_address(me)
    before = kept(me)

    for path in ("/me/address/new", f"/me/address/{address.id}"):
        answer = client.post(path, data={**ADDRESS, **changed})
        assert answer.status_code == 422, path
        assert f'id="e-{field}"' in answer.text, path

    assert kept(me) == before


def test_an_address_is_mended_made_default_and_deleted(client, me):
    make_address(me)
    other = second(me)

    client.post(f"/me/address/{other.id}", data={**ADDRESS, "detail": "新的"})
    client.post(f"/me/address/{other.id}/default")
    assert kept(me) == [("新的", True), ("文三路 1 号", False)]

    client.post(f"/me/address/{other.id}/delete")
    assert kept(me) == [("文三路 1 号", True)]


def test_the_limit_is_told(client, me):
    for _ in range(members.ADDRESSES_MAX):
        second(me)

    answer = client.post("/me/address/new", data=ADDRESS)

    assert answer.status_code == 409
    assert "最多保存 20 个收货地址" in answer.text
    assert len(kept(me)) == members.ADDRESSES_MAX


def test_others_addresses_are_not_found(client, me):
    address = make_address(make_member())
    sku = make_sku()

    assert client.get(f"/me/address/{address.id}").status_code == 404
    for path in ("", "/default", "/delete"):
        assert client.post(f"/me/address/{address.id}{path}", data=ADDRESS).status_code == 404
    assert client.get(f"/checkout?sku={sku.id}&address={address.id}").status_code == 404
    db.session.rollback()
    assert members.get(address.member_id) is not None
    assert [a.detail for a in members.addresses_of(address.member_id)] == ["文三路 1 号"]


def test_an_address_added_at_checkout_leads_back_there_chosen(client, me):
    make_address(me)
    sku = make_sku()
    page = client.get(f"/me/address/new?sku={sku.id}&quantity=2").text

    answer = client.post("/me/address/new", data={**ADDRESS, **hidden_fields(page)})

    assert "保存并返回结算" in page
    db.session.rollback()
    newest = max(a.id for a in members.addresses_of(me.id))
    assert answer.location == f"/checkout?sku={sku.id}&quantity=2&address={newest}"


def test_the_chosen_address_is_where_it_goes(client, me):
    make_address(me)
    other, sku = second(me), make_sku()
    page = client.get(f"/checkout?sku={sku.id}&quantity=1&address={other.id}").text

    client.post("/checkout", data=hidden_fields(page))

    db.session.rollback()
    [order] = orders.orders_of(me.id).items
    assert (order.receiver_name, order.receiver_region) == ("李雷", "北京市 东城区")


def test_a_forged_address_places_nothing(client, me):
    make_address(me)
    foreign, sku = make_address(make_member()), make_sku()
    form = hidden_fields(client.get(f"/checkout?sku={sku.id}&quantity=1").text)

    answer = client.post("/checkout", data={**form, "address": foreign.id})

    db.session.rollback()
    assert answer.status_code == 404
    assert orders.orders_of(me.id).items == []


def freight_for(sku) -> None:
    template = make_freight()
    with transaction():
        db.session.get_one(Product, sku.product_id).freight_template_id = template.id


def test_freight_is_quoted_by_the_address_and_ordered_as_shown(client, me):
    make_address(me)
    sku = make_sku(price_fen=20_00)
    freight_for(sku)
    page = client.get(f"/checkout?sku={sku.id}&quantity=2")

    client.post("/checkout", data=hidden_fields(page.text))

    db.session.rollback()
    [order] = orders.orders_of(me.id).items
    assert "运费¥10.00" in text_of(page).replace(" ", "")
    assert (order.goods_fen, order.freight_fen, order.payable_fen) == (40_00, 10_00, 50_00)
    assert [line.paid_fen for line in order.lines] == [40_00]


def test_freight_of_a_first_address_is_shown_before_anything_is_ordered(client, me):
    sku = make_sku(price_fen=20_00)
    freight_for(sku)
    page = client.get(f"/checkout?sku={sku.id}&quantity=1").text

    first = client.post("/checkout", data={**hidden_fields(page), **ADDRESS})

    assert "填写地址后计算" in page
    assert first.status_code == 409
    assert "运费由 ¥0.00 变为 ¥8.00" in first.text
    db.session.rollback()
    assert orders.orders_of(me.id).items == []
    again = client.post("/checkout", data={**hidden_fields(first.text), **ADDRESS})
    assert again.status_code == 303
    assert orders.orders_of(me.id).items[0].payable_fen == 28_00


def test_a_place_that_is_not_served_is_told_and_orders_nothing(client, me):
    make_address(me)
    sku = make_sku(price_fen=20_00)
    terms = Terms(FreightBy.PIECE, Rate(1, 8_00, 1, 0), (RegionRate(("浙江",), None),))
    template = make_freight("不发浙江", terms)
    form = hidden_fields(client.get(f"/checkout?sku={sku.id}&quantity=1").text)
    with transaction():
        db.session.get_one(Product, sku.product_id).freight_template_id = template.id

    page = client.get(f"/checkout?sku={sku.id}&quantity=1").text
    answer = client.post("/checkout", data=form)

    assert "该地区暂不配送" in page
    assert "更换地址" in page
    assert answer.status_code == 409
    db.session.rollback()
    assert orders.orders_of(me.id).items == []


def test_what_is_fetched_at_a_shop_has_no_freight(client, me):
    sku = make_sku(price_fen=20_00)
    freight_for(sku)
    shop = pickup_shop()
    form = hidden_fields(client.get(f"/checkout?sku={sku.id}&delivery=pickup").text)

    client.post("/checkout", data={**form, "shop": shop.id, "name": "王芳", "phone": "13800138000"})

    db.session.rollback()
    assert orders.orders_of(me.id).items[0].payable_fen == 20_00


def test_a_limit_per_member_counts_what_was_bought_before(client, me):
    make_address(me)
    sku = make_sku(title="限量茶")
    with transaction():
        db.session.get_one(Product, sku.product_id).limit_per_member = 3
    place_order(me, sku, 2)
    form = hidden_fields(client.get(f"/checkout?sku={sku.id}&quantity=2").text)

    answer = client.post("/checkout", data=form)

    assert answer.status_code == 409
    assert "“限量茶”每人限购 3 件，你已买过 2 件" in answer.text
    db.session.rollback()
    assert len(orders.orders_of(me.id).items) == 1


def test_a_list_for_choosing_leads_to_the_checkout(client, me):
    address = make_address(me)

    assert f"/checkout?address={address.id}&amp;cart=1" in client.get("/me/address?cart=1").text
    assert "/checkout" not in client.get("/me/address").text
