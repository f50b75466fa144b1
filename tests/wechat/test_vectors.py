"""Every protocol vector that the product's own code touches, reproduced exactly."""

from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import time_machine
import wechatpy.crypto.base
import xmltodict
from wechatpayv3.utils import rsa_sign
from wechatpy.crypto import WeChatCrypto

from app.core.cache import Cache
from app.wechat import MessageRefused, NoticeRefused
from app.wechat.account import Account
from app.wechat.messages import Endpoint
from app.wechat.pay import Pay, paid_notice
from app.wechat.transfers import transfer_notice


@pytest.fixture
def pay(vectors) -> Pay:
    keys = vectors["keys"]
    return Pay(
        base="http://pay.test",
        appid=keys["appid"],
        mchid=keys["mchid"],
        cert_serial=keys["merchant_serial_no"],
        private_key=keys["merchant_private_key_pem"],
        apiv3_key=keys["apiv3_key"],
        public_key_id=keys["wechatpay_public_key_id"],
        public_key=keys["wechatpay_public_key_pem"],
        notify_base="https://mall.example.com",
    )


@pytest.fixture
def endpoint(vectors) -> Endpoint:
    v = vectors["aes_message"]
    return Endpoint(
        appid=v["appid"], original_id="gh_mall", token=v["token"], aes_key=v["encoding_aes_key"]
    )


@pytest.fixture
def account(vectors, tmp_path) -> Account:
    return Account(
        appid=vectors["authorize_url"]["appid"],
        secret="s" * 32,
        api_base="http://api.test",
        open_base="https://open.weixin.qq.com",
        mp_base="https://mp.weixin.qq.com",
        public_base="https://mall.example.com",
        cache=Cache(tmp_path / "cache"),
    )


@pytest.fixture
def weixin_endpoint(app):
    """`weixin_endpoint(token)`: the callback's token is this one."""
    before = app.extensions["wechat"]

    def become(token: str) -> None:
        endpoint = Endpoint(appid="wx", original_id="gh", token=token, aes_key="a" * 43)
        app.extensions["wechat"] = SimpleNamespace(endpoint=endpoint)

    yield become
    app.extensions["wechat"] = before


def at(vector: dict) -> datetime:
    return datetime.fromtimestamp(int(vector["headers"]["Wechatpay-Timestamp"]), UTC)


def test_server_signatures_are_accepted(vectors):
    for v in vectors["server_signature"]:
        endpoint = Endpoint(appid="wx", original_id="gh", token=v["token"], aes_key="a" * 43)

        endpoint.check(v)


def test_the_address_check_is_answered_with_its_echo(vectors, client, weixin_endpoint):
    asked = [v for v in vectors["server_signature"] if "echostr" in v]
    assert len(asked) == 1
    for v in asked:
        weixin_endpoint(v["token"])

        answer = client.get(
            "/wechat/callback",
            query_string={name: v[name] for name in ("signature", "timestamp", "nonce", "echostr")},
        )

        assert (answer.status_code, answer.text) == (200, v["expected_body"])


def test_a_server_signature_with_one_letter_changed_is_refused(vectors):
    v = dict(vectors["server_signature"][0])
    endpoint = Endpoint(appid="wx", original_id="gh", token=v["token"], aes_key="a" * 43)
    v["signature"] = v["signature"][:-1] + ("0" if v["signature"][-1] != "0" else "1")

    with pytest.raises(MessageRefused):
        endpoint.check(v)


def aes_query(v: dict) -> dict:
    return {
        "timestamp": v["timestamp"],
        "nonce": v["nonce"],
        "encrypt_type": "aes",
        "msg_signature": v["msg_signature"],
    }


def test_the_safe_mode_message_opens_to_its_scene(vectors, endpoint):
    v = vectors["aes_message"]

    push = endpoint.open(aes_query(v), v["safe_mode_body"].encode())

    assert push is not None
    assert (push.openid, push.event, push.scene) == ("oUser0001", "subscribe_scan", "d_42")


def test_a_safe_mode_message_with_another_signature_is_refused(vectors, endpoint):
    v = vectors["aes_message"]
    query = {**aes_query(v), "msg_signature": "0" * 40}

    with pytest.raises(MessageRefused):
        endpoint.open(query, v["safe_mode_body"].encode())


def test_the_sealed_reply_opens_to_what_was_said(vectors, endpoint):
    v, m = vectors["aes_reply"], vectors["aes_message"]

    sealed = endpoint.seal(
        {"encrypt_type": "aes"},
        v["plaintext_xml"],
        timestamp=int(v["timestamp"]),
        nonce=v["nonce"],
    )

    crypto = WeChatCrypto(m["token"], m["encoding_aes_key"], m["appid"])
    fields = xmltodict.parse(sealed)["xml"]
    opened = crypto.decrypt_message(
        sealed, fields["MsgSignature"], fields["TimeStamp"], fields["Nonce"]
    )
    assert opened == v["plaintext_xml"]


def test_the_sealed_reply_is_the_documented_one_byte_for_byte(vectors, endpoint, monkeypatch):
    v = vectors["aes_reply"]
    # The sixteen random bytes before the text are the only part that varies.
    monkeypatch.setattr(
        wechatpy.crypto.base.BasePrpCrypto, "get_random_string", lambda _self: v["random16"]
    )

    sealed = endpoint.seal(
        {"encrypt_type": "aes"},
        v["plaintext_xml"],
        timestamp=int(v["timestamp"]),
        nonce=v["nonce"],
    )

    fields = xmltodict.parse(sealed)["xml"]
    assert (fields["Encrypt"], fields["MsgSignature"]) == (v["encrypt"], v["msg_signature"])


