"""Business settings: a default, bounds, and a history of who changed what."""

import pytest
import sqlalchemy as sa

from app import settings
from app.audit import AuditEntry
from app.core.db import db, run_unit, transaction
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.settings.models import SettingChange
from app.settings.registry import ALL, GUARD_DAYS, JOIN_MODE, SHOP_NAME, WITHDRAW_MAX_FEN, Setting
from tests.counting import counted
from tests.factories import ADMIN, ADMIN2, NOON, days


def change(key: str, new: object, *, actor=ADMIN, now=NOON) -> None:
    run_unit(settings.change, key, new, actor=actor, now=now)


def count_of(model: type) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


def test_without_a_change_the_default_is_in_force(session):
    assert settings.value(GUARD_DAYS) == 15
    assert settings.everything() == {key: item.default for key, item in ALL.items()}


def test_a_unit_of_work_asks_for_a_value_once_and_sees_its_own_change(session):
    with transaction(), counted() as asked:
        before = settings.several(GUARD_DAYS, SHOP_NAME), settings.value(GUARD_DAYS)
        questions = len(asked)
        settings.change(GUARD_DAYS.key, 20, actor=ADMIN, now=NOON)
        during = settings.value(GUARD_DAYS)
    with transaction():
        settings.change(GUARD_DAYS.key, 30, actor=ADMIN, now=NOON)
        db.session.rollback()

    assert (before, questions) == (([15, SHOP_NAME.default], 15), 1)
    assert (during, settings.value(GUARD_DAYS)) == (20, 20)


# --- what a process keeps ----------------------------------------------------------


def as_kept(*wanted: Setting) -> tuple[list, int]:
    """What a unit goes by that brought the stamp along, and how often it asked beside."""
    with transaction():
        settings.as_of(db.session.execute(sa.select(settings.STAMP)).scalar_one())
        with counted() as asked:
            return settings.several(*wanted), len(asked)


def test_what_is_kept_is_asked_for_once_more_after_each_change(session):
    first, again = as_kept(GUARD_DAYS, SHOP_NAME), as_kept(SHOP_NAME, GUARD_DAYS)
    change(GUARD_DAYS.key, 20)

    assert (first, again) == (([15, SHOP_NAME.default], 1), ([SHOP_NAME.default, 15], 0))
    assert [as_kept(GUARD_DAYS) for _ in range(2)] == [([20], 1), ([20], 0)]


def test_a_change_that_is_committed_after_one_with_a_higher_number_counts_at_once(session):
    def arrives(number: int, setting: Setting, value: object) -> None:
        with transaction():
            db.session.add(
                SettingChange(
                    id=number, key=setting.key, value=value, changed_by="admin:1", changed_at=NOON
                )
            )

    arrives(9, GUARD_DAYS, 20)
    before = as_kept(GUARD_DAYS, SHOP_NAME)
    arrives(4, SHOP_NAME, "山里茶铺")

    assert before == ([20, SHOP_NAME.default], 1)
    assert as_kept(GUARD_DAYS, SHOP_NAME) == ([20, "山里茶铺"], 1)


def test_a_change_that_was_taken_back_is_not_kept(session):
    with transaction():
        settings.as_of(db.session.execute(sa.select(settings.STAMP)).scalar_one())
        settings.change(GUARD_DAYS.key, 30, actor=ADMIN, now=NOON)
        during = settings.several(GUARD_DAYS, SHOP_NAME)
        db.session.rollback()
    # As many changes as the unit saw that was undone.
    change(SHOP_NAME.key, "山里茶铺")

    assert during == [30, SHOP_NAME.default]
    assert as_kept(GUARD_DAYS, SHOP_NAME)[0] == [15, "山里茶铺"]


