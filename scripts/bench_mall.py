"""The mall's pages and purchases under load: `scripts/bench list|product|place_hot|…`.

Two gunicorn workers, MariaDB with durable commits, members who are logged in. What a
figure is compared with runs in the same minute, in turns: `scripts/bench_bare.py`.
"""

import itertools
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app import catalog, ledger, members, orders, outbox, privacy
from app.core import clock
from app.core.db import db, run_unit
from scripts.bench_load import (
    Answer,
    Request,
    Served,
    bare,
    compared,
    cpu_seconds,
    form,
    mall,
    send,
    session_cookie,
    wrk,
)
from scripts.bench_shop import NOW, fill, put_products
from scripts.wechat_sandbox import notices
from scripts.wechat_sandbox.v3 import rfc3339

Found = tuple[float, str, float, dict[str, Any]]

CLIENTS = 16
BUYERS = 200
PRICE_FEN = 1000
BARE_FLASK = "what bare Flask answers a second here"


def product_list() -> Found:
    """Lists of 20 products a second; baseline: a bare page, one Core query, 20 cards."""
    shelf(products=1000)
    asked = [Request("/", headers=session_cookie(buyer)) for buyer in buyers_of()]
    with mall() as ours, bare() as base:
        return _against(ours, asked, base, [Request("/list")])


def product_page() -> Found:
    """Product pages a second; baseline: an ORM page of the same data with three queries."""
    shelf(products=1000)
    asked = [
        Request(f"/p/{2 + number % 999}", headers=session_cookie(buyer))
        for number, buyer in zip(range(2000), itertools.cycle(buyers_of()))
    ]
    with mall() as ours, bare() as base:
        plain = [Request(f"/product/{2 + number}") for number in range(999)]
        # In the first rounds each process still draws what it keeps for a minute.
        return _against(ours, asked, base, plain, rounds=5)


def place_hot() -> Found:
    """Orders placed a second for one SKU; baseline: the same statements in Core."""
    return _placing([2])


def place_wide() -> Found:
    """Orders placed a second over 1,000 SKUs; baseline: the same statements in Core."""
    return _placing(range(2, 1002))


def purchase() -> Found:
    """Whole purchases a second, cart to paid; baseline: bare Flask's answers a second.

    Four requests each: into the cart, checkout, order with its paying sheet, notice.
    Making the notices is WeChat's work and not counted, nor is what its stand-in takes of
    the processors that it shares with the mall. The news of a sale (commissions,
    messages, figures) is the job's to deliver; `news_ms` is what one takes here.
    """
    count = 400
    shelf(products=1000)
    with mall(with_wechat=True) as served:
        _walk(served, range(20))
        before = cpu_seconds(served)
        taken = _walk(served, range(20, 20 + count))
        after = cpu_seconds(served)
    baseline = _bare_flask()
    paid = db.session.scalar(sa.select(sa.func.count()).where(orders.Order.status == "paid"))
    _expect(paid == count + 20, f"{paid} paid orders")
    db.session.rollback()
    started = time.perf_counter()
    while outbox.drain(clock.now(), calls=False):
        pass
    news = (time.perf_counter() - started) / (count + 20)
    _expect_sound()
    wechat = (after["wechat"] - before["wechat"]) / (os.cpu_count() or 1)
    total = sum(taken.values()) - wechat
    cpu = {who: round((after[who] - before[who]) / count * 1000, 2) for who in after}
    facts = {step: round(seconds / count * 1000, 2) for step, seconds in taken.items()}
    more = {"ms_each": facts, "cpu_ms": cpu, "news_ms": round(news * 1000, 2)}
    return count / total, "purchases/s", baseline, more


def _bare_flask() -> float:
    """Answers a second, the mean of many short rounds.

    One round is no measure: by how its lines fall to the two workers it gets 2,200 or 7,200.
    """
    with bare() as base:
        rounds = [wrk(base, [Request("/")], seconds=1) for _ in range(12)]
    return sum(load.a_second for load in rounds) / len(rounds)


def oversell() -> Found:
    """Orders that 64 buyers at once get of 20 pieces; baseline: the pieces."""
    shelf(products=3)
    with db.engine.begin() as connection:
        connection.execute(sa.update(catalog.Sku).where(catalog.Sku.id == 2).values(stock=20))
        connection.execute(
            sa.update(catalog.StockMove).where(catalog.StockMove.sku_id == 2).values(delta=20)
        )
    with mall() as served:
        requests = [_order(served, buyer, 2, number) for number, buyer in enumerate(buyers_of(64))]
        answers, _ = send(served, requests, clients=64)
    placed = sum(1 for answer in answers if answer.status == 303)
    broken = sum(1 for answer in answers if answer.status >= 500 or not answer.status)
    made = db.session.scalar(sa.select(sa.func.count()).where(orders.Order.status == "unpaid"))
    left = db.session.scalar(sa.select(catalog.Sku.stock).filter_by(id=2))
    _expect((placed, made, left, broken) == (20, 20, 0, 0), f"{placed=} {made=} {left=} {broken=}")
    _expect_sound()
    statuses = sorted({answer.status for answer in answers})
    return float(placed), "orders", 20.0, {"answers": statuses, "broken": broken}


# --- the parts --------------------------------------------------------------------------


def _against(
    ours: Served,
    asked: Sequence[Request],
    base: Served,
    plain: Sequence[Request],
    *,
    rounds: int = 3,
) -> Found:
    rate, baseline, facts = compared((ours, asked), (base, plain), rounds=rounds)
    return rate, "requests/s", baseline, facts


