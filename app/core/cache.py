"""One port for what may be lost: cached values and locks between processes.

Redis when it is configured and there, files otherwise. Nothing about money
depends on it: Redis gone means slower, never wrong. One call waits for Redis at most
`TIMEOUT_SECONDS`, and after one that failed nobody asks it for `AWAY_SECONDS`, so a
Redis that takes calls and answers none costs a process one wait in five seconds, not
one for each call. It is used again as soon as it answers; what files hold meanwhile is
left to its end there. What finds no room on the disk either is kept in the process's
own memory: a full disk opens no limit.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import structlog
from filelock import FileLock
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import LockError, RedisError
from redis.retry import Retry

log = structlog.get_logger()

TIMEOUT_SECONDS = 1.0
AWAY_SECONDS = 5.0
# Of values in memory, where there is neither Redis nor room on the disk; then those go
# whose time is over.
_REMEMBERED_MAX = 10_000


def connect(url: str) -> Redis:
    """Redis that answers within `TIMEOUT_SECONDS` or not at all.

    One try: whoever asks has files to go on with, and a second one would wait as long.
    """
    return Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class Cache:
    """Values with an end, and locks, shared by all processes of this machine."""

    def __init__(self, folder: Path, redis_url: str = "") -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._redis = connect(redis_url) if redis_url else None
        self._away_until = 0.0
        self._remembered: dict[str, tuple[Any, float]] = {}
        self._remembering = threading.Lock()

    def get(self, key: str) -> Any:
        """The value under `key`, None if there is none or it ended."""
        if redis := self._present():
            try:
                stored = redis.get(key)
                return None if stored is None else json.loads(stored)
            except RedisError as error:
                self._gone(error)
        return self._get_local(key)

    def is_shared(self) -> bool:
        """Whether Redis answers, so that all processes share what is kept."""
        if redis := self._present():
            try:
                return bool(redis.ping())
            except RedisError as error:
                self._gone(error)
        return False

    def set(self, key: str, value: Any, seconds: int) -> None:
        """Keep a JSON value for so many seconds."""
        if redis := self._present():
            try:
                redis.set(key, json.dumps(value), ex=seconds)
                return
            except RedisError as error:
                self._gone(error)
        ends = time.time() + seconds
        try:
            self._set_file(key, value, ends)
        except OSError as error:
            self._no_room(error)
            with self._remembering:
                self._remember(key, value, ends)

    def count(self, key: str, seconds: int) -> int:
        """Count one more under `key`; how many there were since the first, itself included.

        Counting begins anew `seconds` after the first one.
        """
        if redis := self._present():
            try:
                # One transaction, or a key that ends in between would count for ever.
                both = redis.pipeline(transaction=True)
                both.set(key, 0, ex=seconds, nx=True)
                both.incr(key)
                return int(both.execute()[1])
            except RedisError as error:
                self._gone(error)
        try:
            with FileLock(f"{self._path('lock:' + key)}.lock", timeout=5):
                counted = self._one_more(key, seconds)
                self._set_file(key, counted, counted["ends"])
        except TimeoutError:
            raise
        except OSError as error:
            self._no_room(error)
            with self._remembering:
                counted = self._one_more(key, seconds)
                self._remember(key, counted, counted["ends"])
        return int(counted["count"])

    def _one_more(self, key: str, seconds: int) -> dict[str, Any]:
        kept = self._get_local(key)
        if not isinstance(kept, dict):
            kept = {"count": 0, "ends": time.time() + seconds}
        return {**kept, "count": kept["count"] + 1}

    def delete(self, key: str) -> None:
        if redis := self._present():
            try:
                redis.delete(key)
            except RedisError as error:
                self._gone(error)
        self._remembered.pop(key, None)
        self._path(key).unlink(missing_ok=True)

    @contextmanager
    def lock(self, name: str, *, seconds: float = 20, wait: float | None = None) -> Iterator[None]:
        """Hold a lock that ends by itself after `seconds` if the holder dies.

        Raises TimeoutError after waiting `wait` seconds, or `seconds` without it,
        for another holder.
        """
        wait = seconds if wait is None else wait
        if redis := self._present():
            held = redis.lock(f"lock:{name}", timeout=seconds, blocking_timeout=wait)
            try:
                taken = held.acquire()
            except RedisError as error:
                self._gone(error)
            else:
                if not taken:
                    raise TimeoutError(f"somebody else holds the lock {name}")
                try:
                    yield
                finally:
                    self._release(held)
                return
        with FileLock(f"{self._path('lock:' + name)}.lock", timeout=wait):
            yield

    def _release(self, held: Any) -> None:
        try:
            held.release()
        except LockError:
            # It ended by itself, or Redis forgot everything: nothing is wrong with Redis.
            log.warning("lock_was_lost", name=held.name)
        except RedisError as error:
            self._gone(error)

    def _get_local(self, key: str) -> Any:
        # What found no room is newer than the file that is still there.
        value, ends = self._remembered.get(key, (None, 0.0))
        if ends > time.time():
            return value
        try:
            stored = json.loads(self._path(key).read_text())
        except (OSError, ValueError):
            return None
        return stored["value"] if stored["until"] > time.time() else None

    def _set_file(self, key: str, value: Any, until: float) -> None:
        path = self._path(key)
        draft = path.with_suffix(f".{time.monotonic_ns()}")
        try:
            draft.write_text(json.dumps({"value": value, "until": until}))
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        self._remembered.pop(key, None)

    def _remember(self, key: str, value: Any, ends: float) -> None:
        if len(self._remembered) >= _REMEMBERED_MAX:
            now = time.time()
            self._remembered = {k: v for k, v in self._remembered.items() if v[1] > now}
        self._remembered[key] = value, ends

    def _path(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode()).hexdigest()[:40]

    def _no_room(self, error: OSError) -> None:
        log.warning("cache_not_written", error=str(error)[:200])

    def _present(self) -> Redis | None:
        """Redis, unless it failed a moment ago."""
        return self._redis if monotonic() >= self._away_until else None

    def _gone(self, error: RedisError) -> None:
        self._away_until = monotonic() + AWAY_SECONDS
        log.warning("redis_unavailable", error=type(error).__name__)
