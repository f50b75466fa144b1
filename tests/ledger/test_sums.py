"""Sums by kind of account, kept up to a mark: the same as adding everything up."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from app import ledger
from app.core.db import db, run_unit
from app.ledger import Account, AccountKind, Entry, Move, sums
from app.ledger.models import KeptMark, KeptSum
from tests.factories import NOON, broken_invariants, make_member
from tests.planting import plant
from tests.threads import behind

K = AccountKind
LATER = NOON + sums.AGE


def pay(key: str, fen: int) -> None:
    run_unit(
        ledger.post,
        key,
        event="order_paid",
        moves=[Move(ledger.system(K.WORLD_WX), ledger.system(K.ORDER_HOLD), fen)],
        now=NOON,
    )


def give(member_id: int, key: str, points: int) -> None:
    ledger.post(
        key,
        event="points",
        moves=[Move(ledger.system(K.POINTS_ISSUED), ledger.member(K.POINTS, member_id), points)],
        now=NOON,
    )


def added_up() -> dict[AccountKind, int]:
    db.session.rollback()
    query = (
        sa.select(Account.kind, sa.func.sum(Entry.amount_fen)).join(Entry).group_by(Account.kind)
    )
    return {kind: int(total) for kind, total in db.session.execute(query)}


def keep(now: datetime) -> int:
    return run_unit(ledger.keep_sums, now)


def test_the_balances_are_the_entries_sums_wherever_the_mark_stands(session):
    member = make_member()
    pay("1", 100_00)
    assert (keep(NOON), ledger.balances()) == (0, added_up())
    run_unit(give, member.id, "2", 8)
    assert (keep(LATER), ledger.balances()) == (2, added_up())
    pay("3", 7_00)
    assert (keep(LATER + sums.AGE), ledger.balances()) == (2, added_up())
    assert (keep(LATER + 2 * sums.AGE), ledger.balances()) == (2, added_up())

    assert ledger.balances() == {
        K.WORLD_WX: -107_00,
        K.ORDER_HOLD: 107_00,
        K.POINTS_ISSUED: -8,
        K.POINTS: 8,
    }
    assert ledger.system_balance_fen(K.WORLD_WX) == -107_00
    assert db.session.scalar(sa.select(sa.func.count()).select_from(KeptSum)) == 4
    assert broken_invariants() == {}


def test_the_mark_stays_until_what_was_newest_is_old(session):
    pay("1", 100_00)
    keep(NOON)

    assert keep(LATER - timedelta(seconds=1)) == 0
    assert db.session.scalars(sa.select(KeptMark.upto_id)).one() == 0


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE ledger_kept_sums SET amount_fen = 9999 WHERE kind = 'order_hold'",
        "DELETE FROM ledger_kept_sums WHERE kind = 'order_hold'",
    ],
)
def test_a_kept_sum_that_its_entries_do_not_give_breaks_l2(session, spoil):
    pay("1", 100_00)
    keep(NOON)
    keep(LATER)
    plant(spoil)

    found = broken_invariants()

    assert [*found] == ["L2"]
    assert "entries_fen=10000" in found["L2"][0]


@pytest.mark.mariadb_only
def test_an_entry_whose_unit_of_work_is_still_open_is_waited_for(live):
    member = make_member()
    pay("1", 100_00)
    keep(NOON)
    db.session.execute(sa.update(KeptMark).values(seen_id=1_000_000))
    db.session.commit()

    waited = behind(live, lambda: give(member.id, "2", 8), lambda: keep(LATER))

    assert waited == 4
    assert ledger.balances() == added_up()
    assert broken_invariants() == {}
