"""Every way in which WeChat may fail, against every call that the product makes.

Each ends in the error that its port documents, within its time, and keeps nothing
of an answer that was none.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from app import wechat
from app.core import clock
from app.orders.ports import PrepayRefused
from app.wechat import WeChatUnavailable, menus, transport
from app.wechat.menus.errors import MenuUnavailable
from app.wechat.transport import Limits
from app.withdrawals.ports import GatewayUnclear
from tests.stack import Stack
from tests.wechat.test_notifier import template_called

pytestmark = pytest.mark.engine_free

CHEN = "oSandbox_chenmei_00000000002"
NUMBER = "M20261121000001"

# Kind and options, and whether the official account's calls can fail in this way.
FAULTS: dict[str, dict[str, Any]] = {
    "429": {"kind": "status", "status": 429},
    "500": {"kind": "status", "status": 500},
    "html": {"kind": "html"},
    "html that says 200": {"kind": "html", "status": 200},
    "45009": {"kind": "errcode", "errcode": 45009, "errmsg": "reach max api daily quota limit"},
    "40001 for ever": {"kind": "errcode", "errcode": 40001, "errmsg": "invalid credential"},
    "errcode of a wrong type": {"kind": "wrong_type", "value": {"errcode": "none"}},
    "hang": {"kind": "hang", "seconds": 30},
    "slow drip": {"kind": "slow_drip", "seconds": 0.2},
    "drop": {"kind": "drop"},
    "list": {"kind": "wrong_type", "value": [1]},
    "number": {"kind": "wrong_type", "value": 7},
    "text": {"kind": "wrong_type", "value": "ok"},
    "null": {"kind": "wrong_type", "value": None},
    "empty object": {"kind": "wrong_type", "value": {}},
}
# WeChat Pay knows no errcode.
PAY_FAULTS = [name for name in FAULTS if name not in ("45009", "40001 for ever")]


# What never ends by itself: WeChat has a third of a second then, half of one in all.
ENDLESS = ("hang", "slow drip")
HASTY = Limits(connect=1, read=0.3, total=0.5)


@pytest.fixture
def hasty(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack for `script`, which is mended afterwards."""
    monkeypatch.setattr(transport, "LIMITS", Limits())
    yield stack
    mend(stack)


def script(stack: Stack, target: str, fault: str) -> None:
    stack.control("/faults", target=target, times="forever", **FAULTS[fault])
    transport.LIMITS = HASTY if fault in ENDLESS else Limits()


def mend(stack: Stack) -> None:
    stack.control_delete("/faults")
    transport.LIMITS = Limits()


def token_only() -> None:
    wechat.current().account.temporary_scene("CODE1")


def jsapi_ticket() -> None:
    wechat.current().account.jssdk_config(wechat.current().account._public_base + "/p/1")


def all_followers() -> None:
    assert wechat.current().account.followers()


def all_templates() -> None:
    assert wechat.current().account.private_templates()


# What the calls below speak of; found while WeChat still answers.
known: dict[str, str] = {}


def prepare_notices(stack: Stack) -> None:
    known["template"] = template_called("订单支付成功通知")
    stack.control(f"/persons/{CHEN}/consent", template_id=known["template"], times=2)


def send_notice(channel: str) -> None:
    account = wechat.current().account
    values = {
        "character_string1": "M1",
        "thing2": "高山绿茶",
        "amount3": "¥128.00",
        "time4": "2026年11月21日 12:00",
    }
    message = {
        "touser": CHEN,
        "template_id": known["template"],
        "data": {key: {"value": value} for key, value in values.items()},
    }
    if channel == "template":
        account.send_template(message)
    else:
        account.send_subscription(message)


ACCOUNT_CALLS: dict[str, tuple[str, Callable[[], object]]] = {
    "token": ("/cgi-bin/stable_token", token_only),
    "scene": ("/cgi-bin/qrcode/create", token_only),
    "permanent scene": (
        "/cgi-bin/qrcode/create",
        lambda: wechat.current().account.permanent_scene("CODE1"),
    ),
    "jsapi ticket": ("/cgi-bin/ticket/getticket", jsapi_ticket),
    "tags": ("/cgi-bin/tags/get", lambda: wechat.current().account.tag_id("分销员")),
    "followers": ("/cgi-bin/user/get", all_followers),
    "templates": (
        "/cgi-bin/template/get_all_private_template",
        all_templates,
    ),
    "template send": ("/cgi-bin/message/template/send", lambda: send_notice("template")),
    "subscription send": (
        "/cgi-bin/message/subscribe/bizsend",
        lambda: send_notice("subscription"),
    ),
    "tag made": ("/cgi-bin/tags/create", lambda: wechat.current().account.tag_id("新标签")),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", ACCOUNT_CALLS)
def test_the_account_is_unavailable(hasty: Stack, call: str, fault: str):
    target, act = ACCOUNT_CALLS[call]
    if call.endswith("send"):
        prepare_notices(hasty)
    script(hasty, target, fault)

    with pytest.raises(WeChatUnavailable):
        act()

    mend(hasty)
    act()  # Nothing of it was kept: the next call is as if nothing had been.


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "empty object"])
@pytest.mark.parametrize("target", ["/cgi-bin/tags/members/batchtagging"])
def test_tagging_fails_aloud(hasty: Stack, target: str, fault: str):
    account = wechat.current().account
    tag_id = account.tag_id("分销员")
    script(hasty, target, fault)

    with pytest.raises(WeChatUnavailable):
        account.tag(tag_id, [CHEN])


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "empty object"])
@pytest.mark.parametrize("target", ["/cgi-bin/menu/create", "/cgi-bin/menu/get"])
def test_a_menu_is_not_published(hasty: Stack, target: str, fault: str):
    script(hasty, target, fault)
    button = {"type": "view", "name": "商城", "url": f"{hasty.url}/"}

    with pytest.raises(MenuUnavailable):
        menus.remote.publish(
            wechat.current().account.client, {menus.DEFAULT: {"button": [button]}}, hasty.url, []
        )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_login_is_unavailable_or_refused_and_makes_nobody(hasty: Stack, fault: str):
    script(hasty, "/sns/oauth2/access_token", fault)
    expected = {"45009": wechat.OAuthFailed, "40001 for ever": wechat.OAuthFailed}

    with pytest.raises(expected.get(fault, WeChatUnavailable)):
        wechat.current().account.exchange("code")


