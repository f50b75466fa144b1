"""A member's orders over HTTP: paying, watching, cancelling, receiving."""

import io

import pytest
import zxingcpp
from PIL import Image

from app import commission, members, orders, outbox, privacy
from app.catalog import Product, ProductKind
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.members import AddressInput
from app.orders import OrderStatus
from app.settings import change
from tests.admin.desk import pickup_shop
from tests.counting import counted
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    broken_invariants,
    days,
    give_available,
    make_address,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    notice_for,
    paid_order,
    place_order,
    received_order,
    take,
)
from tests.mall.pages import hidden_fields, text_of

JSON = {"Accept": "application/json"}


def shipped_order(buyer, sku):
    order = paid_order(buyer, sku)
    run_unit(
        orders.ship,
        order.id,
        carrier="顺丰速运",
        tracking_number="SF1234567890",
        actor=ADMIN,
        now=NOON,
    )
    return order


def status_of(order) -> OrderStatus:
    db.session.rollback()
    return orders.order_by_number(order.number).status


def test_empty_list_leads_to_the_shop(client, me):
    page = client.get("/orders").text

    assert "这里还没有订单" in page
    assert "去逛逛" in page


def test_buying_asks_the_database_no_more_than_it_must(client, me):
    make_plan()
    bind(me, make_distributor())
    make_address(me)
    run_unit(privacy.agree, me.id, now=NOON)
    sku = make_sku(price_fen=50_00)

    def asks(send, path: str, **given):
        with counted() as asked:
            answer = send(path, **given)
        assert answer.status_code in (200, 303)
        spent.append(len(asked))
        return answer

    spent: list[int] = []
    asks(client.post, "/cart", data={"sku": sku.id, "quantity": 1})
    # Redirects and pages of the first visit read what every process keeps afterwards.
    client.get("/checkout?cart=1")
    page = asks(client.get, "/checkout?cart=1")
    placed = asks(client.post, "/checkout", data=hidden_fields(page.text))
    asks(client.get, placed.location)
    asks(client.post, placed.location.removesuffix("/pay") + "/sheet")

    # Cart, checkout, order (with what an order copies), pay page, paying sheet.
    assert spent == [4, 6, 18, 4, 5]


def test_tabs_count_and_filter(client, me):
    sku = make_sku(title="高山绿茶")
    unpaid = place_order(me, sku)
    paid = paid_order(me, sku)

    everything = client.get("/orders").text
    only_paid = client.get("/orders?tab=paid").text

    assert unpaid.number in everything
    assert paid.number in everything
    assert unpaid.number not in only_paid
    assert paid.number in only_paid
    assert '待付款<sup class="num">1</sup>' in everything
    assert '待发货<sup class="num">1</sup>' in everything


def test_long_list_goes_on_where_it_stopped(client, me):
    sku = make_sku()
    numbers = [place_order(me, sku).number for _ in range(12)]

    first = client.get("/orders").text
    before = first.split("before=")[1].split('"')[0]
    second = client.get(f"/orders?before={before}").text

    assert [n for n in numbers if n in first] == numbers[2:]
    assert [n for n in numbers if n in second] == numbers[:2]


def test_unpaid_order_says_how_long_it_waits(client, me):
    order = place_order(me, make_sku(price_fen=128_00))

    page = client.get(f"/orders/{order.number}")

    assert "等待付款，剩余" in text_of(page)
    assert 'data-countdown="1800"' in page.text
    assert "去付款 ¥128.00" in page.text


def test_order_page_shows_parcel_address_and_times(client, me):
    order = shipped_order(me, make_sku(price_fen=39_90))

    page = client.get(f"/orders/{order.number}")

    assert "商品已发出" in page.text
    assert "顺丰速运" in page.text
    assert 'data-copy="SF1234567890"' in page.text
    assert "138****5678" in page.text
    assert "13812345678" not in page.text
    assert "2026-11-21 12:00:00" in page.text
    assert "确认收货" in page.text


@pytest.mark.parametrize("path", ["", "/pay", "/result", "/state"])
def test_another_members_order_is_not_found(client, me, path):
    order = place_order(make_member(), make_sku())

    assert client.get(f"/orders/{order.number}{path}").status_code == 404


