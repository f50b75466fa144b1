"""Events for other systems: written once, signed, tried again, sent to the open internet."""

import json
import socket
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import sqlalchemy as sa

from app import outbox
from app.core import clock
from app.core.db import db, run_unit
from app.core.errors import IllegalMove, InvalidInput
from app.integrations import hooks
from app.integrations.hooks import DeliveryState, HookDelivery, HookEvent, HookState, sending
from app.jobs import hook_sender
from app.jobs.hook_sender import HttpSender
from tests.factories import NOON, SYSTEM, bind, make_distributor, make_member, make_sku, paid_order

ALL = list(HookEvent)


class Receiver(HTTPServer):
    """Another system on a real socket; answers with `status` and keeps what came."""

    def __init__(self):
        self.status, self.got = 200, []
        super().__init__(("127.0.0.1", 0), _Take)
        self.origin = f"http://127.0.0.1:{self.server_port}"


class _Take(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers, body))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(b"thanks")

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def endpoint(session, receiver):
    """The id of an endpoint for everything, at the receiver; its secret is kept beside."""
    return run_unit(
        hooks.create,
        "财务系统",
        url=f"{receiver.origin}/events?shop=1",
        events=ALL,
        also=receiver.origin,
        actor=SYSTEM,
        now=NOON,
    )


def a_payment():
    order = paid_order(make_member("王芳"), make_sku(price_fen=88_00), now=NOON)
    outbox.drain(NOON, calls=False)
    return order


def deliveries():
    rows = db.session.scalars(
        sa.select(HookDelivery).order_by(HookDelivery.id).execution_options(populate_existing=True)
    ).all()
    return list(rows)


def send(row, receiver, now=NOON):
    return sending.send(row.id, sender=HttpSender(also=receiver.origin), now=now)


def test_a_payment_is_told_signed(endpoint, receiver):
    order = a_payment()
    [row] = deliveries()

    assert send(row, receiver) == "delivered"

    [(headers, body)] = receiver.got
    told = json.loads(body)
    assert (told["type"], told["data"]["order"]) == ("order.paid", order.number)
    assert told["data"]["payable_fen"] == 88_00
    assert (headers["Webhook-Id"], headers["Webhook-Timestamp"]) == (
        row.public_id,
        str(int(NOON.timestamp())),
    )
    expected = sending.sign(endpoint[1], row.public_id, headers["Webhook-Timestamp"], body)
    assert headers["Webhook-Signature"] == expected
    [kept] = deliveries()
    assert (kept.state, kept.answer_status, kept.answer) == (
        DeliveryState.DELIVERED,
        200,
        "thanks",
    )


def test_the_signature_is_that_of_the_standard():
    # The example of the Standard Webhooks specification.
    signed = sending.sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    )

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_only_chosen_events_of_active_endpoints_are_written_and_once(session, noon_events):
    first = run_unit(hooks.create, "甲", events=["order.paid"], **noon_events)[0]
    stopped = run_unit(hooks.create, "乙", events=ALL, **noon_events)[0]
    run_unit(hooks.stop, stopped, reason="停", actor=SYSTEM, now=NOON)
    order = a_payment()
    bind(make_member("钱宁"), make_distributor("陈梅"))
    outbox.drain(NOON, calls=False)
    with_again = hooks.events._writer(HookEvent.ORDER_PAID, hooks.events._order)
    run_unit(with_again, order.id, NOON)

    assert [(row.endpoint_id, row.event) for row in deliveries()] == [(first, HookEvent.ORDER_PAID)]


@pytest.fixture
def noon_events():
    return {"url": "https://erp.example.com/in", "actor": SYSTEM, "now": NOON}


def test_a_failure_is_tried_again_for_a_day_and_given_up(endpoint, receiver):
    a_payment()
    receiver.status = 500
    at, outcomes = NOON, []

    for pause in [*sending.PAUSES, None]:
        assert sending.due(at - timedelta(seconds=1)) == []
        [row_id] = sending.due(at)
        outcomes.append(sending.send(row_id, sender=HttpSender(also=receiver.origin), now=at))
        at += pause or timedelta(0)

    assert outcomes == ["failed"] * 9 + ["given_up"]
    assert timedelta(hours=20) < at - NOON <= timedelta(days=1)
    [row] = deliveries()
    assert (row.state, row.attempts, row.answer_status) == (DeliveryState.FAILED, 10, 500)
    # The same letter each time.
    assert len({(h["Webhook-Id"], body) for h, body in receiver.got}) == 1

    run_unit(hooks.send_again, row.id, actor=SYSTEM, now=at)
    receiver.status = 204
    assert send(row, receiver, at) == "delivered"


