"""Redis hangs, forgets, goes and comes back: slower, never open, and used again."""

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from app.admin import login
from app.core import cache as module
from app.core.cache import AWAY_SECONDS, TIMEOUT_SECONDS, Cache
from tests.factories import make_member

GONE = "redis://127.0.0.1:1/0"


class Silent:
    """A server that takes every call and answers none; it counts them."""

    def __init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self._door.setblocking(False)
        self._lines: list[socket.socket] = []
        self.url = f"redis://127.0.0.1:{self._door.getsockname()[1]}/0"

    def calls(self) -> int:
        while True:
            try:
                self._lines.append(self._door.accept()[0])
            except BlockingIOError:
                return len(self._lines)

    def close(self) -> None:
        for line in (*self._lines, self._door):
            line.close()


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    """The wait itself is not what is tried; that there is one wait and not more."""
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.05)
    server = Silent()
    yield server
    server.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the cache takes for the time since the machine started."""
    now = [1_000.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def redis_url() -> str:
    url = os.environ.get("TEST_REDIS_URL", "")
    if not url:
        pytest.skip("TEST_REDIS_URL names no Redis")
    return url


def key() -> str:
    return f"test:{uuid.uuid4().hex}"


def test_a_call_waits_for_redis_at_most_a_second():
    found = module.connect(GONE).connection_pool.connection_kwargs

    assert (found["socket_timeout"], found["socket_connect_timeout"]) == (1.0, 1.0)
    assert found["retry"].get_retries() == 0
    assert TIMEOUT_SECONDS == 1.0


def test_a_redis_that_never_answers_is_waited_for_once_in_five_seconds(tmp_path, silent, clock):
    cache, name = Cache(tmp_path, silent.url), key()

    assert [cache.count(name, 60) for _ in range(3)] == [1, 2, 3]
    cache.set(name + "v", "kept", 60)
    assert cache.get(name + "v") == "kept"
    with cache.lock(name):
        pass
    assert silent.calls() == 1

    clock[0] += AWAY_SECONDS
    assert cache.count(name, 60) == 4
    assert silent.calls() == 2


def test_redis_is_used_again_when_it_is_back(tmp_path, clock):
    there, name = Redis.from_url(redis_url()), key()
    cache = Cache(tmp_path, GONE)
    cache.set(name, "in a file", 60)
    cache._redis = module.connect(redis_url())
    assert cache.get(name) == "in a file"

    clock[0] += AWAY_SECONDS
    cache.set(name, "in redis", 60)

    assert there.get(name) == b'"in redis"'
    assert cache.get(name) == "in redis"


def test_a_redis_that_forgot_everything_counts_and_locks_anew(tmp_path):
    cache, name = Cache(tmp_path, redis_url()), key()
    there = Redis.from_url(redis_url())
    cache.set(name, 1, 60)
    cache.count(name + "c", 60)

    # As FLUSHALL would, without what other tests keep there.
    with cache.lock(name):
        there.delete(name, name + "c", f"lock:{name}")

    assert cache.get(name) is None
    assert cache.count(name + "c", 60) == 1
    # The lost lock is no reason to take Redis for gone.
    cache.set(name, 2, 60)
    assert there.get(name) == b"2"


@pytest.fixture(params=["silent", "gone, disk full"])
def without_redis(request, app, tmp_path, monkeypatch, silent) -> None:
    cache = Cache(tmp_path, silent.url if request.param == "silent" else GONE)
    if "full" in request.param:
        fill(monkeypatch)
    monkeypatch.setitem(app.extensions, "cache", cache)


def fill(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)


def test_guessing_is_stopped_and_sessions_hold_without_redis(
    session, client, admin_client, log_in, without_redis, monkeypatch
):
    monkeypatch.setattr(login, "FAILURES_AN_ADDRESS", 1)
    log_in(client, make_member())
    desk = admin_client("owner")
    guess = {"username": "nobody", "password": "wrong-password-1"}

    answers = [client.post("/admin/login", data=guess).status_code for _ in range(3)]

    assert answers == [401, 429, 429]
    assert desk.get("/admin/").status_code == 200
    assert client.get("/me").status_code == 200


def test_a_full_disk_forgets_nothing_in_this_process(tmp_path, monkeypatch):
    cache, name = Cache(tmp_path), key()
    cache.set(name + "v", "older", 60)
    assert cache.count(name, 60) == 1
    fill(monkeypatch)

    cache.set(name + "v", "newer", 60)

    assert cache.get(name + "v") == "newer"
    assert [cache.count(name, 60) for _ in range(3)] == [2, 3, 4]
    now = module.time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + 61)
    assert cache.count(name, 60) == 1
    assert list(tmp_path.glob("*.[0-9]*")) == []
