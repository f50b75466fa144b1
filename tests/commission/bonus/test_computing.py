"""A run is computed once, in sets, as the rules say."""

import random

import pytest
import sqlalchemy as sa

from app import distribution
from app.commission import bonus
from app.commission.bonus import BonusRun, ResultState, rules
from app.commission.bonus.posting import TeamOff
from app.commission.bonus.reviews import Done, RunChanged
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput
from app.distribution import levels
from tests.commission.bonus.ground import (
    COMPUTED,
    IN_NOVEMBER,
    NOVEMBER,
    SALES,
    approve,
    make_bonus,
    post,
    refund,
    rows,
    run_job,
    sell,
    the_run,
    told,
)
from tests.factories import (
    ADMIN,
    ADMIN2,
    bind,
    days,
    distributor,
    make_distributor,
    make_level,
    make_member,
)

S = ResultState


@pytest.fixture
def team_allowed():
    levels.configure(allow_team=True)
    yield
    levels.configure(allow_team=False)


def test_a_period_is_computed_once_its_guard_is_over(session):
    near, idle = make_distributor("陈梅"), make_distributor()
    make_bonus()
    sell(near, 600_00)
    sell(near, 500_00)
    sell(idle, 50_00)
    sell(near, 900_00, at=clock.parse("2026-12-01"))

    assert run_job(clock.parse("2026-12-15T23:59")) == {"blocked": 0}
    assert run_job(COMPUTED) == {"blocked": 0, "computed": 1}
    assert run_job(COMPUTED + days(1)) == {"blocked": 0}

    run = the_run()
    assert (run.label, run.starts_at, run.ends_at) == (
        "2026-11",
        NOVEMBER,
        clock.parse("2026-12-01"),
    )
    assert told() == [(near.id, 1_100_00, 2, 55_00, S.COMPUTED, "")]


def test_a_longer_guard_of_what_was_received_is_waited_for(session):
    near = make_distributor()
    make_bonus()
    order = sell(near, 600_00)
    with transaction():
        order.guard_ends_at = COMPUTED + days(5)

    assert run_job(COMPUTED) == {"blocked": 0}
    assert run_job(COMPUTED + days(5)) == {"blocked": 0, "computed": 1}


def test_every_period_since_the_last_is_computed_until_it_was_stopped(session):
    program = make_bonus(period="week", at=clock.parse("2026-10-26"))
    run_unit(
        bonus.programs.stop,
        program.id,
        reason="活动结束",
        actor=ADMIN,
        now=clock.parse("2026-11-10"),
    )

    assert run_job(COMPUTED) == {"blocked": 0, "computed": 3}

    labels = db.session.scalars(sa.select(BonusRun.label).order_by(BonusRun.starts_at)).all()
    assert labels == ["2026W44", "2026W45", "2026W46"]


def test_a_new_version_pays_the_periods_that_begin_under_it(session):
    near = make_distributor()
    program = make_bonus()
    given = bonus.BonusInput("月度销售奖", {**SALES, "steps": [{"from": 0, "bps": 1000}]})
    run_unit(bonus.programs.draft, program.id, given, seen=0, actor=ADMIN, now=IN_NOVEMBER)
    with pytest.raises(InvalidInput) as refused:
        publish(program, at=NOVEMBER)
    publish(program, at=clock.parse("2026-12-01"))
    sell(near, 600_00)
    sell(near, 600_00, at=clock.parse("2026-12-05"))

    run_job(clock.parse("2027-01-20"))

    assert refused.value.field == "effective_from"
    assert sorted(row.amount_fen for row in rows()) == [18_00, 60_00]


def publish(program, *, at):
    return run_unit(
        bonus.programs.publish, program.id, effective_from=at, seen=1, actor=ADMIN2, now=IN_NOVEMBER
    )


def test_an_untouched_run_follows_refunds_and_a_reviewed_one_does_not(session):
    near, other = make_distributor(), make_distributor()
    make_bonus()
    order = sell(near, 600_00)
    sell(other, 600_00)
    run_job()
    refund(order, 100_00)

    assert run_job() == {"blocked": 0, "recomputed": 1}
    assert told()[0] == (near.id, 500_00, 1, 15_00, S.COMPUTED, "")
    with pytest.raises(RunChanged):
        approve(the_run())
    approve(the_run(), [other.id], seen=2)
    refund(order, 100_00)

    assert run_job() == {"blocked": 0}
    assert told()[0] == (near.id, 500_00, 1, 15_00, S.COMPUTED, "")


