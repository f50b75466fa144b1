"""Money goes back once, under one number, whatever WeChat answers."""

import pytest
import sqlalchemy as sa

from app import aftersales, ledger, orders, outbox
from app.aftersales import AfterSaleKind, AfterSaleStatus, MerchantShort, RefundStatus
from app.aftersales.errors import NotAskable, SamePerson
from app.aftersales.ports import RefundRefused, RefundUnclear, RefundWord
from app.audit import AuditEntry
from app.catalog import Sku
from app.core.db import db, run_unit
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.ledger import AccountKind
from app.orders import Oddity, OddityKind, OrderStatus
from tests.aftersales.fakes import FakeRefunds
from tests.aftersales.steps import afresh, refund_of, sale, settle_news
from tests.factories import (
    ADMIN,
    ADMIN2,
    MCHID,
    NOON,
    broken_invariants,
    days,
    make_member,
    make_sku,
    notice_for,
    paid_order,
    place_order,
    take,
)

pytestmark = pytest.mark.usefixtures("session")
S, K, R = AfterSaleStatus, AfterSaleKind, RefundStatus


def due() -> int:
    return ledger.system_balance_fen(AccountKind.REFUND_DUE)


def state(row) -> tuple[AfterSaleStatus, RefundStatus | None]:
    fresh = afresh(row)
    refund = aftersales.refund_of(row.id)
    return fresh.status, refund.status if refund else None


@pytest.fixture
def agreed():
    """A refund of ¥30.00 that was agreed to, and is not sent yet."""
    sold = sale()
    row = sold.ask(fen=30_00)
    sold.agree(row)
    return sold, row


def test_an_agreed_refund_is_booked_and_its_number_saved_before_the_call(agreed):
    sold, row = agreed

    assert state(row) == (S.REFUNDING, R.CREATED)
    assert refund_of(row).out_refund_no.startswith("R")
    assert due() == 30_00
    assert sold.gateway.sent == []
    assert broken_invariants() == {}


def test_sent_and_then_ended_by_the_notice(agreed):
    sold, row = agreed

    sold.send(row)
    under_way = state(row)
    sold.end(row)

    assert under_way == (S.REFUNDING, R.PROCESSING)
    assert state(row) == (S.SUCCESS, R.SUCCESS)
    assert due() == 0
    assert ledger.system_balance_fen(AccountKind.WORLD_WX) == -70_00
    assert afresh(sold.order).open_aftersales == 0
    assert broken_invariants() == {}


def test_the_notice_may_come_many_times(agreed):
    sold, row = agreed
    sold.send(row)

    told = [sold.end(row) for _ in range(3)]

    assert told == [True, True, True]
    assert ledger.system_balance_fen(AccountKind.WORLD_WX) == -70_00
    assert broken_invariants() == {}


def test_an_old_word_after_the_last_one_changes_nothing(agreed):
    sold, row = agreed
    sold.send(row)
    sold.end(row)

    sold.end(row, "PROCESSING")

    assert state(row) == (S.SUCCESS, R.SUCCESS)


def test_no_answer_is_tried_again_with_the_same_number(agreed):
    sold, row = agreed
    sold.gateway.on_send = [RefundUnclear("timed out")]

    first = sold.send(row)
    waits = refund_of(row)
    second = sold.send(row)

    assert (first, second) == ("unclear", "PROCESSING")
    assert (waits.status, waits.next_at > NOON) == (R.PROCESSING, True)
    assert len(set(sold.gateway.sent)) == 1
    assert due() == 30_00


def test_a_refund_under_way_is_asked_about_not_sent_again(agreed):
    sold, row = agreed
    sold.send(row)
    sold.gateway.end(refund_of(row).out_refund_no, "SUCCESS")

    answer = sold.send(row)
    settle_news()

    assert answer == "SUCCESS"
    assert len(sold.gateway.sent) == 1
    assert state(row) == (S.SUCCESS, R.SUCCESS)


def test_a_number_that_wechat_does_not_know_is_sent_again(agreed):
    sold, row = agreed
    sold.send(row)
    number = refund_of(row).out_refund_no
    sold.gateway.words.clear()

    sold.send(row)

    assert sold.gateway.sent == [number, number]


def test_a_merchant_short_of_money_loses_nothing(agreed):
    sold, row = agreed
    sold.gateway.on_send = [MerchantShort("商户账户余额不足")]

    with pytest.raises(MerchantShort):
        sold.send(row)

    assert state(row) == (S.REFUNDING, R.CREATED)
    assert refund_of(row).fail_reason == "商户账户余额不足"
    assert due() == 30_00


