"""What may still be asked: pieces, amounts, freight, and until when."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app import aftersales, outbox
from app.aftersales import AfterSale, AfterSaleKind, Wanted, limits
from app.aftersales.errors import AlreadyOpen, AmountTooHigh, NotAskable
from app.catalog import ProductKind, Sku
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput, NotFound
from app.orders import OrderLine
from tests.aftersales.steps import afresh, sale
from tests.factories import (
    ADMIN,
    NOON,
    broken_invariants,
    days,
    make_member,
    make_sku,
    place_order,
)

pytestmark = pytest.mark.usefixtures("session")
K = AfterSaleKind


def line(paid_fen: int, quantity: int, refunded_fen: int = 0, pieces: int = 0) -> OrderLine:
    return OrderLine(
        paid_fen=paid_fen,
        quantity=quantity,
        refunded_fen=refunded_fen,
        refunded_quantity=pieces,
    )


@pytest.mark.parametrize(
    ("row", "quantity", "most"),
    [
        (line(100_00, 3), 1, 33_33),
        (line(100_00, 3), 2, 66_66),
        (line(100_00, 3), 3, 100_00),
        (line(100_00, 3), 0, 100_00),
        (line(100_00, 3, 33_33, 1), 1, 33_33),
        (line(100_00, 3, 66_66, 2), 1, 33_34),
        (line(100_00, 3, 90_00, 0), 1, 10_00),
        (line(100_00, 1, 100_00, 1), 0, 0),
    ],
)
def test_the_most_that_goes_with_so_many_pieces(row, quantity, most):
    assert limits.most_fen(row, quantity) == most


@given(st.integers(1, 10_000_00), st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_pieces_returned_one_after_the_other_give_back_exactly_what_was_paid(paid, parts):
    row = line(paid, sum(parts))

    for pieces in parts:
        fen = limits.most_fen(row, pieces)
        assert fen >= 0
        row.refunded_fen += fen
        row.refunded_quantity += pieces

    assert row.refunded_fen == paid


def none_opened(order) -> bool:
    db.session.rollback()
    return (
        db.session.scalar(sa.select(sa.func.count()).select_from(AfterSale)) == 0
        and afresh(order).open_aftersales == 0
        and db.session.scalar(
            sa.select(sa.func.count()).where(outbox.OutboxRow.topic.like("aftersale%"))
        )
        == 0
        and broken_invariants() == {}
    )


@pytest.mark.parametrize(
    ("asked", "error", "field"),
    [
        ({"quantity": 4}, InvalidInput, "quantity"),
        ({"quantity": -1}, InvalidInput, "quantity"),
        ({"kind": K.RETURN, "quantity": 0, "reason": "质量问题"}, InvalidInput, "quantity"),
        ({"fen": 300_01}, AmountTooHigh, "amount"),
        ({"quantity": 1, "fen": 100_01}, AmountTooHigh, "amount"),
        ({"fen": 0}, InvalidInput, "amount"),
        ({"fen": -1}, InvalidInput, "amount"),
        ({"reason": "看心情"}, InvalidInput, "reason"),
    ],
)
def test_what_cannot_be_asked_names_its_field_and_opens_nothing(asked, error, field):
    sold = sale(received=True, pieces=3)

    with pytest.raises(error) as refused:
        sold.ask(**asked)

    assert refused.value.field in (field, f"{field}-{sold.line_id}")
    assert none_opened(sold.order)


@pytest.mark.parametrize(
    "wanted",
    [[], [Wanted(999_999, 1)], "twice"],
)
def test_lines_that_are_not_of_the_order_are_refused(wanted):
    sold = sale()
    if wanted == "twice":
        wanted = [Wanted(sold.line_id, 1), Wanted(sold.line_id, 1)]

    with pytest.raises(InvalidInput) as refused:
        run_unit(
            aftersales.apply,
            sold.buyer.id,
            sold.order.id,
            kind=K.REFUND,
            wanted=wanted,
            reason="不想要了",
            now=NOON,
        )

    assert refused.value.field == "items"
    assert none_opened(sold.order)


def test_another_members_order_is_not_found():
    sold = sale()
    sold.buyer = make_member("赵磊")

    with pytest.raises(NotFound):
        sold.ask(fen=1_00)

    assert none_opened(sold.order)


def test_an_unpaid_order_has_nothing_to_refund():
    buyer = make_member("王芳")
    order = place_order(buyer, make_sku())

    with pytest.raises(NotAskable):
        run_unit(
            aftersales.apply,
            buyer.id,
            order.id,
            kind=K.REFUND,
            wanted=[Wanted(order.lines[0].id, 0)],
            reason="不想要了",
            now=NOON,
        )

    assert none_opened(order)


def test_nothing_was_sent_so_nothing_is_returned_or_exchanged():
    sold = sale()

    for kind in (K.RETURN, K.EXCHANGE):
        with pytest.raises(NotAskable):
            sold.ask(kind=kind, quantity=1, reason="质量问题")

    assert none_opened(sold.order)


def test_of_virtual_goods_beside_others_nothing_comes_back():
    sold = sale(received=True)
    sku = db.session.get_one(Sku, sold.order.lines[0].sku_id)
    with transaction():
        sku.product.kind = ProductKind.VIRTUAL

    for kind in (K.RETURN, K.EXCHANGE):
        with pytest.raises(InvalidInput, match="虚拟商品，不能退货或换货") as refused:
            sold.ask(kind=kind, quantity=1, reason="质量问题")
        assert refused.value.field == "items"

    assert none_opened(sold.order)


def test_after_seven_days_it_is_too_late():
    sold = sale(received=True)

    with pytest.raises(NotAskable):
        sold.ask(fen=1_00, now=NOON + days(7))

    assert none_opened(sold.order)
    assert sold.ask(fen=1_00, now=NOON + days(7) - timedelta(seconds=1)).amount_fen == 1_00


def test_one_at_a_time_for_a_line():
    sold = sale(received=True)
    sold.ask(fen=1_00)

    with pytest.raises(AlreadyOpen):
        sold.ask(fen=1_00)

    db.session.rollback()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(AfterSale)) == 1
    assert afresh(sold.order).open_aftersales == 1


def test_a_whole_refund_before_shipping_gives_the_freight_back(monkeypatch):
    sold = sale(pieces=2)
    with transaction():
        order = db.session.get(type(sold.order), sold.order.id)
        # Not through checkout: freight templates are the catalogue's matter.
        order.freight_fen, order.payable_fen = 12_00, order.payable_fen + 12_00

    db.session.rollback()
    order = afresh(sold.order)
    part = limits.parts_of(order, K.REFUND, [Wanted(sold.line_id, 1)])
    whole = limits.parts_of(order, K.REFUND, [Wanted(sold.line_id, 2)])

    assert limits.freight_of(order, part) == 0
    assert limits.freight_of(order, whole) == 12_00


def test_the_shop_cannot_refund_more_freight_than_was_paid():
    sold = sale()

    with pytest.raises(InvalidInput) as refused:
        run_unit(
            aftersales.refund_now,
            sold.order.id,
            wanted=[],
            freight_fen=1,
            reason="协商",
            actor=ADMIN,
            now=NOON,
        )

    assert refused.value.field == "freight"
    assert none_opened(sold.order)