PAY_CALLS: dict[str, tuple[str, type[Exception], Callable[[], object]]] = {
    "prepay": (
        "/v3/pay/transactions/jsapi",
        PrepayRefused,
        lambda: wechat.current().pay.prepay(
            out_trade_no=NUMBER,
            amount_fen=100,
            description="云集好物",
            openid=CHEN,
            expires_at=clock.now() + timedelta(minutes=30),
        ),
    ),
    "query": (
        "/v3/pay/transactions/out-trade-no/*",
        PrepayRefused,
        lambda: wechat.current().pay.query(NUMBER),
    ),
    "close": (
        "/v3/pay/transactions/out-trade-no/*",
        PrepayRefused,
        lambda: wechat.current().pay.close(NUMBER),
    ),
    "transfer": (
        "/v3/fund-app/mch-transfer/transfer-bills",
        GatewayUnclear,
        lambda: wechat.current().transfers.send(
            wechat.current().transfers.body(
                out_bill_no="W20261121000001", openid=CHEN, amount_fen=100, remark="佣金"
            )
        ),
    ),
    "transfer query": (
        "/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/*",
        GatewayUnclear,
        lambda: wechat.current().transfers.query("W20261121000001"),
    ),
}


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (call, fault)
        for call in PAY_CALLS
        for fault in PAY_FAULTS
        # The answer to a closing is empty: there is nothing to trickle.
        if (call, fault) != ("close", "slow drip")
    ],
)
def test_pay_gives_no_clear_answer(hasty: Stack, call: str, fault: str):
    target, error, act = PAY_CALLS[call]
    prepared(call)
    script(hasty, target, fault)

    with pytest.raises(error):
        act()


def prepared(call: str) -> None:
    """What is asked about exists, so that an answer has something in it."""
    if call in ("query", "close"):
        PAY_CALLS["prepay"][2]()
    if call == "transfer query":
        PAY_CALLS["transfer"][2]()


@pytest.mark.parametrize("value", [["wx1"], 7, True, "", {}, None])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("prepay", "prepay_id"),
        ("query", "trade_state"),
        ("transfer", "state"),
        ("transfer query", "state"),
    ],
)
def test_a_field_of_another_type_is_no_clear_answer(hasty: Stack, call, name, value):
    target, error, act = PAY_CALLS[call]
    prepared(call)
    hasty.control("/faults", target=target, kind="wrong_type", field=name, value=value)

    with pytest.raises(error):
        act()


@pytest.mark.parametrize("value", ["100", 100.0, True, None, [100]])
def test_an_amount_of_another_type_is_no_clear_answer(hasty: Stack, value):
    target, error, act = PAY_CALLS["transfer"]
    hasty.control("/faults", target=target, kind="wrong_type", field="state", value="SUCCESS")
    assert act() is not None
    hasty.control(
        "/faults",
        target=PAY_CALLS["transfer query"][0],
        kind="wrong_type",
        field="transfer_amount",
        value=value,
    )
    if value is None:
        assert wechat.current().transfers.query("W20261121000001").amount_fen is None
        return

    with pytest.raises(error):
        wechat.current().transfers.query("W20261121000001")


@pytest.mark.parametrize("value", ["paid", None, {"total": "100"}, {"total": True}, [1]])
def test_a_payment_whose_amount_is_no_number_is_not_believed(hasty: Stack, value):
    hasty.control("/notices/hold")
    prepay_id = PAY_CALLS["prepay"][2]()
    hasty.control(f"/persons/{CHEN}/pay", prepay_id=prepay_id)
    hasty.control(
        "/faults",
        target="/v3/pay/transactions/out-trade-no/*",
        kind="wrong_type",
        field="amount",
        value=value,
    )

    with pytest.raises(PrepayRefused):
        wechat.current().pay.query(NUMBER)

    assert wechat.current().pay.query(NUMBER).state == "SUCCESS"


@pytest.mark.parametrize("call", ["query", "close", "transfer query"])
def test_a_404_without_wechats_word_is_no_clear_answer(hasty: Stack, call: str):
    target, error, act = PAY_CALLS[call]
    hasty.control(
        "/faults", target=target, kind="status", status=404, code="NO_ROUTE", message="gateway"
    )

    with pytest.raises(error):
        act()
