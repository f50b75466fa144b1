"""Answers that trickle, have another type, or never get better; quotas."""

import pytest
import requests
from wechatpy.exceptions import APILimitedException, WeChatClientException

from .conftest import WANG
from .test_pay import NO, order

pytestmark = pytest.mark.engine_free

SCENE = {"action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": "d_1"}}}


def faults(sandbox):
    return [f["remaining"] for f in sandbox.control.get("/faults")["faults"]]


def test_a_drip_never_lets_the_next_byte_wait_long(sandbox, client):
    token = client.access_token
    sandbox.control.fault("/cgi-bin/user/get", "slow_drip", seconds=0.05)

    answer = requests.get(
        f"{sandbox.url}/cgi-bin/user/get",
        params={"access_token": token},
        timeout=(1, 0.5),
        stream=True,
    )
    first = next(answer.iter_content(1))

    assert first == b"{"
    assert int(answer.headers["Content-Length"]) > 20
    answer.close()


def test_clearing_the_faults_ends_a_drip_with_the_whole_answer(sandbox, client):
    token = client.access_token
    sandbox.control.fault("/cgi-bin/user/get", "slow_drip", seconds=30)
    answer = requests.get(
        f"{sandbox.url}/cgi-bin/user/get",
        params={"access_token": token},
        timeout=(1, 10),
        stream=True,
    )

    requests.delete(sandbox.control.base + "/faults", timeout=5)

    assert answer.json()["total"] == 3


@pytest.mark.parametrize("value", [[1, 2], 7, "busy", None, True])
def test_an_answer_of_another_type(sandbox, client, value):
    token = client.access_token
    sandbox.control.fault("/cgi-bin/user/get", "wrong_type", value=value)

    answer = requests.get(
        f"{sandbox.url}/cgi-bin/user/get", params={"access_token": token}, timeout=5
    )

    assert (answer.status_code, answer.json()) == (200, value)


def test_a_field_of_another_type_is_signed_as_it_is_sent(sandbox, call):
    sandbox.control.fault("/v3/pay/*", "wrong_type", field="prepay_id", value=["wx1"])

    status, answer = call("pay", description="d", out_trade_no=NO, **_payment())

    assert (status, answer) == (200, {"prepay_id": ["wx1"]})


def _payment():
    return {"amount": {"total": 1, "currency": "CNY"}, "payer": {"openid": WANG}}


def test_wrong_type_must_say_which(sandbox):
    answer = requests.post(
        sandbox.control.base + "/faults",
        json={"target": "/cgi-bin/*", "kind": "wrong_type"},
        timeout=5,
    )

    assert answer.status_code == 400
    assert faults(sandbox) == []


def test_a_fault_may_last_for_ever(sandbox, client):
    sandbox.control.fault("/cgi-bin/user/*", "errcode", errcode=40001, times="forever")

    for _ in range(3):
        with pytest.raises(WeChatClientException, match="40001"):
            client.user.get(WANG)

    assert faults(sandbox) == [-1]
    requests.delete(sandbox.control.base + "/faults", timeout=5)
    assert client.user.get(WANG)["openid"] == WANG


@pytest.mark.parametrize("times", [0, -1, "often", None])
def test_a_number_of_times_is_one_or_more(sandbox, times):
    answer = requests.post(
        sandbox.control.base + "/faults",
        json={"target": "/v3/*", "kind": "drop", "times": times},
        timeout=5,
    )

    assert answer.status_code == 400
    assert faults(sandbox) == []


# --- quotas --------------------------------------------------------------------------


def test_a_days_quota_ends_in_45009_until_midnight(sandbox, client):
    sandbox.control.post("/clock", at="2026-11-21T12:00:00+08:00")
    sandbox.control.post("/quotas", api="/cgi-bin/qrcode/create", a_day=2)
    client.qrcode.create(SCENE)
    client.qrcode.create(SCENE)

    with pytest.raises(APILimitedException, match="45009"):
        client.qrcode.create(SCENE)

    assert sandbox.control.get("/quotas")["/cgi-bin/qrcode/create"]["used_today"] == 2
    sandbox.control.post("/clock", at="2026-11-22T00:00:01+08:00")
    assert client.qrcode.create(SCENE)["ticket"]


def test_a_minutes_quota_ends_in_45011(sandbox, client):
    sandbox.control.post("/clock", at="2026-11-21T12:00:10+08:00")
    sandbox.control.post("/quotas", api="/cgi-bin/user/info", a_minute=1)
    client.user.get(WANG)

    with pytest.raises(WeChatClientException, match="45011"):
        client.user.get(WANG)

    sandbox.control.post("/clock", at="2026-11-21T12:01:10+08:00")
    assert client.user.get(WANG)["openid"] == WANG


def test_what_is_used_can_be_looked_up_and_cleared(sandbox, client):
    sandbox.control.post("/quotas", api="/cgi-bin/menu/create", used_today=1000)

    looked = client.post("openapi/quota/get", data={"cgi_path": "/cgi-bin/menu/create"})
    client.post("clear_quota", data={"appid": sandbox.config.appid})

    assert looked["quota"] == {"daily_limit": 1000, "used": 1000, "remain": 0}
    assert sandbox.control.get("/quotas")["/cgi-bin/menu/create"]["used_today"] == 0


def test_a_month_has_ten_clearings(sandbox, client):
    for _ in range(10):
        client.post("clear_quota", data={"appid": sandbox.config.appid})

    with pytest.raises(WeChatClientException, match="48006"):
        client.post("clear_quota", data={"appid": sandbox.config.appid})


def test_a_strange_quota_is_refused(sandbox):
    before = sandbox.control.get("/quotas")
    for bad in ({"api": "/v3/pay"}, {"api": "/cgi-bin/x", "a_day": -1}):
        answer = requests.post(sandbox.control.base + "/quotas", json=bad, timeout=5)
        assert answer.status_code == 400

    assert sandbox.control.get("/quotas") == before


def test_payments_know_no_quota_of_this_kind(sandbox, call):
    assert order(call)[0] == 200


def test_wechats_own_addresses(sandbox, client):
    assert client.misc.get_wechat_ips() == ["127.0.0.1"]
    assert client.get("get_api_domain_ip") == {"ip_list": ["127.0.0.1"]}
