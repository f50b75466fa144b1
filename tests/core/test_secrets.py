"""What is sealed in the database and what stays out of the logs."""

import base64
import io
import json
import logging
import os

import pytest
import sqlalchemy as sa
import structlog
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from app.core import crypto, logs
from app.core.crypto import Keyring, mask_phone
from app.core.db import db
from app.members import Address
from tests.factories import make_address, make_member


def key(key_id: str) -> str:
    return f"{key_id}:{base64.b64encode(os.urandom(32)).decode()}"


OLD, NEW = key("k1"), key("k2")


@given(st.text())
def test_what_is_sealed_is_read_again(text):
    ring = Keyring(OLD)

    assert ring.decrypt(ring.encrypt(text)) == text


def test_the_same_text_is_never_sealed_the_same():
    ring = Keyring(OLD)

    assert len({ring.encrypt("13812345678") for _ in range(100)}) == 100


def test_the_newest_key_seals_and_every_key_opens():
    before = Keyring(OLD).encrypt("王芳")
    rotated = Keyring(f"{NEW}, {OLD}")

    after = rotated.encrypt("王芳")

    assert (before.split(":")[0], after.split(":")[0]) == ("k1", "k2")
    assert rotated.decrypt(before) == rotated.decrypt(after) == "王芳"


def test_a_key_that_was_taken_away_opens_nothing():
    stored = Keyring(OLD).encrypt("王芳")

    with pytest.raises(KeyError):
        Keyring(NEW).decrypt(stored)


def test_another_key_under_the_same_name_opens_nothing():
    stored = Keyring(OLD).encrypt("王芳")

    with pytest.raises(InvalidTag):
        Keyring(key("k1")).decrypt(stored)


def test_a_tampered_text_opens_nothing():
    ring = Keyring(OLD)
    key_id, _, encoded = ring.encrypt("王芳").partition(":")
    raw = bytearray(base64.b64decode(encoded))

    for position in (0, 12, len(raw) - 1):
        changed = bytearray(raw)
        changed[position] ^= 1
        with pytest.raises(InvalidTag):
            ring.decrypt(f"{key_id}:{base64.b64encode(changed).decode()}")


def test_a_text_does_not_open_under_another_keys_name():
    same = OLD.partition(":")[2]
    stored = Keyring(OLD).encrypt("王芳").replace("k1:", "k9:")

    with pytest.raises(InvalidTag):
        Keyring(f"k9:{same}").decrypt(stored)


def test_a_search_hash_stays_the_same_when_keys_rotate():
    before = Keyring(OLD).search_hash("13812345678")

    assert Keyring(f"{NEW},{OLD}").search_hash("13812345678") == before
    assert Keyring(NEW).search_hash("13812345678") != before
    assert Keyring(OLD).search_hash("13812345679") != before


# Keys are random: without names the tests would be others in each process.
@pytest.mark.parametrize(
    "listed",
    ["", " , ", "k1", "k1:", ":" + OLD[3:], "k1:c2hvcnQ=", f"{OLD},k2:%%%"],
    ids=["nothing", "blanks", "no key", "empty key", "no name", "short key", "no base64"],
)
def test_a_list_of_keys_that_is_not_whole_is_refused(listed):
    with pytest.raises(ValueError, match=r"."):
        Keyring(listed)


def test_a_bad_list_leaves_the_keys_in_use_alone(app):
    sealed = crypto.keyring().encrypt("王芳")

    with pytest.raises(ValueError, match="DATA_KEYS"):
        crypto.configure("")

    assert crypto.keyring().decrypt(sealed) == "王芳"


def test_an_address_is_not_readable_in_the_database(session):
    address = make_address(make_member())

    stored = db.session.execute(
        sa.text("SELECT name, phone, detail FROM member_addresses WHERE id = :i"),
        {"i": address.id},
    ).one()

    assert all(text.startswith("t1:") for text in stored)
    assert not any(part in " ".join(stored) for part in ("王芳", "13812345678", "文三路"))
    db.session.expire_all()
    read = db.session.get_one(Address, address.id)
    assert (read.name, read.phone, read.detail) == ("王芳", "13812345678", "文三路 1 号")


@pytest.mark.parametrize(
    ("phone", "masked"),
    [("13812345678", "138****5678"), ("1381234", "138****1234"), ("138", "****"), ("", "****")],
)
def test_a_phone_number_is_shown_in_part(phone, masked):
    assert mask_phone(phone) == masked


# --- logs ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            "GET /cgi-bin/x?access_token=ABC_def-1&lang=zh",
            "GET /cgi-bin/x?access_token=***&lang=zh",
        ),
        ("/sns?appid=wx1&secret=s3cr3t&code=021abc", "/sns?appid=wx1&secret=***&code=***"),
        ("ticket=gQH47joAAA sign=ABCDEF", "ticket=*** sign=***"),
        ("来电 13812345678 请回复", "来电 138****5678 请回复"),
        ("身份证 11010519491231002X 已核", "身份证 *** 已核"),
        ("身份证 110105194912310021 已核", "身份证 *** 已核"),
        ("openid oAbCdEfGhIjKlMnOpQrStUvWxYz1 关注", "openid oAbCdE*** 关注"),
        ("订单 M261121ABCDEFGHJKMNPQ 已支付 12800", "订单 M261121ABCDEFGHJKMNPQ 已支付 12800"),
    ],
)
def test_a_text_loses_what_gives_people_away(text, kept):
    assert logs.redact(text) == kept


@pytest.fixture
def written(monkeypatch):
    """What the app's own handler writes, one JSON object a line."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    logs.configure("INFO")
    root.handlers[0].setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, root.level = handlers, level


@pytest.mark.parametrize(
    "name",
    [
        "app_secret",
        "access_token",
        "jsapi_ticket",
        "password",
        "authorization",
        "cookie",
        "apiv3_key",
        "api_key",
        "private_key",
        "id_number",
        "real_name",
        "bank_card",
        "phone",
        "ciphertext",
        "body",
    ],
)
def test_a_value_with_a_secret_name_is_never_written(written, name):
    structlog.get_logger("test").info("event", **{name: "value-of-it", "order": 7})

    (line,) = written()
    assert (line[name], line["order"]) == ("***", 7)


def test_an_exceptions_text_is_redacted(written):
    try:
        raise ValueError("https://x/?access_token=ABC123 13812345678")
    except ValueError:
        structlog.get_logger("test").exception("call_failed")

    (line,) = written()
    assert "ABC123" not in json.dumps(line)
    assert "13812345678" not in json.dumps(line)
    assert "access_token=***" in line["exception"]


def test_a_librarys_log_is_redacted_too(written):
    logging.getLogger("some.library").warning("calling %s", "/x?access_token=ABC123")

    (line,) = written()
    assert line["event"] == "calling /x?access_token=***"
    assert (line["level"], line["logger"]) == ("warning", "some.library")


def test_what_lies_deeper_is_redacted_too(written):
    structlog.get_logger("test").info(
        "event",
        facts={"phone": "13812345678", "openid": "oAbCdEfGhIjKlMnOpQrStUvWxYz1", "fen": 5},
        urls=["/x?access_token=ABC123"],
    )

    (line,) = written()
    assert line["facts"] == {"phone": "***", "openid": "oAbCdE***", "fen": 5}
    assert line["urls"] == ["/x?access_token=***"]


@pytest.mark.parametrize("name", ["urllib3", "wechatpy", "wechatpayv3"])
def test_noisy_libraries_say_only_what_went_wrong(written, name):
    logging.getLogger(name).info("GET https://api/?access_token=ABC")

    assert written() == []
