"""Members in a browser, at noon, with a WeChat that does what a test says."""

from collections.abc import Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import wechat
from app.core import clock
from app.core.db import db
from app.members import Member
from app.orders import PaidNotice, PaymentState, PrepayRefused
from app.wechat.account import Scene
from tests.factories import APPID, MCHID, NOON, make_member
from tests.withdrawals.fakes import FakeTransfers


class FakePay:
    """Implements `orders.PaymentGateway`. `paid` holds what WeChat was paid."""

    mchid, appid = MCHID, APPID

    def __init__(self) -> None:
        self.is_down = False
        self.prepaid: dict[str, dict[str, Any]] = {}
        self.paid: dict[str, PaidNotice] = {}
        self.asked = 0

    def prepay(self, **facts: Any) -> str:
        self._answer()
        self.prepaid[facts["out_trade_no"]] = facts
        return f"wx{facts['out_trade_no']}"

    def query(self, out_trade_no: str) -> PaymentState:
        self.asked += 1
        self._answer()
        notice = self.paid.get(out_trade_no)
        return PaymentState("SUCCESS", notice) if notice else PaymentState("NOTPAY")

    def close(self, out_trade_no: str) -> bool:
        self._answer()
        return out_trade_no not in self.paid

    def sheet(self, prepay_id: str) -> dict[str, str]:
        return {"appId": APPID, "package": f"prepay_id={prepay_id}", "signType": "RSA"}

    def _answer(self) -> None:
        if self.is_down:
            raise PrepayRefused("SYSTEM_ERROR")


class FakeAccount:
    """The official account's part that pages use."""

    def __init__(self) -> None:
        self.is_down = False
        self.scenes: list[str] = []

    def authorize_url(self, state: str, *, ask_profile: bool = False) -> str:
        scope = "snsapi_userinfo" if ask_profile else "snsapi_base"
        return f"http://open.test/authorize?scope={scope}&state={state}"

    def temporary_scene(self, scene: str) -> Scene:
        if self.is_down:
            raise wechat.WeChatUnavailable("down")
        assert not db.session().in_transaction(), "WeChat is asked over an open transaction"
        self.scenes.append(scene)
        return Scene(f"ticket-{len(self.scenes)}", "http://weixin.test/q/1", 2_592_000)

    def scene_picture_url(self, ticket: str) -> str:
        return f"http://mp.test/showqrcode?ticket={ticket}"

    def jssdk_config(self, url: str) -> dict[str, Any]:
        if not url.startswith("http://mall.test/"):
            raise ValueError("not ours")
        if self.is_down:
            raise wechat.WeChatUnavailable("down")
        return {"appId": APPID, "signature": "s"}


class FakeAvatars:
    """Pictures by their address; what is not here cannot be had."""

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}
        self.asked: list[str] = []

    def fetch(self, url: str) -> bytes:
        assert not db.session().in_transaction(), "WeChat is asked over an open transaction"
        self.asked.append(url)
        return self.pictures.get(url, b"")


@pytest.fixture
def noon(app: Flask) -> Iterator[datetime]:
    """The clock stands still at noon."""
    with clock.fixed(NOON):
        yield NOON


@pytest.fixture
def weixin(app: Flask) -> Iterator[SimpleNamespace]:
    """`pay`, `transfers`, `account` and `avatars` of a WeChat that answers as told."""
    before = app.extensions["wechat"]
    fake = SimpleNamespace(
        pay=FakePay(), transfers=FakeTransfers(), account=FakeAccount(), avatars=FakeAvatars()
    )
    fake.transfers.confirm_parameters = lambda package: {
        "mchId": MCHID,
        "appId": APPID,
        "package": package,
    }
    app.extensions["wechat"] = fake
    yield fake
    app.extensions["wechat"] = before


@pytest.fixture
def me(session: Any, noon: datetime, weixin: Any, client: FlaskClient, log_in: Any) -> Member:
    """A member whose browser `client` is."""
    member = make_member("王小芳")
    log_in(client, member)
    return member