def test_refunds_due_come_when_their_time_is(agreed):
    sold, row = agreed
    refund = refund_of(row)
    sold.gateway.on_send = [RefundUnclear("timed out")]

    before = aftersales.refunds_due(NOON)
    sold.send(row)

    assert before == [refund.id]
    assert aftersales.refunds_due(NOON) == []
    assert aftersales.refunds_due(NOON + days(1)) == [refund.id]


# --- what needs a person ------------------------------------------------------------


def test_a_refused_refund_waits_for_a_person_who_sends_it_again(agreed):
    sold, row = agreed
    sold.gateway.on_send = [RefundRefused("INVALID_REQUEST")]

    sold.send(row)
    refused = state(row)
    run_unit(aftersales.retry, refund_of(row).id, actor=ADMIN, now=NOON)
    sold.send(row)
    sold.end(row)

    assert refused == (S.ABNORMAL, R.ABNORMAL)
    assert len(set(sold.gateway.sent)) == 1
    assert state(row) == (S.SUCCESS, R.SUCCESS)
    assert broken_invariants() == {}


def test_an_abnormal_refund_is_paid_by_hand_on_the_word_of_two(agreed):
    sold, row = agreed
    sold.send(row)
    sold.end(row, "ABNORMAL")
    refund = refund_of(row)

    first = run_unit(aftersales.pay_by_hand, refund.id, note="招行转账 0088", actor=ADMIN, now=NOON)
    second = run_unit(aftersales.pay_by_hand, refund.id, note="", actor=ADMIN2, now=NOON)
    settle_news()

    assert (first, second) == (False, True)
    assert state(row) == (S.MANUAL, R.MANUAL)
    assert ledger.system_balance_fen(AccountKind.WORLD_BANK) == 30_00
    assert due() == 0
    assert broken_invariants() == {}


def test_one_person_alone_cannot_pay_by_hand(agreed):
    sold, row = agreed
    sold.send(row)
    sold.end(row, "ABNORMAL")
    refund = refund_of(row)
    run_unit(aftersales.pay_by_hand, refund.id, note="招行转账 0088", actor=ADMIN, now=NOON)

    with pytest.raises(SamePerson):
        run_unit(aftersales.pay_by_hand, refund.id, note="", actor=ADMIN, now=NOON)

    assert state(row) == (S.ABNORMAL, R.ABNORMAL)
    assert due() == 30_00


def test_what_somebody_says_was_paid_by_hand_is_not_sent_again(agreed):
    sold, row = agreed
    sold.send(row)
    sold.end(row, "ABNORMAL")
    refund = refund_of(row)
    run_unit(aftersales.pay_by_hand, refund.id, note="招行转账 0088", actor=ADMIN, now=NOON)

    with pytest.raises(NotAskable) as refused:
        run_unit(aftersales.retry, refund.id, actor=ADMIN2, now=NOON)

    assert refused.value.message == "已有管理员登记线下退款，不能再发起微信退款"
    assert state(row) == (S.ABNORMAL, R.ABNORMAL)
    assert aftersales.refunds_due(NOON + days(1)) == []


def test_paying_by_hand_wants_a_note_and_an_abnormal_refund(agreed):
    sold, row = agreed
    refund = refund_of(row)

    with pytest.raises(IllegalMove):
        run_unit(aftersales.pay_by_hand, refund.id, note="x", actor=ADMIN, now=NOON)
    sold.send(row)
    sold.end(row, "ABNORMAL")
    with pytest.raises(InvalidInput) as refused:
        run_unit(aftersales.pay_by_hand, refund.id, note=" ", actor=ADMIN, now=NOON)

    assert refused.value.field == "note"
    assert afresh(row).manual_first == ""
    assert (
        db.session.scalars(sa.select(AuditEntry).filter_by(action="aftersale.manual")).all() == []
    )


def test_wechat_may_mend_an_abnormal_refund_itself(agreed):
    sold, row = agreed
    sold.send(row)
    sold.end(row, "ABNORMAL")

    sold.end(row, "SUCCESS")

    assert state(row) == (S.SUCCESS, R.SUCCESS)
    assert broken_invariants() == {}


def test_a_closed_refund_puts_everything_back(agreed):
    sold, row = agreed
    sold.send(row)

    sold.end(row, "CLOSED")

    assert state(row) == (S.CLOSED, R.CLOSED)
    order = afresh(sold.order)
    assert (order.lines[0].refunded_fen, order.open_aftersales) == (0, 0)
    assert due() == 0
    assert broken_invariants() == {}


