"""Writing the books. See the package docstring for the rules."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

from app.core.db import Rows, db, require_transaction
from app.core.rows import direct, insert_all, insert_once, write
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
) -> int:
    """Write one posting (记账); its id. The same key and content again is the first one.

    `subject` says what it is about, such as `("order", 7)`.

    Raises:
        InsufficientBalance: an account that may not be negative would be.
        ValueError: no moves, or the key exists with other content.
    Source: money.md, "Money: accounts, moves".
    """
    require_transaction()
    if not moves:
        raise ValueError("a posting wants at least one move")
    refs = {ref for m in moves for ref in (m.source, m.target)}
    # The system's accounts have no balance to keep, so that nobody waits for them.
    between_systems = len(moves) == 1 and not any(ref.owner_id for ref in refs)
    accounts = {} if between_systems else lock_accounts(refs)
    content = _content_hash(event, moves)
    # Of two with the same key the second waits here for the first one's commit.
    posting_id = insert_once(
        Posting,
        idem_key=key,
        event=event,
        subject=subject[0],
        subject_id=subject[1],
        content_hash=content,
        reason=reason,
        at=now,
    )
    if posting_id is None:
        existing = db.session.scalars(sa.select(Posting).filter_by(idem_key=key)).one()
        if existing.content_hash != content:
            raise ValueError(f"posting {key!r} exists with other content")
        return existing.id
    if between_systems:
        _enter_systems(posting_id, moves[0])
        return posting_id
    change: dict[Ref, int] = defaultdict(int)
    rows: list[dict[str, Any]] = []
    for move in moves:
        for ref, amount in ((move.source, -move.amount_fen), (move.target, move.amount_fen)):
            change[ref] += amount
            rows.append(
                {"posting_id": posting_id, "account_id": accounts[ref], "amount_fen": amount}
            )
    insert_all(Entry, rows)
    for ref, delta in sorted(change.items()):
        if ref.owner_id and delta:
            _shift(accounts[ref], ref.kind, delta)
    return posting_id


def _enter_systems(posting_id: int, move: Move) -> None:
    """Write the two entries of a move between accounts of the system, found on the way."""
    values = {
        "posting_id": posting_id,
        "source": move.source.kind,
        "target": move.target.kind,
        "amount": move.amount_fen,
    }
    if write(_BETWEEN_SYSTEMS, **values).rowcount == 2:
        return
    lock_accounts({move.source, move.target})
    if write(_BETWEEN_SYSTEMS, **values).rowcount != 2:
        raise RuntimeError(f"no accounts for {move}")


_ENDS = (
    Account.owner_id == 0,
    Account.kind.in_([sa.bindparam("source"), sa.bindparam("target")]),
)
_AMOUNT = sa.bindparam("amount", type_=sa.BigInteger)
# Both entries or none: an account may not have been opened yet.
_BETWEEN_SYSTEMS = sa.insert(Entry).from_select(
    ["posting_id", "account_id", "amount_fen"],
    sa.select(
        sa.bindparam("posting_id", type_=sa.BigInteger),
        Account.id,
        sa.case((Account.kind == sa.bindparam("source"), -_AMOUNT), else_=_AMOUNT),
    ).where(*_ENDS, sa.select(sa.func.count(Account.id)).where(*_ENDS).scalar_subquery() == 2),
)

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


def lock_system(kind: AccountKind) -> int:
    """What a system account holds, with its row locked until the unit of work ends.

    Only for the rare payment out of it that must not exceed it: two of those wait
    for each other here. Whatever else moves the account does not wait.
    """
    require_transaction()
    account_id = lock_accounts({system(kind)})[system(kind)]
    db.session.execute(sa.select(Account.id).where(Account.id == account_id).with_for_update())
    return int(
        db.session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(Entry.amount_fen), 0)).where(
                Entry.account_id == account_id
            )
        )
        or 0
    )


def lock_accounts(refs: set[Ref]) -> dict[Ref, int]:
    """Ids of these accounts, made where missing; members' ones locked in id order."""
    found = _find_accounts(refs)
    missing = sorted(refs - found.keys())
    if missing:
        for ref in missing:
            open_accounts(
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


def open_accounts(rows: Rows) -> None:
    """Insert accounts that are not there yet; another's insert is no error."""
    columns = ["kind", "owner_id", "balance_fen"]
    if db.session.get_bind().dialect.name == "sqlite":
        # SQLite cannot parse ON CONFLICT after a SELECT that has no WHERE.
        guarded = sqlite.insert(Account).from_select(columns, rows.where(sa.true()))
        db.session.execute(guarded.on_conflict_do_nothing())
    else:
        db.session.execute(mysql.insert(Account).from_select(columns, rows).prefix_with("IGNORE"))


def _shift(account_id: int, kind: AccountKind, delta: int) -> None:
    statement = _SHIFT_DEBT if kind is AccountKind.DEBT else _SHIFT_REST
    moved = write(statement, account_id=account_id, delta=delta).rowcount
    if moved != 1:
        raise InsufficientBalance(account=kind.value)


def _content_hash(event: str, moves: Sequence[Move]) -> str:
    lines = [
        f"{m.source.kind}:{m.source.owner_id}>{m.target.kind}:{m.target.owner_id}={m.amount_fen}"
        for m in moves
    ]
    return hashlib.sha256("\n".join([event, *lines]).encode()).hexdigest()
