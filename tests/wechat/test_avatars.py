"""Avatars are asked for at WeChat's hosts only, and never for long or at length."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from app.wechat import avatars
from app.wechat.avatars import Avatars

URL = "https://thirdwx.qlogo.cn/mmopen/abc/132"


class Web:
    """The network: `pages` by address, and what was asked of it."""

    def __init__(self) -> None:
        self.address = "203.205.254.1"
        self.pages: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []

    def get(self, url: str, **options: Any) -> "Answer":
        assert options["allow_redirects"] is False
        assert options["timeout"] == (2, 3)
        self.asked.append(url)
        if url not in self.pages:
            raise requests.ConnectTimeout()
        return Answer(*self.pages[url])

    def look_up(self, _host: str, port: int, **_: Any) -> list[Any]:
        return [(2, 1, 6, "", (self.address, port))]


class Answer:
    def __init__(self, status: int, body: bytes) -> None:
        self.status_code, self._body = status, body

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def iter_content(self, size: int) -> Iterator[bytes]:
        for start in range(0, len(self._body), size):
            yield self._body[start : start + size]


@pytest.fixture
def web(monkeypatch):
    found = Web()
    monkeypatch.setattr(requests, "get", found.get)
    monkeypatch.setattr(socket, "getaddrinfo", found.look_up)
    return found


@pytest.mark.parametrize("url", [URL, URL.replace("https:", "http:")])
def test_a_picture_is_fetched_safely_also_by_an_old_address(web, url):
    web.pages[URL] = (200, b"picture")

    assert Avatars().fetch(url) == b"picture"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "https://127.0.0.1/x.png",
        "https://evil.example/wx.qlogo.cn",
        "https://wx.qlogo.cn.evil.example/x",
        "https://wx.qlogo.cn@evil.example/x",
        "https://user@wx.qlogo.cn/x",
        "https://wx.qlogo.cn:8443/x",
        "https://wx.qlogo.cn:port/x",
        "//wx.qlogo.cn/x",
    ],
)
def test_other_places_are_not_asked(web, url):
    assert Avatars().fetch(url) == b""
    assert web.asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1"])
def test_a_name_that_leads_inside_is_not_asked(web, address):
    web.address = address

    assert Avatars().fetch(URL) == b""
    assert web.asked == []


def test_no_redirect_is_followed(web):
    web.pages[URL] = (302, b"")

    assert Avatars().fetch(URL) == b""
    assert web.asked == [URL]


def test_too_large_is_nothing(web):
    web.pages[URL] = (200, b"x" * (avatars.BYTES_MAX + 1))

    assert Avatars().fetch(URL) == b""


def test_a_trickle_ends(web, monkeypatch):
    web.pages[URL] = (200, b"x" * 100_000)
    monkeypatch.setattr(avatars, "WHOLE_SECONDS", -1)

    assert Avatars().fetch(URL) == b""


def test_no_answer_is_nothing(web):
    assert Avatars().fetch(URL) == b""
    assert web.asked == [URL]


def test_the_sandbox_is_asked_where_there_is_one(web):
    url = "http://127.0.0.1:8001/avatar/x.png"
    web.pages[url] = (200, b"drawn")

    assert Avatars(also="http://127.0.0.1:8001").fetch(url) == b"drawn"
    assert Avatars().fetch(url) == b""
