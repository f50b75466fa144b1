"""What happened is told once to whom it concerns, with the right figures."""

from datetime import timedelta

import pytest

from app import aftersales, distribution, notices, outbox, settings, withdrawals
from app.aftersales import AfterSaleKind
from app.core.db import db, run_unit, transaction
from app.distribution import levels
from app.jobs import tasks
from app.notices import NoticeState, subscribers
from tests.aftersales.steps import sale
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    days,
    distributor,
    give_available,
    make_distributor,
    make_level,
    make_member,
    make_plan,
    make_sku,
    paid_order,
    received_order,
)
from tests.notices.conftest import told
from tests.withdrawals.fakes import FakeTransfers, approved, request

pytestmark = pytest.mark.usefixtures("session", "sender")


def test_a_paid_order_is_told_to_its_buyer():
    buyer = make_member("王芳")

    order = paid_order(buyer, make_sku(price_fen=128_00), 2)

    [notice] = told("order_paid")
    assert (notice.member_id, notice.path) == (buyer.id, f"/orders/{order.number}")
    assert notice.values == {
        "number": order.number,
        "goods": "高山绿茶 等 2 件",
        "amount": 256_00,
        "time": NOON.isoformat(),
        "state": "待发货",
        "shop": "云集好物",
    }
    assert notice.state is NoticeState.KEPT


def test_a_shipped_order_is_told_with_its_parcel():
    buyer = make_member("王芳")

    order = received_order(buyer, make_sku())

    [notice] = told("order_shipped")
    assert (notice.values["carrier"], notice.values["tracking"]) == ("顺丰速运", "SF1234567890")
    assert notice.path == f"/orders/{order.number}"


def test_a_refund_is_told_when_the_money_is_back():
    case = sale()

    row = case.refund(30_00)

    [notice] = told("order_refunded")
    assert (notice.member_id, notice.path) == (case.buyer.id, f"/me/aftersales/{row.number}")
    assert notice.values == {
        "number": case.order.number,
        "goods": "高山绿茶",
        "amount": 30_00,
        "time": NOON.isoformat(),
        "state": "已退款",
        "shop": "云集好物",
    }


def test_what_must_be_sent_back_is_told_with_address_and_day():
    address = "王师傅 0571-87654321 杭州市西湖区文三路 1 号"
    run_unit(settings.change, "aftersale.return_address", address, actor=ADMIN, now=NOON)
    case = sale(received=True)
    row = case.ask(kind=AfterSaleKind.RETURN, quantity=1, reason="质量问题")

    case.agree(row)

    [notice] = told("aftersale_approved")
    assert notice.path == f"/me/aftersales/{row.number}"
    assert notice.values["address"] == address
    assert notice.values["deadline"] == (NOON + days(7)).isoformat()


def test_a_refund_alone_is_not_told_when_it_is_agreed_to():
    case = sale()

    case.agree(case.ask(fen=30_00))

    assert told("aftersale_approved") == []


def test_a_refused_after_sale_is_told_with_its_reason():
    case = sale()
    row = case.ask(fen=30_00)

    run_unit(aftersales.reject, row.id, reason="已经发货", actor=ADMIN, now=NOON)
    outbox.drain(NOON)

    [notice] = told("aftersale_rejected")
    assert (notice.values["reason"], notice.values["number"]) == ("已经发货", row.number)


def test_an_exchange_is_told_with_its_parcel():
    case = sale(received=True)
    row = case.ask(kind=AfterSaleKind.EXCHANGE, quantity=1, reason="质量问题")
    case.agree(row)
    run_unit(aftersales.take_back, row.id, is_restocked=True, actor=ADMIN, now=NOON)

    run_unit(
        aftersales.send_again,
        row.id,
        carrier="顺丰速运",
        tracking="SF1234567890",
        actor=ADMIN,
        now=NOON,
    )
    outbox.drain(NOON)

    [notice] = told("aftersale_exchanged")
    assert (notice.values["carrier"], notice.values["tracking"]) == ("顺丰速运", "SF1234567890")


def test_only_the_direct_upline_hears_of_a_sale():
    top = make_distributor("林杰")
    near = make_distributor("陈梅", under=top)
    buyer = make_member("王小芳")
    bind(buyer, near)
    make_plan()

    paid_order(buyer, make_sku(price_fen=128_00))
    outbox.drain(NOON)

    [notice] = told("commission_earned")
    assert notice.member_id == near.id
    assert notice.values["buyer"] == "王*芳"
    assert notice.values["amount"] == 12_80
    assert notice.values["expected"] == "确认收货 15 天后"


def test_a_settlement_is_told_once_a_member_with_its_sum():
    near = make_distributor("陈梅")
    buyer = make_member("王芳")
    bind(buyer, near)
    make_plan()
    for _ in range(2):
        received_order(buyer, make_sku(price_fen=100_00))

    tasks.sales.settle(NOON + days(15), False)
    outbox.drain(NOON + days(15))

    [notice] = told("commission_settled")
    assert (notice.member_id, notice.values["amount"], notice.values["count"]) == (
        near.id,
        20_00,
        2,
    )
    assert notice.path == "/me/wallet"


def test_the_same_news_twice_is_told_once():
    buyer = make_member("王芳")
    order = paid_order(buyer, make_sku())

    with transaction():
        subscribers.order_paid(order.id, NOON)

    assert len(told("order_paid")) == 1


def test_every_refusal_of_an_application_is_told_with_its_reason():
    member = make_member("赵磊")
    for reason in ("请补充推广方式", "请填写真实姓名"):
        with transaction():
            applied = distribution.apply(
                member.id,
                statement="",
                agreed_version=distribution.CONTRACT_VERSION,
                now=NOON,
            )
        run_unit(distribution.reject, applied.id, reason=reason, actor=ADMIN, now=NOON)
        outbox.drain(NOON)

    assert [notice.values["reason"] for notice in told("application_rejected")] == [
        "请补充推广方式",
        "请填写真实姓名",
    ]


