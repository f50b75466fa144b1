import sqlalchemy as sa

from app.audit.invariants import illegal_moves
from app.core.db import Rows
from app.ledger import Account, AccountKind, Entry, Posting, invariant
from app.withdrawals.models import (
    OPEN,
    RELEASED,
    TRANSITIONS,
    BillState,
    TransferBill,
    Withdrawal,
    WithdrawalStatus,
    Withholding,
)

_W3 = "paid = exactly one SUCCESS bill of the net"
_W4 = "frozen equals the open withdrawals"


@invariant("W1", "gross = net + tax + vat + fee, net above 0")
def _parts_differ() -> Rows:
    w = Withdrawal
    return sa.select(w.id.label("withdrawal"), w.gross_fen, w.net_fen).where(
        sa.or_(w.gross_fen != w.net_fen + w.tax_fen + w.vat_fen + w.fee_fen, w.net_fen <= 0)
    )


@invariant("W2", "at most one bill of a withdrawal is not failed")
def _two_live_bills() -> Rows:
    return (
        sa.select(TransferBill.withdrawal_id.label("withdrawal"), sa.func.count().label("bills"))
        .where(TransferBill.state.not_in((BillState.FAIL, BillState.CANCELLED)))
        .group_by(TransferBill.withdrawal_id)
        .having(sa.func.count() > 1)
    )


@invariant("W3", _W3)
def _paid_without_bill() -> Rows:
    good = sa.func.coalesce(
        sa.func.sum(
            sa.case(
                (
                    sa.and_(
                        TransferBill.state == BillState.SUCCESS,
                        TransferBill.amount_fen == Withdrawal.net_fen,
                    ),
                    1,
                ),
                # Any other success counts double: it can only be wrong.
                (TransferBill.state == BillState.SUCCESS, 2),
                else_=0,
            )
        ),
        0,
    )
    expected = sa.case((Withdrawal.status == WithdrawalStatus.PAID, 1), else_=0)
    return (
        sa.select(Withdrawal.id.label("withdrawal"), Withdrawal.status, good.label("bills"))
        .outerjoin(TransferBill, TransferBill.withdrawal_id == Withdrawal.id)
        .group_by(Withdrawal.id, Withdrawal.status)
        .having(good != expected)
    )


@invariant("W3", _W3)
def _paid_out_differs() -> Rows:
    left = sa.func.coalesce(sa.func.sum(Entry.amount_fen), 0)
    return (
        sa.select(Withdrawal.id.label("withdrawal"), Withdrawal.net_fen, left.label("left_fen"))
        .outerjoin(
            Posting,
            sa.and_(Posting.subject == "withdrawal", Posting.subject_id == Withdrawal.id),
        )
        .outerjoin(
            Entry,
            sa.and_(
                Entry.posting_id == Posting.id,
                Entry.account_id.in_(
                    sa.select(Account.id).where(Account.kind == AccountKind.WORLD_WX)
                ),
            ),
        )
        .where(Withdrawal.status == WithdrawalStatus.PAID)
        .group_by(Withdrawal.id, Withdrawal.net_fen)
        .having(left != Withdrawal.net_fen)
    )


@invariant("W4", _W4)
def _frozen_differs() -> Rows:
    opened = (
        sa.select(Withdrawal.member_id, sa.func.sum(Withdrawal.gross_fen).label("open_fen"))
        .where(Withdrawal.status.in_(OPEN))
        .group_by(Withdrawal.member_id)
        .subquery()
    )
    return (
        sa.select(Account.owner_id.label("member"), Account.balance_fen, opened.c.open_fen)
        .outerjoin(opened, opened.c.member_id == Account.owner_id)
        .where(
            Account.kind == AccountKind.FROZEN,
            Account.balance_fen != sa.func.coalesce(opened.c.open_fen, 0),
        )
    )


@invariant("W4", _W4)
def _open_without_frozen() -> Rows:
    account = sa.select(Account.id).where(
        Account.owner_id == Withdrawal.member_id, Account.kind == AccountKind.FROZEN
    )
    return sa.select(Withdrawal.id.label("withdrawal")).where(
        Withdrawal.status.in_(OPEN), ~account.exists()
    )


_W5 = "tax is as it was withheld, and payable what was withheld of the paid"


@invariant("W5", _W5)
def _tax_differs() -> Rows:
    w, t = Withdrawal, Withholding
    released = w.status.in_(RELEASED)
    return (
        sa.select(w.id.label("withdrawal"), w.tax_fen, t.tax_fen.label("withheld_fen"))
        .outerjoin(t, t.withdrawal_id == w.id)
        .where(
            sa.or_(
                w.tax_fen != sa.func.coalesce(t.tax_fen, 0),
                t.gross_fen != w.gross_fen,
                sa.and_(released, t.withdrawal_id.is_not(None), t.reversed_at.is_(None)),
                sa.and_(sa.not_(released), t.reversed_at.is_not(None)),
            )
        )
    )


@invariant("W5", _W5)
def _tax_payable_differs() -> Rows:
    posted = (
        sa.select(sa.func.coalesce(sa.func.sum(Entry.amount_fen), 0))
        .join(Account, Account.id == Entry.account_id)
        .where(Account.kind == AccountKind.TAX_PAYABLE)
        .scalar_subquery()
    )
    withheld = (
        sa.select(sa.func.coalesce(sa.func.sum(Withdrawal.tax_fen), 0))
        .where(Withdrawal.status == WithdrawalStatus.PAID)
        .scalar_subquery()
    )
    return sa.select(posted.label("payable_fen"), withheld.label("withheld_fen")).where(
        posted != withheld
    )


@invariant("S1", "only legal state moves, each from where the last one ended")
def _withdrawal_moves() -> Rows:
    return illegal_moves("withdrawal", TRANSITIONS, {"submitted"}, Withdrawal)
