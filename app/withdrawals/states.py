"""The one place where a withdrawal's state moves, with the money it moves."""

from datetime import datetime

from app import audit, ledger, outbox
from app.core.errors import IllegalMove
from app.core.rows import lock_one
from app.ledger import AccountKind, Move
from app.withdrawals import withholding
from app.withdrawals.models import (
    RELEASED,
    TRANSITIONS,
    Channel,
    Withdrawal,
    WithdrawalStatus,
)

S = WithdrawalStatus
# What the member is told about.
NEWS = frozenset({S.APPROVED, S.REJECTED, S.WAIT_CONFIRM, S.PAID, S.FAILED, S.RETURNED})


def locked(withdrawal_id: int) -> Withdrawal:
    """Locked and freshly read. Raises NotFound."""
    return lock_one(Withdrawal, withdrawal_id, "提现记录不存在")


def move(
    row: Withdrawal,
    to: WithdrawalStatus,
    *,
    actor: audit.Actor,
    now: datetime,
    note: str = "",
) -> None:
    """Move a locked withdrawal, log it, and move its money. Raises IllegalMove."""
    by_wechat = row.channel is Channel.WECHAT
    was = row.status
    taken_out = was is S.SENDING and to is S.APPROVED
    if to not in TRANSITIONS[was] or (by_wechat and (to is S.RETURNED or taken_out)):
        raise IllegalMove(state=row.status.value)
    audit.record_move(
        "withdrawal",
        row.id,
        from_state=was.value,
        to_state=to.value,
        actor=actor,
        now=now,
        note=note,
    )
    row.status = to
    if to in RELEASED:
        row.ended_at = now
        withholding.reverse(row.id, now)
        if to is S.RETURNED:
            _give_back(row, now)
        else:
            _release(row, now)
    elif to is S.PAID:
        row.ended_at = now
        _pay_out(row, now)
    # Whoever was told of the approval is not told again.
    if to in NEWS and not taken_out:
        outbox.publish(f"withdrawal_{to.value}", row.id, now=now)


def freeze(row: Withdrawal, now: datetime) -> None:
    """`available` > `frozen`, the gross. Raises InsufficientBalance."""
    _post(
        row,
        "requested",
        [
            Move(
                ledger.member(AccountKind.AVAILABLE, row.member_id),
                ledger.member(AccountKind.FROZEN, row.member_id),
                row.gross_fen,
            )
        ],
        now,
    )


def _release(row: Withdrawal, now: datetime) -> None:
    """`frozen` > `available`, the gross."""
    available = ledger.member(AccountKind.AVAILABLE, row.member_id)
    _post(
        row,
        "released",
        [Move(ledger.member(AccountKind.FROZEN, row.member_id), available, row.gross_fen)],
        now,
    )


def _pay_out(row: Withdrawal, now: datetime) -> None:
    frozen = ledger.member(AccountKind.FROZEN, row.member_id)
    moves = [Move(frozen, ledger.system(kind), fen) for kind, fen in _parts(row) if fen]
    _post(row, "paid", moves, now)


def _give_back(row: Withdrawal, now: datetime) -> None:
    """What was paid by hand and came back: net, tax and fee are `available` again."""
    available = ledger.member(AccountKind.AVAILABLE, row.member_id)
    moves = [Move(ledger.system(kind), available, fen) for kind, fen in _parts(row) if fen]
    _post(row, "returned", moves, now)


def _parts(row: Withdrawal) -> list[tuple[AccountKind, int]]:
    """Where the gross goes when it is paid."""
    by_wechat = row.channel is Channel.WECHAT
    return [
        (AccountKind.WORLD_WX if by_wechat else AccountKind.WORLD_BANK, row.net_fen),
        (AccountKind.TAX_PAYABLE, row.tax_fen),
        (AccountKind.VAT_PAYABLE, row.vat_fen),
        (AccountKind.SHOP, row.fee_fen),
    ]


def _post(row: Withdrawal, event: str, moves: list[Move], now: datetime) -> None:
    ledger.post(
        f"withdrawal:{row.id}:{event}",
        event=f"withdrawal_{event}",
        moves=moves,
        now=now,
        subject=("withdrawal", row.id),
    )
