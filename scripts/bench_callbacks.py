"""How many messages and events of WeChat the mall takes: `scripts/bench callbacks`.

The mall runs as in production (gunicorn with `scripts/gunicorn.conf.py`, MariaDB
with durable commits); twenty senders push what WeChat would, signed and encrypted:
follows by a distributor's code, scans, words, menu taps. One in ten is a repeat,
half of these at the same moment as the first. The senders share the machine's
cores with the mall: `cpu_ms` says what a push costs each of mall, database and
senders, so that the rate can be judged without them.
"""

import http.client
import itertools
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import current_app

from app import distribution, members
from app.core.db import db, run_unit
from app.webhooks.models import InboxMessage
from scripts.bench_shop import NOW, fill
from scripts.services import die_with_parent, free_port
from scripts.wechat_sandbox import config as sandbox_config
from scripts.wechat_sandbox import push

SENDERS = 20
# A repeat comes so many pushes after the first: at once, or when it was answered.
SOON, LATER = 1, 400


@dataclass(frozen=True)
class Push:
    """One request as WeChat would send it; `key` is the same for its repeats."""

    key: int
    path: str
    body: bytes
    openid: str


@dataclass
class Sent:
    """What became of one request."""

    key: int
    seconds: float
    status: int
    body: bytes
    openid: str


def callbacks(scale: int) -> tuple[float, str, float, dict[str, Any]]:
    """Pushes answered a second; baseline: GET /healthz from the same senders."""
    fill(distributors=50, each=1)
    codes = _codes(20)
    with _mall() as (config, port, mall_pid):
        requests = list(itertools.islice(_pushes(config, codes), 4000 * scale))
        _send(port, [_healthz()] * 200)
        _, baseline_seconds = _send(port, [_healthz()] * 2000)
        _send(port, requests[:100])
        measured = requests[100:]
        before = _cpu_seconds(mall_pid)
        sent, seconds = _send(port, measured)
        after = _cpu_seconds(mall_pid)
    cpu = {who: round((after[who] - before[who]) / len(measured) * 1000, 2) for who in after}
    facts = _judge(config, sent, requests) | {"cpu_ms": cpu}
    return len(measured) / seconds, "callbacks/s", 2000 / baseline_seconds, facts


def _codes(count: int) -> list[str]:
    member_ids = db.session.scalars(
        sa.select(members.Member.id).order_by(members.Member.id).limit(count)
    ).all()
    db.session.rollback()
    return [run_unit(distribution.referral_code, m, now=NOW).code for m in member_ids]


# --- what is sent ------------------------------------------------------------------------


def _pushes(config: Any, codes: list[str]) -> Iterator[Push]:
    made: list[Push] = []
    followers: list[str] = []
    for number in itertools.count():
        if number % 20 == 10 and made:
            yield made[-SOON]
            continue
        if number % 20 == 19 and len(made) > LATER:
            yield made[-LATER]
            continue
        kind = number % 4
        openid = f"oBench{number:022d}"
        if kind == 0 or not followers:
            followers.append(openid)
            fields: dict[str, Any] = {
                "MsgType": "event",
                "Event": "subscribe",
                "EventKey": f"qrscene_{codes[number % len(codes)]}",
                "Ticket": "gQbench",
            }
        else:
            openid = followers[number % len(followers)]
            fields = _FIELDS[kind](number, codes[number % len(codes)])
        push_made = _push(config, number, openid, fields)
        made.append(push_made)
        yield push_made


_FIELDS: dict[int, Callable[[int, str], dict[str, Any]]] = {
    1: lambda _number, code: {
        "MsgType": "event",
        "Event": "SCAN",
        "EventKey": code,
        "Ticket": "gQbench",
    },
    2: lambda number, _code: {"MsgType": "text", "Content": "怎么退货", "MsgId": 10**15 + number},
    3: lambda _number, _code: {"MsgType": "event", "Event": "CLICK", "EventKey": "HELP"},
}


def _push(config: Any, number: int, openid: str, fields: dict[str, Any]) -> Push:
    query, body = push.envelope(
        config,
        "safe",
        openid,
        {
            "ToUserName": config.original_id,
            "FromUserName": openid,
            # Events carry no id: their second tells them apart.
            "CreateTime": int(NOW.timestamp()) + number,
            **fields,
        },
    )
    return Push(number, f"/wechat/callback?{urlencode(query)}", body, openid)


def _healthz() -> Push:
    return Push(0, "/healthz", b"", "")