def test_an_approved_application_is_told():
    member = make_distributor("陈梅")
    outbox.drain(NOON)

    [notice] = told("application_approved")
    assert (notice.member_id, notice.values["name"]) == (member.id, "陈梅")


def test_a_withdrawal_is_told_at_each_step():
    row = approved(50_00)
    gateway = FakeTransfers()
    withdrawals.pay(row.id, gateway=gateway, now=NOON)
    outbox.drain(NOON)
    bill = withdrawals.current_bill(row.id)
    gateway.end(bill.out_bill_no, "SUCCESS")
    withdrawals.ask(bill.id, gateway=gateway, now=NOON)
    outbox.drain(NOON)

    [agreed], [waiting], [paid] = (
        told(kind) for kind in ("withdrawal_approved", "withdrawal_to_confirm", "withdrawal_paid")
    )
    assert (agreed.values["amount"], agreed.values["net"]) == (50_00, 50_00)
    assert waiting.values["deadline"] == (NOON + days(1)).isoformat()
    assert paid.values["net"] == 50_00
    assert {n.path for n in (agreed, waiting, paid)} == {f"/me/wallet/withdrawals/{row.number}"}


def test_a_failed_transfer_is_told_in_words():
    row = approved(50_00)
    gateway = FakeTransfers()
    gateway.on_send = ["FAIL"]

    withdrawals.pay(row.id, gateway=gateway, now=NOON)
    outbox.drain(NOON)

    [notice] = told("withdrawal_failed")
    assert notice.values["reason"] == "你的微信支付账户异常，请在微信里查看"
    assert notice.values["amount"] == 50_00


def test_a_rejected_withdrawal_is_told_with_the_reason():
    member = make_distributor("陈梅")
    give_available(member, 100_00)
    row = request(member, 50_00)

    run_unit(
        withdrawals.reject,
        row.id,
        reason="账户信息需核实",
        actor=ADMIN,
        actor_member_id=None,
        now=NOON,
    )
    outbox.drain(NOON)

    [notice] = told("withdrawal_rejected")
    assert (notice.values["reason"], notice.values["amount"]) == ("账户信息需核实", 50_00)


def test_news_that_cannot_be_told_does_not_stop_money(monkeypatch):
    def stumble(*_args, **_kwargs):
        raise RuntimeError("no words")

    near = make_distributor("陈梅")
    buyer = make_member("王芳")
    bind(buyer, near)
    make_plan()
    monkeypatch.setattr(subscribers, "write", stumble)
    received_order(buyer, make_sku(price_fen=100_00))

    settled = tasks.sales.settle(NOON + days(15), False)

    assert (settled["orders"], settled["amount_fen"]) == (1, 10_00)
    assert told("order_paid") == []


# --- what time makes ---------------------------------------------------------------


def _waiting():
    """A withdrawal whose transfer waits for the member since NOON."""
    row = approved(50_00)
    withdrawals.pay(row.id, gateway=FakeTransfers(), now=NOON)
    return row


def test_a_confirmation_is_reminded_of_once_before_it_ends():
    row = _waiting()

    early = notices.remind_confirmations(NOON + timedelta(hours=19))
    in_time = notices.remind_confirmations(NOON + timedelta(hours=20))
    again = notices.remind_confirmations(NOON + timedelta(hours=21))

    assert (early, in_time, again) == (0, 1, 0)
    [notice] = told("withdrawal_reminder")
    assert notice.values["number"] == row.number
    assert notice.values["deadline"] == (NOON + days(1)).isoformat()


def test_what_is_over_is_not_reminded_of():
    _waiting()

    assert notices.remind_confirmations(NOON + days(1)) == 0


def test_further_uplines_hear_once_a_week_what_came_to_them():
    top = make_distributor("林杰")
    near = make_distributor("陈梅", under=top)
    buyer = make_member("王芳")
    bind(buyer, near)
    make_plan()
    for _ in range(3):  # On a Saturday.
        paid_order(buyer, make_sku(price_fen=100_00))

    same_week = notices.write_digests(NOON + days(1))
    monday = notices.write_digests(NOON + days(2))
    again = notices.write_digests(NOON + days(3))

    assert (same_week, monday, again) == (0, 1, 0)
    [notice] = told("team_digest")
    assert notice.member_id == top.id
    assert notice.values["week"] == "11-16 至 11-22"
    assert (notice.values["amount"], notice.values["count"]) == (15_00, 3)


def test_the_digest_waits_for_people_to_be_awake():
    midnight = NOON + timedelta(hours=36)  # Monday 00:00 in Shanghai

    assert tasks.news.weekly_digest(midnight, False) == {}
    assert tasks.news.weekly_digest(midnight + timedelta(hours=10), False) == {"told": 0}
    db.session.rollback()


def test_a_level_that_was_reached_is_told_and_a_lost_one_is_not():
    member = make_distributor("陈梅")
    make_level("senior", 10, "高级分销员", benefits="直推佣金 12%")
    give = {"reason": "奖励", "until": None, "actor": ADMIN, "now": NOON}

    run_unit(levels.assign, distributor(member).id, "senior", **give)
    run_unit(levels.assign, distributor(member).id, "normal", **give)
    outbox.drain(NOON)
    outbox.drain(NOON)

    [notice] = told("level_reached")
    assert (notice.member_id, notice.path) == (member.id, "/me/distribution/level")
    assert notice.values == {
        "level": "高级分销员",
        "benefits": "直推佣金 12%",
        "time": NOON.isoformat(),
        "state": "已升级",
        "shop": "云集好物",
    }
