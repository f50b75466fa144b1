import sqlalchemy as sa

from app.audit.invariants import illegal_moves
from app.core.db import Rows
from app.ledger import Account, AccountKind, Entry, Posting, invariant
from app.withdrawals.grant_models import GRANT_TRANSITIONS, TransferGrant
from app.withdrawals.models import (
    OPEN,
    RELEASED,
    TRANSITIONS,
    BillState,
    Channel,
    TransferBill,
    Withdrawal,
    WithdrawalStatus,
    Withholding,
)
from app.withdrawals.payee_models import LineState, PayoutLine
from app.withdrawals.remittance_models import RemittanceState, TaxCredit, TaxRemittance

_W2 = "at most one bill, or line of a batch, of a withdrawal is not failed"
_W3 = "paid = exactly one SUCCESS bill of the net, or one voucher by hand"
_W4 = "frozen equals the open withdrawals"


@invariant("W1", "gross = net + tax + vat + fee, net above 0")
def _parts_differ() -> Rows:
    w = Withdrawal
    return sa.select(w.id.label("withdrawal"), w.gross_fen, w.net_fen).where(
        sa.or_(w.gross_fen != w.net_fen + w.tax_fen + w.vat_fen + w.fee_fen, w.net_fen <= 0)
    )


@invariant("W2", _W2)
def _two_live_bills() -> Rows:
    return (
        sa.select(TransferBill.withdrawal_id.label("withdrawal"), sa.func.count().label("bills"))
        .where(TransferBill.state.not_in((BillState.FAIL, BillState.CANCELLED)))
        .group_by(TransferBill.withdrawal_id)
        .having(sa.func.count() > 1)
    )


@invariant("W2", _W2)
def _two_lines() -> Rows:
    """By hand one line at most was not taken out, ever, and no bill at WeChat is beside it."""
    bills = sa.exists().where(TransferBill.withdrawal_id == PayoutLine.withdrawal_id)
    return (
        sa.select(PayoutLine.withdrawal_id.label("withdrawal"), sa.func.count().label("lines"))
        .join(Withdrawal, Withdrawal.id == PayoutLine.withdrawal_id)
        .where(PayoutLine.state != LineState.REMOVED)
        .group_by(PayoutLine.withdrawal_id)
        .having(
            sa.or_(
                sa.func.count() > 1,
                sa.func.max(sa.case((Withdrawal.channel == Channel.WECHAT, 1), (bills, 1), else_=0))
                > 0,
            )
        )
    )


# What a line says, and where its withdrawal must be then.
_LINE_STATUS = {
    LineState.WAITING: WithdrawalStatus.SENDING,
    LineState.PAID: WithdrawalStatus.PAID,
    LineState.FAILED: WithdrawalStatus.FAILED,
    LineState.RETURNED: WithdrawalStatus.RETURNED,
}