@pytest.mark.parametrize("act", ["sheet", "cancel", "receive"])
def test_another_members_order_cannot_be_changed(client, me, act):
    order = place_order(make_member(), make_sku())

    answer = client.post(f"/orders/{order.number}/{act}")

    assert answer.status_code == 404
    assert status_of(order) is OrderStatus.UNPAID


# --- paying ------------------------------------------------------------------------


def test_sheet_is_signed_for_the_orders_amount(client, me, weixin):
    order = place_order(me, make_sku(price_fen=128_00, title="高山绿茶"))

    answer = client.post(f"/orders/{order.number}/sheet", headers=JSON)

    [facts] = weixin.pay.prepaid.values()
    assert answer.status_code == 200
    assert answer.json["signType"] == "RSA"
    assert (facts["amount_fen"], facts["openid"]) == (128_00, me.openid)
    assert facts["description"] == "云集好物-高山绿茶"


def test_sheet_says_when_wechat_does_not_answer(client, me, weixin):
    order = place_order(me, make_sku())
    weixin.pay.is_down = True

    answer = client.post(f"/orders/{order.number}/sheet", headers=JSON)

    assert answer.status_code == 503
    assert answer.json["message"] == "微信支付暂时没有响应，请稍后再试"
    assert status_of(order) is OrderStatus.UNPAID


def test_sheet_is_refused_when_the_time_is_over(client, me, weixin):
    order = place_order(me, make_sku())

    with clock.fixed(NOON + days(1)):
        answer = client.post(f"/orders/{order.number}/sheet", headers=JSON)

    assert answer.status_code == 409
    assert answer.json["code"] == "not_payable"
    assert weixin.pay.prepaid == {}


def test_pay_page_of_a_paid_order_leads_to_the_order(client, me):
    order = paid_order(me, make_sku())

    answer = client.get(f"/orders/{order.number}/pay")

    assert answer.location == f"/orders/{order.number}"


def test_state_asks_wechat_and_books_what_it_says(client, me, weixin):
    make_plan()
    upline = make_distributor("林杰")
    bind(me, upline)
    order = place_order(me, make_sku(price_fen=100_00))
    client.post(f"/orders/{order.number}/sheet", headers=JSON)
    notice = notice_for(order)
    weixin.pay.paid[notice.out_trade_no] = notice

    answer = client.get(f"/orders/{order.number}/state", headers=JSON)

    assert answer.json == {"paid": True, "status": "paid"}
    [earned] = commission.commissions_of(upline.id).items
    assert earned.amount_fen == 10_00
    assert broken_invariants() == {}


def test_state_asks_wechat_once_in_three_seconds(client, me, weixin):
    order = place_order(me, make_sku())
    client.post(f"/orders/{order.number}/sheet", headers=JSON)

    answers = [client.get(f"/orders/{order.number}/state", headers=JSON).json for _ in range(3)]

    assert answers == [{"paid": False, "status": "unpaid"}] * 3
    assert weixin.pay.asked == 1


def test_result_of_a_paid_order(client, me):
    order = paid_order(me, make_sku(price_fen=128_00))

    page = client.get(f"/orders/{order.number}/result").text

    assert 'data-state="paid"' in page
    assert "支付成功" in page


# --- cancelling and receiving ------------------------------------------------------


def test_cancelling_frees_the_stock(client, me, weixin):
    sku = make_sku(stock=5)
    order = place_order(me, sku, 2)

    answer = client.post(f"/orders/{order.number}/cancel")

    assert answer.status_code == 303
    assert status_of(order) is OrderStatus.CLOSED
    assert "订单已取消" in client.get(answer.location).text
    assert broken_invariants() == {}


def test_cancelling_a_paid_order_changes_nothing(client, me):
    order = paid_order(me, make_sku())

    answer = client.post(f"/orders/{order.number}/cancel")

    assert status_of(order) is OrderStatus.PAID
    assert "订单状态已变化" in client.get(answer.location).text


def test_cancelling_waits_for_wechats_word(client, me, weixin):
    order = place_order(me, make_sku())
    client.post(f"/orders/{order.number}/sheet", headers=JSON)
    weixin.pay.is_down = True

    answer = client.post(f"/orders/{order.number}/cancel")

    assert status_of(order) is OrderStatus.CLOSING
    assert "正在与微信支付确认" in client.get(answer.location).text


