"""Writing the books. See the package docstring for the rules."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.orm import aliased

from app.core.db import Rows, add_once, affected, db, direct, insert_all, require_transaction
from app.ledger.errors import InsufficientBalance
from app.ledger.models import MEMBER_KINDS, POINT_KINDS, Account, AccountKind, Entry, Posting


@dataclass(frozen=True, order=True)
class Ref:
    """Names an account: its kind and its owner (0 is the system)."""

    kind: AccountKind
    owner_id: int = 0

    def __post_init__(self) -> None:
        if (self.kind in MEMBER_KINDS) != (self.owner_id > 0):
            raise ValueError(f"{self.kind} does not fit owner {self.owner_id}")


def system(kind: AccountKind) -> Ref:
    return Ref(kind)


def member(kind: AccountKind, member_id: int) -> Ref:
    return Ref(kind, member_id)


@dataclass(frozen=True)
class Move:
    """`amount_fen` (above 0) out of `source` into `target`."""

    source: Ref
    target: Ref
    amount_fen: int

    def __post_init__(self) -> None:
        if self.amount_fen <= 0:
            raise ValueError(f"a move wants an amount above 0, not {self.amount_fen}")
        if self.source == self.target:
            raise ValueError("a move wants two accounts")
        if (self.source.kind in POINT_KINDS) != (self.target.kind in POINT_KINDS):
            raise ValueError("a move stays within one asset")


def post(
    key: str,
    *,
    event: str,
    moves: Sequence[Move],
    now: datetime,
    subject: tuple[str, int] = ("", 0),
    reason: str = "",
) -> Posting:
    """Write one posting (记账). The same key and content again returns the first.

    `subject` says what it is about, such as `("order", 7)`.

    Raises:
        InsufficientBalance: an account that may not be negative would be.
        ValueError: no moves, or the key exists with other content.
    Source: money.md, "Money: accounts, moves".
    """
    require_transaction()
    if not moves:
        raise ValueError("a posting wants at least one move")
    accounts = _lock_accounts({ref for m in moves for ref in (m.source, m.target)})
    content = _content_hash(event, moves)
    posting = Posting(
        idem_key=key,
        event=event,
        subject=subject[0],
        subject_id=subject[1],
        content_hash=content,
        reason=reason,
        at=now,
    )
    # Of two with the same key the second waits here for the first one's commit.
    if not add_once(posting):
        existing = db.session.scalars(sa.select(Posting).filter_by(idem_key=key)).one()
        if existing.content_hash != content:
            raise ValueError(f"posting {key!r} exists with other content")
        return existing
    change: dict[Ref, int] = defaultdict(int)
    rows: list[dict[str, Any]] = []
    for move in moves:
        for ref, amount in ((move.source, -move.amount_fen), (move.target, move.amount_fen)):
            change[ref] += amount
            rows.append(
                {"posting_id": posting.id, "account_id": accounts[ref], "amount_fen": amount}
            )
    insert_all(Entry, rows)
    for ref, delta in sorted(change.items()):
        if ref.owner_id and delta:
            _shift(accounts[ref], ref.kind, delta)
    return posting


# Built once: every posting executes them.
_FIND = sa.select(Account.id, Account.kind, Account.owner_id).where(
    Account.owner_id.in_(sa.bindparam("owners", expanding=True)),
    Account.kind.in_(sa.bindparam("kinds", expanding=True)),
)
_LOCK = (
    sa.select(Account.id)
    .where(Account.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(Account.id)
    .with_for_update()
)
_SHIFTED = Account.balance_fen + sa.bindparam("delta", type_=sa.BigInteger)
_SHIFT = (
    sa.update(Account).where(Account.id == sa.bindparam("account_id")).values(balance_fen=_SHIFTED)
)
_SHIFT_DEBT, _SHIFT_REST = _SHIFT.where(_SHIFTED <= 0), _SHIFT.where(_SHIFTED >= 0)


def post_many(
    key: str,
    *,
    event: str,
    source: AccountKind,
    target: AccountKind,
    members: sa.Subquery,
    amounts: sa.Subquery,
    now: datetime,
    subject: tuple[str, int] = ("", 0),
    reason: str = "",
) -> tuple[Posting, int, int]:
    """Write one posting that moves an amount for each of many members, in sets.

    The source is theirs, or the system's, which then gives all of it in one entry;
    that it has so much is the caller's to see (`lock_system`).

    `amounts` is a subquery with the columns `member_id` and `amount_fen` (above
    0, a member once), `members` the same members without their sums, which is
    cheaper to ask. What arrives in `available` fills the member's debt first.
    A handful of statements whatever the number of members. The caller's claim
    makes the key; unlike `post` it is an error to come twice.

    Returns the posting, how many members, and how much in fen.
    """
    require_transaction()
    _open_missing(target, members)
    if source not in MEMBER_KINDS:
        _lock_accounts({system(source)})
    touched = (
        sa.select(Account.kind, Account.balance_fen)
        .join(members, members.c.member_id == Account.owner_id)
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
        _mirrored(posting.id, source, target, amounts)
    else:
        _from_system(posting.id, source, target, amounts)
    count, total = db.session.execute(
        sa.select(sa.func.count(), sa.func.sum(Entry.amount_fen)).where(
            Entry.posting_id == posting.id, Entry.amount_fen > 0
        )
    ).one()
    if owing and target is AccountKind.AVAILABLE:
        _fill_debts(posting.id)
    moved = (
        sa.select(Entry.account_id, sa.func.sum(Entry.amount_fen).label("delta"))
        .where(Entry.posting_id == posting.id)
        .group_by(Entry.account_id)
        .subquery()
    )
    affected(
        sa.update(Account)
        .where(Account.id == moved.c.account_id, Account.owner_id > 0)
        .values(balance_fen=Account.balance_fen + moved.c.delta)
    )
    return posting, count, int(total)


def lock_system(kind: AccountKind) -> int:
    """What a system account holds, with its row locked until the unit of work ends.

    Only for the rare payment out of it that must not exceed it: two of those wait
    for each other here. Whatever else moves the account does not wait.
    """
    require_transaction()
    account_id = _lock_accounts({system(kind)})[system(kind)]
    db.session.execute(sa.select(Account.id).where(Account.id == account_id).with_for_update())
    return int(
        db.session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(Entry.amount_fen), 0)).where(
                Entry.account_id == account_id
            )
        )
        or 0
    )


def _from_system(
    posting_id: int, source: AccountKind, target: AccountKind, amounts: sa.Subquery
) -> None:
    """One entry for each member, and one for the system account that gives it all."""
    _insert_entries(
        sa.select(sa.literal(posting_id), Account.id, amounts.c.amount_fen)
        .join(amounts, amounts.c.member_id == Account.owner_id)
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


def _mirrored(
    posting_id: int, source: AccountKind, target: AccountKind, amounts: sa.Subquery
) -> None:
    """A pair of entries for each member, from one account of theirs to another."""
    # The sums are made once: the other side is read from this one.
    _insert_entries(
        sa.select(sa.literal(posting_id), Account.id, -amounts.c.amount_fen)
        .join(amounts, amounts.c.member_id == Account.owner_id)
        .where(Account.kind == source)
    )
    given, taken = aliased(Account), aliased(Account)
    _insert_entries(
        sa.select(sa.literal(posting_id), taken.id, -Entry.amount_fen)
        .join(given, given.id == Entry.account_id)
        .join(taken, sa.and_(taken.owner_id == given.owner_id, taken.kind == target))
        .where(Entry.posting_id == posting_id)
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


def _insert_entries(query: Rows | sa.CompoundSelect[Any]) -> None:
    db.session.execute(
        sa.insert(Entry).from_select(["posting_id", "account_id", "amount_fen"], query)
    )


def _lock_accounts(refs: set[Ref]) -> dict[Ref, int]:
    """Ids of these accounts, made where missing; members' ones locked in id order."""
    found = _find_accounts(refs)
    missing = sorted(refs - found.keys())
    if missing:
        for ref in missing:
            _open_accounts(
                sa.select(sa.literal(ref.kind.value), sa.literal(ref.owner_id), sa.literal(0))
            )
        found = _find_accounts(refs)
    ids = sorted(found[ref] for ref in refs if ref.owner_id)
    # A single one is locked by what moves it.
    if len(ids) > 1:
        direct(_LOCK, ids=ids).all()
    return found


