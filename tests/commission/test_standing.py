"""Figures of what was sold, and the levels that come of them."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import commission, distribution, orders, outbox, settings
from app.commission import LevelInPlan, standing
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput
from app.distribution import levels
from app.distribution.levels import Cause, Figures, LevelChange
from app.jobs import tasks
from app.orders import sales
from app.orders.sales import Sold
from app.settings.registry import LEVEL_COUNTS_OWN
from tests.factories import (
    ADMIN,
    NOON,
    PLAN,
    bind,
    broken_invariants,
    days,
    distributor,
    make_distributor,
    make_distributor_of,
    make_level,
    make_member,
    make_plan,
    make_sku,
    notice_for,
    paid_order,
    place_order,
    received_order,
    take,
)
from tests.planting import plant

pytestmark = pytest.mark.usefixtures("session")

# The first of October and of November in Shanghai; NOON is 2026-11-21.
OCTOBER = NOON.replace(month=9, day=30, hour=16)
NOVEMBER = NOON.replace(month=10, day=31, hour=16)
DECEMBER = NOON.replace(month=11, day=30, hour=16)
BY_MONTH = {"period": "month", "own_sales_fen": 200_00}


@pytest.fixture
def team_allowed():
    levels.configure(allow_team=True)
    yield
    levels.configure(allow_team=False)


@pytest.fixture
def seller():
    return make_distributor("陈梅", now=OCTOBER - days(30))


@pytest.fixture
def buyer(seller):
    member = make_member("王芳", now=OCTOBER - days(30))
    bind(member, seller, now=OCTOBER - days(30))
    return member


@pytest.fixture
def sku():
    return make_sku(price_fen=100_00)


def refund(order, fen: int) -> None:
    plant("UPDATE order_lines SET refunded_fen = :fen WHERE order_id = :id", fen=fen, id=order.id)


def own(member, **span) -> Sold:
    return sales.sold_by(member.id, (1,), **span)


def steps() -> list[tuple[str, str, Cause]]:
    rows = db.session.scalars(sa.select(LevelChange).order_by(LevelChange.id))
    return [(row.from_level, row.to_level, row.cause) for row in rows]


def ladder() -> None:
    make_level("senior", 10, "高级分销员", conditions={"own_sales_fen": 300_00})
    make_level(
        "leader", 20, "团长", conditions={"match": "any", "own_sales_fen": 900_00, "customers": 3}
    )


def change(key: str, value: object) -> None:
    run_unit(settings.change, key, value, actor=ADMIN, now=NOON)


def make_distributor_under(member):
    made = make_distributor("赵磊")
    # 王芳 may not bind as long as she is no distributor.
    make_distributor_of(member)
    bind(made, member)
    return made


# --- figures -----------------------------------------------------------------------


def test_own_sales_are_what_direct_customers_paid_less_refunds(seller, buyer, sku):
    other = make_member("赵磊")
    bind(other, seller)
    first = paid_order(buyer, sku, 2)
    paid_order(buyer, sku)
    paid_order(other, sku, 3)
    place_order(other, sku)

    assert own(seller) == Sold(600_00, 3, 2)
    refund(first, 50_01)
    assert own(seller) == Sold(549_99, 3, 2)


def test_an_order_refunded_whole_is_no_order_and_no_customer(seller, buyer, sku):
    refund(paid_order(buyer, sku), 100_00)

    assert own(seller) == Sold(0, 0, 0)


def test_only_the_first_seat_counts_as_own_sales(seller, buyer, sku):
    top = make_distributor("林杰")
    bind(seller, top)
    paid_order(buyer, sku)

    assert own(seller) == Sold(100_00, 1, 1)
    assert own(top) == Sold(0, 0, 0)
    assert sales.sold_by(top.id, (1, 2)) == Sold(100_00, 1, 1)


def test_what_is_bought_while_the_seller_is_suspended_does_not_count(seller, buyer, sku):
    run_unit(distribution.suspend, distributor(seller).id, reason="核查", actor=ADMIN, now=NOON)
    paid_order(buyer, sku)

    assert own(seller) == Sold(0, 0, 0)


def test_a_span_takes_its_start_and_leaves_its_end(seller, buyer, sku):
    for at in (OCTOBER - timedelta(seconds=1), OCTOBER, NOVEMBER):
        paid_order(buyer, sku, now=at)

    assert own(seller, since=OCTOBER, until=NOVEMBER) == Sold(100_00, 1, 1)
    assert own(seller, since=OCTOBER) == Sold(200_00, 2, 1)
    assert own(seller, until=NOVEMBER) == Sold(200_00, 2, 1)


def test_own_orders_count_where_the_setting_says_so_but_make_no_customer(seller, buyer, sku):
    ladder()
    paid_order(seller, sku, 2)
    paid_order(buyer, sku)

    assert standing.standing_of(distributor(seller), now=NOON).figures == Figures(100_00, 1, 1)
    change(LEVEL_COUNTS_OWN.key, True)
    assert standing.standing_of(distributor(seller), now=NOON).figures == Figures(300_00, 2, 1)


@pytest.mark.usefixtures("team_allowed")
def test_team_figures_reach_as_deep_as_the_server_pays(seller, buyer, sku):
    make_level("leader", 20, "团长", conditions={"team_size": 99})
    deep = make_distributor_under(buyer)
    deeper = make_member("孙悦")
    bind(deeper, deep)
    paid_order(buyer, sku)
    paid_order(deep, sku)
    paid_order(deeper, sku)

    found = standing.standing_of(distributor(seller), now=NOON).figures

    # 王芳 and who came by her; what the third one bought is beyond two levels.
    assert found == Figures(100_00, 1, 1, team_sales_fen=200_00, team_size=2)


# --- up by event -------------------------------------------------------------------


def test_the_sale_that_reaches_the_figure_lifts_the_seller_once(seller, buyer, sku):
    ladder()

    paid_order(buyer, sku, 2)
    assert distributor(seller).level == "normal"
    paid_order(buyer, sku)
    outbox.drain(NOON)

    found = distributor(seller)
    assert (found.level, found.level_since) == ("senior", NOON)
    [row] = db.session.scalars(sa.select(LevelChange)).all()
    assert (row.from_level, row.to_level, row.cause) == ("normal", "senior", Cause.EVENT)
    assert (row.actor, row.at) == ("system:levels", NOON)
    assert row.figures == {
        "own_sales_fen": 300_00,
        "orders": 2,
        "customers": 1,
        "team_sales_fen": 0,
        "team_size": 0,
    }
    assert broken_invariants() == {}


def test_one_fen_less_does_not_lift(seller, buyer):
    ladder()

    paid_order(buyer, make_sku(price_fen=299_99))

    assert distributor(seller).level == "normal"


def test_any_of_the_conditions_lifts_over_a_level_between(seller, sku):
    ladder()
    cheap = make_sku(price_fen=1_00)
    for name in ("王芳", "赵磊", "孙悦"):
        person = make_member(name)
        bind(person, seller)
        paid_order(person, cheap)

    assert distributor(seller).level == "leader"
    assert steps() == [("normal", "leader", Cause.EVENT)]


def test_an_event_never_lowers(seller, buyer, sku):
    ladder()
    order = received_order(buyer, sku, 3)
    refund(order, 300_00)

    # Nothing of the order's other news matters here.
    run_unit(standing.order_counts, order.id, NOON)

    assert distributor(seller).level == "senior"


def test_who_is_not_approved_is_not_lifted(seller, buyer, sku):
    ladder()
    order = place_order(buyer, sku, 3)
    take(notice_for(order))
    run_unit(distribution.suspend, distributor(seller).id, reason="核查", actor=ADMIN, now=NOON)
    outbox.drain(NOON)

    assert distributor(seller).level == "normal"
    assert steps() == []


def test_a_paid_order_keeps_the_level_that_its_seats_had(seller, buyer, sku):
    ladder()
    make_plan({**PLAN, "levels": {"senior": {"1": {"bps": 2000}}}})
    first = paid_order(buyer, sku, 3)
    second = paid_order(buyer, sku)

    assert distributor(seller).level == "senior"
    assert [s.level for s in orders.seats_of(first.id)][1] == "normal"
    assert [s.level for s in orders.seats_of(second.id)][1] == "senior"
    assert [c.amount_fen for c in commission.commissions_of_order(first.id)] == [30_00]
    assert [c.amount_fen for c in commission.commissions_of_order(second.id)] == [20_00]


@pytest.mark.usefixtures("team_allowed")
def test_whoever_joins_a_team_may_lift_its_head(seller):
    make_level("leader", 20, "团长", conditions={"team_size": 1})

    bind(make_member("王芳"), seller)
    outbox.drain(NOON)

    assert distributor(seller).level == "leader"


# --- what a page shows -------------------------------------------------------------


def test_a_standing_says_what_is_missing_to_the_next_level(seller, buyer, sku):
    ladder()
    paid_order(buyer, sku, 2)

    found = standing.standing_of(distributor(seller), now=NOON)

    assert (found.level.code, found.next_level and found.next_level.code) == ("normal", "senior")
    [part] = found.progress
    assert (part.have, part.least, part.missing, part.percent) == (200_00, 300_00, 100_00, 66)


def test_at_the_top_there_is_no_next_level(seller):
    found = standing.standing_of(distributor(seller), now=NOON)

    assert (found.level.name, found.next_level, found.progress) == ("普通分销员", None, [])


def test_an_admins_word_is_shown_as_long_as_it_stands(seller):
    until = NOON + days(1)
    give = {"reason": "奖励", "actor": ADMIN, "now": NOON}
    run_unit(levels.assign, distributor(seller).id, "normal", until=until, **give)

    assert standing.standing_of(distributor(seller), now=NOON).kept_until == until
    assert standing.standing_of(distributor(seller), now=until).kept_until is None


# --- the keep rule -----------------------------------------------------------------


def keeping(code: str = "senior", **given) -> None:
    make_level(code, 10, "高级分销员", conditions={"own_sales_fen": 300_00}, keep=BY_MONTH, **given)


def lifted(seller, buyer, sku, *, at=OCTOBER) -> None:
    paid_order(buyer, sku, 3, now=at - timedelta(seconds=1))
    assert distributor(seller).level == "senior"


def run(at=NOVEMBER) -> dict:
    return tasks.team.review_levels(at, False)


def test_who_missed_the_month_falls_one_level_once(seller, buyer, sku):
    keeping()
    lifted(seller, buyer, sku)
    paid_order(buyer, sku, now=OCTOBER + days(3))

    assert run() == {"due": 1, "lowered": 1}
    assert run(NOVEMBER + days(1)) == {"due": 0}

    found = distributor(seller)
    assert found.level == "normal"
    assert (found.level_since, found.level_counts_from) == (NOVEMBER, NOVEMBER)
    row = db.session.scalars(sa.select(LevelChange).filter_by(cause=Cause.PERIOD)).one()
    assert (row.period, row.to_level) == ("2026-10", "normal")
    assert row.figures is not None
    assert row.figures["own_sales_fen"] == 100_00


def test_exactly_the_figure_keeps_the_level_for_good_in_that_month(seller, buyer, sku):
    keeping()
    lifted(seller, buyer, sku)
    order = paid_order(buyer, sku, 2, now=OCTOBER + days(3))

    assert run() == {"due": 1, "kept": 1}
    refund(order, 200_00)
    assert run(NOVEMBER + days(1)) == {"due": 0}

    assert distributor(seller).level == "senior"


def test_a_month_that_did_not_begin_on_the_level_does_not_count(seller, buyer, sku):
    keeping()
    lifted(seller, buyer, sku, at=OCTOBER + days(1))

    assert run() == {"due": 0}
    assert run(DECEMBER) == {"due": 1, "lowered": 1}


def test_after_a_fall_sales_count_anew(seller, buyer, sku):
    keeping()
    lifted(seller, buyer, sku)
    run()

    paid_order(buyer, sku, 2, now=NOVEMBER + days(1))
    assert distributor(seller).level == "normal"
    paid_order(buyer, sku, now=NOVEMBER + days(2))

    assert distributor(seller).level == "senior"


def test_two_levels_are_fallen_in_two_months_not_in_one(seller, buyer, sku):
    keeping()
    make_level("leader", 20, conditions={"own_sales_fen": 900_00}, keep=BY_MONTH)
    paid_order(buyer, sku, 9, now=OCTOBER - days(1))

    assert run() == {"due": 1, "lowered": 1}
    assert distributor(seller).level == "senior"
    assert run(NOVEMBER + days(2)) == {"due": 0}
    assert run(DECEMBER) == {"due": 1, "lowered": 1}
    assert distributor(seller).level == "normal"


def test_a_quarter_is_looked_at_when_it_ended(seller, buyer, sku):
    rule = {**BY_MONTH, "period": "quarter"}
    make_level("senior", 10, conditions={"own_sales_fen": 300_00}, keep=rule)
    lifted(seller, buyer, sku)

    assert run(NOVEMBER) == {"due": 0}
    assert run(DECEMBER + days(31)) == {"due": 1, "lowered": 1}
    row = db.session.scalars(sa.select(LevelChange).filter_by(cause=Cause.PERIOD)).one()
    assert row.period == "2026Q4"


def test_what_an_admin_gave_is_left_alone_until_its_day(seller, buyer, sku):
    keeping()
    give = {"reason": "活动奖励", "actor": ADMIN, "now": OCTOBER - days(1)}
    until = NOVEMBER + days(10)
    run_unit(levels.assign, distributor(seller).id, "senior", until=until, **give)

    assert run() == {"due": 0}
    # November was begun under the admin's word; December is the first that counts.
    assert run(DECEMBER) == {"due": 0}
    assert run(DECEMBER + days(31)) == {"due": 1, "lowered": 1}


def test_what_an_admin_gave_for_ever_is_never_lowered_but_may_rise(seller, buyer, sku):
    keeping()
    make_level("leader", 20, conditions={"own_sales_fen": 900_00})
    give = {"reason": "创始团长", "actor": ADMIN, "now": OCTOBER - days(40)}
    run_unit(levels.assign, distributor(seller).id, "senior", until=None, **give)

    assert run(DECEMBER + days(400)) == {"due": 0}
    paid_order(buyer, sku, 9)

    assert distributor(seller).level == "leader"


def test_a_dry_run_lowers_nobody(seller, buyer, sku):
    keeping()
    lifted(seller, buyer, sku)

    assert tasks.team.review_levels(NOVEMBER, True) == {"due": 1}
    assert distributor(seller).level == "senior"


# --- levels and plans --------------------------------------------------------------


def test_a_level_that_a_plan_names_is_not_deleted():
    ladder()
    make_plan({**PLAN, "levels": {"senior": {"1": {"bps": 2000}}}})

    with pytest.raises(LevelInPlan):
        run_unit(standing.remove_level, "senior", actor=ADMIN, now=NOON)
    run_unit(standing.remove_level, "leader", actor=ADMIN, now=NOON)

    assert list(levels.names()) == ["normal", "senior"]


def test_a_plan_that_names_an_unknown_level_is_refused():
    with pytest.raises(InvalidInput, match="没有标识为 gold 的分销等级") as refused, transaction():
        commission.draft_plan(
            {**PLAN, "levels": {"gold": {"1": {"bps": 2000}}}}, name="方案", actor=ADMIN, now=NOON
        )

    assert refused.value.field == "levels.gold"
    assert db.session.scalar(sa.select(sa.func.count(commission.PlanVersion.id))) == 0
