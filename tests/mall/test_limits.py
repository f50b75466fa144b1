"""Pages that cost much are for everybody: one person is told to wait a minute."""

import pytest

from app.core.cache import Cache
from tests.factories import make_member
from tests.mall.pages import text_of

GONE = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True, params=["files", "redis gone"])
def counted(request, app, tmp_path, monkeypatch):
    """A cache of the test's own, in which nobody asked for anything yet."""
    own = Cache(tmp_path, GONE if request.param == "redis gone" else "")
    monkeypatch.setitem(app.extensions, "cache", own)


def asked(client, times: int, path: str = "/search?q=茶") -> list[int]:
    return [client.get(path).status_code for _ in range(times)]


def test_a_member_searches_sixty_times_a_minute(client, me):
    assert asked(client, 60) == [200] * 60

    answer = client.get("/search?q=茶")

    assert answer.status_code == 429
    assert "操作太频繁，请稍等一分钟再试" in text_of(answer)


def test_others_are_not_kept_waiting(client, me, log_in):
    asked(client, 61)

    log_in(client, make_member("李雷"))

    assert asked(client, 1) == [200]


def test_other_pages_stay_open(client, me):
    asked(client, 61)

    assert asked(client, 1, "/") == [200]
    assert asked(client, 1, "/search/suggest?q=茶") == [200]


def test_a_script_is_told_in_its_own_way(client, me):
    asked(client, 120, "/search/suggest?q=茶")

    answer = client.get("/search/suggest?q=茶", headers={"Accept": "application/json"})

    assert (answer.status_code, answer.json["code"]) == (429, "too_many")
