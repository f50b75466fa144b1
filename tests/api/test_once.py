"""Idempotency-Key: a write happens once, and says the same at every repeat."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.catalog import Sku, StockMove
from app.core import clock
from app.core.db import db, run_unit
from app.integrations import ApiWrite, InProgress, Scope, writes
from app.orders import Order, OrderStatus
from tests.api.conftest import make_key
from tests.factories import NOON, make_member, make_sku, paid_order
from tests.threads import together

SENT = {"carrier": "顺丰速运", "tracking_number": "SF1234567890"}


@pytest.fixture
def ship(system, noon):
    """Ship one order; the number of the call is its Idempotency-Key."""
    order, call = paid_order(make_member("王芳"), make_sku(), now=noon), system(Scope.ORDERS_SHIP)
    path = f"/orders/{order.number}/shipment"

    def send(once="ship-0001", **body):
        return call("POST", path, json=SENT | body, once=once)

    send.order = order
    return send


@pytest.mark.parametrize("once", ["", "short", "x" * 81, "with space", "中文的键值中文的键值"])
def test_a_write_without_a_proper_key_is_refused(ship, once):
    answer = ship(once.encode().decode("latin1"))

    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
    assert answer.json["field"] == "Idempotency-Key"
    assert db.session.get(Order, ship.order.id).status is OrderStatus.PAID


def test_a_repeat_has_the_answer_of_the_first(ship):
    first, second = ship(), ship()

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.data == second.data
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


def test_a_refusal_is_repeated_as_well(ship):
    ship("ship-0001")

    first, second = ship("ship-0002"), ship("ship-0002")

    assert (first.status_code, first.json["code"]) == (409, "illegal_move")
    assert second.data == first.data
    assert second.content_type == "application/problem+json"


def test_the_same_key_for_something_else_is_refused(ship):
    ship()

    answer = ship(tracking_number="SF0000000000")

    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert db.session.get(Order, ship.order.id).tracking_number == "SF1234567890"


def test_keys_of_two_callers_are_two(system, noon):
    sku = make_sku(stock=10)
    calls = [system(Scope.STOCK_WRITE), system(Scope.STOCK_WRITE)]

    counted = [
        call(
            "PUT", f"/skus/{sku.id}/stock", json={"count": n, "reason": "盘点"}, once="count-0001"
        ).json["change"]
        for n, call in enumerate(calls, start=7)
    ]

    assert counted == [-3, 1]


def test_who_comes_while_it_is_done_is_told_to_wait(session, noon):
    facts = {"print_": "a" * 64, "now": noon}
    run_unit(writes.claim, "key:1", "write-0001", **facts)

    with pytest.raises(InProgress):
        run_unit(writes.claim, "key:1", "write-0001", **facts)


def test_the_turn_of_who_died_is_taken_over_and_cannot_be_finished(session, noon):
    facts = {"print_": "a" * 64}
    dead = run_unit(writes.claim, "key:1", "write-0001", now=noon, **facts)
    heir = run_unit(writes.claim, "key:1", "write-0001", now=noon + writes.TURN, **facts)

    with pytest.raises(InProgress):
        run_unit(writes.finish, dead, status=200, body="{}")
    run_unit(writes.finish, heir, status=200, body='{"a":1}')

    later = noon + writes.TURN
    kept = run_unit(writes.claim, "key:1", "write-0001", now=later, **facts)
    assert kept == writes.Answer(200, '{"a":1}')


def test_an_answer_is_kept_for_a_day(session, noon):
    facts = {"print_": "a" * 64}
    taken = run_unit(writes.claim, "key:1", "write-0001", now=noon, **facts)
    run_unit(writes.finish, taken, status=200, body="{}")
    a_day = noon + timedelta(hours=24)

    assert run_unit(writes.tidy, a_day - timedelta(seconds=1)) == 0
    # Past its time it counts for nothing, swept or not.
    again = run_unit(writes.claim, "key:1", "write-0001", now=a_day, print_="b" * 64)
    assert isinstance(again, writes.Claim)
    run_unit(writes.release, again)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ApiWrite)) == 0


def test_a_failure_of_ours_can_be_tried_again(ship, monkeypatch):
    from app.api import desk_orders

    def burst(*_args, **_facts):
        raise RuntimeError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(desk_orders.orders, "ship", burst)
        assert ship().status_code == 500

    assert ship().status_code == 200


@pytest.mark.mariadb_only
def test_many_at_once_count_the_stock_once(live):
    with clock.fixed(NOON):
        sku_id = make_sku(stock=10).id
        _, token = make_key(Scope.STOCK_WRITE)
    db.session.rollback()

    def count():
        return live.test_client().put(
            f"/api/v1/skus/{sku_id}/stock",
            json={"count": 7, "reason": "盘点"},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "count-0001"},
        )

    answers = together(live, [count] * 6)

    assert {answer.status_code for answer in answers} <= {200, 409}
    done = [answer.json for answer in answers if answer.status_code == 200]
    assert {answer["change"] for answer in done} == {-3}
    db.session.rollback()
    assert db.session.get(Sku, sku_id).stock == 7
    moves = sa.select(sa.func.count()).select_from(StockMove).filter_by(delta=-3)
    assert db.session.scalar(moves) == 1
