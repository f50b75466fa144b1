"""After-sales on the phone: asking, sending back, and what the money does."""

import pytest

from app import aftersales, commission, ledger, orders, settings
from app.aftersales import AfterSaleKind, AfterSaleStatus
from app.core.db import db, run_unit
from app.jobs import tasks
from app.ledger import Wallet
from tests.aftersales.fakes import FakeRefunds
from tests.aftersales.steps import Sale, afresh, settle_news
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    broken_invariants,
    days,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    paid_order,
    received_order,
)
from tests.mall.pages import text_of
from tests.mall.test_reviews import upload

K, S = AfterSaleKind, AfterSaleStatus


def only(order):
    """The one after-sale of an order."""
    db.session.rollback()
    [row] = aftersales.aftersales_of_order(order.id)
    return row


def none_of(order) -> bool:
    db.session.rollback()
    return not aftersales.aftersales_of_order(order.id)


def ask(client, order, **given):
    """Send the form for the first line as a browser would."""
    line = order.lines[0].id
    typed = {
        "kind": "refund",
        f"line-{line}": "1",
        f"quantity-{line}": str(order.lines[0].quantity),
        f"amount-{line}": "100.00",
        "reason": "不想要了",
        **given,
    }
    typed = {name: value for name, value in typed.items() if value is not None}
    return client.post(f"/orders/{order.number}/aftersale", data=typed)


def returning(client, order):
    """A return that the shop agreed to."""
    ask(client, order, kind="return", reason="质量问题")
    row = only(order)
    run_unit(aftersales.approve, row.id, actor=ADMIN, now=NOON)
    return row


def test_an_unsent_order_leads_straight_to_the_form(client, me):
    order = paid_order(me, make_sku(price_fen=100_00))

    page = text_of(client.get(f"/orders/{order.number}"))
    form = text_of(client.get(f"/orders/{order.number}/aftersale"))

    assert "申请售后" in page
    assert "同意后退款原路退回微信支付，1–3 个工作日到账" in form
    assert "最多 ¥100.00" in form


def test_a_received_order_offers_three_ways_and_says_until_when(client, me):
    order = received_order(me, make_sku())

    page = text_of(client.get(f"/orders/{order.number}"))
    ways = text_of(client.get(f"/orders/{order.number}/aftersale"))

    assert "申请售后11-28 12:00 之前" in page.replace(" 11-28", "11-28")
    for way in ("仅退款", "退货退款", "换货"):
        assert way in ways


def test_after_the_time_nothing_can_be_asked(client, me):
    order = received_order(me, make_sku(price_fen=100_00), now=NOON - days(8))

    page = client.get(f"/orders/{order.number}")
    form = client.get(f"/orders/{order.number}/aftersale")
    answer = ask(client, order)

    assert "申请售后" not in page.text
    assert form.location == f"/orders/{order.number}"
    assert answer.status_code == 409
    assert none_of(order)


def test_asking_opens_one_and_leads_to_it(client, me):
    order = paid_order(me, make_sku(price_fen=100_00))

    answer = ask(client, order, description="地址写错了")

    row = only(order)
    assert answer.location == f"/me/aftersales/{row.number}"
    assert (row.status, row.amount_fen, row.description) == (S.APPLIED, 100_00, "地址写错了")
    assert (row.items[0].quantity, row.items[0].amount_fen) == (1, 100_00)
    page = text_of(client.get(answer.location))
    assert "等待商家处理" in page
    assert "撤销申请" in page


def test_a_second_tap_leads_to_what_the_first_made(client, me):
    order = paid_order(me, make_sku(price_fen=100_00))
    first = ask(client, order)

    second = ask(client, order)

    assert second.location == first.location
    assert only(order).status is S.APPLIED


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"amount": "100.01"}, "最多可退 ¥100.00"),
        ({"amount": "0"}, "退款金额应大于 0"),
        ({"amount": "abc"}, "退款金额格式不正确"),
        ({"amount": ""}, "请填写退款金额"),
        ({"quantity": "2"}, "的数量应在 0 到 1 之间"),
        ({"quantity": "x"}, "请填写数量"),
        ({"line": None}, "请选择要售后的商品"),
        ({"reason": "随便"}, "请选择原因"),
        ({"description": "长" * 501}, "说明最多 500 个字"),
    ],
)
def test_a_wrong_field_is_said_there_and_opens_nothing(client, me, typed, says):
    order = paid_order(me, make_sku(price_fen=100_00))
    line = order.lines[0].id
    own = {
        f"{name}-{line}": typed[name] for name in ("amount", "quantity", "line") if name in typed
    }
    rest = {name: typed[name] for name in ("reason", "description") if name in typed}

    answer = ask(client, order, **{"description": "想说的话", **rest, **own})

    assert answer.status_code == 422
    assert says in text_of(answer)
    if "description" not in typed:
        assert "想说的话" in answer.text
    assert none_of(order)


