"""Keeping levels, and giving one by hand: what is refused changes nothing."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import audit, distribution, outbox
from app.core.db import db, run_unit
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.distribution import levels
from app.distribution.levels import (
    FOREVER,
    Cause,
    DistributorLevel,
    LevelChange,
    LevelInput,
    LevelInUse,
)
from tests.factories import ADMIN, NOON, distributor, make_distributor, make_level

pytestmark = pytest.mark.usefixtures("session")

SALES = {"own_sales_fen": 1000_00}
GOLD = LevelInput("高级分销员", 10, "直推佣金 12%", SALES)


def save(code: str = "gold", given: LevelInput = GOLD, *, is_new: bool = True):
    return run_unit(levels.save, code, given, is_new=is_new, actor=ADMIN, now=NOON)


def stored() -> list[tuple[str, str, int]]:
    rows = db.session.scalars(sa.select(DistributorLevel).order_by(DistributorLevel.rank))
    return [(row.code, row.name, row.rank) for row in rows]


def entries(action: str) -> list[audit.AuditEntry]:
    return list(
        db.session.scalars(
            sa.select(audit.AuditEntry).filter_by(action=action).order_by(audit.AuditEntry.id)
        )
    )


def news() -> list[int]:
    topic = outbox.OutboxRow.topic == "level_reached"
    return list(db.session.scalars(sa.select(outbox.OutboxRow.subject_id).where(topic)))


def assign(member, code: str, reason: str = "活动奖励", until=None):
    return run_unit(
        levels.assign,
        distributor(member).id,
        code,
        reason=reason,
        until=until,
        actor=ADMIN,
        now=NOON,
    )


def test_a_level_is_stored_and_audited():
    save()

    gold = levels.ladder().get("gold")
    assert gold is not None
    assert (gold.name, gold.rank, gold.benefits) == ("高级分销员", 10, "直推佣金 12%")
    assert gold.conditions.document() == {"match": "all", **SALES}
    [entry] = entries("level.save")
    assert (entry.actor, entry.before) == ("admin:1", None)
    assert entry.after == {
        "level_code": "gold",
        "name": "高级分销员",
        "level_rank": 10,
        "benefits": "直推佣金 12%",
        "conditions": {"match": "all", **SALES},
        "keep": {"period": "none"},
        "is_active": True,
    }


def test_the_base_gets_a_row_when_it_is_first_edited():
    assert stored() == []

    save("normal", LevelInput("会员分销员", benefits="分享得佣金"), is_new=False)

    assert stored() == [("normal", "会员分销员", 0)]
    assert levels.ladder().base.name == "会员分销员"
    assert entries("level.save")[0].before["name"] == "普通分销员"


@pytest.mark.parametrize(
    ("code", "given", "field"),
    [
        ("Gold", GOLD, "code"),
        ("1st", GOLD, "code"),
        ("g" * 21, GOLD, "code"),
        ("silver", GOLD, "code"),
        ("normal", GOLD, "code"),
        ("gold", LevelInput("", 10), "name"),
        ("gold", LevelInput("高级分销员高级分销员高", 10), "name"),
        ("gold", LevelInput("🏅" * 8, 10), "name"),
        ("gold", LevelInput("分销员", 10), "name"),
        ("gold", LevelInput("星标组", 10), "name"),
        ("gold", LevelInput("银牌", 10), "name"),
        ("gold", LevelInput("普通分销员", 10), "name"),
        ("gold", LevelInput("金牌", 0), "rank"),
        ("gold", LevelInput("金牌", 100), "rank"),
        ("gold", LevelInput("金牌", 5), "rank"),
        ("gold", LevelInput("金牌", 10, "权" * 301), "benefits"),
        ("gold", LevelInput("金牌", 10, conditions={"orders": 0}), "conditions.orders"),
        ("gold", LevelInput("金牌", 10, keep={"period": "month"}), "keep.period"),
        ("gold", LevelInput("金牌", 10, conditions={"orders": 5}), "conditions"),
        ("gold", LevelInput("铜牌", 3, conditions={"orders": 6}), "conditions"),
        (
            "gold",
            LevelInput("团长", 10, conditions={"team_size": 30}),
            "conditions.team_sales_fen",
        ),
    ],
)
def test_a_level_that_does_not_fit_is_refused_with_its_field(code, given, field):
    make_level("silver", 5, "银牌", conditions={"orders": 5})
    before = stored()

    with pytest.raises(InvalidInput) as refused:
        save(code, given)

    assert refused.value.field == field
    assert stored() == before
    assert len(entries("level.save")) == 1


def test_the_base_takes_no_conditions_and_stays_on():
    with pytest.raises(InvalidInput, match="基础等级没有升级和保级条件"):
        save("normal", LevelInput("普通", conditions=SALES), is_new=False)
    with pytest.raises(InvalidInput, match="基础等级不能停用"):
        run_unit(levels.switch, "normal", is_active=False, actor=ADMIN, now=NOON)
    with pytest.raises(InvalidInput, match="基础等级不能删除"):
        run_unit(levels.remove, "normal", actor=ADMIN, now=NOON)

    assert stored() == []


def test_there_is_an_end_to_the_number_of_levels():
    for rank in range(1, levels.LEVELS_MAX + 1):
        make_level(f"l{rank}", rank, f"第{rank}级", conditions={"orders": rank})

    with pytest.raises(InvalidInput, match="等级最多 20 个"):
        save("gold", LevelInput("金牌", 90, conditions={"orders": 90}))

    assert len(stored()) == 20


def test_what_is_not_there_cannot_be_changed():
    with pytest.raises(NotFound):
        save(is_new=False)
    with pytest.raises(NotFound):
        run_unit(levels.switch, "gold", is_active=False, actor=ADMIN, now=NOON)
    with pytest.raises(NotFound):
        run_unit(levels.remove, "gold", actor=ADMIN, now=NOON)


def test_a_level_switched_on_again_must_still_fit():
    save()
    run_unit(levels.switch, "gold", is_active=False, actor=ADMIN, now=NOON)
    make_level("silver", 5, "银牌", conditions={"own_sales_fen": 2000_00})

    with pytest.raises(InvalidInput, match="请调高“高级分销员”的条件"):
        run_unit(levels.switch, "gold", is_active=True, actor=ADMIN, now=NOON)

    assert levels.ladder().at("gold").is_active is False
    assert len(entries("level.switch")) == 1


def test_a_level_that_nobody_ever_held_is_deleted():
    save()

    run_unit(levels.remove, "gold", actor=ADMIN, now=NOON)

    assert stored() == []
    assert entries("level.remove")[0].before["name"] == "高级分销员"


def test_a_level_that_somebody_holds_or_held_is_not_deleted():
    save()
    member = make_distributor()
    assign(member, "gold")

    with pytest.raises(LevelInUse):
        run_unit(levels.remove, "gold", actor=ADMIN, now=NOON)
    assign(member, "normal")
    with pytest.raises(LevelInUse):
        run_unit(levels.remove, "gold", actor=ADMIN, now=NOON)

    assert stored() == [("gold", "高级分销员", 10)]
    assert entries("level.remove") == []


def test_an_admin_gives_a_level_with_a_reason():
    save()
    member = make_distributor()
    until = NOON + timedelta(days=30)

    change = assign(member, "gold", " 双十一带货 ", until)

    found = distributor(member)
    assert (found.level, found.level_since, found.level_kept_until) == ("gold", NOON, until)
    assert found.level_counts_from is None
    assert (change.from_level, change.to_level, change.cause) == ("normal", "gold", Cause.ADMIN)
    assert (change.reason, change.actor, change.kept_until) == ("双十一带货", "admin:1", until)
    [entry] = entries("distributor.level")
    assert entry.reason == "双十一带货"
    assert entry.before == {"level": "normal", "kept_until": None}
    assert entry.after == {"level": "gold", "kept_until": until.isoformat()}
    assert news() == [change.id]


def test_a_lower_level_by_hand_is_no_news_and_lets_sales_count_anew():
    save()
    member = make_distributor()
    first = assign(member, "gold")

    assign(member, "normal", "违规推广")

    found = distributor(member)
    assert (found.level, found.level_counts_from) == ("normal", NOON)
    assert found.level_kept_until == FOREVER
    assert news() == [first.id]


@pytest.mark.parametrize(
    ("code", "reason", "until", "field"),
    [
        ("gold", "  ", None, "reason"),
        ("gold", "因" * 201, None, "reason"),
        ("gold", "奖励", NOON, "until"),
        ("nobody", "奖励", None, "level"),
        ("off", "奖励", None, "level"),
    ],
)
def test_a_decision_that_does_not_fit_changes_nothing(code, reason, until, field):
    save()
    make_level("off", 20, conditions={"orders": 5})
    run_unit(levels.switch, "off", is_active=False, actor=ADMIN, now=NOON)
    member = make_distributor()

    with pytest.raises(InvalidInput) as refused:
        assign(member, code, reason, until)

    assert refused.value.field == field
    assert distributor(member).level == "normal"
    assert db.session.scalars(sa.select(LevelChange)).all() == []
    assert entries("distributor.level") == []


def test_who_left_gets_no_level():
    save()
    member = make_distributor()
    run_unit(distribution.close, distributor(member).id, actor=ADMIN, now=NOON)

    with pytest.raises(IllegalMove):
        assign(member, "gold")

    assert distributor(member).level == "normal"


def test_the_tags_that_are_ours_are_remembered_through_renames():
    save()

    save(given=LevelInput("金牌分销员", 10, "", SALES), is_new=False)

    assert levels.own_tags() == {"高级分销员", "金牌分销员"}
    assert levels.following_openids() == {"金牌分销员": set()}
