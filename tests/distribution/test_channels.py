"""Channels: making and changing them, whom they bind, what counts for them."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app import audit, distribution, members, reports
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput, NotFound
from app.distribution import AttemptResult, BindingAttempt, channels
from app.distribution.channels import (
    Channel,
    ChannelInput,
    ChannelMember,
    Outcome,
    Ration,
    RationUsedUp,
    Scan,
    ScanSource,
    SceneRation,
    Taken,
    models,
)
from app.members import Member
from app.reports import ChannelFigures
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    code_of,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    notice_for,
    paid_order,
    place_order,
)
from tests.factories import take as take_payment
from tests.threads import behind, together

A = AttemptResult


def create(name: str = "西湖店", **given) -> Channel:
    typed = {"kind": "shop", **given}
    with transaction():
        return channels.create(ChannelInput(name, **typed), actor=ADMIN, now=NOON)


def take(member: Member, code: str, source=ScanSource.SCAN, now=NOON) -> Taken:
    return run_unit(channels.take, member.id, code=code, source=source, now=now)


def rows(model) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def newest_scan() -> Scan:
    return channels.scans_page().items[0]


def use(count: int) -> None:
    with transaction():
        db.session.add(SceneRation(id=1, used=count))


def acts(action: str) -> list[audit.AuditEntry]:
    return list(db.session.scalars(sa.select(audit.AuditEntry).filter_by(action=action)))


# --- making and changing ------------------------------------------------------------


def test_a_channel_is_made_with_a_code_that_no_referral_code_can_be(session):
    owner = make_distributor("陈梅")

    made = create("  西湖店 收银台 ", owner=code_of(owner).lower(), note=" 门口 ")

    assert (made.name, made.note, made.owner_id) == ("西湖店 收银台", "门口", owner.id)
    assert (made.is_active, made.is_permanent) == (True, False)
    assert made.code.startswith("CH-")
    assert len(made.code) == 13
    assert distribution.code_owner(made.code) is None
    (act,) = acts("channel.create")
    assert act.after == {
        "channel": "西湖店 收银台",
        "channel_kind": "shop",
        "is_permanent": False,
        "owner": code_of(owner),
        "note": "门口",
    }


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "店" * 41}, "name"),
        ({"name": "ＫＦＣ店"}, "name"),
        ({"kind": "moon"}, "kind"),
        ({"kind": ""}, "kind"),
        ({"note": "长" * 201}, "note"),
        ({"owner": "NOSUCH23"}, "owner"),
        ({"owner": "A" * 17}, "owner"),
        ({"owner": "CH-ABCDEFGHJK"}, "owner"),
    ],
)
def test_what_cannot_be_a_channel_is_refused_and_takes_no_number(session, given, field):
    create("kfc店")

    with pytest.raises(InvalidInput) as refused:
        create(**{"name": "新店", "is_permanent": True, **given})

    assert refused.value.field == field
    assert rows(Channel) == 1
    assert channels.ration().used == 0
    assert len(acts("channel.create")) == 1


def test_a_suspended_distributor_cannot_own_a_channel(session):
    owner = make_distributor()
    code = code_of(owner)
    with transaction():
        seat = distribution.distributor_of(owner.id)
        distribution.suspend(seat.id, reason="核查", actor=ADMIN, now=NOON)

    with pytest.raises(InvalidInput) as refused:
        create(owner=code)

    assert refused.value.field == "owner"
    assert rows(Channel) == 0


def test_renaming_keeps_the_code_and_leaves_an_entry(session):
    made = create("西湖店")
    code = made.code

    with transaction():
        channels.change(made.id, name="滨江店", note="新址", actor=ADMIN, now=NOON)

    found = channels.get(made.id)
    assert (found.name, found.note, found.code) == ("滨江店", "新址", code)
    (act,) = acts("channel.change")
    assert act.before == {"channel": "西湖店", "note": ""}
    assert act.after == {"channel": "滨江店", "note": "新址"}


def test_nothing_changed_leaves_no_entry(session):
    made = create("西湖店")

    with transaction():
        channels.change(made.id, name="西湖店", note="", actor=ADMIN, now=NOON)
        channels.start(made.id, actor=ADMIN, now=NOON)

    assert (acts("channel.change"), acts("channel.start")) == ([], [])


def test_a_name_of_another_channel_is_refused(session):
    create("西湖店")
    other = create("滨江店")

    with pytest.raises(InvalidInput) as refused, transaction():
        channels.change(other.id, name="西湖店", note="", actor=ADMIN, now=NOON)

    assert refused.value.field == "name"
    assert channels.get(other.id).name == "滨江店"
    assert acts("channel.change") == []


def test_what_is_not_there_cannot_be_changed(session):
    with pytest.raises(NotFound), transaction():
        channels.change(9, name="店", note="", actor=ADMIN, now=NOON)
    with pytest.raises(NotFound), transaction():
        channels.stop(9, actor=ADMIN, now=NOON)
    with pytest.raises(NotFound):
        channels.get(9)

    assert rows(audit.AuditEntry) == 0


def test_stopping_and_starting_leave_entries(session):
    made = create()

    with transaction():
        channels.stop(made.id, actor=ADMIN, now=NOON)
    assert channels.counts_by_state() == {False: 1}

    with transaction():
        channels.start(made.id, actor=ADMIN, now=NOON)
    assert channels.counts_by_state() == {True: 1}
    assert [a.after for a in acts("channel.stop")] == [{"is_active": False}]
    assert [a.after for a in acts("channel.start")] == [{"is_active": True}]


# --- permanent scenes ----------------------------------------------------------------


def test_permanent_channels_are_counted_also_when_stopped(session):
    made = create("一店", is_permanent=True)
    create("二店", is_permanent=True)
    create("三店")

    with transaction():
        channels.stop(made.id, actor=ADMIN, now=NOON)

    assert channels.ration() == Ration(2, 100_000)


@pytest.mark.parametrize(
    ("used", "is_short", "is_used_up"),
    [(89_999, False, False), (90_000, True, False), (99_999, True, False), (100_000, True, True)],
)
def test_the_warning_begins_at_nine_tenths(session, used, is_short, is_used_up):
    use(used)

    assert (channels.ration().is_short, channels.ration().is_used_up) == (is_short, is_used_up)


def test_the_hundred_thousandth_is_the_last(session):
    use(99_999)
    create("最后一个", is_permanent=True)

    with pytest.raises(RationUsedUp):
        create("再来一个", is_permanent=True)

    assert channels.ration().used == 100_000
    assert [c.name for c in channels.channels_page().items] == ["最后一个"]
    assert create("临时的").is_permanent is False


def test_the_database_refuses_more_than_there_are(session):
    with pytest.raises(DBAPIError):
        use(models.PERMANENT_MAX + 1)


@pytest.mark.mariadb_only
@pytest.mark.parametrize("left", [1, 3])
def test_of_many_at_once_as_many_as_are_left_get_a_number(live, left):
    use(100_000 - left)

    found = together(live, [lambda n=n: run_unit(_permanent, f"店{n}") for n in range(left + 5)])

    assert sum(isinstance(x, int) for x in found) == left, found
    assert sum(isinstance(x, RationUsedUp) for x in found) == 5
    assert channels.ration().used == 100_000
    assert rows(Channel) == left


@pytest.mark.mariadb_only
def test_the_first_ones_at_once_are_all_counted(live):
    found = together(live, [lambda n=n: run_unit(_permanent, f"店{n}") for n in range(5)])

    assert all(isinstance(x, int) for x in found), found
    assert (channels.ration().used, rows(Channel)) == (5, 5)


@pytest.mark.mariadb_only
def test_two_channels_at_once_leave_a_member_the_one_that_was_first(live):
    visitor = make_member().id
    codes = [create(name).code for name in ("一店", "二店")]
    db.session.rollback()

    def visit(code: str) -> Taken:
        return channels.take(visitor, code=code, source=ScanSource.SCAN, now=NOON)

    second = behind(live, lambda: visit(codes[0]), lambda: run_unit(visit, codes[1]))

    assert second == Taken(Outcome.COUNTED)
    assert channels.get(db.session.get(ChannelMember, visitor).channel_id).code == codes[0]
    assert rows(Scan) == 2


def _permanent(name: str) -> int:
    given = ChannelInput(name, "shop", is_permanent=True)
    return channels.create(given, actor=ADMIN, now=NOON).id


def test_the_job_makes_what_is_missing_and_what_ends_soon(session):
    kept, lasting, fresh, ending, never, stopped = (
        create(name, is_permanent=name.startswith("永久")).id
        for name in ("永久", "永久待做", "新的", "快到期", "还早", "停用")
    )
    with transaction():
        for row, days in ((ending, 2), (never, 20)):
            channels.keep_scene(row, ticket="t", url="u", lasts=timedelta(days=days), now=NOON)
        channels.keep_scene(kept, ticket="t", url="u", lasts=None, now=NOON)
        channels.stop(stopped, actor=ADMIN, now=NOON)

    assert channels.to_make(NOON) == [fresh, ending, lasting]
    assert channels.get(kept).works_at(NOON + timedelta(days=3650))
    assert channels.get(ending).works_at(NOON + timedelta(days=1))
    assert not channels.get(ending).works_at(NOON + timedelta(days=2))
    assert not channels.get(fresh).works_at(NOON)


# --- scans ---------------------------------------------------------------------------


def test_a_channel_with_an_owner_binds_and_counts(session):
    owner, visitor = make_distributor("陈梅"), make_member()
    made = create(owner=code_of(owner))

    taken = take(visitor, made.code, ScanSource.FOLLOW)

    assert taken == Taken(Outcome.TRIED, A.BOUND)
    assert members.get(visitor.id).upline1_id == owner.id
    scan = newest_scan()
    assert (scan.channel_id, scan.member_id) == (made.id, visitor.id)
    assert (scan.source, scan.result) == (ScanSource.FOLLOW, "bound")
    assert scan.attempt.code == made.code
    assert db.session.get(ChannelMember, visitor.id).channel_id == made.id


def test_a_channel_without_an_owner_counts_and_binds_nobody(session):
    visitor = make_member()
    made = create()

    taken = take(visitor, made.code.lower())

    assert taken == Taken(Outcome.COUNTED)
    assert members.get(visitor.id).upline1_id is None
    assert newest_scan().result == "counted"
    assert rows(BindingAttempt) == 0
    assert db.session.get(ChannelMember, visitor.id).channel_id == made.id


@pytest.mark.parametrize(("to_same", "result"), [(True, "bound_same"), (False, "already_bound")])
def test_a_bound_member_stays_where_they_are_and_the_scan_says_whose(session, to_same, result):
    owner, other, visitor = make_distributor(), make_distributor(), make_member()
    upline = owner if to_same else other
    bind(visitor, upline)
    made = create(owner=code_of(owner))

    taken = take(visitor, made.code)

    assert taken.attempt is A.ALREADY_BOUND
    assert members.get(visitor.id).upline1_id == upline.id
    assert newest_scan().result == result
    assert newest_scan().attempt.upline_id == upline.id


def test_an_owner_does_not_count_for_the_own_channel(session):
    owner = make_distributor()
    made = create(owner=code_of(owner))

    taken = take(owner, made.code)

    assert taken == Taken(Outcome.TRIED, A.OWN_CODE)
    assert newest_scan().result == "own_code"
    assert rows(ChannelMember) == 0


def test_an_inactive_owner_binds_nobody_and_the_channel_still_counts(session):
    owner, visitor = make_distributor(), make_member()
    made = create(owner=code_of(owner))
    with transaction():
        seat = distribution.distributor_of(owner.id)
        distribution.suspend(seat.id, reason="核查", actor=ADMIN, now=NOON)

    taken = take(visitor, made.code)

    assert taken == Taken(Outcome.TRIED, A.OWNER_INACTIVE)
    assert members.get(visitor.id).upline1_id is None
    assert db.session.get(ChannelMember, visitor.id).channel_id == made.id


def test_a_stopped_channel_binds_and_counts_nobody(session):
    owner, visitor = make_distributor(), make_member()
    made = create(owner=code_of(owner))
    with transaction():
        channels.stop(made.id, actor=ADMIN, now=NOON)

    taken = take(visitor, made.code)

    assert taken == Taken(Outcome.STOPPED)
    assert members.get(visitor.id).upline1_id is None
    assert (newest_scan().result, newest_scan().channel_id) == ("stopped", made.id)
    assert (rows(BindingAttempt), rows(ChannelMember)) == (0, 0)


@pytest.mark.parametrize("code", ["CH-NOSUCHCODE", "CH-", "CH-" + "A" * 60, "FORGED99", ""])
def test_an_unknown_code_is_kept_and_does_nothing(session, code):
    visitor = make_member()
    create()

    taken = take(visitor, code)

    assert taken == Taken(Outcome.TRIED, A.UNKNOWN_CODE)
    assert (newest_scan().result, newest_scan().channel_id) == ("unknown_code", None)
    assert rows(ChannelMember) == 0


def test_a_referral_code_is_recorded_with_its_attempt_only(session):
    owner, visitor = make_distributor(), make_member()

    take(visitor, code_of(owner), ScanSource.LINK)

    scan = newest_scan()
    assert (scan.channel_id, scan.code, scan.result) == (None, "", "bound")
    assert (scan.attempt.owner_id, scan.attempt.code) == (owner.id, code_of(owner))
    assert rows(ChannelMember) == 0


def test_the_first_channel_counts_for_good(session):
    visitor = make_member()
    first, second = create("一店"), create("二店")

    take(visitor, first.code)
    take(visitor, second.code)

    assert db.session.get(ChannelMember, visitor.id).channel_id == first.id
    assert rows(Scan) == 2


def test_a_snapshot_user_is_recorded_once_and_nobody_is_made(session):
    owner = make_distributor()
    made = create(owner=code_of(owner))
    before = rows(Member)

    for _ in range(2):
        run_unit(channels.take_snapshot, "oVirtual", code=made.code, dedupe_key="login", now=NOON)

    scan = newest_scan()
    assert rows(Scan) == 1
    assert (scan.openid, scan.member_id, scan.channel_id) == ("oVirtual", None, made.id)
    assert (scan.result, scan.owner_id, scan.code) == ("snapshot", owner.id, made.code)
    assert (rows(Member), rows(BindingAttempt), rows(ChannelMember)) == (before, 0, 0)


# --- figures -------------------------------------------------------------------------

EVENING = datetime(2026, 11, 21, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
MIDNIGHT = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)  # the next day's 00:00
DAY, NEXT = date(2026, 11, 21), date(2026, 11, 22)


def test_a_day_ends_at_midnight_in_shanghai(session):
    made = create()
    for source, now in (
        (ScanSource.FOLLOW, EVENING),
        (ScanSource.SCAN, EVENING),
        (ScanSource.LINK, MIDNIGHT),
    ):
        take(make_member(), made.code, source, now)

    assert reports.channel_days(made.id, DAY, NEXT) == {
        DAY: ChannelFigures(scans=2, follows=1, members=2),
        NEXT: ChannelFigures(scans=1, follows=0, members=1),
    }


def test_sales_are_what_members_of_the_channel_paid_from_then_on(session):
    make_plan()
    sku = make_sku(price_fen=128_00)
    visitor, stranger = make_member(), make_member()
    made, other = create("一店"), create("二店")
    paid_order(visitor, sku, now=NOON)
    take(visitor, made.code, now=NOON + timedelta(hours=1))
    take(visitor, other.code, now=NOON + timedelta(hours=2))

    paid_order(visitor, sku, 2, now=EVENING)
    paid_order(visitor, sku, now=MIDNIGHT)
    paid_order(stranger, sku, now=MIDNIGHT)

    days = reports.channel_days(made.id, DAY, NEXT)
    assert (days[DAY].orders, days[DAY].sales_fen) == (1, 256_00)
    assert (days[NEXT].orders, days[NEXT].sales_fen) == (1, 128_00)
    assert reports.channel_totals([made.id, other.id]) == {
        made.id: ChannelFigures(scans=1, members=1, orders=2, sales_fen=384_00),
        other.id: ChannelFigures(scans=1),
    }


def test_a_payment_that_wechat_dates_before_the_scan_counts_by_its_order(session):
    make_plan()
    visitor, made = make_member(), create()
    take(visitor, made.code, now=NOON + timedelta(milliseconds=300))
    order = place_order(visitor, make_sku(), now=NOON + timedelta(milliseconds=600))

    take_payment(notice_for(order, now=NOON), now=NOON + timedelta(seconds=1))

    assert reports.channel_totals([made.id])[made.id].orders == 1


def test_an_order_made_before_the_scan_or_not_paid_does_not_count(session):
    make_plan()
    visitor, made = make_member(), create()
    before = place_order(visitor, make_sku(), now=NOON)
    take(visitor, made.code, now=NOON + timedelta(seconds=1))
    place_order(visitor, make_sku(), now=NOON + timedelta(seconds=2))

    take_payment(notice_for(before, now=NOON), now=NOON + timedelta(seconds=3))

    found = reports.channel_totals([made.id])[made.id]
    assert (found.orders, found.sales_fen) == (0, 0)


def test_a_span_has_every_day_and_nothing_from_outside(session):
    made = create()
    take(make_member(), made.code, now=NOON)

    days = reports.channel_days(made.id, NEXT, NEXT + timedelta(days=2))

    assert days == {NEXT + timedelta(days=n): ChannelFigures() for n in range(3)}
    assert reports.channel_totals([]) == {}
