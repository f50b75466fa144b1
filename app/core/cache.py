"""One port for what may be lost: cached values and locks between processes.

Redis when it is configured and there, files otherwise. Nothing about money
depends on it: Redis gone means slower, never wrong.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from filelock import FileLock
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()


class Cache:
    """Values with an end, and locks, shared by all processes of this machine."""

    def __init__(self, folder: Path, redis_url: str = "") -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._redis = (
            Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1)
            if redis_url
            else None
        )

    def get(self, key: str) -> Any:
        """The value under `key`, None if there is none or it ended."""
        if self._redis is not None:
            try:
                stored = self._redis.get(key)
                return None if stored is None else json.loads(stored)
            except RedisError as error:
                self._gone(error)
        return self._get_file(key)

    def set(self, key: str, value: Any, seconds: int) -> None:
        """Keep a JSON value for so many seconds."""
        if self._redis is not None:
            try:
                self._redis.set(key, json.dumps(value), ex=seconds)
                return
            except RedisError as error:
                self._gone(error)
        self._set_file(key, value, time.time() + seconds)

    def count(self, key: str, seconds: int) -> int:
        """Count one more under `key`; how many there were since the first, itself included.

        Counting begins anew `seconds` after the first one.
        """
        if self._redis is not None:
            try:
                # One transaction, or a key that ends in between would count for ever.
                both = self._redis.pipeline(transaction=True)
                both.set(key, 0, ex=seconds, nx=True)
                both.incr(key)
                return int(both.execute()[1])
            except RedisError as error:
                self._gone(error)
        with FileLock(f"{self._path('lock:' + key)}.lock", timeout=5):
            kept = self._get_file(key)
            if not isinstance(kept, dict):
                kept = {"count": 0, "ends": time.time() + seconds}
            kept["count"] += 1
            self._set_file(key, kept, kept["ends"])
        return int(kept["count"])

    def delete(self, key: str) -> None:
        if self._redis is not None:
            try:
                self._redis.delete(key)
            except RedisError as error:
                self._gone(error)
        self._path(key).unlink(missing_ok=True)

    @contextmanager
    def lock(self, name: str, *, seconds: float = 20, wait: float | None = None) -> Iterator[None]:
        """Hold a lock that ends by itself after `seconds` if the holder dies.

        Raises TimeoutError after waiting `wait` seconds, or `seconds` without it,
        for another holder.
        """
        wait = seconds if wait is None else wait
        if self._redis is not None:
            held = self._redis.lock(f"lock:{name}", timeout=seconds, blocking_timeout=wait)
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
        except RedisError as error:
            self._gone(error)

    def _get_file(self, key: str) -> Any:
        try:
            stored = json.loads(self._path(key).read_text())
        except (OSError, ValueError):
            return None
        return stored["value"] if stored["until"] > time.time() else None

    def _set_file(self, key: str, value: Any, until: float) -> None:
        path = self._path(key)
        draft = path.with_suffix(f".{time.monotonic_ns()}")
        draft.write_text(json.dumps({"value": value, "until": until}))
        draft.replace(path)

    def _path(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode()).hexdigest()[:40]

    def _gone(self, error: RedisError) -> None:
        log.warning("redis_unavailable", error=type(error).__name__)