def test_receiving_dates_the_commissions_at_once(client, me):
    make_plan()
    upline = make_distributor("林杰")
    bind(me, upline)
    order = shipped_order(me, make_sku())

    answer = client.post(f"/orders/{order.number}/receive")

    assert status_of(order) is OrderStatus.RECEIVED
    assert "已确认收货" in client.get(answer.location).text
    [earned] = commission.commissions_of(upline.id).items
    assert earned.expected_at == NOON + days(15)


def test_receiving_what_was_not_shipped_is_refused(client, me):
    order = paid_order(me, make_sku())

    answer = client.post(f"/orders/{order.number}/receive")

    assert answer.status_code == 409
    assert "当前状态不能进行此操作，请刷新后查看" in answer.text
    assert status_of(order) is OrderStatus.PAID


def test_received_order_can_be_bought_again_but_not_deleted(client, me):
    order = received_order(me, make_sku())
    outbox.drain(NOON)

    page = client.get(f"/orders/{order.number}").text

    assert "如有问题，可在下方申请售后" in page
    assert "再次购买" in page
    assert "删除订单" not in page


# --- the list -----------------------------------------------------------------------


def test_after_the_time_for_after_sales_the_page_names_the_service(client, me):
    order = received_order(me, make_sku())

    with clock.fixed(NOON + days(8)):
        page = client.get(f"/orders/{order.number}").text

    assert "售后申请期已过，有疑问请联系客服" in page
    assert "申请售后" not in page


def test_virtual_goods_are_bought_without_an_address_and_read_in_the_order(client, me):
    sku = make_sku(title="线上品茶课")
    with transaction():
        sku.product.kind = ProductKind.VIRTUAL
    page = client.get(f"/checkout?sku={sku.id}").text
    answer = client.post("/checkout", data=hidden_fields(page))
    db.session.rollback()
    [order] = orders.orders_of(me.id).items
    take(notice_for(order))
    waiting = client.get(f"/orders/{order.number}").text
    run_unit(orders.deliver, order.id, note="兑换码 ABCD-1234", actor=ADMIN, now=NOON)

    given = client.get(f"/orders/{order.number}").text

    assert "虚拟商品，无需快递" in page
    assert "收货地址" not in page
    assert answer.status_code == 303
    assert "已付款，等待交付" in waiting
    assert "商品已交付" in given
    assert "兑换码 ABCD-1234" in given
    assert "确认收货" in given


def test_orders_are_searched_by_title_and_number(client, me):
    tea = place_order(me, make_sku(title="高山绿茶"))
    cup = place_order(me, make_sku(title="马克杯 100%"))

    by_title = client.get("/orders?q=绿茶").text
    by_number = client.get(f"/orders?q={cup.number[3:12].lower()}").text
    nothing = client.get("/orders?q=%25").text

    assert (tea.number in by_title, cup.number in by_title) == (True, False)
    assert (tea.number in by_number, cup.number in by_number) == (False, True)
    assert (tea.number in nothing, cup.number in nothing) == (False, True)
    assert "没有找到相关订单" in client.get("/orders?q=没有的").text


def test_nobody_finds_an_order_of_somebody_else(client, me):
    other = place_order(make_member(), make_sku(title="高山绿茶"))

    for path in (f"/orders?q={other.number}", "/orders?q=绿茶"):
        assert f'href="/orders/{other.number}"' not in client.get(path).text


def test_an_unpaid_order_counts_down_in_the_list(client, me):
    place_order(me, make_sku())

    assert 'data-countdown="1800"' in client.get("/orders").text


# --- deleting from view -------------------------------------------------------------


def test_a_closed_order_is_deleted_from_view_only(client, me):
    order = place_order(me, make_sku())
    client.post(f"/orders/{order.number}/cancel")

    answer = client.post(f"/orders/{order.number}/hide")

    assert answer.location == "/orders"
    assert order.number not in client.get("/orders").text
    assert client.get(f"/orders/{order.number}").status_code == 404
    assert status_of(order) is OrderStatus.CLOSED


