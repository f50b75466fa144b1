"""Deciding about a withdrawal: who may, how many it takes, what is left behind."""

import pytest
import sqlalchemy as sa

from app import audit, ledger, outbox, withdrawals
from app.audit import AuditEntry
from app.core.db import db, run_unit
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.ledger import Wallet
from app.members import Member
from app.withdrawals import Withdrawal, WithdrawalStatus
from app.withdrawals.errors import OwnWithdrawal, SamePerson
from tests.factories import ADMIN, ADMIN2, NOON, broken_invariants, give_available, make_member
from tests.withdrawals.fakes import approve, request


def waiting(fen: int) -> tuple[Member, Withdrawal]:
    member = make_member()
    give_available(member, 200_00)
    return member, request(member, fen)


def acts(row: Withdrawal) -> list[tuple[str, str, str]]:
    return [
        (entry.action, entry.actor, entry.address)
        for entry in db.session.scalars(
            sa.select(AuditEntry)
            .filter_by(subject="withdrawal", subject_id=row.id)
            .order_by(AuditEntry.id)
        )
    ]


def test_one_person_approves_what_is_below_the_limit(session):
    member, row = waiting(99_99)

    assert approve(row) is True

    assert (row.status, row.reviewer, row.reviewed_at) == (
        WithdrawalStatus.APPROVED,
        "admin:1",
        NOON,
    )
    assert ledger.wallet_of(member.id) == Wallet(available_fen=100_01, frozen_fen=99_99)
    assert acts(row) == [("withdrawal.approve", "admin:1", "10.0.0.1")]
    assert broken_invariants() == {}


def test_at_the_limit_the_first_word_only_asks_for_a_second_person(session):
    _, row = waiting(100_00)

    assert approve(row) is False

    assert (row.status, row.first_reviewer, row.reviewer) == (
        WithdrawalStatus.SUBMITTED,
        "admin:1",
        "",
    )
    assert acts(row) == [("withdrawal.first_approve", "admin:1", "10.0.0.1")]
    assert broken_invariants() == {}


def test_the_same_person_is_not_the_second_one(session):
    member, row = waiting(100_00)
    approve(row, ADMIN)

    with pytest.raises(SamePerson, match="你已经通过了初审，需要另一位管理员复审"):
        approve(row, ADMIN)

    assert row.status is WithdrawalStatus.SUBMITTED
    assert ledger.wallet_of(member.id) == Wallet(available_fen=100_00, frozen_fen=100_00)
    assert len(acts(row)) == 1
    assert broken_invariants() == {}


def test_the_same_person_from_another_address_is_not_the_second_one(session):
    _, row = waiting(100_00)
    approve(row, ADMIN)

    with pytest.raises(SamePerson):
        approve(row, audit.Actor.admin(1, "10.9.9.9"))

    assert row.status is WithdrawalStatus.SUBMITTED
    assert broken_invariants() == {}


def test_a_second_person_approves_what_is_above_the_limit(session):
    _, row = waiting(150_00)
    approve(row, ADMIN)

    assert approve(row, ADMIN2) is True

    assert (row.status, row.first_reviewer, row.reviewer) == (
        WithdrawalStatus.APPROVED,
        "admin:1",
        "admin:2",
    )
    assert [act for act, *_ in acts(row)] == ["withdrawal.first_approve", "withdrawal.approve"]
    assert broken_invariants() == {}


@pytest.mark.parametrize(
    ("decide", "words"),
    [(withdrawals.approve, {}), (withdrawals.reject, {"reason": "测试"})],
    ids=["approve", "reject"],
)
def test_nobody_decides_about_their_own_withdrawal(session, decide, words):
    member, row = waiting(50_00)

    with pytest.raises(OwnWithdrawal, match="不能审核自己的提现") as refused:
        run_unit(decide, row.id, actor=ADMIN, actor_member_id=member.id, now=NOON, **words)

    assert refused.value.status == 403
    assert row.status is WithdrawalStatus.SUBMITTED
    assert acts(row) == []
    assert broken_invariants() == {}


def test_what_is_approved_is_not_approved_again(session):
    _, row = waiting(50_00)
    approve(row)

    with pytest.raises(IllegalMove, match="当前状态不能进行此操作，请刷新后查看"):
        approve(row, ADMIN2)

    assert row.reviewer == "admin:1"
    assert len(acts(row)) == 1
    assert broken_invariants() == {}


def test_what_two_approved_is_not_approved_by_a_third(session):
    _, row = waiting(150_00)
    approve(row, ADMIN)
    approve(row, ADMIN2)

    with pytest.raises(IllegalMove):
        approve(row, audit.Actor.admin(3))

    assert row.reviewer == "admin:2"
    assert broken_invariants() == {}


@pytest.mark.parametrize("fen", [50_00, 150_00])
def test_a_note_that_cannot_be_kept_whole_approves_nothing(session, fen):
    member, row = waiting(fen)

    with pytest.raises(InvalidInput, match="最多 200 个字") as refused:
        approve(row, note="字" * 201)

    assert refused.value.field == "note"
    assert (row.status, row.first_reviewer, row.note) == (WithdrawalStatus.SUBMITTED, "", "")
    assert acts(row) == []
    assert ledger.wallet_of(member.id) == Wallet(available_fen=200_00 - fen, frozen_fen=fen)
    assert broken_invariants() == {}


def test_a_note_is_kept_whole_with_the_approval(session):
    _, row = waiting(50_00)

    approve(row, note=f" {'字' * 200}\n")

    [entry] = db.session.scalars(sa.select(AuditEntry).filter_by(subject="withdrawal"))
    assert (row.note, entry.reason) == ("字" * 200, "字" * 200)


def test_an_unknown_withdrawal_is_not_found(session):
    with pytest.raises(NotFound, match="提现记录不存在"):
        run_unit(withdrawals.approve, 404, actor=ADMIN, actor_member_id=None, now=NOON)


def test_each_decision_leaves_news_for_the_member(session):
    topics = []
    outbox.subscribe("withdrawal_approved", "test.note", lambda i, now: topics.append(i))
    try:
        _, row = waiting(50_00)
        approve(row)
        outbox.drain(NOON)
    finally:
        outbox.service._subscribers.pop(("withdrawal_approved", "test.note"))

    assert topics == [row.id]
    assert broken_invariants() == {}
