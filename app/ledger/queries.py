from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from app.core.db import db, require_transaction
from app.core.errors import NotFound
from app.core.pages import Page, newest_first
from app.ledger.models import Account, AccountKind, Entry, Posting

_WALLET_KINDS = (
    AccountKind.PENDING,
    AccountKind.AVAILABLE,
    AccountKind.FROZEN,
    AccountKind.DEBT,
)


@dataclass(frozen=True)
class Wallet:
    """A member's money in fen: pending 待结算, available 可提现, frozen 提现中, debt 待追回."""

    pending_fen: int = 0
    available_fen: int = 0
    frozen_fen: int = 0
    debt_fen: int = 0


def wallet_of(member_id: int) -> Wallet:
    """The four balances of a member, in one query; `debt_fen` as a positive number."""
    rows = db.session.execute(
        sa.select(Account.kind, Account.balance_fen).where(Account.owner_id == member_id)
    )
    held = dict(rows.all())
    return Wallet(
        pending_fen=held.get(AccountKind.PENDING, 0),
        available_fen=held.get(AccountKind.AVAILABLE, 0),
        frozen_fen=held.get(AccountKind.FROZEN, 0),
        debt_fen=-held.get(AccountKind.DEBT, 0),
    )


def lock_wallets(member_ids: Iterable[int]) -> dict[int, Wallet]:
    """The balances of these members, locked (in id order) until the unit of work ends."""
    require_transaction()
    wanted = sorted(set(member_ids))
    rows = db.session.execute(
        sa.select(Account.owner_id, Account.kind, Account.balance_fen)
        .where(Account.owner_id.in_(wanted), Account.kind.in_(_WALLET_KINDS))
        .order_by(Account.id)
        .with_for_update()
    ).all()
    held: dict[int, dict[AccountKind, int]] = {member_id: {} for member_id in wanted}
    for owner_id, kind, balance in rows:
        held[owner_id][kind] = balance
    return {
        member_id: Wallet(
            pending_fen=found.get(AccountKind.PENDING, 0),
            available_fen=found.get(AccountKind.AVAILABLE, 0),
            frozen_fen=found.get(AccountKind.FROZEN, 0),
            debt_fen=-found.get(AccountKind.DEBT, 0),
        )
        for member_id, found in held.items()
    }


def balance_fen(kind: AccountKind, member_id: int) -> int:
    """One cached balance of a member, 0 if the account was never opened."""
    return (
        db.session.scalar(
            sa.select(Account.balance_fen).where(
                Account.kind == kind, Account.owner_id == member_id
            )
        )
        or 0
    )


def held_for(kind: AccountKind, subject: tuple[str, int]) -> int:
    """What a system account holds on behalf of one subject, such as an order."""
    return int(
        db.session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(Entry.amount_fen), 0))
            .join(Posting, Posting.id == Entry.posting_id)
            .join(Account, Account.id == Entry.account_id)
            .where(
                Posting.subject == subject[0],
                Posting.subject_id == subject[1],
                Account.kind == kind,
                Account.owner_id == 0,
            )
        )
        or 0
    )


def postings_of(subject: tuple[str, int]) -> Sequence[Posting]:
    """The postings about one subject with their entries, oldest first."""
    return db.session.scalars(
        sa.select(Posting)
        .filter_by(subject=subject[0], subject_id=subject[1])
        .options(selectinload(Posting.entries).joinedload(Entry.account))
        .order_by(Posting.id)
    ).all()


def postings_page(event: str = "", *, before: int | None = None, size: int = 20) -> Page[Posting]:
    """All postings, newest first, of one event or of all. See `first_entries`."""
    query = sa.select(Posting)
    if event:
        query = query.filter_by(event=event)
    return newest_first(query, Posting.id, before=before, size=size)


def first_entries(posting_ids: Iterable[int], *, most: int) -> dict[int, tuple[list[Entry], int]]:
    """For each posting its first entries with their accounts, and how many it has.

    Not `Posting.entries`: a settlement's posting has two entries for each of
    thousands of members.
    """
    wanted = set(posting_ids)
    if not wanted:
        return {}
    ranked = (
        sa.select(
            Entry.id,
            sa.func.row_number()
            .over(partition_by=Entry.posting_id, order_by=Entry.id)
            .label("place"),
            sa.func.count().over(partition_by=Entry.posting_id).label("entries"),
        )
        .where(Entry.posting_id.in_(wanted))
        .subquery()
    )
    rows = db.session.execute(
        sa.select(Entry, ranked.c.entries)
        .join(ranked, ranked.c.id == Entry.id)
        .where(ranked.c.place <= most)
        .options(joinedload(Entry.account))
        .order_by(Entry.id)
    )
    found: dict[int, tuple[list[Entry], int]] = {}
    for entry, count in rows:
        found.setdefault(entry.posting_id, ([], int(count)))[0].append(entry)
    return found


def posting(posting_id: int, *, entries_max: int = 500) -> tuple[Posting, Sequence[Entry], int]:
    """A posting, its first entries with their accounts, and how many it has.

    A settlement's posting has as many as two entries a member. Raises NotFound.
    """
    found = db.session.get(Posting, posting_id)
    if found is None:
        raise NotFound("分录不存在")
    entries = db.session.scalars(
        sa.select(Entry)
        .filter_by(posting_id=posting_id)
        .options(joinedload(Entry.account))
        .order_by(Entry.id)
        .limit(entries_max)
    ).all()
    count = db.session.scalar(
        sa.select(sa.func.count()).select_from(Entry).filter_by(posting_id=posting_id)
    )
    return found, entries, count or 0


def entries_of(
    member_id: int, kind: AccountKind, *, before: int | None = None, size: int = 20
) -> Page[Entry]:
    """A member account's entries with their postings, newest first."""
    query = (
        sa.select(Entry)
        .join(Account)
        .where(Account.owner_id == member_id, Account.kind == kind)
        .options(joinedload(Entry.posting))
    )
    return newest_first(query, Entry.id, before=before, size=size)
