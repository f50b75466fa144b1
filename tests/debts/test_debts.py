"""Debts: how old they are, and letting one go by two people."""

import pytest
import sqlalchemy as sa

from app import audit, debts, ledger
from app.audit import AuditEntry
from app.core.db import db, run_unit, transaction
from app.core.errors import DomainError, IllegalMove, InvalidInput
from app.debts import Aged, DebtChanged, OwnDebt, SamePerson, ShopShort, WriteOffState
from app.ledger import AccountKind, Move, Wallet
from app.members import Member
from tests.factories import ADMIN, ADMIN2, NOON, broken_invariants, days, make_member

REASON = "已联系不上，追回无望"


def move(key: str, source, target, fen: int, *, now=NOON) -> None:
    with transaction():
        ledger.post(key, event="commission_reversed", moves=[Move(source, target, fen)], now=now)


def shop(fen: int) -> None:
    move(f"in:{fen}", ledger.system(AccountKind.WORLD_WX), ledger.system(AccountKind.SHOP), fen)


def owe(member: Member, fen: int, *, now=NOON) -> None:
    debt = ledger.member(AccountKind.DEBT, member.id)
    move(f"owe:{member.id}:{now}", debt, ledger.system(AccountKind.SHOP), fen, now=now)


def fill(member: Member, fen: int) -> None:
    debt = ledger.member(AccountKind.DEBT, member.id)
    move(f"fill:{member.id}:{fen}", ledger.system(AccountKind.SHOP), debt, fen)


def ask(member: Member, actor=ADMIN, reason=REASON) -> debts.DebtWriteOff:
    return run_unit(debts.ask, member.id, reason=reason, actor=actor, now=NOON)


def decide(row: debts.DebtWriteOff, actor=ADMIN2, *, agrees=True, answer="") -> None:
    run_unit(debts.decide, row.id, agrees=agrees, answer=answer, actor=actor, now=NOON)


@pytest.fixture
def debtor(session) -> Member:
    member = make_member("陈梅")
    owe(member, 30_00)
    return member


def test_what_is_left_are_the_newest_parts_by_their_age(session):
    member = make_member()
    for age, fen in ((200, 10_00), (181, 5_00), (180, 4_00), (31, 3_00), (30, 2_00), (0, 1_00)):
        owe(member, fen, now=NOON - days(age))
    fill(member, 12_00)

    assert debts.ageing(NOON) == {
        member.id: Aged((3_00, 3_00, 4_00, 3_00), NOON - days(181)),
    }
    assert debts.ageing(NOON, member_ids=[]) == {}


def test_two_admins_let_a_debt_go_once(debtor):
    row = ask(debtor)
    assert ledger.wallet_of(debtor.id) == Wallet(debt_fen=30_00)

    decide(row)

    assert ledger.wallet_of(debtor.id) == Wallet()
    assert ledger.system_balance_fen(AccountKind.SHOP) == 0
    assert (row.state, row.decided_by, debts.ageing(NOON)) == (WriteOffState.DONE, "admin:2", {})
    entries = db.session.scalars(
        sa.select(AuditEntry).filter_by(subject="debt_write_off").order_by(AuditEntry.id)
    ).all()
    assert [(e.action, e.actor, e.reason) for e in entries] == [
        ("debt.ask_write_off", "admin:1", REASON),
        ("debt.write_off", "admin:2", REASON),
    ]
    with pytest.raises(IllegalMove, match="处理过"):
        decide(row)
    assert broken_invariants() == {}


def test_a_refused_one_may_be_asked_again(debtor):
    row = ask(debtor)

    decide(row, agrees=False, answer="请先联系本人")

    assert (row.state, row.answer) == (WriteOffState.REFUSED, "请先联系本人")
    assert ledger.wallet_of(debtor.id) == Wallet(debt_fen=30_00)
    assert ask(debtor).id != row.id


def spend_all(debtor: Member) -> None:
    move("out", ledger.system(AccountKind.SHOP), ledger.system(AccountKind.REFUND_DUE), 30_00)


@pytest.mark.parametrize(
    ("before", "actor", "agrees", "error"),
    [
        (None, ADMIN, True, SamePerson),
        (None, "own", True, OwnDebt),
        (None, "own", False, OwnDebt),
        (None, ADMIN2, False, InvalidInput),
        (lambda debtor: fill(debtor, 1_00), ADMIN2, True, DebtChanged),
        (spend_all, ADMIN2, True, ShopShort),
    ],
    ids=["same person", "own debt", "refuse own", "no answer", "changed", "shop is short"],
)
def test_what_is_refused_books_nothing(debtor, before, actor, agrees, error):
    row = ask(debtor)
    if before is not None:
        before(debtor)
    owed = ledger.wallet_of(debtor.id)
    who = audit.Actor.admin(9, member_id=debtor.id) if actor == "own" else actor

    with pytest.raises(error):
        decide(row, who, agrees=agrees)

    db.session.refresh(row)
    assert (row.state, row.decided_at) == (WriteOffState.ASKED, None)
    assert ledger.wallet_of(debtor.id) == owed


@pytest.mark.parametrize(
    ("actor", "reason", "error"),
    [(ADMIN, " ", InvalidInput), (ADMIN, "长" * 201, InvalidInput), ("own", REASON, OwnDebt)],
)
def test_what_may_not_be_asked_leaves_nothing(debtor, actor, reason, error):
    who = audit.Actor.admin(9, member_id=debtor.id) if actor == "own" else actor

    with pytest.raises(error):
        ask(debtor, who, reason)

    assert debts.open_requests([debtor.id]) == {}


def test_one_request_at_a_time_and_only_of_a_debt(debtor):
    first = ask(debtor)

    for member in (debtor, make_member()):
        with pytest.raises(DomainError):
            ask(member, ADMIN2)

    assert debts.open_requests([debtor.id]) == {debtor.id: first}


def test_the_desk_lists_asks_and_agrees(debtor, admin_client):
    first, second = admin_client("finance"), admin_client("owner")
    first.post(f"/admin/debts/{debtor.id}/write-off", data={"reason": REASON})
    row = debts.open_requests([debtor.id])[debtor.id]
    assert "同意并记账" not in first.get("/admin/debts").text
    page = second.get("/admin/debts").text
    assert REASON in page
    assert "同意并记账" in page

    first.post(f"/admin/debts/write-offs/{row.id}/approve")
    assert ledger.wallet_of(debtor.id) == Wallet(debt_fen=30_00)
    second.post(f"/admin/debts/write-offs/{row.id}/approve")

    assert ledger.wallet_of(debtor.id) == Wallet()
    assert "没有待追回的款项" in second.get("/admin/debts").text
    assert admin_client("operations").get("/admin/debts").status_code == 403


def test_the_wallet_says_what_became_of_it(debtor, client, log_in):
    log_in(client, debtor)
    decide(ask(debtor))

    said = client.get("/me/wallet").text

    assert "待追回明细" in said
    assert "商家免除" in said
    assert "退款收回的佣金" in said