def test_the_page_gets_the_documented_jssdk_signature(vectors, tmp_path, monkeypatch):
    for number, v in enumerate(vectors["jssdk_signature"]):
        page = urlsplit(v["url"])
        account = Account(
            appid="wx",
            secret="s" * 32,
            api_base="http://api.test",
            open_base="https://open.weixin.qq.com",
            mp_base="https://mp.weixin.qq.com",
            public_base=f"{page.scheme}://{page.netloc}",
            cache=Cache(tmp_path / f"cache{number}"),
        )
        account.client.session.set("wx_jsapi_ticket", v["jsapi_ticket"], 7000)
        monkeypatch.setattr("app.wechat.account.secrets.token_hex", lambda _n, v=v: v["noncestr"])

        with time_machine.travel(datetime.fromtimestamp(int(v["timestamp"]), UTC), tick=False):
            signed = account.jssdk_config(v["url"])

        assert signed["signature"] == v["signature"]


def test_the_authorize_address_has_its_parameters_in_order(vectors, account):
    v = vectors["authorize_url"]

    url = account.authorize_url(v["state"])

    assert url == (
        "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wxd678efh567hg6787"
        "&redirect_uri=https%3A%2F%2Fmall.example.com%2Fwechat%2Foauth%2Fcallback"
        "&response_type=code&scope=snsapi_base&state=s8f3a1#wechat_redirect"
    )


def test_the_address_of_a_scenes_picture_is_escaped(vectors, account):
    v = vectors["showqrcode"]

    url = account.scene_picture_url(v["ticket"])

    assert url == v["url"].replace("/%3D%3D", "%2F%3D%3D")


def test_the_pay_sheet_is_signed(vectors, pay, monkeypatch):
    v = vectors["jsapi_pay_sign"]
    monkeypatch.setattr("app.wechat.pay.secrets.token_hex", lambda _n: v["nonceStr"])

    with time_machine.travel(datetime.fromtimestamp(int(v["timeStamp"]), UTC), tick=False):
        sheet = pay.sheet(v["package"].removeprefix("prepay_id="))

    assert sheet == {
        name: v[name]
        for name in ("appId", "timeStamp", "nonceStr", "package", "signType", "paySign")
    }


def test_a_payment_notice_opens_to_its_facts(vectors, pay):
    v = vectors["notify"]["transaction_success"]

    with time_machine.travel(at(v)):
        notice = pay.open_notice(v["headers"], v["body"].encode())

    facts = paid_notice(notice.resource)
    assert notice.event_type == "TRANSACTION.SUCCESS"
    assert (facts.out_trade_no, facts.transaction_id, facts.amount_fen, facts.currency) == (
        "M20250101000001",
        "4200002400202501011234567890",
        100,
        "CNY",
    )
    assert facts.paid_at == datetime(2025, 1, 1, 0, 0, 4, tzinfo=UTC)


def test_a_transfer_notice_opens_to_its_facts(vectors, pay):
    v = vectors["notify"]["transfer_finished"]

    with time_machine.travel(at(v)):
        notice = pay.open_notice(v["headers"], v["body"].encode())

    answer = transfer_notice(notice.resource)
    assert (answer.out_bill_no, answer.state, answer.amount_fen) == (
        "W20250103000001",
        "SUCCESS",
        2000,
    )


def refuse(pay: Pay, headers: dict, body: bytes, moment: datetime) -> str:
    with time_machine.travel(moment), pytest.raises(NoticeRefused) as caught:
        pay.open_notice(headers, body)
    return str(caught.value)


def test_a_stale_notice_is_refused_though_its_signature_is_right(vectors, pay):
    v = vectors["notify"]["transaction_success"]
    late = datetime.fromtimestamp(at(v).timestamp() + 301, UTC)

    assert refuse(pay, v["headers"], v["body"].encode(), late) == "timestamp"


def test_a_notice_with_one_byte_changed_is_refused(vectors, pay):
    v = vectors["notify"]["transaction_success"]

    assert refuse(pay, v["headers"], v["body"].replace("支付成功", "支付成工").encode(), at(v)) == (
        "signature"
    )


def test_the_signature_probe_is_refused(vectors, pay):
    v = vectors["notify"]["transaction_success"]
    probe = vectors["notify_negative"]["signtest_probe"]["Wechatpay-Signature"]

    refused = refuse(pay, {**v["headers"], "Wechatpay-Signature": probe}, v["body"].encode(), at(v))

    assert refused == "signature"


def test_an_unknown_serial_is_refused_before_anything_is_called(vectors, pay):
    v = vectors["notify"]["transaction_success"]

    refused = refuse(
        pay, {**v["headers"], "Wechatpay-Serial": "6E2F1A0B9C8D7E6F"}, v["body"].encode(), at(v)
    )

    assert refused == "serial"


@pytest.mark.parametrize("missing", ["Timestamp", "Nonce", "Signature", "Serial"])
def test_a_notice_without_a_header_is_refused(vectors, pay, missing):
    v = vectors["notify"]["transaction_success"]
    headers = {k: value for k, value in v["headers"].items() if k != f"Wechatpay-{missing}"}

    assert refuse(pay, headers, v["body"].encode(), at(v))


def test_requests_are_signed_over_their_exact_bytes(vectors, pay):
    for v in vectors["v3_request"]:
        signature = rsa_sign(pay.library._core._private_key, v["string_to_sign"])

        assert signature == v["signature"]


def test_signed_answers_are_accepted_and_changed_ones_refused(vectors, pay):
    for v in vectors["v3_response"]:
        core = pay.library._core

        assert core._verify_signature(v["headers"], v["body"])
        assert not core._verify_signature(v["headers"], v["body"] + " ")
