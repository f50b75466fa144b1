"""Teams: what each member brought, always as a plain sum over orders says; rankings."""

import random
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app import commission, distribution, settings
from app.commission import Commission
from app.core.db import db, run_unit, transaction
from app.distribution import team
from app.distribution.team import RankingPeriod, RankingPlace, Sort, TeamFigure
from app.orders import Order, OrderSeat
from tests.aftersales.steps import sale, settle_news
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    days,
    distributor,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    paid_order,
    place_order,
)

Figures = dict[tuple[int, int, int], tuple[int, int, int]]


def stored() -> Figures:
    db.session.rollback()
    db.session.expire_all()
    return {
        (row.upline_id, row.depth, row.member_id): (row.orders, row.sales_fen, row.earned_fen)
        for row in db.session.scalars(sa.select(TeamFigure))
    }


def naive() -> Figures:
    """The same, order by order and seat by seat."""
    found: dict[tuple[int, int, int], list[int]] = {}
    for order in db.session.scalars(sa.select(Order).where(Order.paid_at.is_not(None))):
        left = sum(line.paid_fen - line.refunded_fen for line in order.lines)
        rows = list(db.session.scalars(sa.select(Commission).filter_by(order_id=order.id)))
        for seat in db.session.scalars(sa.select(OrderSeat).filter_by(order_id=order.id)):
            earned = sum(row.standing_fen for row in rows if row.member_id == seat.member_id)
            if seat.position == 0 or not ((seat.is_active and left) or earned):
                continue
            sums = found.setdefault((seat.member_id, seat.position, order.member_id), [0, 0, 0])
            if seat.is_active and left:
                sums[0] += 1
                sums[1] += left
            sums[2] += earned
    return {key: (one, two, three) for key, (one, two, three) in found.items()}


# --- figures -------------------------------------------------------------------------


def test_a_sale_counts_for_every_seat_above(session):
    made = sale()

    assert stored() == {
        (made.near.id, 1, made.buyer.id): (1, 100_00, 10_00),
        (made.top.id, 2, made.buyer.id): (1, 100_00, 5_00),
    }


def test_a_refund_takes_its_part_and_a_refusal_by_wechat_gives_it_back(session):
    made = sale()
    row = made.ask(fen=40_00)
    made.agree(row)
    assert stored()[made.near.id, 1, made.buyer.id] == (1, 60_00, 6_00)

    made.send(row)
    made.end(row, "CLOSED")

    assert stored()[made.near.id, 1, made.buyer.id] == (1, 100_00, 10_00)


def test_what_was_refunded_whole_is_no_sale(session):
    made = sale()

    made.refund(100_00)

    assert stored() == {}


def test_an_unpaid_order_and_one_without_a_plan(session):
    near = make_distributor("陈梅")
    buyer = make_member("王芳")
    bind(buyer, near)
    place_order(buyer, make_sku())
    assert stored() == {}

    paid_order(buyer, make_sku(price_fen=30_00))

    assert stored() == {(near.id, 1, buyer.id): (1, 30_00, 0)}


def test_figures_equal_a_plain_sum_over_a_random_history(session):
    chance = random.Random(20261121)
    make_plan()
    skus = [make_sku(price_fen=fen) for fen in (9_90, 100_00, 1_234_00)]
    people = [make_distributor() for _ in range(4)]
    for _ in range(8):
        person = make_member() if chance.random() < 0.6 else make_distributor()
        bind(person, chance.choice([p for p in people if distribution.is_active(p.id)]))
        people.append(person)
    sales = []
    for _ in range(30):
        buyer = chance.choice(people)
        order = paid_order(buyer, chance.choice(skus), chance.randint(1, 3))
        sales.append(order)
    suspended = distributor(people[1])
    run_unit(distribution.suspend, suspended.id, reason="查", actor=ADMIN, now=NOON)
    for _ in range(10):
        paid_order(chance.choice(people), chance.choice(skus))
    settle_news()

    assert stored() == naive()
    assert len(stored()) >= 10
    assert commission.team.rebuild() == (len(stored()), 0)


def test_rebuilding_mends_what_is_wrong(session):
    made = sale()
    right = stored()
    with transaction():
        row = db.session.get_one(TeamFigure, (made.near.id, 1, made.buyer.id))
        row.sales_fen, row.orders = 1, 9
        db.session.delete(db.session.get_one(TeamFigure, (made.top.id, 2, made.buyer.id)))
        db.session.add(
            TeamFigure(
                upline_id=made.top.id,
                depth=3,
                member_id=made.near.id,
                orders=1,
                sales_fen=1,
                earned_fen=0,
            )
        )

    assert commission.team.rebuild() == (2, 3)

    assert stored() == right


def test_the_command_says_what_was_wrong(session, app):
    sale()

    result = app.test_cli_runner().invoke(args=["team", "rebuild"])

    assert result.output == "2 figures, 0 of them were wrong\n"


# --- pages of the team ---------------------------------------------------------------


@pytest.fixture
def crowd(session):
    """A distributor with five people below, who joined a day apart; three bought."""
    make_plan()
    near = make_distributor("陈梅")
    people = []
    for number, name in enumerate(("赵一", "钱二", "孙三", "李四", "周五")):
        member = make_member(name)
        bind(member, near, now=NOON - days(5 - number))
        people.append(member)
    for person, fen in ((people[0], 50_00), (people[2], 300_00), (people[3], 50_00)):
        paid_order(person, make_sku(price_fen=fen))
    return near, people


def names(upline_id: int, **asked) -> list[str]:
    """The whole list, two a page."""
    found, after = [], ""
    while True:
        page = team.page(upline_id, 1, after=after, size=2, **asked)
        found += [row.member.nickname for row in page.items]
        if not page.after:
            return found
        after = page.after


