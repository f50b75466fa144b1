"""The reference vectors laid against the sandbox's own signatures and ciphers."""

from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from scripts.wechat_sandbox import push, signing

pytestmark = pytest.mark.engine_free


@pytest.fixture(scope="session")
def keys(vectors):
    pem = vectors["keys"]
    return {
        "merchant": load_pem_private_key(pem["merchant_private_key_pem"].encode(), None),
        "merchant_public": load_pem_public_key(pem["merchant_public_key_pem"].encode()),
        "platform": load_pem_private_key(pem["wechatpay_private_key_pem"].encode(), None),
        "platform_public": load_pem_public_key(pem["wechatpay_public_key_pem"].encode()),
        "apiv3": pem["apiv3_key"],
        "serial": pem["wechatpay_public_key_id"],
    }


def crypto(vectors):
    case = vectors["aes_message"]
    return signing.MessageCrypto(
        token=case["token"], aes_key=case["encoding_aes_key"], appid=case["appid"]
    )


def test_server_signature(vectors):
    for case in vectors["server_signature"]:
        made = signing.sorted_sha1(case["token"], case["timestamp"], case["nonce"])
        assert made == case["signature"]


def test_aes_message(vectors):
    case = vectors["aes_message"]
    made = crypto(vectors).encrypt(case["plaintext_xml"], random16=case["random16"].encode())

    assert made == case["encrypt"]
    assert crypto(vectors).decrypt(made) == case["plaintext_xml"]
    assert (
        crypto(vectors).signature(case["timestamp"], case["nonce"], made) == case["msg_signature"]
    )


def test_message_fields_render_as_in_the_vector(vectors):
    case = vectors["aes_message"]

    made = push.to_xml(
        {
            "ToUserName": "gh_mall",
            "FromUserName": "oUser0001",
            "CreateTime": 1735689600,
            "MsgType": "event",
            "Event": "subscribe",
            "EventKey": "qrscene_d_42",
            "Ticket": "gQH47joAAAAAAAAAASxodHRwOi8v",
        }
    )

    assert made == case["plaintext_xml"]


def test_aes_reply_is_opened(vectors, sandbox):
    message, reply = vectors["aes_message"], vectors["aes_reply"]
    config = replace(
        sandbox.config,
        token=message["token"],
        aes_key=message["encoding_aes_key"],
        appid=message["appid"],
        original_id="gh_mall",
    )

    line = push.open_reply(config, "safe", "oUser0001", reply["reply_body"].encode())

    assert line == {"kind": "text", "body": {"content": "欢迎光临"}}
    spoilt = reply["reply_body"].replace(reply["msg_signature"], "0" * 40)
    with pytest.raises(push.BadReply, match="MsgSignature"):
        push.open_reply(config, "safe", "oUser0001", spoilt.encode())


def test_other_accounts_messages_do_not_decrypt(vectors):
    case = vectors["aes_message"]
    other = signing.MessageCrypto(token="t", aes_key=case["encoding_aes_key"], appid="wxother")

    with pytest.raises(ValueError, match="appid"):
        other.decrypt(case["encrypt"])


def test_jssdk_signature(vectors):
    for case in vectors["jssdk_signature"]:
        made = signing.jssdk_signature(
            ticket=case["jsapi_ticket"],
            noncestr=case["noncestr"],
            timestamp=case["timestamp"],
            url=case["url"],
        )
        assert made == case["signature"]


def test_v3_request(vectors, keys):
    for case in vectors["v3_request"]:
        text = signing.request_text(
            case["method"],
            case["url_path_and_query"],
            case["timestamp"],
            case["nonce_str"],
            case["body"].encode(),
        )
        fields = signing.parse_authorization(case["authorization"])

        assert text.decode() == case["string_to_sign"]
        assert fields["signature"] == case["signature"]
        assert signing.rsa_sign(keys["merchant"], text) == case["signature"]
        assert signing.rsa_verify(keys["merchant_public"], fields["signature"], text)
        assert not signing.rsa_verify(keys["merchant_public"], fields["signature"], text + b" ")


def test_v3_response(vectors, keys):
    for case in vectors["v3_response"]:
        expected = {k: v for k, v in case["headers"].items() if k != "Content-Type"}

        made = signing.answer_headers(
            keys["platform"],
            keys["serial"],
            case["body"].encode(),
            timestamp=expected["Wechatpay-Timestamp"],
            nonce=expected["Wechatpay-Nonce"],
        )

        assert made == expected


def test_jsapi_pay_sign(vectors, keys):
    case = vectors["jsapi_pay_sign"]
    text = signing.pay_sign_text(
        case["appId"], case["timeStamp"], case["nonceStr"], case["package"]
    )

    assert text.decode() == case["string_to_sign"]
    assert signing.rsa_sign(keys["merchant"], text) == case["paySign"]
    assert signing.rsa_verify(keys["merchant_public"], case["paySign"], text)


@pytest.mark.parametrize("name", ["transaction_success", "refund_success", "transfer_finished"])
def test_notices(vectors, keys, name):
    case = vectors["notify"][name]
    headers = case["headers"]

    opened = signing.unseal(
        keys["apiv3"],
        nonce=case["resource_nonce"],
        ciphertext=case["ciphertext"],
        associated_data=case["associated_data"],
    )
    sealed = signing.seal(
        keys["apiv3"],
        nonce=case["resource_nonce"],
        plaintext=case["decrypted_text"],
        associated_data=case["associated_data"],
    )
    signed = signing.answer_headers(
        keys["platform"],
        keys["serial"],
        case["body"].encode(),
        timestamp=headers["Wechatpay-Timestamp"],
        nonce=headers["Wechatpay-Nonce"],
    )

    assert opened == case["decrypted_text"]
    assert sealed == case["ciphertext"]
    assert signed["Wechatpay-Signature"] == headers["Wechatpay-Signature"]
    with pytest.raises(InvalidTag):
        signing.unseal(
            keys["apiv3"],
            nonce=case["resource_nonce"],
            ciphertext=case["ciphertext"],
            associated_data="other",
        )


def test_user_name(vectors, keys):
    case = vectors["user_name_encryption"]

    assert signing.decrypt_name(keys["platform"], case["sample_ciphertext"]) == case["plaintext"]


def test_authorize_url_of_the_vector_passes_the_checks(vectors, sandbox, oauth):
    case = vectors["authorize_url"]
    client = oauth()
    client.app_id, client.redirect_uri = case["appid"], case["redirect_uri"]
    client.scope, client.state = case["scope"], case["state"]

    query = client.authorize_url.split("?", 1)[1]

    assert query == case["url"].split("?", 1)[1]
