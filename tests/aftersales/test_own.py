"""Nobody decides about an after-sale of their own: an admin may be a member as well."""

import pytest

from app import aftersales, audit, ledger
from app.aftersales import AfterSaleKind, AfterSaleStatus, OwnAfterSale, RefundStatus, Wanted
from app.core.db import run_unit
from app.ledger import AccountKind
from tests.aftersales.steps import afresh, refund_of, sale
from tests.factories import ADMIN, NOON

S, K = AfterSaleStatus, AfterSaleKind

pytestmark = pytest.mark.usefixtures("session")


def as_admin(member) -> audit.Actor:
    """The buyer at the desk."""
    return audit.Actor.admin(7, "10.0.0.7", member_id=member.id)


def refused(decide, *arguments, **given) -> None:
    with pytest.raises(OwnAfterSale) as why:
        run_unit(decide, *arguments, now=NOON, **given)
    assert why.value.message == "这是你自己的订单，请由其他管理员处理"


def due() -> int:
    return ledger.system_balance_fen(AccountKind.REFUND_DUE)


def test_nobody_agrees_to_their_own():
    sold = sale()
    row = sold.ask(fen=30_00)

    refused(aftersales.approve, row.id, actor=as_admin(sold.buyer))

    assert afresh(row).status is S.APPLIED
    assert aftersales.refund_of(row.id) is None
    assert due() == 0


def test_nobody_refuses_their_own():
    sold = sale()
    row = sold.ask(fen=30_00)

    refused(aftersales.reject, row.id, reason="不行", actor=as_admin(sold.buyer))

    assert afresh(row).status is S.APPLIED


def test_nobody_takes_their_own_goods_back():
    sold = sale(received=True)
    row = sold.ask(kind=K.RETURN, quantity=1, reason="质量问题")
    sold.agree(row)

    refused(aftersales.take_back, row.id, is_restocked=True, actor=as_admin(sold.buyer))

    assert (afresh(row).status, row.is_restocked) == (S.APPROVED, False)
    assert due() == 0


def test_nobody_sends_the_new_goods_of_their_own_exchange():
    sold = sale(received=True)
    row = sold.ask(kind=K.EXCHANGE, quantity=1, reason="质量问题")
    sold.agree(row)
    run_unit(aftersales.take_back, row.id, is_restocked=False, actor=ADMIN, now=NOON)

    refused(
        aftersales.send_again,
        row.id,
        carrier="顺丰速运",
        tracking="SF1234567890",
        actor=as_admin(sold.buyer),
    )

    assert (afresh(row).status, row.resend_tracking) == (S.RETURNED, "")


def test_nobody_refunds_their_own_order_on_the_shops_word():
    sold = sale()

    refused(
        aftersales.refund_now,
        sold.order.id,
        wanted=[Wanted(sold.line_id, 0, 30_00)],
        freight_fen=0,
        reason="协商退款",
        actor=as_admin(sold.buyer),
    )

    assert aftersales.aftersales_of_order(sold.order.id) == []
    assert due() == 0


@pytest.mark.parametrize("is_second", [False, True])
def test_nobody_says_that_they_were_paid_back_by_hand(is_second):
    sold = sale()
    row = sold.ask(fen=30_00)
    sold.agree(row)
    sold.send(row)
    sold.end(row, "ABNORMAL")
    refund = refund_of(row)
    if is_second:
        run_unit(aftersales.pay_by_hand, refund.id, note="招行转账", actor=ADMIN, now=NOON)

    refused(aftersales.pay_by_hand, refund.id, note="招行转账", actor=as_admin(sold.buyer))

    assert (afresh(row).status, refund_of(row).status) == (S.ABNORMAL, RefundStatus.ABNORMAL)
    assert row.manual_first == (ADMIN.ref if is_second else "")
    assert due() == 30_00


def test_somebody_else_at_the_desk_may():
    sold = sale()
    row = sold.ask(fen=30_00)

    run_unit(aftersales.approve, row.id, actor=as_admin(sold.near), now=NOON)

    assert afresh(row).status is S.REFUNDING
    assert due() == 30_00
