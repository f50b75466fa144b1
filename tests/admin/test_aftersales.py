"""After-sales at the desk: each answer once, by who may give it, refusals without a trace."""

import pytest
import sqlalchemy as sa

from app import aftersales, orders, outbox
from app.admin.models import Admin
from app.aftersales import AfterSaleKind, AfterSaleStatus, RefundRefused, RefundStatus, Wanted
from app.catalog import Sku
from app.core import clock
from app.core.db import db, run_unit
from app.members import Member
from tests.admin.desk import acts, asked_refund, fill, fresh
from tests.aftersales.fakes import FakeRefunds
from tests.aftersales.steps import refund_of, settle_news
from tests.factories import (
    ADMIN,
    broken_invariants,
    make_member,
    make_sku,
    paid_order,
    place_order,
    received_order,
)

S = AfterSaleStatus


def act(client, row, what, **data):
    return client.post(f"/admin/aftersales/{row.number}/{what}", data=data)


def applied(kind, order):
    row = run_unit(
        aftersales.apply,
        order.member_id,
        order.id,
        kind=kind,
        wanted=[Wanted(order.lines[0].id, order.lines[0].quantity)],
        reason="质量问题",
        now=clock.now(),
    )
    outbox.drain(clock.now())
    return row


def sent_back(kind):
    """What a buyer sent back, of an order of one tea at ¥100.00."""
    now = clock.now()
    order = received_order(make_member("王芳", now=now), make_sku(price_fen=100_00), now=now)
    row = applied(kind, order)
    run_unit(aftersales.approve, row.id, actor=ADMIN, now=now)
    run_unit(
        aftersales.send_back,
        order.member_id,
        row.id,
        carrier="顺丰速运",
        tracking="SF1234567890",
        now=now,
    )
    return row


def abnormal(row):
    """A refund that WeChat refuses."""
    run_unit(aftersales.approve, row.id, actor=ADMIN, now=clock.now())
    settle_news(clock.now())
    gateway = FakeRefunds()
    gateway.on_send = [RefundRefused("RULE_LIMIT")]
    aftersales.carry_on(refund_of(row).id, gateway=gateway, now=clock.now())
    return gateway


def test_agreeing_refunds_once_and_is_kept(session, admin_client):
    desk = fill()
    client = admin_client("operations")

    answer = act(client, desk.aftersale, "approve")
    again = act(client, desk.aftersale, "approve")

    assert answer.headers["Location"] == f"/admin/aftersales/{desk.aftersale.number}"
    assert again.status_code == 409
    assert fresh(desk.aftersale).status is S.REFUNDING
    assert refund_of(desk.aftersale).status is RefundStatus.CREATED
    assert len(acts("aftersale.approved")) == 1
    assert broken_invariants() == {}


def test_the_page_says_what_agreeing_would_do(session, admin_client):
    desk = fill()

    page = admin_client("operations").get(f"/admin/aftersales/{desk.aftersale.number}").text

    assert f"向 钱宁 退款 ¥{desk.aftersale.amount_fen // 100}.00" in page
    assert "同意后会收回的佣金" not in page
    assert "共 1 次，涉及 1/1 笔已付款订单（100%）" in page


def test_the_page_says_who_would_lose_what(session, admin_client):
    desk = fill()
    row = asked_refund(desk.order, 50_00)

    page = admin_client("operations").get(f"/admin/aftersales/{row.number}").text

    assert "同意后会收回的佣金" in page
    assert "陈梅" in page


def test_a_refusal_needs_its_reason(session, admin_client):
    desk = fill()
    client = admin_client("operations")

    refused = act(client, desk.aftersale, "reject", reason=" ")

    assert refused.status_code == 422
    assert "请填写拒绝原因" in refused.text
    assert fresh(desk.aftersale).status is S.APPLIED
    assert acts("aftersale.rejected") == []

    act(client, desk.aftersale, "reject", reason="已经发货")

    assert fresh(desk.aftersale).status is S.REJECTED
    assert fresh(desk.aftersale).decision_note == "已经发货"