@pytest.mark.parametrize("make", [place_order, paid_order, received_order])
def test_an_order_that_is_not_over_is_not_deleted(client, me, make):
    order = make(me, make_sku())

    answer = client.post(f"/orders/{order.number}/hide")

    assert answer.status_code == 409
    assert "订单还没有结束" in answer.text
    assert order.number in client.get("/orders").text


# --- buying again -------------------------------------------------------------------


def test_what_is_still_for_sale_goes_into_the_cart_and_the_rest_is_told(client, me):
    tea, cup = make_sku(title="高山绿茶"), make_sku(title="马克杯")
    with transaction():
        order = orders.place(
            me.id,
            items=[orders.Item(tea.id, 2), orders.Item(cup.id, 1)],
            address_id=make_address_id(me),
            request_key="k",
            expected_fen=300_00,
            now=NOON,
        )
    with transaction():
        db.session.get_one(Product, cup.product_id).is_on_shelf = False

    answer = client.post(f"/orders/{order.number}/again")

    page = client.get("/cart").text
    assert answer.location == "/cart"
    assert "“马克杯”商品已下架，没有加入" in page
    assert "已加入购物车" in page
    assert [(w.sku_id, w.quantity) for w in orders.cart.wishes_of(me.id)] == [(tea.id, 2)]


def make_address_id(member) -> int:
    return members.add_address(
        member.id, AddressInput("王芳", "13812345678", "浙江省 杭州市 西湖区", "文三路"), now=NOON
    ).id


# --- traces and invoices ------------------------------------------------------------


def test_the_parcels_way_is_shown(client, me):
    order = shipped_order(me, make_sku())
    run_unit(orders.traces.add_trace, order.id, at=NOON, text="已到达杭州", actor=ADMIN, now=NOON)

    assert "已到达杭州" in client.get(f"/orders/{order.number}").text
    page = client.get(f"/orders/{order.number}/traces").text
    assert "已到达杭州" in page
    assert "SF1234567890" in page


def test_before_it_is_shipped_there_is_no_way_to_show(client, me):
    order = paid_order(me, make_sku())

    assert client.get(f"/orders/{order.number}/traces").location == f"/orders/{order.number}"


INVOICE = {"title_kind": "personal", "title": "王芳", "tax_number": "", "email": "w@example.com"}


def test_an_invoice_is_asked_for_and_shown(client, me):
    order = paid_order(me, make_sku())

    answer = client.post(f"/orders/{order.number}/invoice", data=INVOICE)

    assert answer.location == f"/orders/{order.number}/invoice"
    page = client.get(answer.location).text
    assert "等待商家开具" in page
    assert 'id="invoice"' not in page
    assert "等待开具" in client.get(f"/orders/{order.number}").text


def test_a_wrong_tax_number_keeps_what_was_typed(client, me):
    order = paid_order(me, make_sku())
    typed = {**INVOICE, "title_kind": "company", "title": "云集公司", "tax_number": "123"}

    answer = client.post(f"/orders/{order.number}/invoice", data=typed)

    assert answer.status_code == 422
    assert "税号不正确" in answer.text
    assert 'value="云集公司"' in answer.text
    assert orders.invoices.of_order(order.id) is None


# --- picking up ---------------------------------------------------------------------


def pickup_order(client, me) -> orders.Order:
    """Placed over HTTP by a member with no address."""
    shop = pickup_shop()
    sku = make_sku(price_fen=100_00)
    page = client.get(f"/checkout?sku={sku.id}&quantity=1&delivery=pickup").text
    form = {**hidden_fields(page), "shop": shop.id, "name": "王芳", "phone": "13800138000"}
    client.post("/checkout", data=form)
    db.session.rollback()
    [order] = orders.orders_of(me.id).items
    return order


def test_a_pick_up_shows_its_code_and_picture_only_while_it_works(client, me):
    order = pickup_order(client, me)
    code = order.pickup.spaced_code
    unpaid = client.get(f"/orders/{order.number}").text
    hidden = client.get(f"/orders/{order.number}/pickup.png").status_code
    take(notice_for(order))

    page = client.get(f"/orders/{order.number}").text
    picture = client.get(f"/orders/{order.number}/pickup.png")

    assert (code in unpaid, hidden) == (False, 404)
    assert code in page
    assert "商家正在备货" in page
    read = zxingcpp.read_barcode(Image.open(io.BytesIO(picture.data)))
    assert read is not None
    assert read.text == code.replace(" ", "")
    assert picture.headers["Cache-Control"] == "no-store"