def test_what_a_unit_went_by_it_goes_by_to_its_end(session):
    with transaction():
        before = settings.value(GUARD_DAYS)
        # As if another process had changed it meanwhile.
        db.session.execute(
            sa.insert(SettingChange).values(
                key=GUARD_DAYS.key, value=20, changed_by="admin:2", changed_at=NOON
            )
        )
        settings.as_of(1)
        after = settings.several(SHOP_NAME, GUARD_DAYS)

    assert (before, after) == (15, [SHOP_NAME.default, 15])


def test_the_newest_change_is_in_force(session):
    change(GUARD_DAYS.key, 20)
    change(GUARD_DAYS.key, 30, actor=ADMIN2, now=NOON + days(1))

    assert settings.value(GUARD_DAYS) == 30
    assert settings.everything()[GUARD_DAYS.key] == 30
    history = db.session.scalars(sa.select(SettingChange).order_by(SettingChange.id)).all()
    assert [(h.value, h.changed_by, h.changed_at) for h in history] == [
        (20, "admin:1", NOON),
        (30, "admin:2", NOON + days(1)),
    ]


def test_a_change_leaves_an_audit_entry_with_before_and_after(session):
    change(GUARD_DAYS.key, 20)
    change(GUARD_DAYS.key, 30)

    entries = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(e.action, e.actor, e.before, e.after) for e in entries] == [
        ("settings.change", "admin:1", {GUARD_DAYS.key: 15}, {GUARD_DAYS.key: 20}),
        ("settings.change", "admin:1", {GUARD_DAYS.key: 20}, {GUARD_DAYS.key: 30}),
    ]


def test_the_value_in_force_again_is_no_change(session):
    change(GUARD_DAYS.key, 15)

    assert (count_of(SettingChange), count_of(AuditEntry)) == (0, 0)


def test_an_unknown_setting_is_not_found(session):
    with pytest.raises(NotFound, match="没有这项设置"):
        change("shop.colour", "red")

    assert count_of(SettingChange) == 0


def test_the_guard_is_never_shorter_than_ten_days(session):
    with pytest.raises(InvalidInput) as refused:
        change(GUARD_DAYS.key, 9)

    assert refused.value.message == "收货后佣金结算等待期不能小于 10 天"
    assert refused.value.field == "commission.guard_days"
    assert settings.value(GUARD_DAYS) == 15
    change(GUARD_DAYS.key, 10)
    assert settings.value(GUARD_DAYS) == 10


BOUNDED = [item for item in ALL.values() if item.least is not None]


@pytest.mark.parametrize("item", BOUNDED, ids=[item.key for item in BOUNDED])
def test_a_number_keeps_to_its_bounds(session, item: Setting[int]):
    for outside, words in (
        (item.least - 1, f"{item.title}不能小于 {item.least} {item.unit}"),
        (item.most + 1, f"{item.title}不能大于 {item.most} {item.unit}"),
    ):
        with pytest.raises(InvalidInput) as refused:
            change(item.key, outside)
        assert (refused.value.field, refused.value.message) == (item.key, words)
        assert settings.value(item) == item.default
    for inside in (item.least, item.most):
        change(item.key, inside)
        assert settings.value(item) == inside


@pytest.mark.parametrize("item", BOUNDED, ids=[item.key for item in BOUNDED])
@pytest.mark.parametrize("wrong", [True, "20", 20.0, None, [20]], ids=repr)
def test_a_number_is_nothing_else(session, item, wrong):
    with pytest.raises(InvalidInput) as refused:
        change(item.key, wrong)

    assert (refused.value.field, refused.value.message) == (item.key, f"{item.title}的格式不正确")
    assert count_of(SettingChange) == 0


def test_a_yes_or_no_is_no_number():
    switch = Setting("test.switch", default=False, title="开关")

    assert switch.check(True) is True
    with pytest.raises(InvalidInput, match="开关的格式不正确"):
        switch.check(1)


