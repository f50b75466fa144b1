"""Pages and deliveries while WeChat fails in every way: people get a page, rows wait."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from app import notices, outbox
from app.core import clock
from app.core.db import db, transaction
from app.notices import NoticeState
from app.orders import Order, OrderStatus
from app.outbox.models import OutboxRow, State
from app.wechat import transport
from app.wechat.transport import Limits
from tests.factories import ADMIN, make_distributor, make_sku, paid_order, place_order
from tests.notices.conftest import told
from tests.stack import Stack
from tests.wechat.test_faults import ENDLESS, FAULTS, HASTY
from tests.wechat.test_notifier import FIELDS, chat, template_called
from tests.wechat.test_tags import LIN, follower

pytestmark = pytest.mark.engine_free

BROKEN = [
    *("429", "500", "html", "45009", "40001 for ever", "hang"),
    *("slow drip", "drop", "list", "number", "empty object"),
]


@pytest.fixture
def broken(
    stack: Stack, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stack]:
    """Whatever is asked of WeChat fails in the way that the test names."""
    limits = HASTY if request.param in ENDLESS else Limits()
    monkeypatch.setattr(transport, "LIMITS", limits)
    for target in ("/cgi-bin/*", "/sns/*", "/v3/*"):
        stack.control("/faults", target=target, times="forever", **FAULTS[request.param])
    yield stack
    stack.control_delete("/faults")


@pytest.fixture
def phone(stack: Stack, log_in: Any) -> FlaskClient:
    client = stack.app.test_client()
    client.environ_base["HTTP_ORIGIN"] = stack.url
    member = make_distributor("陈梅", now=clock.now())
    with transaction():
        db.session.execute(
            sa.text("UPDATE members SET openid = 'oSandbox_chenmei_00000000002' WHERE id = :id"),
            {"id": member.id},
        )
    log_in(client, member)
    return client


def order_of(client: FlaskClient) -> Order:
    with client.session_transaction() as kept:
        member_id = kept["member"]
    from app import members

    return place_order(members.get(member_id), make_sku(), now=clock.now())


@pytest.mark.parametrize("broken", BROKEN, indirect=True)
def test_pages_open_without_wechat(phone: FlaskClient, broken: Stack):
    sku = make_sku()
    order = order_of(phone)

    for path in (
        "/",
        f"/p/{sku.product_id}",
        f"/checkout?sku={sku.id}&quantity=1",
        f"/orders/{order.number}/pay",
        f"/orders/{order.number}",
        "/me/distribution",
        "/me/distribution/code",
    ):
        assert phone.get(path).status_code == 200, path


@pytest.mark.parametrize("broken", BROKEN, indirect=True)
def test_what_needs_wechat_says_so_in_chinese(phone: FlaskClient, broken: Stack):
    order = order_of(phone)

    signed = phone.get("/js-config", query_string={"url": f"{broken.url}/p/1"})
    sheet = phone.post(f"/orders/{order.number}/sheet")

    assert (signed.status_code, signed.json["message"]) == (503, "微信暂时没有响应")
    assert (sheet.status_code, sheet.json["message"]) == (
        503,
        "微信支付暂时没有响应，请稍后再试",
    )


@pytest.mark.parametrize("broken", BROKEN, indirect=True)
def test_a_payment_that_cannot_be_asked_about_stays_open(phone: FlaskClient, broken: Stack):
    order = order_of(phone)

    state = phone.get(f"/orders/{order.number}/state")
    cancel = phone.post(f"/orders/{order.number}/cancel")

    assert (state.status_code, state.json) == (200, {"paid": False, "status": "unpaid"})
    assert cancel.status_code == 303
    db.session.rollback()
    kept = db.session.get_one(Order, order.id)
    assert kept.status in (OrderStatus.UNPAID, OrderStatus.CLOSING)


@pytest.mark.parametrize("broken", BROKEN, indirect=True)
def test_a_login_ends_in_a_page(stack: Stack, broken: Stack):
    browser = stack.app.test_client()
    start = browser.get("/me")
    state = start.headers["Location"].partition("state=")[2].partition("#")[0]

    page = browser.get(f"/wechat/oauth/callback?code=c0de&state={state}", follow_redirects=False)

    assert page.status_code in (200, 302, 503)
    with browser.session_transaction() as kept:
        assert "member" not in kept


@pytest.fixture
def queued(stack: Stack) -> int:
    """A notice that waits to be sent by a template of the account: its outbox row."""
    buyer = follower(LIN)
    template_id = template_called("订单支付成功通知")
    with transaction():
        notices.map_template(
            "order_paid",
            channel="template",
            template_id=template_id,
            title="订单支付成功通知",
            chosen={key: {"source": name} for key, name in FIELDS.items()},
            actor=ADMIN,
            now=clock.now(),
        )
    paid_order(buyer, make_sku(), now=clock.now())
    outbox.drain(clock.now(), calls=False)
    db.session.rollback()
    return waiting().id


def waiting() -> OutboxRow:
    """The one notice that is not sent yet."""
    db.session.rollback()
    return db.session.execute(sa.select(OutboxRow).where(OutboxRow.topic == "notice")).scalar_one()


@pytest.mark.parametrize("broken", BROKEN, indirect=True)
def test_a_notice_waits_and_comes_again_later(queued: int, broken: Stack):
    now = clock.now()

    assert outbox.drain(now, calls=True) == 0

    row = waiting()
    assert (row.id, row.state, row.attempts, row.due_at) == (
        queued,
        State.WAITING,
        1,
        now + timedelta(seconds=2),
    )
    assert row.last_error.startswith("SendFailed: 微信")
    assert told("order_paid")[0].state is NoticeState.QUEUED


@pytest.mark.parametrize("broken", ["hang"], indirect=True)
def test_a_notice_that_waited_is_sent_once_wechat_is_back(queued: int, broken: Stack):
    now = clock.now()
    outbox.drain(now, calls=True)
    broken.control_delete("/faults")

    assert outbox.drain(now + timedelta(seconds=2), calls=True) == 1

    assert waiting().state is State.DONE
    assert told("order_paid")[0].state is NoticeState.SENT
    assert len(chat(broken, LIN)) == 1
