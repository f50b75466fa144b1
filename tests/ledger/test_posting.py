"""Postings: they balance, they are written once, they never overdraw an account."""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from app import ledger
from app.core.db import db, transaction
from app.ledger import Account, AccountKind, Entry, InsufficientBalance, Move, Posting
from tests.factories import NOON, broken_invariants, give_available, make_member

K = AccountKind
WORLD, SHOP, HOLD = (ledger.system(k) for k in (K.WORLD_WX, K.SHOP, K.ORDER_HOLD))


def post(key: str, *moves: Move, event: str = "test") -> int:
    with transaction():
        return ledger.post(key, event=event, moves=list(moves), now=NOON)


def available(member_id: int) -> ledger.Ref:
    return ledger.member(K.AVAILABLE, member_id)


def count_of(model: type) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


def test_a_move_between_systems_opens_the_account_that_is_not_there_yet(session):
    post("first", Move(WORLD, available(make_member().id), 1_00))

    posting_id = post("second", Move(WORLD, HOLD, 5_00))

    sides = sa.select(Account.kind, Entry.amount_fen).join(Account, Account.id == Entry.account_id)
    assert sorted(db.session.execute(sides.filter(Entry.posting_id == posting_id))) == [
        (K.ORDER_HOLD, 5_00),
        (K.WORLD_WX, -5_00),
    ]


def test_a_posting_writes_both_sides_of_each_move(session):
    member = make_member()

    posting_id = post(
        "sale", Move(WORLD, SHOP, 100_00), Move(SHOP, available(member.id), 30_00), event="sale"
    )

    entries = db.session.scalars(sa.select(Entry).filter_by(posting_id=posting_id)).all()
    assert sorted((e.account.kind.value, e.amount_fen) for e in entries) == [
        ("available", 30_00),
        ("shop", -30_00),
        ("shop", 100_00),
        ("world_wx", -100_00),
    ]
    posting = db.session.get_one(Posting, posting_id)
    assert (posting.event, posting.at) == ("sale", NOON)
    assert ledger.system_balance_fen(K.WORLD_WX) == -100_00
    assert ledger.system_balance_fen(K.SHOP) == 70_00
    assert ledger.wallet_of(member.id) == ledger.Wallet(available_fen=30_00)
    assert broken_invariants() == {}


def test_the_same_key_and_content_return_the_first_posting(session):
    member = make_member()
    moves = (Move(WORLD, SHOP, 5_00), Move(SHOP, available(member.id), 5_00))
    first = post("once", *moves)

    second = post("once", *moves)

    assert second == first
    assert count_of(Entry) == 4
    assert ledger.wallet_of(member.id) == ledger.Wallet(available_fen=5_00)
    assert broken_invariants() == {}


@pytest.mark.parametrize(
    ("changed", "event"),
    [
        (Move(WORLD, SHOP, 5_01), "test"),
        (Move(WORLD, HOLD, 5_00), "test"),
        (Move(WORLD, SHOP, 5_00), "other"),
    ],
    ids=["amount", "account", "event"],
)
def test_the_same_key_with_other_content_is_an_error(session, changed, event):
    post("once", Move(WORLD, SHOP, 5_00))

    with pytest.raises(ValueError, match="'once' exists with other content"):
        post("once", changed, event=event)

    assert count_of(Posting) == 1
    assert ledger.system_balance_fen(K.SHOP) == 5_00
    assert ledger.system_balance_fen(K.ORDER_HOLD) == 0
    assert broken_invariants() == {}


def test_an_overdrawn_account_is_refused_and_nothing_changes(session):
    member = make_member()
    give_available(member, 10_00)
    before = count_of(Posting), count_of(Entry)

    with pytest.raises(InsufficientBalance) as refused:
        post("too-much", Move(available(member.id), ledger.member(K.FROZEN, member.id), 10_01))

    assert refused.value.code == "insufficient_balance"
    assert refused.value.message == "余额不足"
    assert refused.value.facts == {"account": "available"}
    assert (count_of(Posting), count_of(Entry)) == before
    assert ledger.wallet_of(member.id) == ledger.Wallet(available_fen=10_00)
    assert broken_invariants() == {}


def test_the_whole_balance_can_be_moved(session):
    member = make_member()
    give_available(member, 10_00)

    post("all", Move(available(member.id), SHOP, 10_00))

    assert ledger.wallet_of(member.id) == ledger.Wallet()
    assert broken_invariants() == {}


@pytest.mark.parametrize("kind", ["pending", "available", "frozen", "points"])
def test_the_database_itself_refuses_a_balance_below_zero(session, kind):
    member = make_member()
    with transaction():
        db.session.add(Account(kind=AccountKind(kind), owner_id=member.id, balance_fen=0))

    with pytest.raises(DBAPIError, match="balance_within_bounds"):
        db.session.execute(
            sa.text("UPDATE ledger_accounts SET balance_fen = -1 WHERE owner_id = :m"),
            {"m": member.id},
        )

    db.session.rollback()
    assert db.session.scalar(sa.select(Account.balance_fen).filter_by(owner_id=member.id)) == 0


def test_the_database_itself_refuses_a_debt_above_zero(session):
    member = make_member()
    post("debt", Move(ledger.member(K.DEBT, member.id), SHOP, 3_00))

    with pytest.raises(DBAPIError, match="balance_within_bounds"):
        db.session.execute(sa.text("UPDATE ledger_accounts SET balance_fen = 1 WHERE kind='debt'"))

    db.session.rollback()
    assert ledger.wallet_of(member.id) == ledger.Wallet(debt_fen=3_00)