@pytest.mark.parametrize("mode", ["", "closed", "REVIEW"])
def test_a_choice_is_one_of_its_choices(session, mode):
    with pytest.raises(InvalidInput, match="成为分销员的方式不在可选范围内") as refused:
        change(JOIN_MODE.key, mode)

    assert refused.value.field == JOIN_MODE.key
    assert settings.value(JOIN_MODE) == "review"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("shop.name", ""),
        ("shop.name", "店" * 21),
        ("shop.name", "一行\n两行"),
        ("shop.brand_colour", "red"),
        ("shop.brand_colour", "#E6432"),
        ("shop.brand_colour", "#E6432D;x"),
        ("shop.brand_colour", "#E6432D\n"),
    ],
)
def test_a_text_keeps_to_its_form(session, key, text):
    with pytest.raises(InvalidInput) as refused:
        change(key, text)

    assert refused.value.field == key
    assert settings.value(ALL[key]) == ALL[key].default


def test_a_text_that_fits_is_taken(session):
    change(SHOP_NAME.key, "山里茶铺")

    assert settings.value(SHOP_NAME) == "山里茶铺"


@pytest.mark.parametrize("item", ALL.values(), ids=list(ALL))
def test_each_default_may_be_stored(item):
    assert item.check(item.default) == item.default
    assert item.title


# --- by two people -----------------------------------------------------------------


LIMIT = WITHDRAW_MAX_FEN.key
ASKS, AGREES = ADMIN, ADMIN2


def proposed(value: int = 500_00) -> settings.SettingProposal:
    row: settings.SettingProposal = run_unit(settings.propose, LIMIT, value, actor=ASKS, now=NOON)
    return row


def decided(row: settings.SettingProposal, actor, *, agrees: bool = True) -> None:
    run_unit(settings.decide, row.id, agrees=agrees, actor=actor, now=NOON)


def test_a_proposed_value_is_in_force_once_another_agreed(session):
    row = proposed()
    waits = settings.value(WITHDRAW_MAX_FEN)
    decided(row, AGREES)

    assert (waits, settings.value(WITHDRAW_MAX_FEN)) == (200_00, 500_00)
    assert settings.open_proposals() == []
    assert (row.is_agreed, row.decided_by) == (True, AGREES.ref)
    assert settings.history(LIMIT)[0].changed_by == AGREES.ref


def test_nobody_agrees_to_their_own(session):
    row = proposed()

    with pytest.raises(settings.OwnProposal):
        decided(row, ASKS)

    assert settings.value(WITHDRAW_MAX_FEN) == 200_00
    assert [r.id for r in settings.open_proposals()] == [row.id]


@pytest.mark.parametrize("actor", [ASKS, AGREES])
def test_a_refused_one_changes_nothing_and_makes_room(session, actor):
    decided(proposed(), actor, agrees=False)

    assert settings.value(WITHDRAW_MAX_FEN) == 200_00
    assert proposed(600_00).open_key == LIMIT


def test_one_waits_at_a_time(session):
    first = proposed()

    with pytest.raises(IllegalMove, match="等待确认"):
        proposed(600_00)

    assert [r.id for r in settings.open_proposals()] == [first.id]


def test_what_was_decided_is_decided_once(session):
    row = proposed()
    decided(row, AGREES)

    with pytest.raises(IllegalMove, match="已经处理过"):
        decided(row, AGREES, agrees=False)

    assert settings.value(WITHDRAW_MAX_FEN) == 500_00


def test_a_value_that_moved_meanwhile_is_not_overwritten(session):
    row = proposed()
    change(LIMIT, 300_00)

    with pytest.raises(settings.SettingMoved):
        decided(row, AGREES)

    assert settings.value(WITHDRAW_MAX_FEN) == 300_00
    assert [r.id for r in settings.open_proposals()] == [row.id]


@pytest.mark.parametrize(("value", "says"), [(5, "不能小于"), (200_00, "没有需要改的")])
def test_what_could_never_come_in_force_is_not_proposed(session, value, says):
    with pytest.raises(InvalidInput, match=says) as refused:
        proposed(value)

    assert refused.value.field == LIMIT
    assert settings.open_proposals() == []
