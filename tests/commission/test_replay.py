"""Real orders under other plans: to the fen what the engine books, and nothing written."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.audit import AuditEntry
from app.commission import Commission, replay
from app.commission.documents import read_plan
from app.core.db import db
from app.ledger import Posting
from tests.aftersales.steps import sale
from tests.counting import counted
from tests.factories import (
    NOON,
    PLAN,
    bind,
    days,
    make_distributor,
    make_level,
    make_member,
    make_plan,
    make_sku,
    paid_order,
)

pytestmark = pytest.mark.usefixtures("session")
DAY = {"since": NOON - days(1), "until": NOON + days(1)}
OTHER = {
    **PLAN,
    "base": "profit",
    "levels": {"senior": {"1": {"bps": 2000}}},
    "default": {"1": {"bps": 1111}, "2": {"bps": 333}},
}


def booked(key) -> dict[object, int]:
    """What the engine booked and what stands of it, by some column."""
    standing = sa.func.sum(Commission.amount_fen - Commission.reversed_fen)
    rows = db.session.execute(sa.select(key, standing).group_by(key))
    return {name: int(fen) for name, fen in rows}


def orders_under(document: dict, count: int = 7) -> None:
    """A few orders of several prices, people and levels, paid while this plan was in force."""
    make_level("senior", 10)
    top, near, buyer, alone = (make_distributor(), make_distributor(), make_member(), make_member())
    bind(near, top)
    bind(buyer, near)
    bind(alone, top)
    db.session.execute(
        sa.text("UPDATE distributors SET level = 'senior' WHERE member_id = :m"), {"m": near.id}
    )
    db.session.commit()
    make_plan(document)
    dear, cheap = (
        make_sku(price_fen=333_33, cost_fen=77_77),
        make_sku(price_fen=19_99, title="茶杯"),
    )
    for at in range(count):
        paid_order(
            (buyer, alone, near)[at % 3],
            (dear, cheap)[at % 2],
            at % 3 + 1,
            now=NOON + timedelta(minutes=at // 2),
        )


@pytest.mark.parametrize("document", [PLAN, OTHER])
def test_the_plan_that_was_in_force_gives_what_was_booked(document):
    orders_under(document)

    result = replay([read_plan(document)], **DAY)

    total = sum(booked(Commission.member_id).values())
    assert total > 0
    assert (result.found, result.counted, result.total) == (7, 7, [total])
    assert {k: fens[0] for k, fens in result.by_member.items()} == booked(Commission.member_id)
    assert {k: fens[0] for k, fens in result.by_depth.items()} == booked(Commission.depth)
    for table in (result.by_product, result.by_level, result.by_depth, result.by_member):
        assert sum(fens[0] for fens in table.values()) == total


def test_another_plan_gives_what_it_would_have_booked():
    orders_under(PLAN)
    result = replay([read_plan(OTHER), read_plan(PLAN), None], **DAY)
    db.session.rollback()

    # A piece of 333.33 that costs 77.77 earns 255.56, one of 19.99 that costs 40 nothing.
    # The senior one's buyer takes one such piece twice; the senior one himself three and
    # the top's own buyer two, which earns the top 11.11 %, and 3.33 % of the others.
    assert {level: fens[0] for level, fens in result.by_level.items()} == {
        "senior": 51_11 * 2,
        "normal": 8_51 * 2 + 85_17 + 56_78,
    }
    assert result.total[1] == sum(booked(Commission.member_id).values())
    assert result.total[2] == 0


def test_refunds_lower_sales_and_costs_as_they_lowered_the_commissions():
    sold = sale()
    sold.refund(33_33)

    result = replay([read_plan(PLAN)], **DAY)

    assert (result.sales_fen, result.total) == (66_67, [6_66 + 3_33])
    assert sum(booked(Commission.member_id).values()) == 9_99


def test_only_the_newest_orders_are_counted_and_it_says_how_many():
    orders_under(PLAN)

    result = replay([read_plan(PLAN)], limit=3, **DAY)

    newest = db.session.execute(
        sa.text(
            "SELECT SUM(l.paid_fen) FROM order_lines l JOIN"
            " (SELECT id FROM orders ORDER BY paid_at DESC, id DESC LIMIT 3) o"
            " ON o.id = l.order_id"
        )
    ).scalar_one()
    assert (result.found, result.counted, result.sales_fen) == (7, 3, int(newest))


def test_chunks_neither_lose_nor_double_orders_paid_at_one_moment(monkeypatch):
    orders_under(PLAN)
    whole = replay([read_plan(PLAN)], **DAY)

    monkeypatch.setattr("app.commission.replaying.CHUNK", 2)

    assert replay([read_plan(PLAN)], **DAY) == whole


def test_the_period_has_its_first_moment_and_not_its_last():
    orders_under(PLAN)

    result = replay(
        [read_plan(PLAN)], since=NOON + timedelta(minutes=1), until=NOON + timedelta(minutes=3)
    )

    assert (result.found, result.counted) == (4, 4)


def test_it_reads_in_few_questions_and_writes_nothing():
    orders_under(PLAN)
    counts = [sa.select(sa.func.count()).select_from(t) for t in (Commission, AuditEntry, Posting)]
    before = [db.session.scalar(query) for query in counts]

    with counted() as asked:
        replay([read_plan(PLAN), read_plan(OTHER)], **DAY)

    assert [statement.split()[0] for statement in asked] == ["SELECT"] * 5
    assert [db.session.scalar(query) for query in counts] == before


def test_without_orders_there_is_nothing_to_count():
    result = replay([read_plan(PLAN)], **DAY)

    assert (result.found, result.counted, result.sales_fen, result.total) == (0, 0, 0, [0])
