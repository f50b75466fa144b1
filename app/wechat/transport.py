"""HTTP to WeChat with an end: every call has a deadline for the whole of its answer.

`requests` bounds the wait for the next byte, not for the last one: a server that
sends a byte a second would hold a thread for hours. Here each read of the socket,
of headers and of the body alike, gets what is left of the call's time. Neither
wechatpy nor wechatpayv3 sets a time-out unless told to; both use `session()`.
"""

import contextlib
import contextvars
import functools
import io
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from app.core import metrics
from app.core.db import forbid_transaction


@dataclass(frozen=True)
class Limits:
    """Seconds: to connect, to wait for the next byte, for one thing that we want to know.

    The last may take several calls: a token, the call itself, a new token, and
    the call again. People wait for it, so all of them share it.
    """

    connect: float = 3
    read: float = 8
    total: float = 9


LIMITS = Limits()
_ends_at: contextvars.ContextVar[float | None] = contextvars.ContextVar("ends_at", default=None)
_a_call: contextvars.ContextVar[float | None] = contextvars.ContextVar("a_call", default=None)


class OutOfTime(requests.Timeout):
    """The time for what we wanted to know is over."""


@contextlib.contextmanager
def deadline(seconds: float | None = None, *, is_one_call: bool = False) -> Iterator[None]:
    """All calls within end together, after `seconds` or `LIMITS.total`.

    Within another deadline the earlier one holds. Each call has `LIMITS.total` at most,
    unless this `is_one_call`, which may take it all: a bill is a large file.
    """
    ends_at = time.monotonic() + (LIMITS.total if seconds is None else seconds)
    outer = _ends_at.get()
    token = _ends_at.set(ends_at if outer is None else min(outer, ends_at))
    call = _a_call.set(seconds if is_one_call else _a_call.get())
    try:
        yield
    finally:
        _a_call.reset(call)
        _ends_at.reset(token)


def seconds_left() -> float:
    """How long what is going on may still take. Raises OutOfTime."""
    ends_at = _ends_at.get()
    if ends_at is None:
        return LIMITS.total
    left = ends_at - time.monotonic()
    if left <= 0:
        raise OutOfTime("the time for this call is over")
    return left


def session() -> requests.Session:
    """A session whose calls keep the deadline; those that name no time-out get `LIMITS`."""
    made = requests.Session()
    for scheme in ("https://", "http://"):
        made.mount(scheme, _Adapter())
    return made


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: Any, *args: Any, timeout: Any = None, **kwargs: Any) -> Any:
        forbid_transaction()
        with deadline(_a_call.get()):
            left = seconds_left()
            connect, read = timeout or (LIMITS.connect, LIMITS.read)
            kwargs["timeout"] = (min(connect, left), min(read, left))
            with _counting(request.url) as seen:
                response = super().send(request, *args, **kwargs)
                if not kwargs.get("stream"):
                    # Read here, while the deadline is known to be this call's.
                    seen.body = response.content
                seen.status = response.status_code
            return response


@dataclass
class _Seen:
    status: int = 0
    body: bytes = b""

    @property
    def outcome(self) -> str:
        if self.status >= 500:
            return "error"
        if self.status >= 400 or _REFUSAL.search(self.body[:400]):
            return "refused"
        return "ok"


# The official account's API answers 200 to everything and says in the body if it won't.
_REFUSAL = re.compile(rb'"errcode"\s*:\s*-?[1-9]')


@contextlib.contextmanager
def _counting(url: str) -> Iterator[_Seen]:
    service = "pay" if urlsplit(url).path.startswith("/v3/") else "account"
    started, seen, outcome = time.perf_counter(), _Seen(), "unreachable"
    try:
        yield seen
        outcome = seen.outcome
    except (requests.Timeout, TimeoutError):
        outcome = "timeout"
        raise
    finally:
        metrics.call_ended(service, outcome, time.perf_counter() - started)


class _Reader(io.RawIOBase):
    """Reads a socket with what is left of the time, however little comes at once."""

    def __init__(self, sock: Any, ends_at: float) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._ends_at = ends_at
        self._usual: float | None = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer is not whole in its time")
        with contextlib.suppress(OSError):
            # A socket that was closed meanwhile says so at the read itself.
            self._sock.settimeout(left if self._usual is None else min(self._usual, left))
        count: int | None = self._file.readinto(buffer)
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _Bounded:
    """What http.client makes its file of."""

    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        self._sock = sock
        self._ends_at = ends_at

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._ends_at))


def _bounded_response(sock: Any, *args: Any, ends_at: float, **kwargs: Any) -> HTTPResponse:
    return HTTPResponse(_Bounded(sock, ends_at), *args, **kwargs)  # type: ignore[arg-type]


class _HTTP(HTTPConnection):
    def getresponse(self) -> Any:
        return _with_deadline(self, super().getresponse)


class _HTTPS(HTTPSConnection):
    def getresponse(self) -> Any:
        return _with_deadline(self, super().getresponse)


def _with_deadline(connection: Any, getresponse: Any) -> Any:
    connection.response_class = functools.partial(
        _bounded_response, ends_at=time.monotonic() + seconds_left()
    )
    return getresponse()


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPS


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}
