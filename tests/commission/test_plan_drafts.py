"""Drafts of plans: edited, thrown away, published by somebody else; then frozen."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app import commission
from app.commission import OwnPlan, PlanChanged, PlanPublished, PlanStatus, PlanVersion
from app.core.db import db, run_unit
from app.core.errors import InvalidInput, NotFound
from tests.admin.desk import acts
from tests.factories import ADMIN, ADMIN2, NOON, PLAN, days, make_level, make_plan

OTHER = {**PLAN, "default": {"1": {"bps": 1200}}}


def draft(document: dict | None = None) -> PlanVersion:
    return run_unit(commission.draft_plan, document or PLAN, name="草稿", actor=ADMIN, now=NOON)


def change(plan: PlanVersion, document: dict, *, seen: int = 1, name="草稿", actor=ADMIN2):
    return run_unit(
        commission.change_draft,
        plan.id,
        document,
        name=name,
        seen=seen,
        actor=actor,
        now=NOON + days(1),
    )


def stored() -> list[tuple]:
    db.session.rollback()
    columns = PlanVersion.__table__.columns
    return [tuple(row) for row in db.session.execute(sa.select(*columns).order_by("id"))]


def test_a_draft_is_saved_anew_with_its_entry(session):
    plan = draft()

    change(plan, OTHER, name=" 秋季 ")

    assert (plan.name, plan.document, plan.revision) == ("秋季", OTHER, 2)
    assert (plan.drafted_by, plan.drafted_at) == ("admin:2", NOON + days(1))
    [entry] = acts("plan.change")
    assert entry.before == {"name": "草稿", "document": PLAN}
    assert entry.after == {"name": "秋季", "document": OTHER}


def test_saving_what_is_there_already_changes_nothing(session):
    plan = draft()
    before = stored()

    change(plan, dict(PLAN))

    assert stored() == before
    assert acts("plan.change") == []


def test_who_did_not_see_the_newest_save_does_not_overwrite_it(session):
    plan = draft()
    change(plan, OTHER, seen=1)
    before = stored()

    with pytest.raises(PlanChanged, match="方案刚刚被别人改过"):
        change(plan, {**PLAN, "line_cap_bps": 1}, seen=1, actor=ADMIN)

    assert stored() == before
    assert len(acts("plan.change")) == 1


@pytest.mark.parametrize(
    ("document", "field", "says"),
    [
        ({**PLAN, "depth_cap": 3}, "depth_cap", "分佣层级不能超过 2 级"),
        ({**PLAN, "levels": {"gold": {"1": {"bps": 1}}}}, "levels.gold", "没有标识为 gold"),
        ({**PLAN, "categories": {"404": {"1": {"bps": 1}}}}, "categories.404", "没有编号为 404"),
        ({**PLAN, "products": {"404": {"excluded": True}}}, "products.404", "没有编号为 404"),
        ({**PLAN, "line_cap_bps": 10_001}, "line_cap_bps", "应在 0 到 10000 之间"),
    ],
)
def test_what_could_not_be_paid_is_not_saved(session, document, field, says):
    plan = draft()
    before = stored()

    with pytest.raises(InvalidInput, match=says) as refused:
        change(plan, document)

    assert refused.value.field == field
    assert stored() == before
    assert acts("plan.change") == []


def test_a_published_version_is_neither_edited_nor_thrown_away(session):
    plan = make_plan()
    before = stored()

    with pytest.raises(PlanPublished, match="已经发布，不能再修改"):
        change(plan, OTHER)
    with pytest.raises(PlanPublished):
        run_unit(commission.throw_away, plan.id, actor=ADMIN, now=NOON)

    assert stored() == before
    assert (acts("plan.change"), acts("plan.remove")) == ([], [])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE commission_plans SET name = 'x'",
        "UPDATE commission_plans SET effective_from = NULL",
        "UPDATE commission_plans SET status = 'draft', published_at = NULL",
        "DELETE FROM commission_plans",
    ],
)
def test_the_database_itself_freezes_what_was_published(session, statement):
    make_plan()
    before = stored()

    with pytest.raises(DBAPIError, match="a published plan never changes"):
        db.session.execute(sa.text(statement))

    assert stored() == before


@pytest.mark.parametrize("depth", [0, 4])
def test_the_database_itself_knows_the_deepest_plan(session, depth):
    plan = draft()
    before = stored()

    # SQLite calls a broken CHECK an integrity error, MariaDB an operational one.
    with pytest.raises(DBAPIError, match="depth_within_hard_cap"):
        db.session.execute(
            sa.text("UPDATE commission_plans SET document = :d WHERE id = :i"),
            {"d": f'{{"depth_cap": {depth}}}', "i": plan.id},
        )

    assert stored() == before


@pytest.mark.parametrize("depth", [0, 4])
def test_the_database_itself_knows_the_deepest_commission(session, depth):
    with pytest.raises(DBAPIError, match="depth_within_hard_cap"):
        db.session.execute(
            sa.text(
                "INSERT INTO commissions (order_id, order_line_id, member_id, plan_id, depth,"
                " base_fen, rate, source, uncapped_fen, amount_fen, reversed_fen, status,"
                " mature_at, batch_id, settled_fen, created_at) VALUES (1, 1, 1, 1, :depth, 1,"
                " '{}', '', 1, 1, 0, 'pending', '9999-12-31', 0, 0, '2026-11-21')"
            ),
            {"depth": depth},
        )
    db.session.rollback()

    assert db.session.scalar(sa.select(sa.func.count(commission.Commission.id))) == 0


def test_a_draft_is_thrown_away_with_its_entry(session):
    plan_id = draft().id

    run_unit(commission.throw_away, plan_id, actor=ADMIN2, now=NOON)

    assert stored() == []
    [entry] = acts("plan.remove")
    assert (entry.subject_id, entry.before) == (plan_id, {"name": "草稿", "document": PLAN})
    with pytest.raises(NotFound, match="草稿不存在或已被删除"):
        run_unit(commission.throw_away, plan_id, actor=ADMIN2, now=NOON)


def publish(plan: PlanVersion, *, seen: int, actor):
    return run_unit(
        commission.publish_plan,
        plan.id,
        effective_from=NOON + days(2),
        seen=seen,
        actor=actor,
        now=NOON + days(1),
    )


def test_whoever_saved_last_does_not_publish_and_the_other_one_does(session):
    plan = draft()
    change(plan, OTHER, actor=ADMIN2)
    before = stored()

    with pytest.raises(OwnPlan):
        publish(plan, seen=2, actor=ADMIN2)
    assert stored() == before

    publish(plan, seen=2, actor=ADMIN)
    assert (plan.status, plan.published_by) == (PlanStatus.PUBLISHED, "admin:1")


def test_only_what_was_compared_is_published(session):
    plan = draft()
    change(plan, OTHER, actor=ADMIN)
    before = stored()

    with pytest.raises(PlanChanged):
        publish(plan, seen=1, actor=ADMIN2)

    assert stored() == before
    assert acts("plan.publish") == []


def test_a_draft_whose_level_is_gone_is_not_published(session):
    make_level("senior", 10)
    plan = draft({**PLAN, "levels": {"senior": {"1": {"bps": 1500}}}})
    db.session.execute(sa.text("DELETE FROM distributor_levels WHERE code = 'senior'"))
    db.session.commit()
    before = stored()

    with pytest.raises(InvalidInput, match="没有标识为 senior 的分销等级"):
        publish(plan, seen=1, actor=ADMIN2)

    assert stored() == before