@pytest.mark.parametrize(
    "changed",
    [{"amount_fen": 30_01}, {"total_fen": 99}, {"out_trade_no": "M9"}, {"mchid": "1"}],
)
def test_a_word_that_contradicts_the_refund_is_refused_and_raised(agreed, changed):
    sold, row = agreed
    sold.send(row)
    refund = refund_of(row)
    word = RefundWord(
        **{
            "out_refund_no": refund.out_refund_no,
            "status": "SUCCESS",
            "amount_fen": 30_00,
            "total_fen": 100_00,
            **changed,
        }
    )

    good = run_unit(aftersales.report, word, mchid=MCHID, now=NOON)

    assert good is False
    assert state(row) == (S.REFUNDING, R.PROCESSING)
    [oddity] = db.session.scalars(sa.select(Oddity))
    assert (oddity.kind, oddity.reference) == (OddityKind.REFUND_DIFFERS, refund.out_refund_no)


def test_a_word_about_an_unknown_refund_is_raised():
    word = RefundWord("R000000", "SUCCESS", 1, 1)

    assert run_unit(aftersales.report, word, mchid=MCHID, now=NOON) is False
    [oddity] = db.session.scalars(sa.select(Oddity))
    assert oddity.kind is OddityKind.REFUND_DIFFERS


# --- late money ---------------------------------------------------------------------


def paid_twice():
    """An order that was paid, and paid again under the same number."""
    order = paid_order(make_member("王芳"), make_sku(price_fen=100_00))
    [payment] = orders.payments_of(order.id)
    notice = notice_of(order, payment)
    take(notice)
    [oddity] = db.session.scalars(sa.select(Oddity))
    return order, oddity


def notice_of(order, payment):
    fresh = place_order(make_member("借用"), make_sku())
    notice = notice_for(fresh)
    return type(notice)(
        **{
            **vars(notice),
            "out_trade_no": payment.out_trade_no,
            "transaction_id": "4200999",
            "amount_fen": payment.amount_fen,
        }
    )


def test_money_that_came_twice_goes_back_and_settles_the_oddity():
    order, oddity = paid_twice()
    gateway = FakeRefunds()

    refund = run_unit(aftersales.begin_late, oddity.id, actor=ADMIN, now=NOON)
    again = run_unit(aftersales.begin_late, oddity.id, actor=ADMIN, now=NOON)
    aftersales.carry_on(refund.id, gateway=gateway, now=NOON)
    run_unit(aftersales.report, gateway.end(refund.out_refund_no, "SUCCESS"), mchid=MCHID, now=NOON)
    settle_news()

    assert again.id == refund.id
    assert due() == 0
    assert afresh(oddity).resolution == "已原路退回"
    assert afresh(order).status is OrderStatus.PAID
    assert broken_invariants() == {}


def test_an_oddity_without_money_has_nothing_to_send_back():
    with pytest.raises(NotFound):
        run_unit(aftersales.begin_late, 99, actor=ADMIN, now=NOON)
    run_unit(
        orders.raise_oddity,
        OddityKind.AMOUNT_DIFFERS,
        reference="x",
        order_id=None,
        facts={},
        now=NOON,
    )
    [oddity] = db.session.scalars(sa.select(Oddity))

    with pytest.raises(NotAskable):
        run_unit(aftersales.begin_late, oddity.id, actor=ADMIN, now=NOON)

    assert due() == 0


# --- returns and exchanges ----------------------------------------------------------


def stock_of(order) -> int:
    db.session.rollback()
    return db.session.execute(sa.select(Sku.stock).filter_by(id=order.lines[0].sku_id)).scalar_one()


def test_what_was_never_sent_is_on_the_shelf_again_once_it_is_refunded():
    sold = sale(pieces=2)
    left = stock_of(sold.order)
    row = sold.ask(quantity=2)
    sold.agree(row)
    sold.send(row)
    before = stock_of(sold.order)

    sold.end(row)

    assert (before, stock_of(sold.order)) == (left, left + 2)
    assert broken_invariants() == {}


@pytest.mark.parametrize(("restock", "back"), [(True, 1), (False, 0)])
def test_a_return_is_refunded_when_the_goods_are_here(restock, back):
    sold = sale(received=True, pieces=3)
    left = stock_of(sold.order)
    row = sold.ask(kind=K.RETURN, quantity=1, reason="质量问题")
    sold.agree(row)
    run_unit(
        aftersales.send_back,
        sold.buyer.id,
        row.id,
        carrier="顺丰速运",
        tracking="SF7654321",
        now=NOON,
    )
    waiting = state(row)

    run_unit(aftersales.take_back, row.id, is_restocked=restock, actor=ADMIN, now=NOON)
    settle_news()
    sold.send(row)
    sold.end(row)

    assert waiting == (S.RETURNING, None)
    assert state(row) == (S.SUCCESS, R.SUCCESS)
    assert afresh(sold.order).lines[0].refunded_fen == 100_00
    assert stock_of(sold.order) == left + back
    assert broken_invariants() == {}


