"""Refunds over real HTTP: the whole way, lost answers, and the notices of WeChat."""

import pytest

from app import aftersales, orders, outbox, wechat
from app.aftersales import AfterSaleStatus, RefundStatus, Wanted
from app.core import clock
from app.core.db import db, run_unit
from tests.aftersales.steps import refund_of
from tests.factories import ADMIN, broken_invariants, make_sku, place_order
from tests.stack import Stack, wait_for
from tests.wechat.test_tags import LIN, follower


@pytest.fixture
def paid(stack: Stack):
    """An order of ¥100.00 that 林杰 paid on the phone."""
    buyer = follower(LIN)
    order = place_order(buyer, make_sku(price_fen=100_00), now=clock.now())
    sheet = orders.paying_sheet(
        order.id, description="测试", gateway=wechat.current().pay, now=clock.now()
    )
    stack.control(f"/persons/{LIN}/pay", prepay_id=sheet["package"].removeprefix("prepay_id="))
    wait_for(lambda: db.session.rollback() or orders.order_by_number(order.number).is_paid)
    outbox.drain(clock.now())
    return orders.order_by_number(order.number)


def agree(order, fen: int):
    row = run_unit(
        aftersales.refund_now,
        order.id,
        wanted=[Wanted(order.lines[0].id, 0, fen)],
        freight_fen=0,
        reason="少发了一件",
        actor=ADMIN,
        now=clock.now(),
    )
    while outbox.drain(clock.now()):
        pass
    return row


def status(row) -> AfterSaleStatus:
    db.session.rollback()
    return aftersales.aftersale_by_number(row.number).status


def test_a_refund_goes_the_whole_way(stack: Stack, paid):
    row = agree(paid, 30_00)

    sent = stack.job("send-refunds")
    wait_for(lambda: status(row) is AfterSaleStatus.SUCCESS)
    while outbox.drain(clock.now()):
        pass

    assert sent == {"due": 1, "PROCESSING": 1}
    [told] = stack.look("/refunds")["refunds"]
    assert (told["amount"]["refund"], told["status"]) == (30_00, "SUCCESS")
    assert broken_invariants() == {}


def test_a_lost_answer_refunds_once(stack: Stack, paid):
    stack.control("/faults", target="/v3/refund/domestic/refunds", kind="drop")
    row = agree(paid, 30_00)

    first = stack.job("send-refunds")
    aftersales.carry_on(refund_of(row).id, gateway=wechat.current().refunds, now=clock.now())
    wait_for(lambda: status(row) is AfterSaleStatus.SUCCESS)

    assert first == {"due": 1, "unclear": 1}
    assert len(stack.look("/refunds")["refunds"]) == 1


def test_a_lost_notice_is_made_good_by_asking(stack: Stack, paid):
    stack.control("/faults", target="notice:REFUND.SUCCESS", kind="lose", times=50)
    row = agree(paid, 30_00)
    stack.job("send-refunds")
    refund = refund_of(row)
    gateway = wechat.current().refunds

    def asked() -> bool:
        aftersales.carry_on(refund.id, gateway=gateway, now=clock.now())
        return status(row) is AfterSaleStatus.SUCCESS

    wait_for(asked)
    assert refund_of(row).status is RefundStatus.SUCCESS


@pytest.mark.parametrize(
    ("ends", "after"),
    [("ABNORMAL", AfterSaleStatus.ABNORMAL), ("CLOSED", AfterSaleStatus.CLOSED)],
)
def test_the_notice_of_a_refund_that_failed(stack: Stack, paid, ends, after):
    stack.control("/settings", auto_refunds=False)
    row = agree(paid, 30_00)
    stack.job("send-refunds")

    stack.control(f"/refunds/{refund_of(row).out_refund_no}/finish", status=ends)

    wait_for(lambda: status(row) is after)
    while outbox.drain(clock.now()):
        pass
    assert broken_invariants() == {}


def test_a_refund_of_more_than_is_left_at_wechat_waits_for_a_person(stack: Stack, paid):
    """The books say ¥100.00; at WeChat somebody refunded by hand before."""
    stack.control(
        "/faults",
        target="/v3/refund/domestic/refunds",
        kind="status",
        status=403,
        code="RULE_LIMIT",
    )
    row = agree(paid, 30_00)

    sent = stack.job("send-refunds")

    assert sent == {"due": 1, "refused": 1}
    assert status(row) is AfterSaleStatus.ABNORMAL
    assert refund_of(row).fail_reason == "RULE_LIMIT"


def test_a_proxys_page_refuses_nothing(stack: Stack, paid):
    stack.control("/faults", target="/v3/refund/domestic/refunds", kind="html", status=403)
    row = agree(paid, 30_00)

    sent = stack.job("send-refunds")

    assert sent == {"due": 1, "unclear": 1}
    assert status(row) is AfterSaleStatus.REFUNDING
