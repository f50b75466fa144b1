"""Becoming a distributor, being suspended, leaving."""

import pytest
import sqlalchemy as sa

from app import audit, distribution, ledger, settings
from app.audit import AuditEntry
from app.core.db import db, run_unit
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.distribution import Distributor, DistributorStatus
from app.distribution.errors import AlreadyDistributor, MoneyStillOpen
from app.members import Consent, Member
from tests.factories import (
    ADMIN,
    NOON,
    broken_invariants,
    days,
    give_available,
    make_distributor,
    make_member,
)
from tests.planting import plant

S = DistributorStatus


def apply(member: Member, *, statement: str = "", version: str | None = None) -> Distributor:
    return run_unit(
        distribution.apply,
        member.id,
        statement=statement,
        agreed_version=distribution.CONTRACT_VERSION if version is None else version,
        now=NOON,
    )


def approve(seat: Distributor) -> None:
    run_unit(distribution.approve, seat.id, actor=ADMIN, now=NOON, note="资料齐全")


def reject(seat: Distributor, reason: str = "资料不全") -> None:
    run_unit(distribution.reject, seat.id, reason=reason, actor=ADMIN, now=NOON)


def suspend(seat: Distributor, reason: str = "违规宣传") -> None:
    run_unit(distribution.suspend, seat.id, reason=reason, actor=ADMIN, now=NOON)


def restore(seat: Distributor) -> None:
    run_unit(distribution.restore, seat.id, actor=ADMIN, now=NOON)


def close(seat: Distributor) -> None:
    run_unit(distribution.close, seat.id, actor=ADMIN, now=NOON)


def seat_in(state: DistributorStatus) -> Distributor:
    if state is S.INVITED:
        member = make_member()
        return run_unit(distribution.invite, member.id, reason="老顾客", actor=ADMIN, now=NOON)
    seat = apply(make_member())
    steps = {
        S.APPLIED: [],
        S.REJECTED: [reject],
        S.APPROVED: [approve],
        S.SUSPENDED: [approve, suspend],
        S.CLOSED: [approve, close],
    }[state]
    for step in steps:
        step(seat)
    assert seat.status is state
    return seat


def path(seat: Distributor) -> list[str]:
    return [m.to_state for m in audit.moves_of("distributor", seat.id)]


def test_an_application_waits_for_a_reviewer(session):
    member = make_member()

    seat = apply(member, statement=" 我有三千位茶友 ")

    assert (seat.status, seat.statement, seat.applied_at) == (S.APPLIED, "我有三千位茶友", NOON)
    assert distribution.is_active(member.id) is False
    assert path(seat) == ["applied"]
    assert broken_invariants() == {}


def test_an_application_keeps_what_was_agreed_to(session):
    member = make_member()

    apply(member)

    consent = db.session.scalars(sa.select(Consent).filter_by(member_id=member.id)).one()
    assert (consent.document, consent.version) == (
        "distributor_contract",
        distribution.CONTRACT_VERSION,
    )
    assert len(consent.text_hash) == 64


@pytest.mark.parametrize("version", ["", "2020-01"])
def test_without_the_contract_in_force_nobody_applies(session, version):
    member = make_member()

    with pytest.raises(InvalidInput, match="请先阅读并同意《分销员合作约定》") as refused:
        apply(member, version=version)

    assert refused.value.field == "agreed"
    assert distribution.distributor_of(member.id) is None


def test_a_statement_that_is_too_long_is_refused(session):
    member = make_member()

    with pytest.raises(InvalidInput, match="申请说明最多 200 个字") as refused:
        apply(member, statement="字" * 201)

    assert refused.value.field == "statement"
    assert distribution.distributor_of(member.id) is None


def test_an_approved_distributor_is_active_and_has_a_code(session):
    seat = apply(make_member())

    approve(seat)

    assert (seat.status, seat.approved_at, seat.decision_note) == (S.APPROVED, NOON, "资料齐全")
    assert distribution.is_active(seat.member_id) is True
    code = run_unit(distribution.referral_code, seat.member_id, now=NOON).code
    assert distribution.code_owner(code) == seat.member_id
    assert path(seat) == ["applied", "approved"]
    entry = db.session.scalars(sa.select(AuditEntry)).one()
    assert (entry.action, entry.actor, entry.before, entry.after) == (
        "distributor.approved",
        "admin:1",
        {"status": "applied"},
        {"status": "approved"},
    )
    assert broken_invariants() == {}


def test_in_an_open_shop_an_application_is_approved_at_once(session):
    run_unit(settings.change, settings.registry.JOIN_MODE.key, "open", actor=ADMIN, now=NOON)

    seat = apply(make_member())

    assert seat.status is S.APPROVED
    assert [m.actor for m in audit.moves_of("distributor", seat.id)] == [
        f"member:{seat.member_id}",
        "system:join_mode",
    ]
    assert broken_invariants() == {}


