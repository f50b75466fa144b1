"""Runs: computed once and in sets, reviewed by one person, posted by another."""

import random

import pytest
import sqlalchemy as sa

from app import audit, distribution, ledger
from app.aftersales import AfterSale, AfterSaleKind, AfterSaleStatus, Refund
from app.commission import bonus
from app.commission.bonus import BonusResult, BonusRun, ResultState, rules
from app.commission.bonus.posting import OwnReview, ShopShort, TeamOff
from app.commission.bonus.reviews import Done, RunChanged
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput
from app.distribution import levels
from app.jobs.tasks.base import RowsFailed
from app.ledger import AccountKind, Posting
from app.orders import Order, OrderLine, Payment
from tests.admin.desk import acts
from tests.commission.bonus.ground import (
    COMPUTED,
    IN_NOVEMBER,
    NOVEMBER,
    SALES,
    approve,
    give_shop,
    make_bonus,
    paid,
    post,
    rows,
    run_job,
    sell,
    the_run,
)
from tests.factories import (
    ADMIN,
    ADMIN2,
    bind,
    broken_invariants,
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


def told() -> list[tuple]:
    return [(r.member_id, r.value, r.tier, r.amount_fen, r.state, r.reason) for r in rows()]


# --- computing ---------------------------------------------------------------------


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


def refund(order, fen: int, *, pieces: int = 0) -> None:
    with transaction():
        db.session.execute(
            sa.update(OrderLine)
            .where(OrderLine.order_id == order.id)
            .values(
                refunded_fen=OrderLine.refunded_fen + fen,
                refunded_quantity=OrderLine.refunded_quantity + pieces,
            )
        )


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


# --- reviewing and posting ---------------------------------------------------------


def test_one_approves_and_another_posts_once(session):
    near = make_distributor("陈梅")

    run = paid(near, 1_000_00)

    assert ledger.wallet_of(near.id).available_fen == 50_00
    [row] = rows()
    assert (row.state, row.reviewed_by, row.standing_fen) == (S.POSTED, "admin:1", 50_00)
    [batch] = bonus.queries.batches_of(run.id)
    assert (batch.rows, batch.amount_fen, batch.posted_by) == (1, 50_00, "admin:2")
    [posting] = ledger.postings_of(("bonus_run", run.id))
    assert (posting.event, posting.reason) == ("bonus", "月度销售奖 2026-11")
    assert [entry.after for entry in acts("bonus.post")] == [{"rows": 1, "amount_fen": 50_00}]
    assert post(run) == Done()
    assert ledger.wallet_of(near.id).available_fen == 50_00
    assert broken_invariants() == {}


def computed(*members) -> BonusRun:
    give_shop(10_000_00)
    make_bonus()
    for member in members:
        sell(member, 600_00)
    run_job()
    return the_run()


def test_who_approved_does_not_post(session):
    run = computed(make_distributor())
    approve(run)

    with pytest.raises(OwnReview):
        bonus.posting.check_post(run.id, actor=ADMIN)
    assert post(run, actor=ADMIN) == Done()

    assert [row.state for row in rows()] == [S.APPROVED]
    assert db.session.scalars(sa.select(Posting).filter_by(event="bonus")).all() == []


def test_nobody_decides_about_their_own_bonus(session):
    mine, other = make_distributor(), make_distributor()
    run = computed(mine, other)
    self_admin = audit.Actor.admin(1, member_id=mine.id)
    self_poster = audit.Actor.admin(2, member_id=other.id)

    assert approve(run, actor=self_admin) == Done(1, 18_00)
    assert approve(run, [mine.id], actor=ADMIN) == Done(1, 18_00)
    assert post(run, actor=self_poster) == Done(1, 18_00)

    assert [row.state for row in rows()] == [S.POSTED, S.APPROVED]


def test_a_refusal_wants_a_reason_and_can_be_taken_back(session):
    near = make_distributor()
    run = computed(near)

    with pytest.raises(InvalidInput):
        refuse(run, near, "  ")
    assert told() == [(near.id, 600_00, 1, 18_00, S.COMPUTED, "")]
    assert refuse(run, near, "资料不全") == Done(1, 18_00)
    assert told() == [(near.id, 600_00, 1, 18_00, S.REFUSED, "资料不全")]
    assert acts("bonus.refuse")[0].reason == "资料不全"
    assert approve(run) == Done()
    assert approve(run, [near.id]) == Done(1, 18_00)
    assert told() == [(near.id, 600_00, 1, 18_00, S.APPROVED, "")]


def refuse(run, member, reason):
    return run_unit(
        bonus.reviews.refuse,
        run.id,
        [member.id],
        reason=reason,
        seen=1,
        actor=ADMIN,
        now=COMPUTED,
    )


def test_more_than_the_shop_earned_is_not_posted(session):
    near = make_distributor()
    make_bonus()
    sell(near, 600_00)
    run_job()
    approve(the_run())

    with pytest.raises(ShopShort):
        post(the_run())

    assert [row.state for row in rows()] == [S.APPROVED]
    assert ledger.wallet_of(near.id) == ledger.Wallet()


def test_whoever_is_suspended_meanwhile_is_paid_later(session):
    near, other = make_distributor(), make_distributor()
    run = computed(near, other)
    approve(run)
    found = distributor(near).id
    run_unit(distribution.suspend, found, reason="核查", actor=ADMIN, now=COMPUTED)

    assert post(run) == Done(1, 18_00)
    run_unit(distribution.restore, found, actor=ADMIN, now=COMPUTED)
    assert post(run) == Done(1, 18_00)

    assert ledger.wallet_of(near.id).available_fen == 18_00
    assert broken_invariants() == {}


def test_points_are_issued_and_chunks_go_on_where_the_last_ended(session):
    people = [make_distributor() for _ in range(3)]
    make_bonus(reward="points", steps=[{"from": 0, "bps": 100}])
    for member in people:
        sell(member, 600_00)
    run_job()
    run = the_run()
    approve(run)

    first, after = run_unit(bonus.posting.post_chunk, run.id, actor=ADMIN2, now=COMPUTED, limit=2)
    second, end = run_unit(
        bonus.posting.post_chunk, run.id, actor=ADMIN2, now=COMPUTED, after=after or 0, limit=2
    )

    assert (first, second, end) == (Done(2, 1200), Done(1, 600), None)
    balances = [ledger.balance_fen(AccountKind.POINTS, member.id) for member in people]
    assert balances == [600, 600, 600]
    assert broken_invariants() == {}


def test_a_bonus_fills_debt_first(session):
    near = make_distributor()
    run = computed(near)
    with transaction():
        ledger.post(
            "test:debt",
            event="claw_back",
            moves=[
                ledger.Move(
                    ledger.member(AccountKind.DEBT, near.id),
                    ledger.system(AccountKind.SHOP),
                    10_00,
                )
            ],
            now=COMPUTED,
        )
    approve(run)
    post(run)

    assert ledger.wallet_of(near.id) == ledger.Wallet(pending_fen=0, available_fen=8_00)
    assert broken_invariants() == {}


# --- refunds afterwards ------------------------------------------------------------


@pytest.mark.parametrize("spent_fen", [0, 45_00])
def test_a_late_refund_takes_the_difference_once(session, spent_fen):
    near = make_distributor()
    run = paid(near, 1_000_00)
    if spent_fen:
        with transaction():
            ledger.post(
                "test:spent",
                event="manual",
                moves=[
                    ledger.Move(
                        ledger.member(AccountKind.AVAILABLE, near.id),
                        ledger.system(AccountKind.SHOP),
                        spent_fen,
                    )
                ],
                now=COMPUTED,
            )
    late_refund(400_00)

    assert run_job(COMPUTED + days(1)) == {"blocked": 0, "corrected": 1}
    assert run_job(COMPUTED + days(2)) == {"blocked": 0}

    # 3 % of 600.00 now, not 5 % of 1,000.00.
    [row] = rows()
    assert (row.amount_fen, row.reversed_fen, row.standing_fen) == (50_00, 32_00, 18_00)
    [told_of] = bonus.corrections.corrections_of(row.id)
    assert (told_of.value, told_of.difference_fen, told_of.posted_fen) == (600_00, -32_00, -32_00)
    wallet = ledger.wallet_of(near.id)
    assert wallet.available_fen - wallet.debt_fen == 18_00 - spent_fen
    assert wallet.debt_fen == (27_00 if spent_fen else 0)
    assert [p.event for p in ledger.postings_of(("bonus_run", run.id))] == [
        "bonus",
        "bonus_reversed",
    ]
    assert {code for code in broken_invariants() if code in ("B1", "B2", "L1", "L2", "L3")} == set()


def late_refund(fen: int) -> None:
    """A refund of the one order, as `aftersales` books it, after the run was computed."""
    order = db.session.scalars(sa.select(Order)).one()
    payment = db.session.scalars(sa.select(Payment)).one()
    refund(order, fen)
    with transaction():
        sale = AfterSale(
            number=f"T{fen}",
            order_id=order.id,
            member_id=order.member_id,
            kind=AfterSaleKind.REFUND,
            status=AfterSaleStatus.SUCCESS,
            reason="不想要了",
            pictures=[],
            goods_fen=abs(fen),
            freight_fen=0,
            created_at=COMPUTED,
        )
        db.session.add(sale)
        db.session.flush()
        db.session.add(
            Refund(
                out_refund_no=f"R{fen}",
                order_id=order.id,
                payment_id=payment.id,
                aftersale_id=sale.id,
                amount_fen=abs(fen),
                total_fen=payment.amount_fen,
                reason="不想要了",
                next_at=COMPUTED,
                created_at=COMPUTED + days(1),
            )
        )


def test_a_job_that_stood_still_for_a_year_misses_no_refund_however_old_the_period(
    session, monkeypatch
):
    near = make_distributor()
    run = paid(near, 1_000_00)
    assert run_job(COMPUTED + days(1)) == {"blocked": 0}
    late_refund(400_00)
    # A run that fails does not say that it looked.
    with monkeypatch.context() as broken:
        broken.setattr(bonus.corrections, "correct", None)
        with pytest.raises(RowsFailed):
            run_job(COMPUTED + days(2))
    assert run.checked_at == COMPUTED + days(1)

    said = run_job(COMPUTED + days(400))

    assert (said["corrected"], rows()[0].standing_fen) == (1, 18_00)
    assert run.checked_at == COMPUTED + days(400)
    assert broken_invariants().keys().isdisjoint({"B1", "B2", "L1", "L2", "L3"})


def test_a_refund_that_was_closed_gives_back_no_more_than_was_posted(session):
    near = make_distributor()
    paid(near, 1_000_00)
    late_refund(400_00)
    run_job(COMPUTED + days(1))
    order_line = db.session.scalars(sa.select(OrderLine)).one()
    with transaction():
        order_line.refunded_fen = 0

    assert run_job(COMPUTED + days(2)) == {"blocked": 0, "corrected": 1}

    [row] = rows()
    assert (row.standing_fen, ledger.wallet_of(near.id).available_fen) == (50_00, 50_00)
    told_of = bonus.corrections.corrections_of(row.id)
    assert [c.difference_fen for c in told_of] == [-32_00, 32_00]


def test_points_that_were_spent_are_forgiven(session):
    near = make_distributor()
    paid(near, 1_000_00, reward="points", steps=[{"from": 0, "bps": 100}])
    with transaction():
        ledger.post(
            "test:spent",
            event="manual",
            moves=[
                ledger.Move(
                    ledger.member(AccountKind.POINTS, near.id),
                    ledger.system(AccountKind.POINTS_ISSUED),
                    900,
                )
            ],
            now=COMPUTED,
        )
    late_refund(400_00)

    run_job(COMPUTED + days(1))

    [row] = rows()
    [told_of] = bonus.corrections.corrections_of(row.id)
    assert (row.standing_fen, told_of.difference_fen, told_of.posted_fen) == (600, -400, -100)
    assert ledger.balance_fen(AccountKind.POINTS, near.id) == 0


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("B1", sa.update(BonusResult).values(amount_fen=BonusResult.amount_fen + 1)),
        ("B1", sa.update(bonus.BonusBatch).values(amount_fen=1)),
        ("B2", sa.update(BonusResult).values(reversed_fen=1)),
    ],
)
def test_an_altered_row_is_found(session, code, change):
    paid(make_distributor(), 1_000_00)
    with transaction():
        db.session.execute(change)

    assert code in broken_invariants()