def test_an_exchange_moves_goods_and_no_money():
    sold = sale(received=True, pieces=3)
    left = stock_of(sold.order)
    row = sold.ask(kind=K.EXCHANGE, quantity=2, reason="换规格")
    sold.agree(row)
    run_unit(aftersales.take_back, row.id, is_restocked=True, actor=ADMIN, now=NOON)

    run_unit(
        aftersales.send_again,
        row.id,
        carrier="顺丰速运",
        tracking="SF7654321",
        actor=ADMIN,
        now=NOON,
    )
    settle_news()

    assert state(row) == (S.EXCHANGED, None)
    assert stock_of(sold.order) == left
    assert afresh(sold.order).open_aftersales == 0
    assert due() == 0
    assert broken_invariants() == {}


def test_goods_that_were_never_sent_back_end_it():
    sold = sale(received=True)
    row = sold.ask(kind=K.RETURN, quantity=1, reason="质量问题")
    sold.agree(row)

    early = aftersales.returns_overdue(NOON + days(6))
    [late] = aftersales.returns_overdue(NOON + days(7))
    ended = run_unit(aftersales.give_up_waiting, late, now=NOON + days(7))
    settle_news(NOON + days(7))

    assert (early, ended, state(row)[0]) == ([], True, S.WITHDRAWN)
    assert broken_invariants() == {}


def test_a_note_that_cannot_be_kept_whole_agrees_to_nothing():
    row = sale().ask(fen=30_00)

    with pytest.raises(InvalidInput, match="最多 200 个字") as refused:
        run_unit(aftersales.approve, row.id, actor=ADMIN, now=NOON, note="字" * 201)

    assert refused.value.field == "note"
    assert (state(row), afresh(row).decision_note, due()) == ((S.APPLIED, None), "", 0)
    assert broken_invariants() == {}


def test_goods_that_came_back_wrong_are_refused_with_a_reason():
    sold = sale(received=True)
    row = sold.ask(kind=K.RETURN, quantity=1, reason="质量问题")
    sold.agree(row)
    run_unit(
        aftersales.send_back, sold.buyer.id, row.id, carrier="顺丰", tracking="SF7654321", now=NOON
    )

    with pytest.raises(InvalidInput):
        run_unit(aftersales.reject, row.id, reason=" ", actor=ADMIN, now=NOON)
    still = state(row)[0]
    run_unit(aftersales.reject, row.id, reason="寄回的不是本店商品", actor=ADMIN, now=NOON)
    settle_news()

    assert (still, state(row)[0]) == (S.RETURNING, S.REJECTED)
    assert broken_invariants() == {}


@pytest.mark.parametrize(
    ("carrier", "tracking", "field"),
    [
        ("", "SF7654321", "carrier"),
        ("顺丰", "12", "tracking"),
        ("顺丰", "顺丰单号一二三", "tracking"),
    ],
)
def test_a_parcel_back_wants_a_carrier_and_a_number(carrier, tracking, field):
    sold = sale(received=True)
    row = sold.ask(kind=K.RETURN, quantity=1, reason="质量问题")
    sold.agree(row)

    with pytest.raises(InvalidInput) as refused:
        run_unit(
            aftersales.send_back,
            sold.buyer.id,
            row.id,
            carrier=carrier,
            tracking=tracking,
            now=NOON,
        )

    assert refused.value.field == field
    assert state(row)[0] is S.APPROVED


def test_nobody_acts_on_anothers_after_sale():
    sold = sale(received=True)
    row = sold.ask(kind=K.RETURN, quantity=1, reason="质量问题")
    stranger = make_member("赵磊")

    with pytest.raises(NotFound):
        run_unit(aftersales.withdraw, stranger.id, row.id, now=NOON)

    assert state(row)[0] is S.APPLIED


def test_an_order_with_an_open_after_sale_is_not_shipped():
    sold = sale()
    sold.ask(fen=1_00)

    with pytest.raises(IllegalMove):
        run_unit(
            orders.ship,
            sold.order.id,
            carrier="顺丰",
            tracking_number="SF1234567",
            actor=ADMIN,
            now=NOON,
        )

    assert afresh(sold.order).status is OrderStatus.PAID


def test_the_end_waits_until_the_commissions_followed(agreed, monkeypatch):
    sold, row = agreed
    sold.send(row)
    word = sold.gateway.end(refund_of(row).out_refund_no, "SUCCESS")
    monkeypatch.setattr(
        aftersales.refunds.outbox,
        "undelivered",
        lambda _topic: sa.select(outbox.OutboxRow.subject_id),
    )

    run_unit(aftersales.report, word, mchid=MCHID, now=NOON)
    settle_news()

    assert afresh(sold.order).open_aftersales == 1
