"""Care about abuse: each suspicion with its evidence, its hold, and a person's answer."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import distribution, members, outbox, risk, settings
from app.audit import AuditEntry
from app.commission import Commission
from app.core.db import db, run_unit, transaction
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.distribution import DistributorStatus, moves
from app.members import AddressInput
from app.risk import RiskFlag, RiskKind, RiskState, traces
from app.risk.models import RiskTrace
from tests.commission.ground import finish, settle
from tests.factories import (
    ADMIN,
    ADMIN2,
    NOON,
    bind,
    days,
    distributor,
    make_address,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    notice_for,
    paid_order,
    place_order,
    received_order,
    take,
)

LATER = NOON + days(40)
AT_HOME = AddressInput("周周", "13900001111", "浙江省杭州市西湖区", "文三路 9 号")


def flags() -> list[RiskFlag]:
    return list(db.session.scalars(sa.select(RiskFlag).order_by(RiskFlag.id)))


def codes(flag: RiskFlag) -> list[str]:
    return [item["code"] for item in flag.evidence]


def lives_at(member, given: AddressInput = AT_HOME) -> None:
    run_unit(members.add_address, member.id, given, now=NOON)


def about(flag: RiskFlag) -> dict[int, bool]:
    return {row.member_id: row.is_held for row in risk.named_in([flag.id])[flag.id]}


def matured(buyer) -> None:
    finish(received_order(buyer, make_sku()))


@pytest.fixture
def pair(session):
    """A distributor, and a buyer of theirs who gives the same phone and door."""
    make_plan()
    owner, buyer = make_distributor("陈梅"), make_member("陈梅小号")
    bind(buyer, owner)
    lives_at(owner)
    lives_at(buyer)
    return owner, buyer


# --- a second account --------------------------------------------------------------


def test_the_distributors_own_phone_and_door_raise_a_flag(pair):
    owner, buyer = pair

    order = paid_order(buyer, make_sku())

    [flag] = flags()
    assert (flag.kind, flag.state, codes(flag)) == (
        RiskKind.SELF_REFERRAL,
        RiskState.OPEN,
        ["phone", "address"],
    )
    assert flag.evidence[0]["text"] == f"订单 {order.number} 的收货手机号与分销员的相同"
    assert about(flag) == {owner.id: True, buyer.id: False}


def test_a_phone_of_the_application_counts(session):
    make_plan()
    owner, buyer = make_distributor(), make_member()
    bind(buyer, owner)
    lives_at(buyer)
    with transaction():
        distributor(owner).phone_hash = traces.phone_digest(AT_HOME.phone)

    paid_order(buyer, make_sku())

    assert [codes(flag) for flag in flags()] == [["phone"]]


def test_a_phone_the_distributor_once_ordered_with_counts(session):
    make_plan()
    owner, buyer = make_distributor(), make_member()
    bind(buyer, owner)
    lives_at(owner)
    paid_order(owner, make_sku())
    run_unit(members.delete_address, owner.id, make_address(owner).id)
    lives_at(buyer)

    paid_order(buyer, make_sku())

    assert [codes(flag) for flag in flags()] == [["phone", "address"]]


def test_spaces_do_not_hide_a_door(pair):
    owner, buyer = make_distributor(), make_member()
    bind(buyer, owner)
    lives_at(owner)
    lives_at(buyer, AddressInput("别人", "13600002222", "浙江省 杭州市 西湖区", " 文三路9号 "))

    paid_order(buyer, make_sku())

    assert [codes(flag) for flag in flags()] == [["address"]]


def test_other_people_raise_nothing(session):
    make_plan()
    owner, buyer = make_distributor(), make_member()
    bind(buyer, owner)
    lives_at(owner)
    lives_at(buyer, AddressInput("王芳", "13600002222", "浙江省杭州市西湖区", "文三路 10 号"))

    paid_order(buyer, make_sku())

    assert flags() == []


def test_whoever_earns_nothing_from_the_order_is_no_suspect(session):
    make_plan()
    owner, buyer = make_distributor(), make_member()
    lives_at(owner)
    lives_at(buyer)

    paid_order(buyer, make_sku())

    assert flags() == []


@pytest.mark.parametrize("whose", ["owner", "stranger"])
def test_who_paid_instead_of_the_buyer_is_evidence(session, whose):
    make_plan()
    owner, buyer = make_distributor(), make_member()
    bind(buyer, owner)
    order = place_order(buyer, make_sku())
    openid = owner.openid if whose == "owner" else "oSomebodyElse"

    take(notice_for(order, openid=openid))
    outbox.drain(NOON)

    [flag] = flags()
    said = {
        "owner": f"订单 {order.number} 由分销员本人的微信付款",
        "stranger": f"订单 {order.number} 的付款微信不是下单会员本人",
    }
    assert [item["text"] for item in flag.evidence] == [said[whose]]


def test_the_same_browser_is_evidence_when_somebody_is_bound(session):
    owner, guest = make_distributor(), make_member()
    for member in (owner, guest):
        run_unit(risk.note_device, member.id, "browser-1", now=NOON)

    bind(guest, owner)
    outbox.drain(NOON)

    assert [(flag.kind, codes(flag)) for flag in flags()] == [(RiskKind.SELF_REFERRAL, ["device"])]


def test_another_browser_is_none(session):
    owner, guest = make_distributor(), make_member()
    run_unit(risk.note_device, owner.id, "browser-1", now=NOON)
    run_unit(risk.note_device, guest.id, "browser-2", now=NOON)

    bind(guest, owner)
    outbox.drain(NOON)

    assert flags() == []


def test_nothing_readable_is_kept(pair):
    _, buyer = pair

    paid_order(buyer, make_sku())

    kept = db.session.scalars(sa.select(RiskTrace.digest).filter_by(member_id=buyer.id)).all()
    assert sorted(map(len, kept)) == [64, 64]
    assert AT_HOME.phone not in "".join(kept)


# --- bursts ------------------------------------------------------------------------


def rush(owner, count: int, *, apart: timedelta = timedelta(seconds=1)) -> None:
    for number in range(count):
        at = NOON + apart * number
        bind(make_member(now=at), owner, now=at)
    outbox.drain(NOON + apart * count)


@pytest.fixture
def six_in_ten(session):
    with transaction():
        settings.change("risk.burst_binds", 5, actor=ADMIN, now=NOON)


def test_one_more_than_allowed_is_a_burst(six_in_ten):
    owner = make_distributor()

    rush(owner, 6)

    [flag] = flags()
    assert (flag.kind, about(flag)) == (RiskKind.BURST, {owner.id: True})
    assert flag.evidence[0]["text"] == "2026-11-21，10 分钟内新绑定超过 5 人"


def test_as_many_as_allowed_are_none(six_in_ten):
    rush(make_distributor(), 5)

    assert flags() == []


def test_the_same_number_slowly_is_none(six_in_ten):
    rush(make_distributor(), 8, apart=timedelta(minutes=2, seconds=1))

    assert flags() == []


def test_a_day_of_rush_is_one_flag(six_in_ten):
    rush(make_distributor(), 12)

    assert len(flags()) == 1


# --- rings -------------------------------------------------------------------------


def move_under(member, upline) -> None:
    expected = members.get(member.id).upline1_id
    if expected == (upline.id if upline else None):
        return
    run_unit(
        moves.move,
        moves.Wish(member.id, upline.id if upline else None, False),
        expected_upline_id=expected,
        reason="测试",
        actor=ADMIN,
        now=NOON,
    )


def test_two_who_earn_from_each_other_are_a_ring(session):
    make_plan()
    one, other = make_distributor(), make_distributor()
    bind(one, other)
    lives_at(other, AddressInput("王芳", "13600002222", "浙江省杭州市西湖区", "文三路 10 号"))
    paid_order(one, make_sku())
    assert flags() == []

    move_under(one, None)
    move_under(other, one)
    order = paid_order(other, make_sku())

    [flag] = flags()
    assert (flag.kind, about(flag)) == (RiskKind.RING, {one.id: True, other.id: True})
    assert flag.evidence[0]["text"] == (
        f"90 天内这 2 人互相购买并从对方的订单取得佣金，最近一单 {order.number}"
    )


def test_three_in_a_circle_are_a_ring(session):
    make_plan()
    people = [make_distributor() for _ in range(3)]
    for number, member in enumerate(people):
        lives_at(
            member,
            AddressInput("某人", f"1360000222{number}", "浙江省杭州市西湖区", f"{number} 号"),
        )
    for number, member in enumerate(people):
        for each in people:
            move_under(each, None)
        move_under(member, people[(number + 1) % 3])
        paid_order(member, make_sku())

    [flag] = flags()
    assert (flag.kind, set(about(flag))) == (RiskKind.RING, {member.id for member in people})


def test_purchases_long_ago_close_no_ring(session):
    make_plan()
    one, other = make_distributor(), make_distributor()
    bind(one, other)
    lives_at(other, AddressInput("王芳", "13600002222", "浙江省杭州市西湖区", "文三路 10 号"))
    paid_order(one, make_sku())
    move_under(one, None)
    move_under(other, one)

    paid_order(other, make_sku(), now=NOON + days(91))

    assert flags() == []


# --- held for a person -------------------------------------------------------------


def test_commissions_wait_while_it_is_open_and_go_with_the_next_run(pair):
    owner, buyer = pair
    matured(buyer)
    row = db.session.scalars(sa.select(Commission)).one()

    assert (settle(LATER).rows, risk.is_held(owner.id)) == (0, True)
    run_unit(risk.clear, flags()[0].id, reason="同住的家人", actor=ADMIN, now=LATER)

    assert (settle(LATER).rows, risk.is_held(owner.id)) == (1, False)
    db.session.refresh(row)
    assert row.settled_fen == 10_00


def test_others_are_settled_meanwhile(pair):
    _, buyer = pair
    matured(buyer)
    other, customer = make_distributor(), make_member()
    bind(customer, other)
    matured(customer)

    assert settle(LATER).rows == 1


def test_the_second_account_itself_is_not_held(pair):
    _, buyer = pair

    paid_order(buyer, make_sku())

    assert not risk.is_held(buyer.id)


def test_confirming_suspends_who_would_earn(pair):
    owner, buyer = pair
    matured(buyer)

    run_unit(risk.confirm, flags()[0].id, reason="小号自购", actor=ADMIN, now=LATER)

    assert distributor(owner).status is DistributorStatus.SUSPENDED
    assert distributor(owner).decision_note == "小号自购"
    assert (settle(LATER).rows, flags()[0].state) == (0, RiskState.CONFIRMED)


def test_confirming_leaves_who_was_suspended_before(pair):
    owner, buyer = pair
    paid_order(buyer, make_sku())
    run_unit(distribution.suspend, distributor(owner).id, reason="先停", actor=ADMIN, now=NOON)

    run_unit(risk.confirm, flags()[0].id, reason="小号自购", actor=ADMIN, now=LATER)

    assert distributor(owner).decision_note == "先停"
    assert flags()[0].state is RiskState.CONFIRMED


@pytest.mark.parametrize("act", [risk.clear, risk.confirm])
def test_a_second_answer_is_refused(pair, act):
    owner, buyer = pair
    paid_order(buyer, make_sku())
    run_unit(risk.clear, flags()[0].id, reason="同住的家人", actor=ADMIN, now=LATER)

    with pytest.raises(IllegalMove, match="已经处理过了"):
        run_unit(act, flags()[0].id, reason="再来一次", actor=ADMIN2, now=LATER)

    [flag] = flags()
    assert (flag.state, flag.reason, flag.decided_by) == (
        RiskState.CLEARED,
        "同住的家人",
        ADMIN.ref,
    )
    assert distributor(owner).status is DistributorStatus.APPROVED


@pytest.mark.parametrize("reason", ["", "  ", "长" * 201])
@pytest.mark.parametrize("act", [risk.clear, risk.confirm])
def test_an_answer_needs_a_reason(pair, act, reason):
    owner, buyer = pair
    paid_order(buyer, make_sku())

    with pytest.raises(InvalidInput):
        run_unit(act, flags()[0].id, reason=reason, actor=ADMIN, now=LATER)

    assert flags()[0].state is RiskState.OPEN
    assert distributor(owner).status is DistributorStatus.APPROVED


def test_what_is_not_there_cannot_be_answered(session):
    with pytest.raises(NotFound):
        run_unit(risk.clear, 999, reason="没有", actor=ADMIN, now=NOON)


def test_an_answer_is_audited(pair):
    _, buyer = pair
    paid_order(buyer, make_sku())

    run_unit(risk.clear, flags()[0].id, reason="同住的家人", actor=ADMIN, now=LATER)

    act = db.session.scalars(sa.select(AuditEntry).filter_by(action="risk.cleared")).one()
    assert (act.actor, act.reason, act.before, act.after) == (
        ADMIN.ref,
        "同住的家人",
        {"state": "open"},
        {"state": "cleared"},
    )


def test_more_of_the_same_adds_evidence_to_the_open_one(pair):
    _, buyer = pair

    paid_order(buyer, make_sku())
    paid_order(buyer, make_sku())

    assert [codes(flag) for flag in flags()] == [["phone", "address"] * 2]


def test_more_of_the_same_leaves_a_cleared_one_cleared(pair):
    owner, buyer = pair
    paid_order(buyer, make_sku())
    run_unit(risk.clear, flags()[0].id, reason="同住的家人", actor=ADMIN, now=LATER)

    paid_order(buyer, make_sku())

    assert flags()[0].state is RiskState.CLEARED
    assert not risk.is_held(owner.id)


def test_evidence_of_another_kind_opens_a_cleared_one_again(pair):
    owner, buyer = pair
    paid_order(buyer, make_sku())
    run_unit(risk.clear, flags()[0].id, reason="同住的家人", actor=ADMIN, now=LATER)
    for member in (owner, buyer):
        run_unit(risk.note_device, member.id, "browser-1", now=LATER)

    paid_order(buyer, make_sku())

    [flag] = flags()
    assert (flag.state, flag.decided_at, flag.decided_by) == (RiskState.OPEN, None, "")
    assert [item["text"] for item in flag.evidence][2] == "此前已排除：同住的家人"
    assert codes(flag)[-1] == "device"
    assert risk.is_held(owner.id)


def test_what_was_not_seen_for_a_year_goes(session):
    member = make_member()
    run_unit(risk.note_device, member.id, "old", now=NOON - days(366))
    run_unit(risk.note_device, member.id, "new", now=NOON - days(364))

    assert run_unit(risk.tidy, NOON) == 1
    assert len(db.session.scalars(sa.select(RiskTrace)).all()) == 1


def test_a_deleted_account_leaves_no_traces(pair):
    owner, _ = pair
    run_unit(risk.note_device, owner.id, "browser-1", now=NOON)

    run_unit(risk.forget, owner.id)

    assert db.session.scalars(sa.select(RiskTrace).filter_by(member_id=owner.id)).all() == []