def test_who_is_dead_for_days_is_disabled_and_the_desk_is_told(endpoint, receiver, admin_client):
    a_payment()
    [row] = deliveries()
    receiver.status = 503
    send(row, receiver)

    send(row, receiver, NOON + sending.DEAD_AFTER)

    assert hooks.get(endpoint[0]).state is HookState.DISABLED
    assert sending.due(NOON + timedelta(days=9)) == []
    assert "1 个事件推送地址连续多天失败" in admin_client("owner").get("/admin/hooks").text
    with pytest.raises(IllegalMove):
        run_unit(hooks.send_again, row.id, actor=SYSTEM, now=NOON)


def test_while_the_secret_changes_both_sign(endpoint, receiver):
    a_payment()
    [row] = deliveries()
    fresh = run_unit(hooks.rotate, endpoint[0], actor=SYSTEM, now=NOON)
    receiver.status = 500
    send(row, receiver)
    later = NOON + timedelta(hours=24)
    send(row, receiver, later)

    both, alone = ([*h["Webhook-Signature"].split()] for h, _ in receiver.got)
    body = receiver.got[0][1]
    at = [str(int(moment.timestamp())) for moment in (NOON, later)]
    assert both == [sending.sign(s, row.public_id, at[0], body) for s in (fresh, endpoint[1])]
    assert alone == [sending.sign(fresh, row.public_id, at[1], body)]


def test_a_leased_delivery_is_not_sent_by_another(endpoint, receiver):
    a_payment()
    [row] = deliveries()
    run_unit(sending._lease, row.id, NOON)

    assert send(row, receiver) == "taken"
    assert receiver.got == []


@pytest.mark.parametrize(
    "url",
    [
        *("http://erp.example.com/", "ftp://erp.example.com/", "https://", "https:///x", ""),
        *("https://a:b@erp.example.com/", "https://erp.example.com:8443/"),
        *("https://erp.example.com/#x", "https://商城.example.com/", "https://[::1"),
    ],
)
def test_an_address_that_is_none_is_not_registered(session, url):
    with pytest.raises(InvalidInput) as refused:
        run_unit(hooks.create, "甲", url=url, events=ALL, actor=SYSTEM, now=NOON)

    assert refused.value.field == "url"
    assert list(hooks.everything()) == []


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1", "224.0.0.1"),
    ],
)
def test_a_name_that_leads_inside_is_never_asked(receiver, monkeypatch, address):
    def resolve(*_args, **_facts):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 443)) for a in ("1.1.1.1", address)]

    monkeypatch.setattr(hook_sender.socket, "getaddrinfo", resolve)

    answer = HttpSender().post("https://erp.example.com/", b"{}", {})
    loop = HttpSender().post(f"{receiver.origin}/", b"{}", {})

    # Refused, and not merely without an answer.
    assert {answer.text, loop.text} == {"地址不在公网上，或不是 https，没有发送"}
    assert receiver.got == []


def test_redirects_and_silence_are_failures(receiver):
    sender = HttpSender(also=receiver.origin)
    receiver.status = 302
    moved = sender.post(f"{receiver.origin}/", b"{}", {})
    silent = HttpSender(also="http://127.0.0.1:9").post("http://127.0.0.1:9/", b"{}", {})

    assert (moved.status, moved.is_good, len(receiver.got)) == (302, False, 1)
    assert (silent.status, silent.text[:5]) == (0, "没有答复：")


def test_the_job_sends_and_the_panel_shows_the_secret_once(session, receiver, app, admin_client):
    from dataclasses import replace

    from app.jobs.tasks.news import send_hooks

    before = app.extensions["mall_config"]
    app.extensions["mall_config"] = replace(before, hook_test_origin=receiver.origin)
    try:
        client = admin_client("owner")
        form = {"name": "财务系统", "url": f"{receiver.origin}/in", "events": ["order.paid"]}
        shown = client.post("/admin/hooks/new", data=form)
        with clock.fixed(NOON):
            a_payment()
            result = send_hooks(NOON, False)
        page = client.get(f"/admin/hooks/{hooks.everything()[0].id}").text
    finally:
        app.extensions["mall_config"] = before

    assert (shown.status_code, shown.text.count("whsec_")) == (200, 1)
    assert (result, len(receiver.got)) == ({"due": 1, "delivered": 1}, 1)
    assert ("whsec_" in page, "已送达" in page, "HTTP 200" in page) == (False, True, True)