# --- sending ---------------------------------------------------------------------------


def _send(port: int, requests: list[Push]) -> tuple[list[Sent], float]:
    """Send all of them in their order from `SENDERS` threads; what came, and in how long."""
    waiting, lock = iter(requests), threading.Lock()

    def work() -> list[Sent]:
        done: list[Sent] = []
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        while True:
            with lock:
                request = next(waiting, None)
            if request is None:
                line.close()
                return done
            started = time.perf_counter()
            status, body = _ask(line, request)
            done.append(
                Sent(request.key, time.perf_counter() - started, status, body, request.openid)
            )

    started = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as pool:
        results = [pool.submit(work) for _ in range(SENDERS)]
        found = [sent for result in results for sent in result.result()]
    return found, time.perf_counter() - started


def _ask(line: http.client.HTTPConnection, request: Push) -> tuple[int, bytes]:
    method = "POST" if request.body else "GET"
    for _ in range(2):
        try:
            line.request(method, request.path, request.body or None, {"Content-Type": "text/xml"})
            answer = line.getresponse()
            return answer.status, answer.read()
        except (http.client.RemoteDisconnected, ConnectionError):
            # A kept connection that gunicorn just ended; nothing was answered on it.
            line.close()
        except (OSError, http.client.HTTPException):
            break
    return 0, b""


def _cpu_seconds(mall_pid: int) -> dict[str, float]:
    """The processor time so far of the mall, of the database, and of the senders here.

    Both others were started from here. Source: proc(5), /proc/pid/stat.
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
    found = {"mall": 0.0, "database": 0.0, "senders": spent[os.getpid()]}
    for pid in parents:
        line = list(_line_of(pid, parents))
        if mall_pid in line:
            found["mall"] += spent[pid]
        elif pid != os.getpid() and os.getpid() in line:
            found["database"] += spent[pid]
    return found


def _line_of(pid: int, parents: dict[int, int]) -> Iterator[int]:
    """A process, its parent, and so on."""
    while pid in parents:
        yield pid
        pid = parents[pid]


# --- judging ---------------------------------------------------------------------------


def _judge(config: Any, sent: list[Sent], requests: list[Push]) -> dict[str, Any]:
    replies: dict[int, set[str]] = defaultdict(set)
    lost = 0
    for one in sent:
        try:
            reply = push.open_reply(config, "safe", one.openid, one.body)
        except push.BadReply:
            reply = None
        if one.status != 200 or reply is None:
            lost += 1
        else:
            replies[one.key].add(str(reply))
    kept = db.session.scalar(sa.select(sa.func.count()).select_from(InboxMessage)) or 0
    times = sorted(one.seconds for one in sent)
    return {
        "senders": SENDERS,
        "sent": len(sent),
        "repeats": len(requests) - len({request.key for request in requests}),
        "lost": lost,
        "not_kept": len({request.key for request in requests}) - kept,
        "answered_differently": sum(1 for said in replies.values() if len(said) > 1),
        "p50_ms": round(times[len(times) // 2] * 1000, 1),
        "p99_ms": round(times[len(times) * 99 // 100] * 1000, 1),
    }


# --- the mall ---------------------------------------------------------------------------


@contextmanager
def _mall() -> Iterator[tuple[Any, int, int]]:
    """The mall under gunicorn on the benchmark's database: keys, port and process id."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = sandbox_config.init(
            folder / "keys", mall_url=url, sandbox_url="http://127.0.0.1:1", mode="safe"
        )
        mall_config = current_app.extensions["mall_config"]
        process = subprocess.Popen(
            [
                *(*die_with_parent(), sys.executable, "-m", "gunicorn"),
                *("-c", "scripts/gunicorn.conf.py", "--no-control-socket"),
                *("--bind", f"127.0.0.1:{port}", "wsgi:app"),
            ],
            env={
                **{k: os.environ[k] for k in ("PATH", "HOME", "LANG") if k in os.environ},
                **sandbox_config.environment(config),
                "APP_ENV": "test",
                "SECRET_KEY": secrets.token_hex(24),
                "DATA_KEYS": mall_config.data_keys,
                "DATABASE_URL": mall_config.database_url,
                "DATA_DIR": str(folder / "data"),
                "LOG_LEVEL": "INFO",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_until_it_answers(port)
            yield config, port, process.pid
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        if _ask(line, _healthz())[0] == 200:
            line.close()
            return
        time.sleep(0.1)
    raise SystemExit("the mall does not answer")