def test_debt_grows_without_bound_and_is_never_filled_above_zero(session):
    member = make_member()
    debt = ledger.member(K.DEBT, member.id)
    give_available(member, 5_00)
    post("debt", Move(debt, SHOP, 3_00))

    with pytest.raises(InsufficientBalance) as refused:
        post("overfill", Move(available(member.id), debt, 3_01))

    assert refused.value.facts == {"account": "debt"}
    assert ledger.wallet_of(member.id) == ledger.Wallet(available_fen=5_00, debt_fen=3_00)
    post("fill", Move(available(member.id), debt, 3_00))
    assert ledger.wallet_of(member.id) == ledger.Wallet(available_fen=2_00, debt_fen=0)
    assert broken_invariants() == {}


@pytest.mark.parametrize("amount", [0, -1])
def test_a_move_wants_an_amount_above_zero(amount):
    with pytest.raises(ValueError, match="above 0"):
        Move(WORLD, SHOP, amount)


def test_a_move_wants_two_accounts():
    with pytest.raises(ValueError, match="two accounts"):
        Move(SHOP, SHOP, 1)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (ledger.system(K.SHOP), ledger.member(K.POINTS, 1)),
        (ledger.member(K.POINTS, 1), ledger.member(K.AVAILABLE, 1)),
        (ledger.system(K.POINTS_ISSUED), ledger.system(K.SHOP)),
    ],
)
def test_a_move_stays_within_one_asset(source, target):
    with pytest.raises(ValueError, match="within one asset"):
        Move(source, target, 1)


@pytest.mark.parametrize("kind", [K.PENDING, K.AVAILABLE, K.FROZEN, K.DEBT, K.POINTS])
def test_a_members_account_wants_an_owner(kind):
    with pytest.raises(ValueError, match="does not fit owner 0"):
        ledger.system(kind)


@pytest.mark.parametrize("kind", [K.SHOP, K.WORLD_WX, K.REFUND_DUE, K.POINTS_ISSUED])
def test_a_system_account_has_no_owner(kind):
    with pytest.raises(ValueError, match="does not fit owner 7"):
        ledger.member(kind, 7)


def test_a_posting_wants_a_move(session):
    with pytest.raises(ValueError, match="at least one move"):
        post("nothing")

    assert count_of(Posting) == 0


def test_posting_outside_of_a_unit_of_work_is_refused(session):
    with pytest.raises(RuntimeError, match="inside transaction"):
        ledger.post("stray", event="test", moves=[Move(WORLD, SHOP, 1)], now=NOON)

    assert count_of(Posting) == 0


def test_what_is_held_for_a_subject_counts_its_postings_only(session):
    with transaction():
        for key, subject, fen in (("a", 1, 10_00), ("b", 2, 20_00)):
            ledger.post(
                key,
                event="order_paid",
                moves=[Move(WORLD, HOLD, fen)],
                now=NOON,
                subject=("order", subject),
            )
        ledger.post(
            "c", event="refund", moves=[Move(HOLD, WORLD, 3_00)], now=NOON, subject=("order", 1)
        )

    assert ledger.held_for(K.ORDER_HOLD, ("order", 1)) == 7_00
    assert ledger.held_for(K.ORDER_HOLD, ("order", 2)) == 20_00
    assert ledger.held_for(K.ORDER_HOLD, ("order", 3)) == 0
    assert [p.idem_key for p in ledger.postings_of(("order", 1))] == ["a", "c"]


def test_a_members_entries_come_newest_first_with_their_postings(session):
    member = make_member()
    post("in", Move(WORLD, SHOP, 9_00))
    for number in (1, 2, 3):
        post(f"give-{number}", Move(SHOP, available(member.id), number))

    page = ledger.entries_of(member.id, K.AVAILABLE, size=2)
    rest = ledger.entries_of(member.id, K.AVAILABLE, before=page.next_before, size=2)

    assert [(e.posting.idem_key, e.amount_fen) for e in page.items] == [
        ("give-3", 3),
        ("give-2", 2),
    ]
    assert [(e.posting.idem_key, e.amount_fen) for e in rest.items] == [("give-1", 1)]
    assert rest.next_before is None


# Amounts in fen between the shop (0) and three members.
TRANSFERS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 60_00)), min_size=1, max_size=12
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(transfers=TRANSFERS)
def test_random_transfers_keep_the_sum_and_never_overdraw(session, transfers):
    members = [make_member().id for _ in range(3)]
    pockets = [SHOP, *(available(m) for m in members)]
    key = f"run:{members[0]}"
    post(f"{key}:in", Move(WORLD, SHOP, 150_00))
    post(f"{key}:out", *(Move(SHOP, pocket, 50_00) for pocket in pockets[1:]))
    expected = [ledger.system_balance_fen(K.SHOP), 50_00, 50_00, 50_00]

    for number, (source, target, fen) in enumerate(transfers):
        # A system account caches nothing: whether it may pay is the caller's to know.
        if source == target or (source == 0 and expected[0] < fen):
            continue
        try:
            post(f"{key}:{number}", Move(pockets[source], pockets[target], fen))
        except InsufficientBalance:
            assert expected[source] < fen
            continue
        expected[source] -= fen
        expected[target] += fen

    found = [ledger.wallet_of(m).available_fen for m in members]
    assert [ledger.system_balance_fen(K.SHOP), *found] == expected
    assert db.session.scalar(sa.select(sa.func.sum(Entry.amount_fen))) == 0
    assert broken_invariants() == {}


def test_the_database_refuses_a_cached_balance_of_a_system_account(session):
    with pytest.raises(DBAPIError), transaction():
        db.session.execute(
            sa.text(
                "INSERT INTO ledger_accounts (kind, owner_id, balance_fen) VALUES ('shop', 0, 5)"
            )
        )

    assert db.session.scalar(sa.select(sa.func.count(Account.id))) == 0