def test_an_unknown_kind_goes_back_to_the_choice(client, me):
    order = paid_order(me, make_sku(price_fen=100_00))

    answer = ask(client, order, kind="gift")

    assert answer.location == f"/orders/{order.number}/aftersale"
    assert none_of(order)


def test_goods_that_were_not_sent_cannot_be_returned(client, me):
    order = paid_order(me, make_sku(price_fen=100_00))

    answer = ask(client, order, kind="return", reason="质量问题")

    assert answer.status_code == 409
    assert none_of(order)


def test_money_alone_leaves_the_pieces_with_the_buyer(client, me):
    order = received_order(me, make_sku(price_fen=100_00))
    line = order.lines[0].id

    ask(client, order, reason="商品破损", **{f"amount-{line}": "12.50"})

    row = only(order)
    assert (row.items[0].quantity, row.amount_fen) == (0, 12_50)


def test_pictures_go_with_the_application(client, me):
    order = paid_order(me, make_sku(price_fen=100_00))
    path = upload(client).json["path"]

    answer = ask(client, order, pictures=path)

    assert only(order).pictures == [path]
    assert path.removesuffix(".jpg") in client.get(answer.location).text


def test_a_picture_of_somebody_else_opens_nothing(client, me, log_in):
    order = paid_order(me, make_sku(price_fen=100_00))
    log_in(client, make_member("赵磊"))
    path = upload(client).json["path"]
    log_in(client, me)

    answer = ask(client, order, pictures=path)

    assert answer.status_code == 422
    assert "图片已失效，请重新上传" in answer.text
    assert none_of(order)


def test_a_refused_form_keeps_its_pictures(client, me):
    order = paid_order(me, make_sku(price_fen=100_00))
    path = upload(client).json["path"]

    answer = ask(client, order, pictures=path, reason="")
    again = ask(client, order, pictures=path)

    assert f'name="pictures" value="{path}"' in answer.text
    assert again.status_code == 303
    assert only(order).pictures == [path]


def test_freight_goes_back_with_everything_unsent(client, me):
    order = paid_order(me, make_sku(price_fen=100_00))

    ask(client, order)

    assert only(order).freight_fen == order.freight_fen


def test_a_return_shows_the_address_and_takes_the_parcel(client, me):
    run_unit(
        settings.change,
        settings.registry.RETURN_ADDRESS.key,
        "王师傅 0571-87654321 杭州市西湖区文三路 1 号",
        actor=ADMIN,
        now=NOON,
    )
    row = returning(client, received_order(me, make_sku(price_fen=100_00)))

    page = text_of(client.get(f"/me/aftersales/{row.number}"))
    client.post(
        f"/me/aftersales/{row.number}/send",
        data={"carrier": "顺丰速运", "tracking": "SF1234567890"},
    )

    assert "王师傅 0571-87654321 杭州市西湖区文三路 1 号" in page
    assert "请在 11月28日 前寄出" in page
    sent = afresh(row)
    assert (sent.status, sent.return_carrier) == (S.RETURNING, "顺丰速运")
    assert sent.return_tracking == "SF1234567890"


def test_a_wrong_tracking_number_is_said_there_and_kept_as_typed(client, me):
    row = returning(client, received_order(me, make_sku(price_fen=100_00)))

    answer = client.post(
        f"/me/aftersales/{row.number}/send", data={"carrier": "顺丰速运", "tracking": "12"}
    )

    assert answer.status_code == 422
    assert "快递单号应为 6 到 40 位数字或字母" in answer.text
    assert 'value="顺丰速运"' in answer.text
    assert afresh(row).status is S.APPROVED


def test_a_refund_takes_no_parcel(client, me):
    order = paid_order(me, make_sku(price_fen=100_00))
    ask(client, order)
    row = only(order)

    answer = client.post(
        f"/me/aftersales/{row.number}/send",
        data={"carrier": "顺丰速运", "tracking": "SF1234567890"},
    )

    assert answer.status_code == 409
    assert afresh(row).status is S.APPLIED


def test_withdrawing_frees_the_line_for_another_try(client, me):
    order = paid_order(me, make_sku(price_fen=100_00))
    ask(client, order)
    row = only(order)

    client.post(f"/me/aftersales/{row.number}/withdraw")
    page = text_of(client.get(f"/me/aftersales/{row.number}"))

    assert afresh(row).status is S.WITHDRAWN
    assert "你已撤销申请" in page
    assert "重新申请" in page
    assert broken_invariants() == {}


