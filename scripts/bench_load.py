"""Servers under load: the mall as in production, a bare baseline, and who asks them.

`wrk` measures requests a second: it takes little of the processor that it shares with
what it measures. `send` sends a given list of requests, each once, and keeps the answers.
"""

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import current_app

from app.core import clock
from scripts.services import die_with_parent, free_port
from scripts.wechat_sandbox import config as sandbox_config

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request:
    """One request. `{n}` in its body becomes a number that no other one has."""

    path: str
    body: str | bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    # What belongs together, for the one who judges the answers.
    key: int = 0

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 is no answer."""

    request: Request
    seconds: float
    status: int
    body: bytes
    location: str


@dataclass(frozen=True)
class Load:
    """What `wrk` saw. `failed` counts answers from 400 on and broken lines."""

    a_second: float
    p99_ms: float
    failed: int


@dataclass(frozen=True)
class Served:
    """A running server; `config` is the sandbox's side of the mall's credentials."""

    port: int
    pid: int
    config: Any = None
    scheduler_pid: int = 0
    wechat_pid: int = 0


# --- servers ----------------------------------------------------------------------------


@contextmanager
def mall(*, with_wechat: bool = False, with_scheduler: bool = False) -> Iterator[Served]:
    """The mall under gunicorn on the benchmark's database, as in production.

    Without a WeChat its calls there are refused at once; without a scheduler nothing is
    done that nobody asked for.
    """
    port, wechat_port = free_port(), free_port() if with_wechat else 1
    with tempfile.TemporaryDirectory() as name:
        config = sandbox_config.init(
            Path(name) / "keys",
            mall_url=f"http://127.0.0.1:{port}",
            sandbox_url=f"http://127.0.0.1:{wechat_port}",
            mode="safe",
        )
        mall_config = current_app.extensions["mall_config"]
        environment = {
            **sandbox_config.environment(config),
            "APP_ENV": "test",
            "SECRET_KEY": mall_config.secret_key,
            "DATA_KEYS": mall_config.data_keys,
            "DATABASE_URL": mall_config.database_url,
            "DATA_DIR": str(Path(name) / "data"),
            "LOG_LEVEL": "INFO",
        }
        with ExitStack() as stack:
            wechat = stack.enter_context(_wechat(wechat_port, config.folder)) if with_wechat else 0
            pid = stack.enter_context(_gunicorn("wsgi:app", port, environment))
            scheduler = stack.enter_context(_scheduler(environment)) if with_scheduler else 0
            yield Served(port, pid, config, scheduler, wechat)


@contextmanager
def _wechat(port: int, keys: str) -> Iterator[int]:
    process = subprocess.Popen(
        [*die_with_parent(), sys.executable, "-m", "scripts.bench_wechat", str(port), keys]
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def _scheduler(environment: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen(
        [*die_with_parent(), sys.executable, "-m", "flask", "--app", "wsgi", "scheduler", "run"],
        env={k: os.environ[k] for k in ("PATH", "HOME", "LANG") if k in os.environ} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def bare() -> Iterator[Served]:
    """The baselines of `scripts/bench_bare.py`, on the same database and settings."""
    port = free_port()
    config = current_app.extensions["mall_config"]
    environment = {"DATABASE_URL": config.database_url, "DATA_KEYS": config.data_keys}
    with _gunicorn("scripts.bench_bare:app", port, environment) as pid:
        yield Served(port, pid)


@contextmanager
def _gunicorn(target: str, port: int, environment: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen(
        [
            *(*die_with_parent(), sys.executable, "-m", "gunicorn"),
            *("-c", "scripts/gunicorn.conf.py", "--no-control-socket"),
            *("--bind", f"127.0.0.1:{port}", target),
        ],
        env={k: os.environ[k] for k in ("PATH", "HOME", "LANG") if k in os.environ} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_answers(port)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        line = Line(port, timeout=2)
        answer = ask(line, Request("/healthz"))
        line.close()
        if answer.status == 200:
            return
        time.sleep(0.1)
    raise SystemExit("the server does not answer")


def session_cookie(member_id: int) -> dict[str, str]:
    """The header of a member who logged in and opened the mall today."""
    serializer = current_app.session_interface.get_signing_serializer(current_app)  # type: ignore[attr-defined]
    now = clock.now()
    kept = {
        "_permanent": True,
        "member": member_id,
        "since": int(now.timestamp()),
        "browser": secrets.token_hex(16),
        "device": secrets.token_hex(16),
        "day": clock.local(now).date().isoformat(),
    }
    return {"Cookie": f"mall_session={serializer.dumps(kept)}"}


def form(served: Served, path: str, member_id: int, fields: Any, *, key: int = 0) -> Request:
    """A form that a member sends from one of the mall's pages."""
    headers = session_cookie(member_id) | {
        "Origin": f"http://127.0.0.1:{served.port}",
        "Content-Type": FORM,
    }
    return Request(path, urlencode(fields, safe="{}"), headers, key)