@pytest.mark.parametrize("ticked", [True, False])
def test_goods_that_came_back_are_refunded_and_stocked_when_ticked(session, admin_client, ticked):
    row = sent_back(AfterSaleKind.RETURN)
    sku_id = orders.skus_of_lines([row.items[0].line_id])[row.items[0].line_id]
    before = _stock(sku_id)

    act(admin_client("operations"), row, "take-back", **({"is_restocked": "1"} if ticked else {}))

    assert fresh(row).status is S.REFUNDING
    assert _stock(sku_id) - before == int(ticked)
    assert broken_invariants() == {}


def test_what_was_never_agreed_to_cannot_come_back(session, admin_client):
    desk = fill()

    answer = act(admin_client("operations"), desk.aftersale, "take-back")

    assert answer.status_code == 409
    assert fresh(desk.aftersale).status is S.APPLIED


def test_an_exchange_is_sent_with_a_number(session, admin_client):
    row = sent_back(AfterSaleKind.EXCHANGE)
    client = admin_client("operations")
    act(client, row, "take-back", is_restocked="1")

    wrong = act(client, row, "send-again", carrier="顺丰速运", tracking="1")
    assert wrong.status_code == 422
    assert "快递单号应为 6 到 40 位数字或字母" in wrong.text
    assert fresh(row).status is S.RETURNED

    act(client, row, "send-again", carrier="other", other_carrier="本地跑腿", tracking="BD123456")

    assert fresh(row).status is S.EXCHANGED
    assert (row.resend_carrier, row.resend_tracking) == ("本地跑腿", "BD123456")
    assert broken_invariants() == {}


def test_batch_shows_a_sum_first_and_leaves_out_what_is_no_refund(session, admin_client):
    desk = fill()
    buyer = make_member("李静", now=clock.now())
    other = asked_refund(paid_order(buyer, make_sku(price_fen=20_00), now=clock.now()))
    goods = applied(
        AfterSaleKind.RETURN, received_order(buyer, make_sku(price_fen=30_00), now=clock.now())
    )
    ids = [desk.aftersale.number, other.number, goods.number]
    client = admin_client("operations")

    summary = client.post("/admin/aftersales/batch", data={"ids": ids})

    total = desk.aftersale.amount_fen + 20_00
    assert f"同意这 2 笔，退款 ¥{total // 100}.00" in summary.text
    assert "1 笔不是待审核的仅退款申请" in summary.text
    assert fresh(other).status is S.APPLIED

    client.post("/admin/aftersales/batch", data={"ids": ids, "confirmed": "1"})

    assert (fresh(desk.aftersale).status, fresh(other).status) == (S.REFUNDING, S.REFUNDING)
    assert fresh(goods).status is S.APPLIED
    assert broken_invariants() == {}


def test_an_empty_batch_says_so(session, admin_client):
    answer = admin_client("operations").post("/admin/aftersales/batch", data={})

    assert answer.headers["Location"] == "/admin/aftersales?state=applied"


def test_operations_may_not_refund_on_their_own_word(session, admin_client):
    desk = fill()
    client = admin_client("operations")
    line = desk.order.lines[0].id
    data = {f"amount-{line}": "1.00", "reason": "协商", "confirmed": "1", "seen_fen": "0"}

    assert client.get(f"/admin/orders/{desk.order.number}/refund").status_code == 403
    assert client.post(f"/admin/orders/{desk.order.number}/refund", data=data).status_code == 403
    assert client.post(f"/admin/oddities/{desk.oddity.id}/refund").status_code == 403
    assert act(client, desk.aftersale, "retry").status_code == 403
    assert act(client, desk.aftersale, "by-hand", note="已转账").status_code == 403

    assert aftersales.aftersales_of_order(desk.order.id) == []
    assert aftersales.refund_of_oddity(desk.oddity.id) is None