def test_a_refused_applicant_reads_why_and_may_apply_again(session):
    member = make_member()
    seat = apply(member)
    reject(seat, " 请补充推广渠道 ")
    assert (seat.status, seat.decision_note) == (S.REJECTED, "请补充推广渠道")

    again = apply(member, statement="朋友圈")

    assert (again.id, again.status, again.statement) == (seat.id, S.APPLIED, "朋友圈")
    assert path(seat) == ["applied", "rejected", "applied"]
    assert broken_invariants() == {}


@pytest.mark.parametrize("state", [S.APPLIED, S.APPROVED, S.SUSPENDED, S.CLOSED])
def test_whoever_stands_already_does_not_apply_again(session, state):
    seat = seat_in(state)
    moves = path(seat)

    with pytest.raises(AlreadyDistributor, match="你已经是分销员，或申请正在审核中"):
        apply(db.session.get_one(Member, seat.member_id))

    assert seat.status is state
    assert path(seat) == moves
    assert broken_invariants() == {}


LEGAL = {
    (S.APPLIED, approve),
    (S.APPLIED, reject),
    (S.APPROVED, suspend),
    (S.APPROVED, close),
    (S.SUSPENDED, restore),
    (S.SUSPENDED, close),
}
ILLEGAL = [
    (state, act)
    for state in S
    for act in (approve, reject, suspend, restore, close)
    if (state, act) not in LEGAL
]


@pytest.mark.parametrize(("state", "act"), ILLEGAL, ids=[f"{s}-{a.__name__}" for s, a in ILLEGAL])
def test_a_move_that_is_not_listed_is_refused_and_nothing_changes(session, state, act):
    seat = seat_in(state)
    moves = path(seat)

    with pytest.raises(IllegalMove, match="当前状态不能进行此操作，请刷新后查看"):
        act(seat)

    assert seat.status is state
    assert path(seat) == moves
    assert broken_invariants() == {}


@pytest.mark.parametrize("act", [approve, reject, suspend, restore, close])
def test_an_unknown_distributor_is_not_found(session, act):
    with pytest.raises(NotFound, match="分销员不存在"):
        act(Distributor(id=404))


@pytest.mark.parametrize(
    ("state", "act", "reason", "message"),
    [
        (S.APPLIED, reject, "  ", "请填写拒绝原因，申请人会看到"),
        (S.APPROVED, suspend, "  ", "请填写暂停原因"),
        (S.APPROVED, suspend, "字" * 201, "最多 200 个字"),
    ],
)
def test_a_harsh_decision_wants_a_reason(session, state, act, reason, message):
    seat = seat_in(state)

    with pytest.raises(InvalidInput, match=message) as refused:
        act(seat, reason)

    assert refused.value.field == "reason"
    assert seat.status is state


def test_a_suspended_distributor_is_not_active_until_restored(session):
    seat = seat_in(S.APPROVED)

    suspend(seat)
    assert (distribution.is_active(seat.member_id), seat.decision_note) == (False, "违规宣传")
    restore(seat)

    assert (distribution.is_active(seat.member_id), seat.decision_note) == (True, "")
    assert path(seat) == ["applied", "approved", "suspended", "approved"]
    assert broken_invariants() == {}


@pytest.mark.parametrize("state", [S.APPROVED, S.SUSPENDED])
def test_without_open_money_a_distributor_may_leave(session, state):
    seat = seat_in(state)

    close(seat)

    assert seat.status is S.CLOSED
    assert distribution.is_active(seat.member_id) is False
    assert broken_invariants() == {}


def test_nobody_leaves_while_money_is_open(session):
    member = make_distributor()
    give_available(member, 1)
    seat = distribution.distributor_of(member.id)

    with pytest.raises(MoneyStillOpen, match=r"还没有结清：.*结清后才能关闭"):
        close(seat)

    assert seat.status is S.APPROVED
    assert broken_invariants() == {}


def test_nobody_leaves_with_a_debt(session):
    member = make_distributor()
    run_unit(
        ledger.post,
        "debt",
        event="claw_back",
        moves=[
            ledger.Move(
                ledger.member(ledger.AccountKind.DEBT, member.id),
                ledger.system(ledger.AccountKind.SHOP),
                1,
            )
        ],
        now=NOON,
    )
    seat = distribution.distributor_of(member.id)

    with pytest.raises(MoneyStillOpen):
        close(seat)

    assert seat.status is S.APPROVED
    assert broken_invariants() == {}


def test_a_referral_code_is_made_once_and_found_as_people_type_it(session):
    member = make_distributor()
    first = run_unit(distribution.referral_code, member.id, now=NOON).code

    second = run_unit(distribution.referral_code, member.id, now=NOON + days(1)).code

    assert second == first
    assert len(first) == 8
    assert distribution.code_owner(f" {first.lower()} ") == member.id
    assert distribution.code_owner("22222222") is None


def test_s1_finds_a_distributor_in_a_state_that_no_move_led_to(session):
    seat = seat_in(S.APPROVED)

    plant("UPDATE distributors SET status = 'suspended'")

    assert broken_invariants() == {
        "S1": [f"distributor={seat.id}, status=suspended, to_state=approved"]
    }