# --- asking as fast as it answers -------------------------------------------------------

_SCRIPT = """
local requests, n, prefix = {}, 0, "%(prefix)s"
for line in io.lines("%(file)s") do
  local method, path, headers, body = line:match("^(%%S+)\\t(%%S+)\\t(.-)\\t(.*)$")
  local named = {}
  for name, value in headers:gmatch("([^\\1]+)\\2([^\\1]*)") do named[name] = value end
  requests[#requests + 1] = {method, path, named, body}
end
request = function()
  n = n + 1
  local r = requests[(n - 1) %% #requests + 1]
  if r[4] == "" then return wrk.format(r[1], r[2], r[3]) end
  return wrk.format(r[1], r[2], r[3], (r[4]:gsub("{n}", prefix .. n)))
end
done = function(summary, latency, _)
  local e = summary.errors
  io.write(string.format("\\nFOUND %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def wrk(served: Served, requests: Sequence[Request], *, seconds: float, clients: int = 16) -> Load:
    """Ask for these in turn, from so many lines at once, as fast as answers come."""
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name:
        listed, script = Path(name) / "requests", Path(name) / "script.lua"
        listed.write_text("".join(_written(request) for request in requests))
        values = {"prefix": secrets.token_hex(8), "file": listed}
        script.write_text(_SCRIPT % values)
        done = subprocess.run(
            [
                *(program, "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s"),
                *("-s", str(script), f"http://127.0.0.1:{served.port}"),
            ],
            capture_output=True,
            text=True,
            timeout=seconds + 60,
        )
    found = re.search(r"^FOUND (\d+) (\d+) (\d+) (\d+)$", done.stdout, re.MULTILINE)
    if found is None:
        raise SystemExit(f"wrk failed: {done.stdout[-500:]}{done.stderr[-500:]}")
    count, micros, p99, failed = (int(part) for part in found.groups())
    return Load(count / micros * 1e6, p99 / 1000, failed)


def _written(request: Request) -> str:
    body = request.body if isinstance(request.body, str) else request.body.decode()
    headers = "\1".join(f"{name}\2{value}" for name, value in request.headers.items())
    return f"{request.method}\t{request.path}\t{headers}\t{body}\n"


def compared(
    mine: tuple[Served, Sequence[Request]],
    base: tuple[Served, Sequence[Request]],
    *,
    seconds: float = 4,
    rounds: int = 3,
) -> tuple[float, float, dict[str, Any]]:
    """The median rates of ours and of the baseline, measured in turns, and our p99."""
    for served, requests in (mine, base):
        wrk(served, requests, seconds=1)
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(wrk(*base, seconds=seconds))
        ours.append(wrk(*mine, seconds=seconds))
    failed = sum(load.failed for load in [*ours, *theirs])
    if failed:
        raise SystemExit(f"{failed} requests failed")
    middle = sorted(ours, key=lambda load: load.a_second)[rounds // 2]
    baseline = sorted(load.a_second for load in theirs)[rounds // 2]
    return middle.a_second, baseline, {"p99_ms": round(middle.p99_ms, 1)}


# --- asking each once -------------------------------------------------------------------


def send(
    served: Served, requests: Iterable[Request], *, clients: int
) -> tuple[list[Answer], float]:
    """Send all of them in their order from so many threads; what came, and in how long."""
    waiting, lock = iter(requests), threading.Lock()

    def work() -> list[Answer]:
        done: list[Answer] = []
        line = Line(served.port)
        while True:
            with lock:
                request = next(waiting, None)
            if request is None:
                line.close()
                return done
            done.append(ask(line, request))

    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        results = [pool.submit(work) for _ in range(clients)]
        found = [answer for result in results for answer in result.result()]
    return found, time.perf_counter() - started


class Line:
    """A kept connection to a server here, which reads no more of an answer than is judged.

    Who asks shares the processors with what is measured: the standard library's client
    takes half as much of them as the page that it asks for.
    """

    def __init__(self, port: int, *, timeout: float = 20) -> None:
        self._address = ("127.0.0.1", port)
        self._timeout = timeout
        self._socket: socket.socket | None = None

    def close(self) -> None:
        if self._socket is not None:
            self._answers.close()
            self._socket.close()
            self._socket = None

    def exchange(self, request: Request) -> tuple[int, bytes, str]:
        """Status, body and where it redirects. Raises OSError."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, self._timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._answers = self._socket.makefile("rb")
        body = request.body.encode() if isinstance(request.body, str) else request.body
        headers = {"Host": f"127.0.0.1:{self._address[1]}", **request.headers}
        if body:
            headers["Content-Length"] = str(len(body))
        head = [f"{request.method} {request.path} HTTP/1.1"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join([*head, "", ""]).encode() + body)
        first = self._answers.readline()
        if not first:
            raise ConnectionResetError("ended without an answer")
        said = dict(iter(self._header, None))
        found = self._body(said)
        if said.get(b"connection") == b"close":
            self.close()
        return int(first.split(b" ", 2)[1]), found, said.get(b"location", b"").decode()

    def _header(self) -> tuple[bytes, bytes] | None:
        name, _, value = self._answers.readline().rstrip().partition(b": ")
        return (name.lower(), value) if name else None

    def _body(self, said: dict[bytes, bytes]) -> bytes:
        if said.get(b"transfer-encoding") != b"chunked":
            return self._answers.read(int(said.get(b"content-length", 0)))
        parts = []
        while size := int(self._answers.readline(), 16):
            parts.append(self._answers.read(size + 2)[:-2])
        self._answers.readline()
        return b"".join(parts)


