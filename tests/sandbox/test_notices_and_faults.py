"""Delivery of notices, and every scripted fault."""

import json
import time

import pytest
import requests

from .conftest import WANG, wait_for
from .test_pay import NO, order, paid, refund

pytestmark = pytest.mark.engine_free


def states(sandbox):
    return [n["state"] for n in sandbox.control.get("/notices")["notices"]]


def resources(sandbox, wxpay):
    found = [wxpay.callback(headers, body) for headers, body in sandbox.mall.notices]
    return [n and n["resource"] for n in found]


def test_failed_deliveries_are_tried_again_with_the_same_event(sandbox, call, monkeypatch):
    monkeypatch.setattr("scripts.wechat_sandbox.notices.PAUSES_SECONDS", (0.05, 0.05))
    sandbox.mall.notice_status = 500

    paid(sandbox, call)

    wait_for(lambda: states(sandbox) == ["given_up"])
    bodies = [json.loads(body) for _, body in sandbox.mall.notices]
    assert len(bodies) == 3
    assert len({b["id"] for b in bodies}) == 1


def test_a_mall_that_recovers_gets_its_notice(sandbox, call, monkeypatch):
    monkeypatch.setattr("scripts.wechat_sandbox.notices.PAUSES_SECONDS", (0.05,) * 50)
    sandbox.mall.notice_status = 500
    paid(sandbox, call)
    wait_for(lambda: sandbox.mall.notices)

    sandbox.mall.notice_status = 204

    wait_for(lambda: states(sandbox) == ["delivered"])


def test_held_notices_are_delivered_by_hand_in_any_order(sandbox, call, wxpay):
    sandbox.control.post("/notices/hold")
    paid(sandbox, call)
    refund(call, notify_url=sandbox.config.mall_url + "/wechat/refund/notify")
    wait_for(lambda: states(sandbox) == ["held", "held"])
    pay_notice, refund_notice = sandbox.control.get("/notices")["notices"]

    sandbox.control.post(f"/notices/{refund_notice['id']}/deliver")
    outcome = sandbox.control.post(f"/notices/{pay_notice['id']}/deliver", times=2)

    assert [o["status"] for o in outcome["outcomes"]] == [204, 204]
    assert ["refund_status" in r for r in resources(sandbox, wxpay)] == [True, False, False]
    sandbox.control.post("/notices/release")
    assert states(sandbox) == ["delivered", "delivered"]


def test_lost_and_doubled_and_delayed(sandbox, call):
    sandbox.control.fault("notice:TRANSACTION.SUCCESS", "lose")
    paid(sandbox, call)
    assert states(sandbox) == ["lost"]

    sandbox.control.fault("notice:*", "double")
    paid(sandbox, call, "M20261121000002")
    wait_for(lambda: states(sandbox) == ["lost", "delivered", "delivered"])
    assert len(sandbox.mall.notices) == 2

    sandbox.control.fault("notice:*", "delay", seconds=60)
    paid(sandbox, call, "M20261121000003")
    assert states(sandbox)[-1] == "queued"


def test_reordered(sandbox, call, wxpay):
    sandbox.control.fault("notice:*", "reorder")

    paid(sandbox, call)
    paid(sandbox, call, "M20261121000002")

    wait_for(lambda: states(sandbox) == ["delivered", "delivered"])
    assert [r["out_trade_no"] for r in resources(sandbox, wxpay)] == ["M20261121000002", NO]


@pytest.mark.parametrize("kind", ["bad_signature", "signtest"])
def test_spoilt_signatures_come_before_the_true_notice(sandbox, call, wxpay, kind):
    sandbox.control.fault("notice:*", kind)

    paid(sandbox, call)

    wait_for(lambda: states(sandbox) == ["delivered"])
    assert [r and r["out_trade_no"] for r in resources(sandbox, wxpay)] == [None, NO]
    if kind == "signtest":
        signature = sandbox.mall.notices[0][0]["Wechatpay-Signature"]
        assert signature.startswith("WECHATPAY/SIGNTEST/")


def test_stale_notices_are_signed_but_old(sandbox, call, wxpay):
    sandbox.control.fault("notice:*", "stale", seconds=301, then_true=False)

    paid(sandbox, call)

    wait_for(lambda: states(sandbox) == ["done"])
    stamp = int(sandbox.mall.notices[0][0]["Wechatpay-Timestamp"])
    assert time.time() - stamp > 300
    assert resources(sandbox, wxpay)[0]["out_trade_no"] == NO


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("amount", lambda r: r["amount"]["total"] == 12801),
        ("mchid", lambda r: r["mchid"] == "1999999999"),
        ("appid", lambda r: r["appid"] == "wx0000000000000000"),
    ],
)
def test_notices_that_say_something_else(sandbox, call, wxpay, kind, read):
    sandbox.control.fault("notice:*", kind)

    paid(sandbox, call)

    wait_for(lambda: sandbox.mall.notices)
    assert read(resources(sandbox, wxpay)[0])


# Faults of calls


def test_status_and_html_answers(sandbox, call, wxpay):
    sandbox.control.fault("/v3/pay/*", "status", status=429)
    assert order(call)[0] == 429
    sandbox.control.fault("/v3/pay/*", "status", status=500, times=2)
    assert [order(call)[0], order(call)[0]] == [500, 500]
    sandbox.control.fault("/v3/pay/*", "html")
    status, body = wxpay.query(out_trade_no=NO)
    assert (status, b"nginx" in body if isinstance(body, bytes) else "nginx" in body) == (502, True)

    assert order(call)[0] == 200


def test_a_dropped_answer_has_acted(sandbox, call):
    sandbox.control.fault("/v3/pay/transactions/jsapi", "drop")

    with pytest.raises(requests.ConnectionError):
        order(call)

    assert call("query", out_trade_no=NO)[1]["trade_state"] == "NOTPAY"


def test_a_hang_ends_when_the_faults_are_cleared(sandbox, client):
    sandbox.control.fault("/cgi-bin/user/*", "hang", seconds=30)
    client.timeout = (1, 0.2)

    with pytest.raises(requests.Timeout):
        client.user.get(WANG)

    requests.delete(sandbox.control.base + "/faults", timeout=5)
    client.timeout = (1, 5)
    assert client.user.get(WANG)["openid"] == WANG


def test_a_delay_is_a_delay(sandbox, client):
    sandbox.control.fault("/cgi-bin/user/*", "delay", seconds=0.3)
    started = time.monotonic()

    client.user.get(WANG)

    assert time.monotonic() - started >= 0.3


def test_unknown_faults_are_refused(sandbox):
    answer = requests.post(
        sandbox.control.base + "/faults", json={"target": "/v3/*", "kind": "dance"}, timeout=5
    )

    assert answer.status_code == 400


def test_calls_are_logged_with_shortened_secrets(sandbox, client):
    client.user.get(WANG)

    calls = sandbox.control.get("/calls")["calls"]

    assert [(c["name"], c["is_ok"]) for c in calls] == [
        ("取稳定版 access_token", 1),
        ("取用户信息", 1),
    ]
    text = json.dumps(calls)
    assert client.access_token not in text
    assert sandbox.config.secret not in text