@pytest.mark.parametrize("seed", [1, 2])
def test_the_sets_compute_what_plain_python_does(session, team_allowed, seed):
    chance = random.Random(seed)
    top = make_distributor("上级")
    people = [top, *(make_distributor(under=top) for _ in range(2))]
    sales = []
    for _ in range(7):
        near = chance.choice(people)
        fen, cost = chance.randrange(1, 900_00), chance.randrange(0, 900_00)
        order = sell(near, fen, cost_fen=cost)
        back = chance.choice([0, 0, fen, chance.randrange(0, fen)])
        pieces = int(back == fen)
        refund(order, back, pieces=pieces)
        sales.append((near.id, fen - back, max(0, fen - back - cost * (1 - pieces))))
    steps = sorted(chance.sample(range(1500_00), 3))
    rated = [{"from": start, "bps": chance.randrange(0, 10_000)} for start in steps]
    flat = [{"from": start, "fen": chance.randrange(0, 500_00)} for start in (1, 2, 4)]

    def naive(metric: str) -> dict[int, int]:
        found: dict[int, int] = {}
        for near, left, profit in sales:
            part = {"personal_profit": profit, "orders": int(left > 0)}.get(metric, left)
            above = [near, top.id] if metric == "team_sales" and near != top.id else [near]
            for member_id in above:
                found[member_id] = found.get(member_id, 0) + part
        return found

    for metric in ("personal_sales", "personal_profit", "orders", "team_sales"):
        for mode in ("whole", "marginal"):
            if metric == "orders" and mode == "marginal":
                continue
            program = rules.read_program(
                {
                    **SALES,
                    "metric": metric,
                    "tier_mode": mode,
                    "steps": flat if metric == "orders" else rated,
                }
            )
            span = rules.span_at(program.period, IN_NOVEMBER)
            query = sa.select(bonus.metrics.results(program, span))
            found = {r.member_id: (r.value, r.tier, r.amount) for r in db.session.execute(query)}
            expected = {
                member_id: (value, rules.tier_of(program, value), rules.amount_of(program, value))
                for member_id, value in naive(metric).items()
                if rules.amount_of(program, value) > 0
            }
            assert found == expected, (metric, mode)


def test_recruits_are_the_direct_members_who_became_distributors(session, team_allowed):
    near = make_distributor()
    for at in (IN_NOVEMBER, clock.parse("2026-12-01")):
        make_distributor(under=near, now=at)
    bind(make_member(), near)
    make_bonus(metric="recruits", steps=[{"from": 1, "fen": 20_00}])

    run_job()

    assert told() == [(near.id, 1, 1, 20_00, S.COMPUTED, "")]


def test_team_bonuses_rest_while_the_server_does_not_allow_them(session, team_allowed):
    near = make_distributor()
    make_bonus(metric="team_sales")
    sell(near, 600_00)
    levels.configure(allow_team=False)

    assert run_job() == {"blocked": 1}
    assert rows() == []

    levels.configure(allow_team=True)
    assert run_job() == {"blocked": 0, "computed": 1}
    approve(the_run())
    levels.configure(allow_team=False)
    with pytest.raises(TeamOff):
        post(the_run())
    assert [row.state for row in rows()] == [S.APPROVED]


def test_an_unmet_condition_leaves_a_refused_result_with_its_reason(session):
    make_level("gold", 20, "金牌")
    plain, gold, flagged = make_distributor(), make_distributor(), make_distributor()
    for member in (gold, flagged):
        run_unit(
            levels.assign,
            distributor(member).id,
            "gold",
            reason="老朋友",
            until=None,
            actor=ADMIN,
            now=NOVEMBER + days(25),
        )
    run_unit(
        distribution.suspend, distributor(flagged).id, reason="刷单", actor=ADMIN, now=IN_NOVEMBER
    )
    run_unit(distribution.restore, distributor(flagged).id, actor=ADMIN, now=IN_NOVEMBER)
    make_bonus(conditions={"min_level": "gold", "clean_record": True})
    for member in (plain, gold, flagged):
        sell(member, 600_00)

    run_job()

    assert told() == [
        (plain.id, 600_00, 1, 18_00, S.REFUSED, "等级未达到“金牌”"),
        (gold.id, 600_00, 1, 18_00, S.COMPUTED, ""),
        (flagged.id, 600_00, 1, 18_00, S.REFUSED, bonus.metrics.NOT_CLEAN),
    ]
    assert approve(the_run(), [plain.id, flagged.id]) == Done()


def test_a_suspended_distributor_gets_no_result(session):
    near = make_distributor()
    make_bonus()
    sell(near, 600_00)
    run_unit(
        distribution.suspend, distributor(near).id, reason="核查", actor=ADMIN, now=IN_NOVEMBER
    )

    run_job()

    assert rows() == []
