"""Other systems of the shop, each with a key."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core import clock
from app.core.db import run_unit
from app.integrations import Scope, keys
from tests.factories import NOON, SYSTEM

Call = Callable[..., TestResponse]


@pytest.fixture
def noon(app: Flask) -> Iterator[datetime]:
    with clock.fixed(NOON):
        yield NOON


def make_key(*scopes: Scope, **given: Any) -> tuple[int, str]:
    facts = {"networks": "", "days": 365, "actor": SYSTEM, "now": clock.now(), **given}
    return run_unit(keys.create, "仓库系统", scopes=scopes or list(Scope), **facts)


@pytest.fixture
def system(session: Any, noon: datetime, app: Flask) -> Callable[..., Call]:
    """`system(Scope.…)` is a way to call the API with such a key, below /api/v1."""

    def with_scopes(*scopes: Scope, **given: Any) -> Call:
        _, token = make_key(*scopes, **given)
        client: FlaskClient = app.test_client()

        def call(method: str, path: str, *, once: str = "", **more: Any) -> TestResponse:
            headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
            if once:
                headers["Idempotency-Key"] = once
            return client.open(f"/api/v1{path}", method=method, headers=headers, **more)

        return call

    return with_scopes