@invariant("W3", _W3)
def _line_differs() -> Rows:
    """A withdrawal by hand and its line stand at the same; of its net, with a voucher."""
    w, line = Withdrawal, PayoutLine
    expected = sa.case(
        {state.value: status.value for state, status in _LINE_STATUS.items()},
        value=sa.cast(line.state, sa.String(24)),
    )
    needs_line = w.status.in_(list(_LINE_STATUS.values()))
    return (
        sa.select(w.id.label("withdrawal"), w.status, line.state.label("line"))
        .outerjoin(line, sa.and_(line.withdrawal_id == w.id, line.state != LineState.REMOVED))
        .where(
            w.channel != Channel.WECHAT,
            sa.or_(
                sa.and_(needs_line, line.id.is_(None)),
                sa.cast(w.status, sa.String(24)) != expected,
                line.amount_fen != w.net_fen,
                sa.and_(line.state == LineState.PAID, line.voucher_id.is_(None)),
            ),
        )
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
    by_wechat = Withdrawal.channel == Channel.WECHAT
    paid = sa.and_(Withdrawal.status == WithdrawalStatus.PAID, by_wechat)
    expected = sa.case((paid, 1), else_=0)
    return (
        sa.select(Withdrawal.id.label("withdrawal"), Withdrawal.status, good.label("bills"))
        .outerjoin(TransferBill, TransferBill.withdrawal_id == Withdrawal.id)
        .group_by(Withdrawal.id, Withdrawal.status, Withdrawal.channel)
        .having(good != expected)
    )


@invariant("W3", _W3)
def _paid_out_differs() -> Rows:
    """By the door of its way, and nothing of it by the other."""
    doors = {
        kind: sa.select(Account.id).where(Account.kind == kind).scalar_subquery()
        for kind in (AccountKind.WORLD_WX, AccountKind.WORLD_BANK)
    }
    door = sa.case(
        (Withdrawal.channel == Channel.WECHAT, doors[AccountKind.WORLD_WX]),
        else_=doors[AccountKind.WORLD_BANK],
    )
    through = sa.case(
        (Entry.account_id == door, Entry.amount_fen),
        # What left by the other door counts double: it can only be wrong.
        else_=2 * Entry.amount_fen,
    )
    left = sa.func.coalesce(sa.func.sum(through), 0)
    net = sa.case((Withdrawal.status == WithdrawalStatus.PAID, Withdrawal.net_fen), else_=0)
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
                    sa.select(Account.id).where(
                        Account.kind.in_((AccountKind.WORLD_WX, AccountKind.WORLD_BANK))
                    )
                ),
            ),
        )
        .where(Withdrawal.status.in_((WithdrawalStatus.PAID, WithdrawalStatus.RETURNED)))
        .group_by(Withdrawal.id, Withdrawal.net_fen, Withdrawal.status)
        .having(left != net)
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


_W5 = (
    "tax is as it was withheld, and payable what was withheld of the paid"
    " less what the tax office was paid"
)


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
    r = TaxRemittance
    remitted = (
        sa.select(sa.func.coalesce(sa.func.sum(_cash(r)), 0))
        .where(r.state == RemittanceState.DONE)
        .scalar_subquery()
    )
    return sa.select(
        posted.label("payable_fen"), withheld.label("withheld_fen"), remitted.label("remitted_fen")
    ).where(posted != withheld - remitted)


@invariant("W5", _W5)
def _remittance_not_booked() -> Rows:
    """Each is booked once it is confirmed, and only then, with its amount."""
    r, bank = TaxRemittance, Account.kind == AccountKind.WORLD_BANK
    booked = (
        sa.select(Posting.subject_id, sa.func.sum(Entry.amount_fen).label("fen"))
        .join(Entry, Entry.posting_id == Posting.id)
        .join(Account, Account.id == Entry.account_id)
        .where(Posting.subject == "tax_remittance", bank)
        .group_by(Posting.subject_id)
        .subquery()
    )
    wanted = sa.case((r.state != RemittanceState.DONE, 0), else_=_cash(r))
    return (
        sa.select(r.id.label("remittance"), wanted.label("wanted_fen"), booked.c.fen)
        .outerjoin(booked, booked.c.subject_id == r.id)
        .where(wanted != sa.func.coalesce(booked.c.fen, 0))
    )


@invariant("W5", _W5)
def _credit_differs() -> Rows:
    """What a payment is credited is what its lines say."""
    r, c = TaxRemittance, TaxCredit
    lines = sa.func.coalesce(sa.func.sum(c.amount_fen), 0)
    return (
        sa.select(r.id.label("remittance"), r.credit_fen, lines.label("lines_fen"))
        .outerjoin(c, c.remittance_id == r.id)
        .group_by(r.id, r.credit_fen)
        .having(lines != r.credit_fen)
    )


def _cash(r: type[TaxRemittance]) -> sa.Case[int]:
    """What left for the tax office; below 0 for what a correction brought back."""
    paid = r.amount_fen - r.credit_fen
    return sa.case((r.reverses_id.is_(None), paid), else_=-paid)


@invariant("S1", "only legal state moves, each from where the last one ended")
def _withdrawal_moves() -> Rows:
    return illegal_moves("withdrawal", TRANSITIONS, {"submitted"}, Withdrawal)


@invariant("S1", "only legal state moves, each from where the last one ended")
def _grant_moves() -> Rows:
    return illegal_moves("transfer_grant", GRANT_TRANSITIONS, {"created"}, TransferGrant)
