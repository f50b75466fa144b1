"""The shop's rules of binding: when a code binds, who may be taken, and for how long."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import distribution, outbox, settings
from app.core.db import db, run_unit
from app.distribution import AttemptResult, BindingAttempt, BindingSource, channels
from app.distribution.channels import ScanSource
from app.members import Member
from app.orders import OrderSeat
from app.settings import registry
from tests.factories import (
    ADMIN,
    NOON,
    broken_invariants,
    code_of,
    days,
    make_distributor,
    make_member,
    make_sku,
    paid_order,
    place_order,
)

R = AttemptResult
SECOND = timedelta(seconds=1)


def rule(setting: settings.Setting, value: object) -> None:
    run_unit(settings.change, setting.key, value, actor=ADMIN, now=NOON)


def touch(member: Member, owner: Member, *, now=NOON, source=BindingSource.SCAN) -> AttemptResult:
    return run_unit(distribution.bind, member.id, code=code_of(owner), source=source, now=now)


def upline(member: Member) -> int | None:
    return db.session.scalar(sa.select(Member.upline1_id).filter_by(id=member.id))


def newest(member: Member) -> BindingAttempt:
    return distribution.binding_history(member.id)[0]


# --- the last touch -------------------------------------------------------------------


def test_with_the_last_touch_every_new_code_rebinds(session):
    rule(registry.BINDING_POLICY, "last_touch")
    first, second, member = make_distributor(), make_distributor(), make_member()
    assert touch(member, first) is R.BOUND

    assert touch(member, second, now=NOON + days(1)) is R.REBOUND

    row = db.session.get_one(Member, member.id)
    assert (row.upline1_id, row.bound_at) == (second.id, NOON + days(1))
    assert newest(member).upline_id == first.id
    assert broken_invariants() == {}


def test_the_same_code_again_changes_nothing(session):
    rule(registry.BINDING_POLICY, "last_touch")
    owner, member = make_distributor(), make_member()
    touch(member, owner)

    assert touch(member, owner, now=NOON + days(1)) is R.ALREADY_BOUND

    assert db.session.get_one(Member, member.id).bound_at == NOON


def test_a_rebinding_is_news_each_time(session):
    rule(registry.BINDING_POLICY, "last_touch")
    first, second, member = make_distributor(), make_distributor(), make_member()
    seen: list[int] = []
    outbox.subscribe("member_moved", "test.moved", lambda i, now: seen.append(i))
    try:
        touch(member, first)
        touch(member, second)
        touch(member, first)
        outbox.drain(NOON)
    finally:
        outbox.service._subscribers.pop(("member_moved", "test.moved"))

    rows = list(reversed(distribution.binding_history(member.id)))
    assert seen == [rows[1].id, rows[2].id]


def test_a_distributor_is_not_taken_away_by_a_code(session):
    rule(registry.BINDING_POLICY, "last_touch")
    first, second = make_distributor(), make_distributor()
    member = make_distributor(under=first)

    assert touch(member, second) is R.DISTRIBUTOR_STAYS

    assert upline(member) == first.id


def test_where_the_shop_says_so_a_distributor_moves_with_the_team(session):
    rule(registry.BINDING_POLICY, "last_touch")
    rule(registry.BINDING_MOVES_DISTRIBUTORS, True)
    first, top = make_distributor(), make_distributor()
    second = make_distributor(under=top)
    member = make_distributor(under=first)
    below = make_distributor(under=member)
    deep = make_distributor(under=below)

    assert touch(member, second) is R.REBOUND

    rows = {m.id: db.session.get_one(Member, m.id) for m in (member, below, deep)}
    assert [(r.upline1_id, r.upline2_id, r.upline3_id) for r in rows.values()] == [
        (second.id, top.id, None),
        (member.id, second.id, top.id),
        (below.id, member.id, second.id),
    ]
    assert broken_invariants() == {}


def test_nobody_moves_under_their_own_downline_however_deep(session):
    rule(registry.BINDING_POLICY, "last_touch")
    rule(registry.BINDING_MOVES_DISTRIBUTORS, True)
    root = make_distributor()
    member = make_distributor(under=root)
    chain = [member]
    for _ in range(5):
        chain.append(make_distributor(under=chain[-1]))

    assert touch(member, chain[-1]) is R.OWN_DOWNLINE

    assert upline(member) == root.id
    assert broken_invariants() == {}


# --- protection -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "result"),
    [
        (days(15) - SECOND, R.PROTECTED),
        (days(15), R.REBOUND),
    ],
)
def test_nobody_is_taken_while_they_are_protected(session, after, result):
    rule(registry.BINDING_POLICY, "protected")
    first, second, member = make_distributor(), make_distributor(), make_member()
    touch(member, first)

    assert touch(member, second, now=NOON + after) is result

    assert upline(member) == (second.id if result is R.REBOUND else first.id)


def test_the_history_says_until_when_somebody_is_protected(session):
    rule(registry.BINDING_POLICY, "protected")
    first, second, member = make_distributor(), make_distributor(), make_member()
    touch(member, first)

    touch(member, second)

    assert (newest(member).note, newest(member).upline_id) == ("保护到 2026-12-06 12:00", first.id)


def test_a_paid_order_protects_anew(session):
    rule(registry.BINDING_POLICY, "protected")
    first, second, member = make_distributor(), make_distributor(), make_member()
    touch(member, first)
    paid_order(member, make_sku(), now=NOON + days(10))

    assert touch(member, second, now=NOON + days(25) - SECOND) is R.PROTECTED
    assert touch(member, second, now=NOON + days(25)) is R.REBOUND


def test_an_order_that_is_not_paid_protects_nobody(session):
    rule(registry.BINDING_POLICY, "protected")
    first, second, member = make_distributor(), make_distributor(), make_member()
    touch(member, first)
    place_order(member, make_sku(), now=NOON + days(10))

    assert touch(member, second, now=NOON + days(15)) is R.REBOUND


def test_after_the_protection_the_upline_still_earns_until_somebody_else_binds(session):
    rule(registry.BINDING_POLICY, "protected")
    owner, member = make_distributor(), make_member()
    touch(member, owner)

    seats = distribution.chain(member, now=NOON + days(400))

    assert [seat.member_id for seat in seats] == [member.id, owner.id]


# --- validity -------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "earns"), [(days(30) - SECOND, True), (days(30), False)])
def test_an_order_copies_no_upline_of_a_binding_that_ended(session, after, earns):
    rule(registry.BINDING_VALID_DAYS, 30)
    owner = make_distributor(under=make_distributor())
    member = make_member()
    touch(member, owner)

    order = place_order(member, make_sku(), now=NOON + after)

    seats = db.session.scalars(
        sa.select(OrderSeat.member_id).filter_by(order_id=order.id).order_by(OrderSeat.position)
    ).all()
    above = db.session.get_one(Member, member.id)
    assert seats == ([member.id, above.upline1_id, above.upline2_id] if earns else [member.id])
    assert above.upline1_id == owner.id
    assert broken_invariants() == {}


@pytest.mark.parametrize("kind", ["permanent", "protected", "last_touch"])
@pytest.mark.parametrize("same", [True, False])
def test_whoever_comes_next_binds_anew_when_it_ended(session, kind, same):
    rule(registry.BINDING_POLICY, kind)
    rule(registry.BINDING_PROTECT_DAYS, 90)
    rule(registry.BINDING_VALID_DAYS, 30)
    first, second, member = make_distributor(), make_distributor(), make_member()
    touch(member, first)
    owner = first if same else second

    assert touch(member, owner, now=NOON + days(30)) is R.REBOUND

    row = db.session.get_one(Member, member.id)
    assert (row.upline1_id, row.bound_at) == (owner.id, NOON + days(30))


def test_a_first_touch_with_a_validity_stays_until_it_ends(session):
    rule(registry.BINDING_VALID_DAYS, 30)
    first, second, member = make_distributor(), make_distributor(), make_member()
    touch(member, first)

    assert touch(member, second, now=NOON + days(30) - SECOND) is R.ALREADY_BOUND

    assert upline(member) == first.id


def test_the_place_of_a_distributor_does_not_end(session):
    rule(registry.BINDING_VALID_DAYS, 30)
    owner, other = make_distributor(), make_distributor()
    member = make_distributor(under=owner)

    assert [s.member_id for s in distribution.chain(member, now=NOON + days(31))] == [
        member.id,
        owner.id,
    ]
    assert touch(member, other, now=NOON + days(31)) is R.DISTRIBUTOR_STAYS


# --- when -----------------------------------------------------------------------------


def test_where_only_scans_bind_a_link_binds_nobody(session):
    rule(registry.BINDING_MOMENT, "scan")
    owner, member = make_distributor(), make_member()

    assert touch(member, owner, source=BindingSource.LINK) is R.ONLY_BY_SCAN
    assert upline(member) is None
    assert touch(member, owner, source=BindingSource.SCAN) is R.BOUND


def seats_of(order_id: int) -> list[int]:
    query = sa.select(OrderSeat.member_id).filter_by(order_id=order_id)
    return list(db.session.scalars(query.order_by(OrderSeat.position)))


def test_a_code_kept_in_mind_binds_with_the_order_and_the_order_counts(session):
    rule(registry.BINDING_MOMENT, "order")
    owner, member = make_distributor(), make_member()
    assert touch(member, owner) is R.REMEMBERED
    assert upline(member) is None

    order = place_order(member, make_sku(), now=NOON + days(1))

    assert upline(member) == owner.id
    assert seats_of(order.id) == [member.id, owner.id]
    row = newest(member)
    assert (row.result, row.source, row.code) == (R.BOUND, BindingSource.ORDER, code_of(owner))


def test_of_two_codes_kept_in_mind_the_newest_counts(session):
    rule(registry.BINDING_MOMENT, "order")
    first, second, member = make_distributor(), make_distributor(), make_member()
    touch(member, first)
    touch(member, second)

    place_order(member, make_sku())

    assert upline(member) == second.id


def test_a_code_kept_in_mind_counts_once(session):
    rule(registry.BINDING_MOMENT, "order")
    rule(registry.BINDING_POLICY, "last_touch")
    first, second, member = make_distributor(), make_distributor(), make_member()
    touch(member, first)
    place_order(member, make_sku())
    touch(member, second)
    place_order(member, make_sku())
    count = len(distribution.binding_history(member.id))

    place_order(member, make_sku())

    assert upline(member) == second.id
    assert len(distribution.binding_history(member.id)) == count


def test_a_code_is_not_kept_in_mind_for_ever(session):
    rule(registry.BINDING_MOMENT, "order")
    owner, member = make_distributor(), make_member()
    touch(member, owner)

    order = place_order(member, make_sku(), now=NOON + days(30))

    assert upline(member) is None
    assert seats_of(order.id) == [member.id]


def test_a_channel_kept_in_mind_stays_the_source(session):
    rule(registry.BINDING_MOMENT, "order")
    owner, member = make_distributor(), make_member()
    channel = run_unit(
        channels.create,
        channels.ChannelInput("秋日市集", "campaign", owner=code_of(owner)),
        actor=ADMIN,
        now=NOON,
    )
    run_unit(channels.take, member.id, code=channel.code, source=ScanSource.SCAN, now=NOON)

    place_order(member, make_sku())

    row = newest(member)
    assert (row.result, row.channel_id, row.code) == (R.BOUND, channel.id, channel.code)


def test_an_order_binds_nobody_where_codes_bind_at_once(session):
    owner, member = make_distributor(), make_member()
    rule(registry.BINDING_MOMENT, "order")
    touch(member, owner)
    rule(registry.BINDING_MOMENT, "visit")

    place_order(member, make_sku())

    assert upline(member) is None


# --- buyers ---------------------------------------------------------------------------


def test_a_buyer_does_not_bind_after_the_fact(session):
    owner, member = make_distributor(), make_member()
    order = paid_order(member, make_sku())

    assert touch(member, owner) is R.BOUND

    assert seats_of(order.id) == [member.id]


def test_where_the_shop_says_so_buyers_are_not_bound_at_all(session):
    rule(registry.BINDING_BUYERS, False)
    owner, member = make_distributor(), make_member()
    paid_order(member, make_sku())

    assert touch(member, owner) is R.BOUGHT_BEFORE

    assert upline(member) is None


def test_whoever_bought_nothing_is_bound_in_any_shop(session):
    rule(registry.BINDING_BUYERS, False)
    owner, member = make_distributor(), make_member()
    place_order(member, make_sku())

    assert touch(member, owner) is R.BOUND


# --- machines -------------------------------------------------------------------------


def test_a_machine_with_a_members_session_binds_and_counts_nobody(session):
    owner, member = make_distributor(), make_member()
    channel = run_unit(
        channels.create,
        channels.ChannelInput("秋日市集", "campaign", owner=code_of(owner)),
        actor=ADMIN,
        now=NOON,
    )

    taken = run_unit(
        channels.take,
        member.id,
        code=channel.code,
        source=ScanSource.LINK,
        now=NOON,
        by_machine=True,
    )

    assert taken.attempt is R.CRAWLER
    assert upline(member) is None
    assert db.session.scalar(sa.select(sa.func.count()).select_from(channels.ChannelMember)) == 0