@pytest.mark.parametrize(
    ("sort", "shown"),
    [
        (Sort.JOINED, ["周五", "李四", "孙三", "钱二", "赵一"]),
        (Sort.SALES, ["孙三", "李四", "赵一"]),
        (Sort.EARNED, ["孙三", "李四", "赵一"]),
        (Sort.QUIET, ["周五", "钱二"]),
    ],
)
def test_the_team_in_each_order_page_by_page(crowd, sort, shown):
    near, _ = crowd

    assert names(near.id, sort=sort) == shown


def test_a_name_is_found_wherever_it_stands(crowd):
    near, _ = crowd

    assert names(near.id, name="三") == ["孙三"]
    assert names(near.id, name="%") == []
    assert team.page(near.id, 2, name="三").items == []


def test_a_row_says_what_was_brought(crowd):
    near, people = crowd

    [row] = team.page(near.id, 1, name="孙三").items

    assert (row.member.id, row.orders, row.sales_fen, row.earned_fen) == (
        people[2].id,
        1,
        300_00,
        30_00,
    )


@pytest.mark.parametrize("after", ["x", "1", "1.", ".1", "-1.2", "9" * 30 + ".1", "1.2.3"])
def test_nonsense_shows_the_first_page(crowd, after):
    near, _ = crowd

    assert len(team.page(near.id, 1, after=after).items) == 5


def test_who_joined_at_the_same_moment_is_not_lost_between_pages(session):
    near = make_distributor("陈梅")
    for number in range(5):
        bind(make_member(f"友{number}"), near)

    assert sorted(names(near.id)) == [f"友{number}" for number in range(5)]


def test_who_joined_today_this_week_and_this_month(crowd):
    near, _ = crowd  # NOON is a Saturday, the 21st

    found = team.counts(near.id, 1, now=NOON)

    assert (found.today, found.week, found.month) == (0, 5, 5)
    assert len(found.days) == 30
    assert found.days[-1] == (date(2026, 11, 21), 0)
    assert found.days[-2] == (date(2026, 11, 20), 1)
    later = team.counts(near.id, 1, now=NOON + days(11))
    assert (later.today, later.week, later.month) == (0, 0, 0)
    assert sum(count for _, count in later.days) == 5


def test_midnight_in_shanghai_parts_the_days(session):
    near = make_distributor("陈梅")
    midnight = NOON - timedelta(hours=12)
    bind(make_member(), near, now=midnight - timedelta(microseconds=1))
    bind(make_member(), near, now=midnight)

    found = team.counts(near.id, 1, now=NOON)

    assert found.today == 1
    assert [count for _, count in found.days[-2:]] == [1, 1]


# --- rankings ------------------------------------------------------------------------


def places(period=RankingPeriod.WEEK) -> list[tuple[int, int, int]]:
    db.session.rollback()
    rows = db.session.scalars(
        sa.select(RankingPlace)
        .filter_by(period=period)
        .order_by(RankingPlace.starts_on, RankingPlace.place, RankingPlace.member_id)
    )
    return [(row.place, row.member_id, row.value_fen) for row in rows]


@pytest.fixture
def rivals(session):
    """Three distributors: two sold the same this week, the third sold last week."""
    make_plan(now=NOON - days(30))
    found = [make_distributor(name, now=NOON - days(30)) for name in ("甲", "乙", "丙")]
    for rival, moment in zip(found, (NOON, NOON, NOON - days(7)), strict=True):
        buyer = make_member(now=NOON - days(30))
        bind(buyer, rival, now=NOON - days(29))
        paid_order(buyer, make_sku(price_fen=100_00), now=moment)
    return found


def test_the_same_figure_has_the_same_place(rivals):
    one, two, three = rivals

    assert commission.team.rank(NOON) == {"week": 2, "month": 3}

    assert places() == [(1, one.id, 100_00), (1, two.id, 100_00)]
    buyer = make_member()
    bind(buyer, three)
    paid_order(buyer, make_sku(price_fen=30_00))
    commission.team.rank(NOON)
    assert places()[-1] == (3, three.id, 30_00)


def test_it_counts_what_is_left_and_who_is_active(rivals):
    one, two, _ = rivals
    run_unit(distribution.suspend, distributor(one).id, reason="查", actor=ADMIN, now=NOON)

    commission.team.rank(NOON)

    assert places() == [(1, two.id, 100_00)]


def test_it_may_go_by_what_was_earned(rivals):
    with transaction():
        settings.change("distribution.ranking_metric", "earned", actor=ADMIN, now=NOON)

    commission.team.rank(NOON)

    assert [fen for _, _, fen in places()] == [10_00, 10_00]


def test_the_last_hour_of_a_week_is_counted_after_it(rivals):
    monday = NOON + timedelta(days=2, hours=-12)

    commission.team.rank(monday + timedelta(minutes=10))

    assert len(places()) == 2
    assert team.ranking(RankingPeriod.WEEK, rivals[0].id, now=monday).places == []


def test_ones_own_place_stands_also_outside_of_the_first(rivals, monkeypatch):
    monkeypatch.setattr("app.distribution.team.places.SHOWN", 1)
    commission.team.rank(NOON)

    found = team.ranking(RankingPeriod.MONTH, rivals[2].id, now=NOON)

    assert [place.member_id for place, _ in found.places] == [rivals[0].id]
    assert found.own is not None
    assert (found.own.place, found.own.value_fen) == (1, 100_00)
    assert team.ranking(RankingPeriod.WEEK, rivals[2].id, now=NOON).own is None


def test_old_rankings_go(rivals):
    commission.team.rank(NOON)

    commission.team.rank(NOON + days(120))

    assert places() == places(RankingPeriod.MONTH) == []
