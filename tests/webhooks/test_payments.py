"""Notices that must change nothing: forged, stale, or about something else."""

import json

import pytest
import requests
import sqlalchemy as sa

from app import ledger, members, orders, outbox, wechat
from app.core import clock
from app.core.db import db, run_unit
from app.ledger import AccountKind, Posting
from app.webhooks.models import InboxNotice
from tests.factories import broken_invariants, make_sku, place_order
from tests.stack import Stack

WANG = "oSandbox_wangfang_0000000003"


@pytest.fixture
def order(stack: Stack) -> orders.Order:
    """An order that WeChat says is paid, whose notice nobody delivered yet."""
    stack.control("/notices/hold")
    now = clock.now()
    buyer = run_unit(members.enter, WANG, now=now)
    placed = place_order(buyer, make_sku(price_fen=50_00), now=now)
    sheet = orders.paying_sheet(placed.id, description="茶", gateway=wechat.current().pay, now=now)
    stack.control(f"/persons/{WANG}/pay", prepay_id=sheet["package"].removeprefix("prepay_id="))
    db.session.rollback()
    return placed


def deliver(stack: Stack, **mangle: object) -> int:
    """Deliver the held notice, made wrong; return the mall's HTTP status."""
    (notice,) = stack.look("/notices")["notices"]
    stack.control(f"/notices/{notice['id']}/deliver", mangle=mangle)
    call = [c for c in stack.look("/calls")["calls"] if "/wechat/pay/notify" in json.dumps(c)][-1]
    return int(call["status"])


def unpaid_and_unbooked(order: orders.Order) -> bool:
    db.session.rollback()
    status = orders.order_by_number(order.number).status
    postings = db.session.scalar(sa.select(sa.func.count()).select_from(Posting))
    return status is orders.OrderStatus.UNPAID and postings == 0 and broken_invariants() == {}


@pytest.mark.parametrize("kind", ["bad_signature", "stale", "signtest"])
def test_a_forged_or_stale_notice_is_refused_and_changes_nothing(stack, order, kind):
    status = deliver(stack, kind=kind)

    assert status == 401
    assert unpaid_and_unbooked(order)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(InboxNotice)) == 0
    assert orders.open_oddities() == 0


@pytest.mark.parametrize(
    ("mangle", "kind"),
    [
        ({"kind": "amount", "fen": 1}, orders.OddityKind.AMOUNT_DIFFERS),
        ({"kind": "mchid"}, orders.OddityKind.MERCHANT_DIFFERS),
        ({"kind": "appid"}, orders.OddityKind.APP_DIFFERS),
    ],
)
def test_a_notice_that_contradicts_the_order_is_refused_and_raised(stack, order, mangle, kind):
    status = deliver(stack, **mangle)

    assert status == 422
    assert unpaid_and_unbooked(order)
    (oddity,) = orders.oddities(is_resolved=False).items
    assert (oddity.kind, oddity.facts["expected_fen"]) == (kind, 50_00)


def test_the_true_notice_is_taken_after_a_false_one(stack, order):
    deliver(stack, kind="amount", fen=1)

    status = deliver(stack)

    db.session.rollback()
    assert status == 204
    assert orders.order_by_number(order.number).status is orders.OrderStatus.PAID
    assert ledger.system_balance_fen(AccountKind.ORDER_HOLD) == 50_00
    assert broken_invariants() == {}


def test_what_acting_on_a_notice_breaks_is_kept_and_taken_when_it_comes_again(
    stack, order, monkeypatch
):
    with monkeypatch.context() as broken:
        broken.setattr(orders, "take_payment", lambda *_args, **_given: 1 / 0)
        first = deliver(stack)
    db.session.rollback()
    kept = db.session.scalars(sa.select(InboxNotice.result)).all()
    was_untouched = unpaid_and_unbooked(order)

    second = deliver(stack)

    db.session.rollback()
    assert (first, kept, was_untouched) == (500, [""], True)
    assert (second, db.session.scalars(sa.select(InboxNotice.result)).all()) == (204, ["paid"])


def test_a_notice_leaves_its_news_to_the_job(stack, order):
    deliver(stack)
    left = outbox.waiting(calls=False)
    db.session.rollback()

    delivered = stack.job("outbox")["delivered"]

    assert left > 0
    assert (delivered, outbox.waiting(calls=False)) == (left, 0)


def test_a_notice_without_any_signature_is_refused(stack, order):
    answer = requests.post(f"{stack.url}/wechat/pay/notify", json={"id": "x"}, timeout=5)

    assert answer.status_code == 401
    assert answer.json() == {"code": "FAIL", "message": "通知验证失败"}
    assert unpaid_and_unbooked(order)


def test_notices_are_not_taken_by_get(stack):
    assert requests.get(f"{stack.url}/wechat/pay/notify", timeout=5).status_code == 405
