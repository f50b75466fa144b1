"""Values and locks that may be lost: in files, in Redis, and with Redis gone."""

import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from app.core import cache as module
from app.core.cache import Cache

pytestmark = pytest.mark.engine_free

# Nobody listens on port 1: every call fails at once.
GONE = "redis://127.0.0.1:1/0"


@pytest.fixture(params=["files", "redis", "redis gone"])
def cache(request, tmp_path) -> Cache:
    if request.param == "files":
        return Cache(tmp_path)
    if request.param == "redis gone":
        return Cache(tmp_path, GONE)
    return Cache(tmp_path, redis_url())


def redis_url() -> str:
    url = os.environ.get("TEST_REDIS_URL", "")
    if not url:
        pytest.skip("TEST_REDIS_URL names no Redis")
    return url


def key() -> str:
    return f"test:{uuid.uuid4().hex}"


@pytest.mark.parametrize("value", ["凭证", 7, None, True, [1, "二"], {"a": {"b": 1}}], ids=repr)
def test_a_value_comes_back_as_it_was(cache, value):
    name = key()

    cache.set(name, value, 60)

    assert cache.get(name) == value


def test_an_unknown_key_has_no_value(cache):
    assert cache.get(key()) is None


def test_a_newer_value_replaces_the_older(cache):
    name = key()
    cache.set(name, 1, 60)

    cache.set(name, 2, 60)

    assert cache.get(name) == 2


def test_a_deleted_value_is_gone(cache):
    name = key()
    cache.set(name, 1, 60)

    cache.delete(name)
    cache.delete(name)

    assert cache.get(name) is None


def test_a_value_in_a_file_ends(tmp_path, monkeypatch):
    cache, name = Cache(tmp_path), key()
    cache.set(name, 1, 60)
    now = module.time.time()

    monkeypatch.setattr(module.time, "time", lambda: now + 61)

    assert cache.get(name) is None


def test_a_value_in_redis_is_kept_no_longer_than_asked(tmp_path):
    cache, name = Cache(tmp_path, redis_url()), key()

    cache.set(name, 1, 60)

    assert 0 < Redis.from_url(redis_url()).ttl(name) <= 60


def test_a_broken_file_is_no_value(tmp_path):
    cache, name = Cache(tmp_path), key()
    cache.set(name, 1, 60)
    (file,) = tmp_path.iterdir()
    file.write_text("{")

    assert cache.get(name) is None


def test_two_processes_share_files(tmp_path):
    name = key()

    Cache(tmp_path).set(name, 1, 60)

    assert Cache(tmp_path).get(name) == 1


def test_a_key_is_no_path(tmp_path):
    Cache(tmp_path / "cache").set("../../escape", 1, 60)

    assert [path.parent.name for path in tmp_path.rglob("*") if path.is_file()] == ["cache"]


def test_redis_that_goes_is_slower_and_not_wrong(tmp_path):
    name = key()
    cache = Cache(tmp_path, redis_url())
    cache.set(name, "in redis", 60)

    cache._redis = Redis.from_url(GONE)

    assert cache.get(name) is None
    cache.set(name, "in a file", 60)
    assert cache.get(name) == "in a file"


def test_one_at_a_time_holds_a_lock(cache):
    name, inside, most = key(), [], []
    gate = threading.Barrier(6)

    def hold() -> None:
        gate.wait(30)
        with cache.lock(name):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(hold) for _ in range(6)]:
            future.result(30)

    assert most == [1] * 6


def test_a_lock_is_free_again_after_an_error(cache):
    name = key()

    def fail() -> None:
        with cache.lock(name):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with cache.lock(name, seconds=1):
        pass


def test_who_waits_too_long_for_a_lock_does_not_go_in(cache):
    name = key()
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with cache.lock(name):
            held.set()
            let_go.wait(30)

    def enter() -> None:
        with cache.lock(name, seconds=1):
            raise AssertionError("two hold one lock")

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(hold)
        held.wait(30)
        try:
            with pytest.raises(TimeoutError):
                enter()
        finally:
            let_go.set()
        holder.result(30)


def test_who_may_wait_less_than_a_lock_lasts_gives_up_earlier(cache):
    """Should `wait` be passed by, the second would stand there for the minute."""
    name = key()
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with cache.lock(name, seconds=60):
            held.set()
            let_go.wait(30)

    def enter() -> None:
        with cache.lock(name, seconds=60, wait=0.1):
            raise AssertionError("two hold one lock")

    with ThreadPoolExecutor(2) as pool:
        holder = pool.submit(hold)
        held.wait(30)
        try:
            gave_up = pool.submit(enter).exception(20)
        finally:
            let_go.set()
        holder.result(30)

    assert isinstance(gave_up, TimeoutError)


def test_locks_of_two_names_do_not_wait_for_each_other(cache):
    with cache.lock(key()), cache.lock(key(), seconds=1):
        pass


def test_the_folder_is_made(tmp_path):
    Cache(tmp_path / "a" / "b").set("k", 1, 60)

    assert (tmp_path / "a" / "b").is_dir()


def test_calls_are_counted_until_their_time_is_over(cache):
    key = f"count:{uuid.uuid4()}"

    assert [cache.count(key, 60) for _ in range(3)] == [1, 2, 3]
    assert cache.count(f"{key}:other", 60) == 1


def test_counting_in_files_begins_anew(tmp_path, monkeypatch):
    cache = Cache(tmp_path)
    cache.count("k", 60)
    cache.count("k", 60)
    later = module.time.time() + 61

    monkeypatch.setattr(module.time, "time", lambda: later)

    assert cache.count("k", 60) == 1


def test_a_count_in_redis_ends(tmp_path):
    cache, key = Cache(tmp_path, redis_url()), f"count:{uuid.uuid4()}"

    cache.count(key, 60)
    cache.count(key, 60)

    assert 0 < Redis.from_url(redis_url()).ttl(key) <= 60


def test_many_at_once_are_all_counted(cache):
    key = f"count:{uuid.uuid4()}"

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: cache.count(key, 60), range(40)))

    assert sorted(found) == list(range(1, 41))
