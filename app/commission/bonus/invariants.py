import sqlalchemy as sa

from app.commission.bonus.models import BonusBatch, BonusCorrection, BonusResult
from app.core.db import Rows
from app.ledger import Account, Entry, invariant

_B1 = "a posted bonus equals the entries of its posting"
_B2 = "what refunds took back of a bonus adds up, and equals the entries"


@invariant("B1", _B1)
def _entry_differs() -> Rows:
    booked = (
        sa.select(
            BonusBatch.id.label("batch"),
            Account.owner_id.label("member"),
            sa.func.sum(Entry.amount_fen).label("booked_fen"),
        )
        .join(Entry, Entry.posting_id == BonusBatch.posting_id)
        .join(Account, Account.id == Entry.account_id)
        .where(Account.owner_id > 0)
        .group_by(BonusBatch.id, Account.owner_id)
        .subquery()
    )
    return (
        sa.select(BonusResult.id.label("result"), BonusResult.amount_fen, booked.c.booked_fen)
        .outerjoin(
            booked,
            sa.and_(
                booked.c.batch == BonusResult.batch_id, booked.c.member == BonusResult.member_id
            ),
        )
        .where(
            BonusResult.batch_id > 0,
            sa.func.coalesce(booked.c.booked_fen, 0) != BonusResult.amount_fen,
        )
    )


@invariant("B1", _B1)
def _batch_differs() -> Rows:
    rows = sa.func.count(BonusResult.id)
    total = sa.func.coalesce(sa.func.sum(BonusResult.amount_fen), 0)
    return (
        sa.select(BonusBatch.id.label("batch"), BonusBatch.amount_fen, total.label("results_fen"))
        .outerjoin(BonusResult, BonusResult.batch_id == BonusBatch.id)
        .group_by(BonusBatch.id, BonusBatch.rows, BonusBatch.amount_fen, BonusBatch.posting_id)
        .having(
            sa.or_(
                rows != BonusBatch.rows,
                total != BonusBatch.amount_fen,
                BonusBatch.posting_id.is_(None),
            )
        )
    )


@invariant("B2", _B2)
def _differences_do_not_add_up() -> Rows:
    total = sa.func.coalesce(sa.func.sum(BonusCorrection.difference_fen), 0)
    return (
        sa.select(BonusResult.id.label("result"), BonusResult.reversed_fen, total.label("told_fen"))
        .outerjoin(BonusCorrection, BonusCorrection.result_id == BonusResult.id)
        .group_by(BonusResult.id, BonusResult.reversed_fen)
        .having(total != -BonusResult.reversed_fen)
    )


@invariant("B2", _B2)
def _correction_differs() -> Rows:
    booked = (
        sa.select(Entry.posting_id, sa.func.sum(Entry.amount_fen).label("booked_fen"))
        .join(Account, Account.id == Entry.account_id)
        .where(Account.owner_id > 0)
        .group_by(Entry.posting_id)
        .subquery()
    )
    return (
        sa.select(
            BonusCorrection.id.label("correction"), BonusCorrection.posted_fen, booked.c.booked_fen
        )
        .outerjoin(booked, booked.c.posting_id == BonusCorrection.posting_id)
        .where(sa.func.coalesce(booked.c.booked_fen, 0) != BonusCorrection.posted_fen)
    )
