"""O1 to O3 and S1 find what was written behind the services' back."""

import pytest
from sqlalchemy.exc import DBAPIError

from app import orders, outbox
from app.core.db import run_unit
from app.orders import Order
from tests.factories import (
    NOON,
    broken_invariants,
    days,
    make_member,
    make_sku,
    paid_order,
    place_order,
    received_order,
)
from tests.planting import plant, unchecked


@pytest.fixture
def buyer(session):
    return make_member()


@pytest.fixture
def paid(buyer) -> Order:
    order = paid_order(buyer, make_sku(price_fen=100_00))
    assert broken_invariants() == {}
    return order


def plant_posting(key: str, order: Order, *entries: tuple[str, int]) -> None:
    plant(
        "INSERT INTO ledger_postings (idem_key, event, subject, subject_id, content_hash,"
        " reason, at) VALUES (:k, 'order_paid', 'order', :o, '', '', '2026-11-21 04:00:00')",
        k=key,
        o=order.id,
    )
    for kind, fen in entries:
        plant(
            "INSERT INTO ledger_entries (posting_id, account_id, amount_fen)"
            " SELECT p.id, a.id, :fen FROM ledger_postings p, ledger_accounts a"
            " WHERE p.idem_key = :k AND a.kind = :kind AND a.owner_id = 0",
            k=key,
            kind=kind,
            fen=fen,
        )


def test_o1_finds_a_paid_order_without_a_posting(buyer):
    order = place_order(buyer, make_sku())

    plant("UPDATE orders SET paid_at = '2026-11-21 04:00:00'")

    assert broken_invariants() == {"O1": [f"order={order.id}, postings=0"]}


def test_o1_finds_an_order_that_was_booked_and_is_not_paid(paid):
    plant("UPDATE orders SET paid_at = NULL")

    assert broken_invariants() == {"O1": [f"order={paid.id}, postings=1"]}


def test_o1_finds_an_order_that_was_booked_twice(paid):
    plant_posting("again", paid, ("world_wx", -100_00), ("order_hold", 100_00))

    assert broken_invariants() == {"O1": [f"order={paid.id}, postings=2"]}


def test_o1_finds_a_posting_of_another_amount(paid):
    plant("UPDATE orders SET goods_fen = 9999, payable_fen = 9999")

    assert broken_invariants() == {"O1": [f"order={paid.id}, payable_fen=9999, amount_fen=10000"]}


def test_o2_finds_a_refund_above_what_was_paid(paid):
    with unchecked():
        plant("UPDATE order_lines SET refunded_fen = 10001")

        # Nor does any after-sale tell of it.
        assert [*broken_invariants()] == ["O2", "R1"]


def test_the_database_itself_refuses_a_refund_above_what_was_paid(paid):
    with pytest.raises(DBAPIError, match="refunded_within_paid"):
        plant("UPDATE order_lines SET refunded_fen = 10001")


def test_o3_finds_money_still_held_for_a_finished_order(buyer):
    order = received_order(buyer, make_sku(price_fen=100_00))
    assert run_unit(orders.finish, order.id, now=NOON + days(15)) is True
    outbox.drain(NOON + days(15))
    assert broken_invariants() == {}

    plant_posting("late", order, ("world_wx", -1), ("order_hold", 1))

    found = broken_invariants()
    assert [*found] == ["O1", "O3"]
    assert found["O3"] == [f"order={order.id}, held_fen=1"]


def test_s1_finds_an_order_in_a_state_that_no_move_led_to(paid):
    plant("UPDATE orders SET status = 'finished'")

    found = broken_invariants()

    assert found["S1"] == [f"order={paid.id}, status=finished, to_state=paid"]


def test_s1_finds_a_move_that_is_not_listed(paid):
    plant(
        "INSERT INTO state_moves (subject, subject_id, from_state, to_state, actor, note, at)"
        " VALUES ('order', :o, 'paid', 'received', 'planted', '', '2026-11-21 04:00:00')",
        o=paid.id,
    )
    plant("UPDATE orders SET status = 'received'")

    assert [*broken_invariants()] == ["S1"]


def test_s1_finds_a_move_that_does_not_follow_the_last_one(paid):
    plant(
        "INSERT INTO state_moves (subject, subject_id, from_state, to_state, actor, note, at)"
        " VALUES ('order', :o, 'shipped', 'received', 'planted', '', '2026-11-21 04:00:00')",
        o=paid.id,
    )
    plant("UPDATE orders SET status = 'received'")

    assert [*broken_invariants()] == ["S1"]
