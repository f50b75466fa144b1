"""Plan versions: two people, never in the past, never deeper than the server."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import commission
from app.audit import AuditEntry
from app.commission import PlanStatus, PlanVersion
from app.commission.plans import OwnPlan
from app.core.db import db, run_unit
from app.core.errors import IllegalMove, InvalidInput, NotFound
from tests.factories import ADMIN, ADMIN2, NOON, PLAN, broken_invariants, days, make_plan


def draft(document: dict | None = None, name: str = "方案") -> PlanVersion:
    return run_unit(commission.draft_plan, document or PLAN, name=name, actor=ADMIN, now=NOON)


def publish(plan: PlanVersion, *, effective_from=NOON, actor=ADMIN2, now=NOON) -> PlanVersion:
    return run_unit(
        commission.publish_plan, plan.id, effective_from=effective_from, actor=actor, now=now
    )


def rate_in_force(at) -> int | None:
    found = commission.plan_in_force(at)
    return None if found is None else found[1].default[1].bps


def with_rate(bps: int) -> dict:
    return {**PLAN, "default": {"1": {"bps": bps}}}


def test_a_draft_is_not_in_force(session):
    plan = draft()

    assert (plan.status, plan.drafted_by, plan.document) == (PlanStatus.DRAFT, "admin:1", PLAN)
    assert commission.plan_in_force(NOON + days(365)) is None
    assert broken_invariants() == {}


def test_a_second_person_puts_a_plan_in_force(session):
    plan = publish(draft())

    assert (plan.status, plan.published_by, plan.effective_from) == (
        PlanStatus.PUBLISHED,
        "admin:2",
        NOON,
    )
    actions = db.session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["plan.draft", "plan.publish"]


def test_nobody_publishes_their_own_plan(session):
    plan = draft()

    with pytest.raises(OwnPlan, match="不能发布自己起草的方案，请由另一位管理员发布"):
        publish(plan, actor=ADMIN)

    assert plan.status is PlanStatus.DRAFT
    assert commission.plan_in_force(NOON) is None


def test_a_plan_does_not_start_in_the_past(session):
    plan = draft()

    with pytest.raises(InvalidInput, match="生效时间不能早于现在") as refused:
        publish(plan, effective_from=NOON - timedelta(seconds=1))

    assert refused.value.field == "effective_from"
    assert plan.status is PlanStatus.DRAFT


def test_an_unknown_plan_is_not_found(session):
    with pytest.raises(NotFound, match="方案不存在"):
        run_unit(commission.publish_plan, 404, effective_from=NOON, actor=ADMIN2, now=NOON)


def test_publishing_again_changes_nothing(session):
    plan = publish(draft())

    publish(plan, effective_from=NOON + days(9), now=NOON + days(1))

    assert plan.effective_from == NOON


@pytest.mark.parametrize("name", ["", "   ", "名" * 61])
def test_a_plan_wants_a_name(session, name):
    with pytest.raises(InvalidInput, match="方案名称应为 1 到 60 个字") as refused:
        draft(name=name)

    assert refused.value.field == "name"
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PlanVersion)) == 0


def test_a_plan_deeper_than_the_server_is_not_drafted(session):
    with pytest.raises(InvalidInput, match="分佣层级不能超过 2 级") as refused:
        draft({**PLAN, "depth_cap": 3})

    assert refused.value.field == "depth_cap"
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PlanVersion)) == 0


def test_a_draft_that_the_server_no_longer_allows_is_not_published(session):
    commission.configure(3)
    try:
        plan = draft({**PLAN, "depth_cap": 3})
    finally:
        commission.configure(2)

    with pytest.raises(InvalidInput, match="分佣层级不能超过 2 级"):
        publish(plan)

    assert plan.status is PlanStatus.DRAFT


@pytest.mark.parametrize("depth", [0, 4, -1])
def test_the_server_itself_allows_one_to_three(depth):
    with pytest.raises(ValueError, match="DISTRIBUTION_HARD_CAP must be 1, 2 or 3"):
        commission.configure(depth)


def test_the_latest_plan_that_has_begun_is_in_force(session):
    first = publish(draft(with_rate(100)), effective_from=NOON + days(1))
    publish(draft(with_rate(300)), effective_from=NOON + days(3))
    publish(draft(with_rate(200)), effective_from=NOON + days(2))

    assert first.effective_from == NOON + days(1)
    assert [rate_in_force(NOON + days(n)) for n in range(5)] == [None, 100, 200, 300, 300]
    assert rate_in_force(NOON + days(2) - timedelta(microseconds=1)) == 100


def test_of_two_plans_with_one_start_the_later_one_is_in_force(session):
    publish(draft(with_rate(100)))
    publish(draft(with_rate(200)))

    assert rate_in_force(NOON) == 200


def withdraw(plan: PlanVersion, *, reason="费率写错了", actor=ADMIN, now=NOON):
    return run_unit(commission.withdraw_plan, plan.id, reason=reason, actor=actor, now=now)


def test_what_is_withdrawn_before_it_takes_effect_is_never_in_force(session):
    publish(draft(with_rate(100)))
    second = publish(draft(with_rate(200)), effective_from=NOON + days(2))
    publish(draft(with_rate(300)), effective_from=NOON + days(3))
    assert commission.plan_in_force(NOON + days(2), besides=second.id)[1].default[1].bps == 100

    row = withdraw(second, reason=" 费率写错了 ", now=NOON + days(2) - timedelta(minutes=1))

    assert [rate_in_force(NOON + days(n)) for n in range(5)] == [100, 100, 100, 300, 300]
    assert [p.default[1].bps for p in map(commission.validate, documents())] == [300]
    assert (row.reason, row.withdrawn_by) == ("费率写错了", "admin:1")
    assert second.status is PlanStatus.PUBLISHED
    entry = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (entry.action, entry.subject_id, entry.reason) == (
        "plan.withdraw",
        second.id,
        "费率写错了",
    )
    for again in (withdraw, publish):
        with pytest.raises(commission.PlanWithdrawn):
            again(second)
    assert broken_invariants() == {}


def documents() -> list[dict]:
    return [plan.document for plan in commission.coming(NOON)]


@pytest.mark.parametrize(
    ("starts", "reason", "error", "says"),
    [
        (0, "写错了", commission.PlanInForce, "已经生效或马上生效"),
        (59, "写错了", commission.PlanInForce, "已经生效或马上生效"),
        (3600, " ", InvalidInput, "请写明撤回的原因"),
        (3600, "长" * 201, InvalidInput, "最多 200 个字"),
        (None, "写错了", IllegalMove, "草稿还没有发布"),
    ],
)
def test_what_is_in_force_or_not_published_is_not_withdrawn(session, starts, reason, error, says):
    plan = draft(with_rate(100))
    if starts is not None:
        publish(plan, effective_from=NOON + timedelta(seconds=starts))

    with pytest.raises(error, match=says):
        withdraw(plan, reason=reason)

    assert commission.withdrawals_of([plan.id]) == {}
    assert rate_in_force(NOON + days(1)) == (None if starts is None else 100)


def test_plans_are_listed_newest_first(session):
    ids = [make_plan().id for _ in range(3)]

    assert [p.id for p in commission.plans_page(size=2).items] == ids[:0:-1]