def _placing(skus: Iterable[int]) -> Found:
    wanted = list(skus)
    shelf(products=1 + len(wanted))
    pairs = list(zip(range(2000), itertools.cycle(buyers_of()), itertools.cycle(wanted)))
    with mall() as ours, bare() as base:
        mine = [_order(ours, buyer, sku) for _, buyer, sku in pairs]
        plain = [
            form(base, "/place", buyer, {"sku": sku, "member": buyer, "request_key": "{n}"})
            for _, buyer, sku in pairs
        ]
        found = _against(ours, mine, base, plain)
    # The baseline's orders are not whole; stock must add up for all of them.
    (moves,) = [row for row in ledger.verify() if row.code == "K2"]
    _expect(not moves.offending, "stock and its moves differ")
    return (found[0], "orders/s", *found[2:])


def _order(served: Served, buyer: int, sku: int, number: int | None = None) -> Request:
    key = "bench-{n}-00000000" if number is None else f"bench-{number:020d}"
    fields = {
        "sku": sku,
        "quantity": 1,
        "price": PRICE_FEN,
        "freight": 0,
        "expected_fen": PRICE_FEN,
        "request_key": key,
    }
    return form(served, "/checkout", buyer, fields)


def _walk(served: Served, numbers: Sequence[int]) -> dict[str, float]:
    """Buy once for each number, step by step; the seconds that each step took."""
    buyers = dict(zip(numbers, itertools.cycle(buyers_of()), strict=False))
    # One at a time of each buyer's: a second order would find the cart changed.
    parts = [list(numbers)[at : at + BUYERS] for at in range(0, len(numbers), BUYERS)]
    taken: dict[str, float] = {}

    def step(name: str, requests: Iterable[Request], status: int) -> list[Answer]:
        answers, seconds = send(served, list(requests), clients=CLIENTS)
        taken[name] = taken.get(name, 0.0) + seconds
        wrong = [answer for answer in answers if answer.status != status]
        _expect(not wrong, f"{name}: {wrong[0].status} {wrong[0].body[:300]!r}" if wrong else "")
        return answers

    for part in parts:
        skus = {number: 2 + number % 999 for number in part}
        step(
            "cart",
            (form(served, "/cart", buyers[n], {"sku": skus[n], "quantity": 1}) for n in part),
            303,
        )
        pages = step(
            "checkout",
            (Request("/checkout?cart=1", headers=session_cookie(buyers[n]), key=n) for n in part),
            200,
        )
        placed = step(
            "order",
            (ordering(served, buyers[p.request.key], form_fields(p.body)) for p in pages),
            200,
        )
        found = [json.loads(answer.body) for answer in placed]
        _expect(all(each["sheet"] for each in found), "an order without a paying sheet")
        numbers_of = [each["pay"].split("/")[-2] for each in found]
        step("notice", list(paid_notices(served, numbers_of)), 204)
    return taken


def ordering(served: Served, buyer: int, fields: Any) -> Request:
    """The checkout's tap, as its script sends it."""
    asked = form(served, "/checkout", buyer, fields)
    return replace(asked, headers=asked.headers | {"Accept": "application/json"})


def form_fields(page: bytes) -> list[tuple[str, str]]:
    """What the checkout's form would send."""
    inputs = re.findall(rb'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return [(name.decode(), value.decode()) for name, value in inputs]


def paid_notices(served: Served, numbers: Sequence[str]) -> Iterator[Request]:
    config, now = served.config, time.time()
    rows = db.session.execute(
        sa.select(orders.Payment.out_trade_no, orders.Payment.amount_fen, members.Member.openid)
        .join(orders.Order, orders.Order.id == orders.Payment.order_id)
        .join(members.Member, members.Member.id == orders.Order.member_id)
        .where(orders.Order.number.in_(numbers))
    ).all()
    db.session.rollback()
    for row in rows:
        resource = {
            "mchid": config.mchid,
            "appid": config.appid,
            "out_trade_no": row.out_trade_no,
            "transaction_id": f"42{row.out_trade_no[-26:]:0>26}",
            "trade_state": "SUCCESS",
            "success_time": rfc3339(now),
            "payer": {"openid": row.openid},
            "amount": {"total": row.amount_fen, "currency": "CNY"},
        }
        body, headers = notices.message(
            config,
            {
                "event_type": "TRANSACTION.SUCCESS",
                "resource_type": "transaction",
                "resource": json.dumps(resource),
                "summary": "支付成功",
                "event_id": f"EV-{row.out_trade_no}",
                "created_at": now,
            },
            {},
        )
        yield Request("/wechat/pay/notify", body, headers)


def shelf(*, products: int) -> None:
    """A shop with buyers of two uplines each, who agreed and have an address."""
    fill(distributors=BUYERS, each=1)
    put_products(range(2, products + 1), price_fen=PRICE_FEN)
    for member_id in buyers_of():
        run_unit(_settle_in, member_id)


def _settle_in(member_id: int) -> None:
    privacy.agree(member_id, now=NOW - timedelta(days=1))
    members.add_address(
        member_id,
        # Each their own: a phone shared with an upline is a suspicion that every order adds to.
        members.AddressInput(
            "王芳", f"138{member_id:08d}", "浙江省杭州市西湖区", f"文三路 {member_id} 号"
        ),
        now=NOW,
    )


def buyers_of(count: int = BUYERS) -> list[int]:
    return list(range(1, count + 1))


def _expect(is_so: bool, what: str) -> None:
    if not is_so:
        raise SystemExit(f"it went wrong: {what}")


def _expect_sound() -> None:
    broken = {row.code: row.sample for row in ledger.verify() if row.offending}
    db.session.rollback()
    _expect(not broken, f"the books are not sound: {broken}")