def test_a_refund_by_the_shop_shows_who_loses_what_first(session, admin_client):
    desk = fill()
    client = admin_client("finance")
    line = desk.order.lines[0]
    data = {f"amount-{line.id}": f"{line.paid_fen // 200}.00", "reason": "少发一件"}
    earned = desk.commission.amount_fen

    summary = client.post(f"/admin/orders/{desk.order.number}/refund", data=data)

    assert summary.status_code == 200
    assert "陈梅" in summary.text
    assert f"¥{earned // 200}.{earned // 2 % 100:02d}" in summary.text
    assert aftersales.aftersales_of_order(desk.order.id) == []

    client.post(
        f"/admin/orders/{desk.order.number}/refund",
        data={**data, "confirmed": "1", "seen_fen": "0"},
    )

    [row] = aftersales.aftersales_of_order(desk.order.id)
    assert (row.status, row.reason) == (S.REFUNDING, "少发一件")
    assert fresh(desk.commission).standing_fen == earned - earned // 2
    assert broken_invariants() == {}


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"amount": "1.00", "reason": ""}, "请填写退款原因"),
        ({"amount": "1.00", "reason": "字" * 41}, "最多 40 个字"),
        ({"amount": "", "reason": "协商"}, "请填写要退款的金额"),
        ({"amount": "99999", "reason": "协商"}, "最多可退"),
        ({"amount": "1.00", "reason": "协商", "freight": "5"}, "退回的运费不能超过"),
        ({"amount": "1,5", "reason": "协商"}, "退款金额格式不正确"),
        ({"amount": "1.00", "quantity": "x", "reason": "协商"}, "请填写整数"),
    ],
)
@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "1", "seen_fen": "0"}])
def test_a_wrong_refund_by_the_shop_changes_nothing(session, admin_client, typed, says, confirmed):
    desk = fill()
    line = desk.order.lines[0].id
    own = {f"{name}-{line}": typed[name] for name in ("amount", "quantity") if name in typed}
    rest = {name: typed[name] for name in ("reason", "freight") if name in typed}

    answer = admin_client("finance").post(
        f"/admin/orders/{desk.order.number}/refund", data={**own, **rest, **confirmed}
    )

    assert answer.status_code == 422
    if "freight" not in typed:  # Free of freight, the page has no such field.
        assert says in answer.text
    assert aftersales.aftersales_of_order(desk.order.id) == []


def test_a_second_click_on_an_old_page_refunds_nothing_more(session, admin_client):
    desk = fill()
    client = admin_client("owner")
    line = desk.order.lines[0].id
    data = {f"amount-{line}": "1.00", "reason": "协商", "confirmed": "1", "seen_fen": "0"}
    client.post(f"/admin/orders/{desk.order.number}/refund", data=data)
    [row] = aftersales.aftersales_of_order(desk.order.id)
    gateway = FakeRefunds()
    aftersales.carry_on(refund_of(row).id, gateway=gateway, now=clock.now())
    word = gateway.end(refund_of(row).out_refund_no, "SUCCESS")
    run_unit(aftersales.report, word, mchid=gateway.mchid, now=clock.now())
    settle_news(clock.now())

    again = client.post(f"/admin/orders/{desk.order.number}/refund", data=data)

    assert again.status_code == 409
    assert len(aftersales.aftersales_of_order(desk.order.id)) == 1


def test_the_form_of_a_refund_starts_without_complaints(session, admin_client):
    desk = fill()

    page = admin_client("finance").get(f"/admin/orders/{desk.order.number}/refund").text

    assert "page-alert" not in page


def test_an_unpaid_order_has_nothing_to_refund(session, admin_client):
    order = place_order(make_member(now=clock.now()), make_sku(), now=clock.now())

    assert admin_client("owner").get(f"/admin/orders/{order.number}/refund").status_code == 409


def test_an_abnormal_refund_is_sent_again(session, admin_client):
    desk = fill()
    abnormal(desk.aftersale)
    client = admin_client("finance")
    page = client.get(f"/admin/aftersales/{desk.aftersale.number}").text
    assert "可能已在商户平台退过" in page
    assert "1 笔退款异常，钱还没有退到买家手里" in client.get("/admin/").text

    act(client, desk.aftersale, "retry")

    assert fresh(desk.aftersale).status is S.REFUNDING
    assert refund_of(desk.aftersale).status is RefundStatus.CREATED
    assert act(client, desk.aftersale, "retry").status_code == 409


def test_two_people_pay_back_by_hand(session, admin_client):
    desk = fill()
    abnormal(desk.aftersale)
    first, second = admin_client("finance"), admin_client("owner")

    empty = act(first, desk.aftersale, "by-hand", note=" ")
    assert empty.status_code == 422
    assert "请写明转账方式和凭证号" in empty.text
    act(first, desk.aftersale, "by-hand", note="工行转账 20261121001")
    assert act(first, desk.aftersale, "by-hand").status_code == 409
    assert fresh(desk.aftersale).status is S.ABNORMAL
    assert "工行转账 20261121001" in second.get(f"/admin/aftersales/{desk.aftersale.number}").text
    act(second, desk.aftersale, "by-hand")
    settle_news(clock.now())

    assert fresh(desk.aftersale).status is S.MANUAL
    assert len(acts("aftersale.manual_first")) == 1
    assert broken_invariants() == {}