def test_a_pick_up_has_no_button_to_receive_it(client, me):
    order = pickup_order(client, me)
    take(notice_for(order))
    run_unit(orders.pickups.ready, order.id, actor=ADMIN, now=NOON)

    page = client.get(f"/orders/{order.number}").text
    answer = client.post(f"/orders/{order.number}/receive")

    assert "商品已备好，等你来取" in page
    assert "确认收货" not in page
    assert answer.status_code == 409
    assert status_of(order) is OrderStatus.SHIPPED


def test_checkout_offers_picking_up_only_where_there_is_a_shop(client, me):
    sku = make_sku()
    before = client.get(f"/checkout?sku={sku.id}").text

    pickup_shop()

    assert "到店自提" not in before
    assert "到店自提" in client.get(f"/checkout?sku={sku.id}").text


def test_others_see_nothing_of_an_order(client, me, log_in):
    order = paid_order(make_member(), make_sku())

    for path in ("", "/traces", "/invoice", "/pickup.png", "/pay", "/result", "/state"):
        assert client.get(f"/orders/{order.number}{path}").status_code == 404, path
    for path in ("/hide", "/again", "/invoice", "/receive", "/cancel", "/sheet"):
        assert client.post(f"/orders/{order.number}{path}", data=INVOICE).status_code == 404, path
    assert status_of(order) is OrderStatus.PAID


# --- with what the member earned ---------------------------------------------------


@pytest.fixture
def rich(me):
    """¥300.00 in the wallet, and an order of ¥100.00."""
    with transaction():
        change("order.balance_pay_on", True, actor=ADMIN, now=NOON)
    give_available(me, 300_00)
    return place_order(me, make_sku(price_fen=100_00))


def test_paying_with_the_balance_is_chosen_confirmed_and_seen_everywhere(client, rich, weixin):
    assert "可用 ¥300.00" in text_of(client.get(f"/orders/{rich.number}/pay"))
    chosen = client.get(f"/orders/{rich.number}/pay?way=balance").text
    assert "付款后余额剩" in chosen
    assert "¥200.00" in chosen

    answer = client.post(f"/orders/{rich.number}/balance")

    assert answer.location == f"/orders/{rich.number}/result"
    assert "支付方式余额支付" in text_of(client.get(f"/orders/{rich.number}"))
    wallet = client.get("/me/wallet").text
    assert "余额支付订单" in wallet
    assert f'href="/orders/{rich.number}"' in wallet
    month = client.get("/me/wallet/statements/2026-11")
    assert "余额支付-¥100.00" in text_of(month)
    assert "期末余额¥200.00" in text_of(month)
    assert f'href="/orders/{rich.number}"' in month.text


def test_what_the_balance_does_not_reach_is_said_and_refused(client, me, rich):
    dear = place_order(me, make_sku(price_fen=300_01))

    page = client.get(f"/orders/{dear.number}/pay?way=balance").text
    answer = client.post(f"/orders/{dear.number}/balance")

    assert "可用 ¥300.00，不够付这一单" in page
    assert "/balance" not in page
    assert answer.status_code == 409
    assert "余额不足，可用 ¥300.00，请用微信支付" in answer.text
    assert status_of(dear) is OrderStatus.UNPAID


def test_nobody_pays_for_an_order_of_somebody_else(client, rich):
    theirs = place_order(make_member("钱宁"), make_sku(price_fen=1_00))

    assert client.post(f"/orders/{theirs.number}/balance").status_code == 404
    assert status_of(theirs) is OrderStatus.UNPAID


def test_a_shop_without_it_shows_nothing_of_it(client, me):
    give_available(me, 300_00)
    order = place_order(me, make_sku())

    assert "余额支付" not in client.get(f"/orders/{order.number}/pay").text


def test_the_checkout_offers_it_and_leads_to_it(client, me, rich):
    sku = make_sku(price_fen=50_00)
    make_address(me)
    page = client.get(f"/checkout?sku={sku.id}&quantity=1").text
    assert "可用 ¥300.00" in page

    answer = client.post("/checkout", data={**hidden_fields(page), "pay": "balance"})

    assert answer.location.endswith("/pay?way=balance")
