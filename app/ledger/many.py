"""One posting for many members, in sets: settlements and bonuses."""

import hashlib
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlalchemy.schema import CreateTable

from app.core.db import BigId, Rows, db, require_transaction
from app.core.rows import affected
from app.ledger.models import MEMBER_KINDS, Account, AccountKind, Entry, Posting
from app.ledger.service import lock_accounts, open_accounts, system

# Who gets how much by the posting under way. Of the connection alone, and outside of
# the models' own metadata: no migration knows it.
_MOVING = sa.Table(
    "ledger_moving",
    sa.MetaData(),
    sa.Column("member_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    prefixes=["TEMPORARY"],
)


def post_many(
    key: str,
    *,
    event: str,
    source: AccountKind,
    target: AccountKind,
    amounts: Rows,
    now: datetime,
    subject: tuple[str, int] = ("", 0),
    reason: str = "",
) -> tuple[Posting, int, int]:
    """Write one posting that moves an amount for each of many members, in sets.

    The source is theirs, or the system's, which then gives all of it in one entry;
    that it has so much is the caller's to see (`lock_system`).

    `amounts` is a query of `member_id` and `amount_fen` (above 0, a member once). What
    arrives in `available` fills the member's debt first. A handful of statements
    whatever the number of members. The caller's claim makes the key; unlike `post`
    it is an error to come twice.

    Returns the posting, how many members, and how much in fen.
    """
    require_transaction()
    _gather(amounts)
    _open_missing(target)
    if source not in MEMBER_KINDS:
        lock_accounts({system(source)})
    touched = (
        sa.select(Account.kind, Account.balance_fen)
        .join(_MOVING, _MOVING.c.member_id == Account.owner_id)
        .where(Account.kind.in_((source, target, AccountKind.DEBT)))
        .order_by(Account.id)
        .with_for_update()
        .subquery()
    )
    # Locks thousands of rows, in id order, without sending one of them here.
    owing = db.session.scalar(
        sa.select(sa.func.count())
        .select_from(touched)
        .where(touched.c.kind == AccountKind.DEBT, touched.c.balance_fen < 0)
    )
    posting = Posting(
        idem_key=key,
        event=event,
        subject=subject[0],
        subject_id=subject[1],
        content_hash=hashlib.sha256(key.encode()).hexdigest(),
        reason=reason,
        at=now,
    )
    db.session.add(posting)
    db.session.flush()
    if source in MEMBER_KINDS:
        _mirrored(posting.id, source, target)
    else:
        _from_system(posting.id, source, target)
    count, total = db.session.execute(
        sa.select(sa.func.count(), sa.func.sum(Entry.amount_fen)).where(
            Entry.posting_id == posting.id, Entry.amount_fen > 0
        )
    ).one()
    if owing and target is AccountKind.AVAILABLE:
        _fill_debts(posting.id)
    moved = _moved(posting.id, once=not owing).subquery()
    affected(
        sa.update(Account)
        .where(Account.id == moved.c.account_id, Account.owner_id > 0)
        .values(balance_fen=Account.balance_fen + moved.c.delta)
    )
    return posting, count, int(total)


def _moved(posting_id: int, *, once: bool) -> Rows:
    """By how much the posting moves each account; `once`: none has a second entry."""
    delta = Entry.amount_fen if once else sa.func.sum(Entry.amount_fen)
    found = sa.select(Entry.account_id, delta.label("delta")).where(Entry.posting_id == posting_id)
    return found if once else found.group_by(Entry.account_id)


def _from_system(posting_id: int, source: AccountKind, target: AccountKind) -> None:
    """One entry for each member, and one for the system account that gives it all."""
    _insert_entries(
        sa.select(sa.literal(posting_id), Account.id, _MOVING.c.amount_fen)
        .join(_MOVING, _MOVING.c.member_id == Account.owner_id)
        .where(Account.kind == target)
    )
    given = (
        sa.select(sa.func.sum(Entry.amount_fen).label("total"))
        .where(Entry.posting_id == posting_id)
        .subquery()
    )
    _insert_entries(
        sa.select(sa.literal(posting_id), Account.id, -given.c.total)
        .join(given, sa.true())
        .where(Account.kind == source, Account.owner_id == 0)
    )


def _mirrored(posting_id: int, source: AccountKind, target: AccountKind) -> None:
    """A pair of entries for each member, from one account of theirs to another."""
    _insert_entries(
        sa.select(sa.literal(posting_id), Account.id, -_MOVING.c.amount_fen)
        .join(_MOVING, _MOVING.c.member_id == Account.owner_id)
        .where(Account.kind == source)
    )
    _insert_entries(
        sa.select(sa.literal(posting_id), Account.id, _MOVING.c.amount_fen)
        .join(_MOVING, _MOVING.c.member_id == Account.owner_id)
        .where(Account.kind == target)
    )


def _fill_debts(posting_id: int) -> None:
    """Of what the posting brings to `available`, as much to the debt as there is."""
    debt, available = aliased(Account), aliased(Account)
    filled = sa.case(
        (Entry.amount_fen < -debt.balance_fen, Entry.amount_fen), else_=-debt.balance_fen
    )
    owing = (
        sa.select(
            debt.id.label("debt_id"), available.id.label("available_id"), filled.label("filled")
        )
        .join(available, available.owner_id == debt.owner_id)
        .join(Entry, Entry.account_id == available.id)
        .where(
            debt.kind == AccountKind.DEBT,
            debt.balance_fen < 0,
            available.kind == AccountKind.AVAILABLE,
            Entry.posting_id == posting_id,
            Entry.amount_fen > 0,
        )
    ).subquery()
    _insert_entries(
        sa.select(sa.literal(posting_id), owing.c.debt_id, owing.c.filled).union_all(
            sa.select(sa.literal(posting_id), owing.c.available_id, -owing.c.filled)
        )
    )


def _gather(amounts: Rows) -> None:
    """Make the sums once: what follows reads them five times."""
    db.session.execute(CreateTable(_MOVING, if_not_exists=True))
    # The line may have made another posting before.
    db.session.execute(sa.delete(_MOVING))
    db.session.execute(sa.insert(_MOVING).from_select(["member_id", "amount_fen"], amounts))


def _insert_entries(query: Rows | sa.CompoundSelect[Any]) -> None:
    db.session.execute(
        sa.insert(Entry).from_select(["posting_id", "account_id", "amount_fen"], query)
    )


def _open_missing(kind: AccountKind) -> None:
    """Open an account of this kind for each of these members who has none."""
    there = sa.select(Account.id).where(
        Account.kind == kind, Account.owner_id == _MOVING.c.member_id
    )
    open_accounts(
        sa.select(sa.literal(kind.value), _MOVING.c.member_id, sa.literal(0)).where(~there.exists())
    )