def ask(line: Line, request: Request) -> Answer:
    """One request on this line, opened again where the server ended it."""
    started = time.perf_counter()
    for _ in range(2):
        try:
            status, body, location = line.exchange(request)
        except ConnectionError:
            # A kept connection that gunicorn just ended; nothing was answered on it.
            line.close()
        except OSError:
            line.close()
            break
        else:
            return Answer(request, time.perf_counter() - started, status, body, location)
    return Answer(request, time.perf_counter() - started, 0, b"", "")


# --- what it cost -----------------------------------------------------------------------


def cpu_seconds(served: Served) -> dict[str, float]:
    """The processor time so far of the mall, of the database, of the stand-in for WeChat,
    and of the senders here.

    All others were started from here. Source: proc(5), /proc/pid/stat.
    """
    tick = os.sysconf("SC_CLK_TCK")
    parents, spent = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name stands in brackets and may hold anything.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        parents[pid], spent[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / tick
    found = {"mall": 0.0, "database": 0.0, "wechat": 0.0, "senders": spent[os.getpid()]}
    for pid in parents:
        line = list(_line_of(pid, parents))
        if served.pid in line:
            found["mall"] += spent[pid]
        elif served.wechat_pid in line:
            found["wechat"] += spent[pid]
        elif pid != os.getpid() and os.getpid() in line:
            found["database"] += spent[pid]
    return found


def memory_bytes(pid: int) -> int:
    """What a process and all below it hold in memory of their own.

    Source: proc(5), /proc/pid/smaps_rollup, Pss: shared pages are counted by their share.
    """
    parents, held = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    for each in [each for each in parents if pid in _line_of(each, parents)]:
        try:
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:
            continue
        found = re.search(r"^Pss:\s+(\d+) kB$", rollup, re.MULTILINE)
        held[each] = int(found[1]) * 1024 if found else 0
    return sum(held.values())


def _line_of(pid: int, parents: dict[int, int]) -> Iterator[int]:
    """A process, its parent, and so on."""
    while pid in parents:
        yield pid
        pid = parents[pid]