def test_nobody_decides_about_their_own(session, admin_client):
    desk = fill()
    client = admin_client("owner")
    run_unit(
        db.session.execute,
        sa.update(Admin).values(member_id=desk.aftersale.member_id),
    )

    page = client.get(f"/admin/aftersales/{desk.aftersale.number}").text
    answer = act(client, desk.aftersale, "approve")

    assert "这是你自己的订单，须由其他管理员处理" in page
    assert "同意退款" not in page
    assert answer.status_code == 403
    assert "请由其他管理员处理" in answer.text
    assert fresh(desk.aftersale).status is S.APPLIED


def test_the_command_says_which_member_an_admin_is(app, session, admin_client):
    desk = fill()
    admin_client("owner")
    admin = db.session.scalars(sa.select(Admin).order_by(Admin.id.desc())).first()
    member = db.session.get_one(Member, desk.aftersale.member_id)
    run = app.test_cli_runner().invoke

    unknown = run(args=["admin", "member", admin.username, "oNobody"])
    named = run(args=["admin", "member", admin.username, member.openid])
    known = fresh(admin).member_id
    back = run(args=["admin", "member", admin.username])

    assert (unknown.exit_code, named.exit_code, back.exit_code) == (1, 0, 0)
    assert "没有这个会员，请核对 openid" in unknown.output
    assert (known, fresh(admin).member_id) == (member.id, None)
    assert [entry.after for entry in acts("admin.member")] == [
        {"member_id": member.id},
        {"member_id": None},
    ]


def test_a_refund_that_does_not_exist_yet_is_not_there(session, admin_client):
    desk = fill()

    assert act(admin_client("owner"), desk.aftersale, "retry").status_code == 404
    assert fresh(desk.aftersale).status is S.APPLIED


def test_late_money_goes_back_and_resolves_itself(session, admin_client):
    desk = fill()
    client = admin_client("finance")

    client.post(f"/admin/oddities/{desk.oddity.id}/refund")
    assert client.post(f"/admin/oddities/{desk.oddity.id}/refund").status_code == 409
    page = client.get("/admin/oddities").text
    refund = aftersales.refund_of_oddity(desk.oddity.id)
    assert "等待发往微信" in page
    gateway = FakeRefunds()
    aftersales.carry_on(refund.id, gateway=gateway, now=clock.now())
    word = gateway.end(refund.out_refund_no, "SUCCESS")
    run_unit(aftersales.report, word, mchid=gateway.mchid, now=clock.now())
    settle_news(clock.now())

    assert fresh(desk.oddity).resolution == "已原路退回"
    assert len(acts("oddity.refund")) == 1
    assert broken_invariants() == {}


def test_an_oddity_without_money_is_refused(session, admin_client):
    desk = fill()
    run_unit(
        orders.raise_oddity,
        orders.OddityKind.AMOUNT_DIFFERS,
        reference="4200000000000000000000000001",
        order_id=desk.order.id,
        facts={},
        now=clock.now(),
    )
    odd = db.session.query(orders.Oddity).filter_by(kind="amount_differs").one()

    answer = admin_client("owner").post(f"/admin/oddities/{odd.id}/refund")

    assert answer.status_code == 409
    assert aftersales.refund_of_oddity(odd.id) is None


def test_the_list_is_searched_by_order_and_kind(session, admin_client):
    desk = fill()
    client = admin_client("auditor")
    order = orders.by_ids([desk.aftersale.order_id])[desk.aftersale.order_id]

    assert (
        desk.aftersale.number
        in client.get(f"/admin/aftersales?state=all&number={order.number.lower()}").text
    )
    assert desk.aftersale.number not in client.get("/admin/aftersales?state=all&kind=exchange").text
    assert desk.aftersale.number not in client.get("/admin/aftersales?state=done").text


def _stock(sku_id: int) -> int:
    db.session.expire_all()
    return db.session.get_one(Sku, sku_id).stock