def _find_accounts(refs: Iterable[Ref]) -> dict[Ref, int]:
    wanted = set(refs)
    rows = direct(
        _FIND,
        owners=sorted({ref.owner_id for ref in wanted}),
        kinds=sorted({ref.kind for ref in wanted}),
    )
    return {
        ref: account_id for account_id, kind, owner in rows if (ref := Ref(kind, owner)) in wanted
    }


def _open_accounts(rows: Rows) -> None:
    """Insert accounts that are not there yet; another's insert is no error."""
    columns = ["kind", "owner_id", "balance_fen"]
    if db.session.get_bind().dialect.name == "sqlite":
        # SQLite cannot parse ON CONFLICT after a SELECT that has no WHERE.
        guarded = sqlite.insert(Account).from_select(columns, rows.where(sa.true()))
        db.session.execute(guarded.on_conflict_do_nothing())
    else:
        db.session.execute(mysql.insert(Account).from_select(columns, rows).prefix_with("IGNORE"))


def _open_missing(kind: AccountKind, members: sa.Subquery) -> None:
    """Open an account of this kind for each of these members who has none."""
    there = sa.select(Account.id).where(
        Account.kind == kind, Account.owner_id == members.c.member_id
    )
    _open_accounts(
        sa.select(sa.literal(kind.value), members.c.member_id, sa.literal(0)).where(~there.exists())
    )


def _shift(account_id: int, kind: AccountKind, delta: int) -> None:
    statement = _SHIFT_DEBT if kind is AccountKind.DEBT else _SHIFT_REST
    moved = direct(statement, account_id=account_id, delta=delta).rowcount
    if moved != 1:
        raise InsufficientBalance(account=kind.value)


def _content_hash(event: str, moves: Sequence[Move]) -> str:
    lines = [
        f"{m.source.kind}:{m.source.owner_id}>{m.target.kind}:{m.target.owner_id}={m.amount_fen}"
        for m in moves
    ]
    return hashlib.sha256("\n".join([event, *lines]).encode()).hexdigest()
