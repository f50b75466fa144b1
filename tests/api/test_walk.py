"""Nonsense for every operation of the document: refused, never an error of ours."""

import json
from functools import partial
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.api.operation import CSRF_HEADER
from app.core.db import db
from tests.api.conftest import make_key
from tests.mall.conftest import me, noon, weixin  # noqa: F401

pytestmark = pytest.mark.engine_free

_TEXT = st.text(max_size=12)
_WORDS = st.one_of(
    _TEXT,
    st.sampled_from(["", "0", "1", "-1", "9" * 30, "MQ", "%00", "None", "refund", "paid"]),
)
_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False),
        st.just(1),
        _WORDS,
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["sku_id", "line_id", "quantity", "x"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


def test_no_operation_fails_whatever_it_is_sent(app, client, me, weixin):  # noqa: F811
    document = client.get("/api/openapi.json").json
    schemas = document["components"]["schemas"]
    operations = [
        (method, path, operation)
        for path, item in sorted(document["paths"].items())
        for method, operation in sorted(item.items())
    ]
    _, token = make_key()
    headers = {
        CSRF_HEADER: client.get("/api/v1/me").json["csrf_token"],
        "Authorization": f"Bearer {token}",
    }
    failed, tried = [], 0

    def send(data, call):
        nonlocal tried
        tried += 1
        method, path, operation = call
        query = {}
        for parameter in operation["parameters"]:
            if parameter["in"] == "path":
                text = data.draw(_WORDS) or "1"
                path = path.replace(f"{{{parameter['name']}}}", quote(text, safe=""))
            elif parameter["in"] == "query" and data.draw(st.booleans()):
                query[parameter["name"]] = data.draw(_WORDS)
        body = None
        if "requestBody" in operation:
            ref = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            fields = schemas[ref.rpartition("/")[2]]["properties"]
            body = json.dumps({name: data.draw(_VALUES) for name in fields})
        with client.session_transaction() as kept:
            kept["member"] = me.id
        answer = client.open(
            path,
            method=method.upper(),
            query_string=query,
            data=body,
            headers=headers | {"Idempotency-Key": f"walk-{tried:06}"},
            content_type="application/json" if body else None,
        )
        if answer.status_code >= 500:
            failed.append((method, path, query, body, answer.status_code))
        db.session.rollback()

    for call in operations:
        _nonsense(partial(send, call=call))

    assert failed == []
    assert tried >= len(operations)


def _nonsense(send):
    """Call `send` a few times with a source of values."""

    @settings(
        max_examples=4,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def walk(data):
        send(data)

    walk()
