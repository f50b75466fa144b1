"""How many messages and events of WeChat the mall takes: `scripts/bench callbacks`.

The mall runs as in production (gunicorn with `scripts/gunicorn.conf.py`, MariaDB
with durable commits); twenty senders push what WeChat would, signed and encrypted:
follows by a distributor's code, scans, words, menu taps. One in ten is a repeat,
half of these at the same moment as the first. The senders share the machine's
cores with the mall: `cpu_ms` says what a push costs each of mall, database and
senders, so that the rate can be judged without them.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

from app import distribution, members
from app.core.db import db, run_unit
from app.webhooks.models import InboxMessage
from scripts.bench_load import Answer, Request, cpu_seconds, mall, send
from scripts.bench_shop import NOW, fill
from scripts.wechat_sandbox import push

SENDERS = 20
# A repeat comes so many pushes after the first: at once, or when it was answered.
SOON, LATER = 1, 400


def callbacks(scale: int) -> tuple[float, str, float, dict[str, Any]]:
    """Pushes answered a second; baseline: GET /healthz from the same senders."""
    fill(distributors=50, each=1)
    codes = codes_of(20)
    with mall() as served:
        pushes = list(itertools.islice(pushes_of(served.config, codes), 4000 * scale))
        plain = [Request("/healthz")]
        send(served, plain * 200, clients=SENDERS)
        _, baseline_seconds = send(served, plain * 2000, clients=SENDERS)
        send(served, requests_of(pushes[:100]), clients=SENDERS)
        measured = pushes[100:]
        before = cpu_seconds(served)
        answers, seconds = send(served, requests_of(measured), clients=SENDERS)
        after = cpu_seconds(served)
    cpu = {who: round((after[who] - before[who]) / len(measured) * 1000, 2) for who in after}
    facts = _judge(served.config, answers, pushes) | {"cpu_ms": cpu}
    return len(measured) / seconds, "callbacks/s", 2000 / baseline_seconds, facts


def codes_of(count: int) -> list[str]:
    member_ids = db.session.scalars(
        sa.select(members.Member.id).order_by(members.Member.id).limit(count)
    ).all()
    db.session.rollback()
    return [run_unit(distribution.referral_code, m, now=NOW).code for m in member_ids]


# --- what is sent ------------------------------------------------------------------------


@dataclass(frozen=True)
class Push:
    """What WeChat would send; `key` is the same for its repeats."""

    key: int
    path: str
    body: bytes
    openid: str


def requests_of(pushes: Iterable[Push]) -> list[Request]:
    return [Request(p.path, p.body, {"Content-Type": "text/xml"}, p.key) for p in pushes]


def pushes_of(config: Any, codes: list[str]) -> Iterator[Push]:
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


# --- judging ---------------------------------------------------------------------------


def _judge(config: Any, answers: Sequence[Answer], pushes: Sequence[Push]) -> dict[str, Any]:
    senders = {sent.key: sent.openid for sent in pushes}
    replies: dict[int, set[str]] = defaultdict(set)
    lost = 0
    for answer in answers:
        key = answer.request.key
        try:
            reply = push.open_reply(config, "safe", senders[key], answer.body)
        except push.BadReply:
            reply = None
        if answer.status != 200 or reply is None:
            lost += 1
        else:
            replies[key].add(str(reply))
    kept = db.session.scalar(sa.select(sa.func.count()).select_from(InboxMessage)) or 0
    times = sorted(answer.seconds for answer in answers)
    return {
        "senders": SENDERS,
        "sent": len(answers),
        "repeats": len(pushes) - len(senders),
        "lost": lost,
        "not_kept": len(senders) - kept,
        "answered_differently": sum(1 for said in replies.values() if len(said) > 1),
        "p50_ms": round(times[len(times) // 2] * 1000, 1),
        "p99_ms": round(times[len(times) * 99 // 100] * 1000, 1),
    }