def test_what_is_agreed_to_cannot_be_withdrawn(client, me):
    order = paid_order(me, make_sku(price_fen=100_00))
    ask(client, order)
    row = only(order)
    run_unit(aftersales.approve, row.id, actor=ADMIN, now=NOON)

    answer = client.post(f"/me/aftersales/{row.number}/withdraw")

    assert answer.status_code == 409
    assert afresh(row).status is S.REFUNDING


def test_a_refusal_says_why_and_offers_another_try(client, me):
    order = paid_order(me, make_sku(price_fen=100_00))
    ask(client, order)
    row = only(order)
    run_unit(aftersales.reject, row.id, reason="商品已经打包寄出", actor=ADMIN, now=NOON)

    page = client.get(f"/me/aftersales/{row.number}")

    assert "售后申请没有通过" in page.text
    assert "原因：商品已经打包寄出" in page.text
    assert f"/orders/{order.number}/aftersale?kind=refund" in page.text


@pytest.mark.parametrize("act", ["", "/withdraw", "/send"])
def test_another_members_after_sale_is_not_there(client, me, act):
    order = paid_order(make_member("赵磊"), make_sku(price_fen=100_00))
    row = run_unit(
        aftersales.apply,
        order.member_id,
        order.id,
        kind=K.REFUND,
        wanted=[aftersales.Wanted(order.lines[0].id, 1)],
        reason="不想要了",
        now=NOON,
    )
    path = f"/me/aftersales/{row.number}{act}"

    answer = client.post(path) if act else client.get(path)

    assert answer.status_code == 404
    assert afresh(row).status is S.APPLIED


def test_another_members_order_cannot_be_asked_for(client, me):
    order = paid_order(make_member("赵磊"), make_sku(price_fen=100_00))

    assert client.get(f"/orders/{order.number}/aftersale").status_code == 404
    assert ask(client, order).status_code == 404
    assert none_of(order)


def test_the_list_and_the_badge(client, me):
    assert "没有退换或售后" in client.get("/me/aftersales").text
    order = paid_order(me, make_sku(price_fen=100_00))
    ask(client, order)

    page = text_of(client.get("/me/aftersales"))

    assert "待商家处理" in page
    assert "¥100.00" in page
    assert aftersales.open_count(me.id) == 1
    assert "1退换/售后" in text_of(client.get("/me")).replace(" ", "")


def test_a_distributor_sees_the_calculation_of_what_was_taken_back(client, me, log_in):
    near = make_distributor("陈梅")
    bind(me, near)
    make_plan()
    order = received_order(me, make_sku(price_fen=100_00))
    tasks.sales.settle(NOON + days(16), False)
    case = Sale(order, me, near, near, FakeRefunds())
    case.shop_refunds(30_00)
    [row] = [c for c in commission.commissions_of_order(order.id) if c.member_id == near.id]
    log_in(client, near)

    page = text_of(client.get(f"/me/distribution/commissions/{row.id}"))
    wallet = client.get("/me/wallet")

    assert "已按退款收回 ¥3.00" in page
    assert "10.00 × (100.00 − 30.00) ÷ 100.00" in page
    assert "退款收回佣金" in wallet.text
    assert f'href="/me/distribution/commissions/{row.id}"' in wallet.text
    assert ledger.wallet_of(near.id) == Wallet(available_fen=7_00)
    assert broken_invariants() == {}


def test_a_commission_is_held_while_an_after_sale_is_open(client, me, log_in):
    near = make_distributor("陈梅")
    bind(me, near)
    make_plan()
    order = paid_order(me, make_sku(price_fen=100_00))
    ask(client, order)
    settle_news()
    [row] = [c for c in commission.commissions_of_order(order.id) if c.member_id == near.id]
    log_in(client, near)

    page = text_of(client.get(f"/me/distribution/commissions/{row.id}"))

    assert "售后中，处理完再结算" in page


def test_a_hidden_order_keeps_its_after_sales(client, me):
    order = received_order(me, make_sku(price_fen=100_00))
    ask(client, order, reason="商品破损")
    row = only(order)
    client.post(f"/me/aftersales/{row.number}/withdraw")
    tasks.sales.settle(NOON + days(16), False)
    run_unit(orders.hide, order.id, now=NOON + days(17))

    page = client.get(f"/me/aftersales/{row.number}")

    assert page.status_code == 200
    assert f"/orders/{order.number}" not in page.text
