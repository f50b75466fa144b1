from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from app import ledger
from app.core.db import Rows, db
from app.core.errors import NotFound
from app.core.money import format_yuan
from app.core.pages import Page, newest_first
from app.ledger import AccountKind
from app.withdrawals import payees, rules
from app.withdrawals.errors import AboveBalance
from app.withdrawals.models import (
    GRANT_CLOSED,
    Channel,
    TransferBill,
    Withdrawal,
    WithdrawalStatus,
)
from app.withdrawals.service import Preview, preview


def preview_for(
    member_id: int,
    amount_fen: int,
    *,
    now: datetime,
    channel: Channel = Channel.WECHAT,
    payee_id: int | None = None,
) -> Preview:
    """What `service.request` would come to for this member now, before it is asked.

    Raises what the request itself would.
    """
    rules.check(member_id, amount_fen, now=now, channel=channel)
    payees.chosen(member_id, channel, payee_id)
    free = ledger.balance_fen(AccountKind.AVAILABLE, member_id)
    if amount_fen > free:
        raise AboveBalance(
            "amount", f"提现金额超过可提现余额 ¥{format_yuan(free)}", available_fen=free
        )
    return preview(member_id, amount_fen, now=now, channel=channel)


def withdrawal_of(member_id: int, number: str) -> Withdrawal:
    """A withdrawal of this member. Raises NotFound for anyone else's."""
    found = db.session.scalar(sa.select(Withdrawal).filter_by(number=number, member_id=member_id))
    if found is None:
        raise NotFound("提现记录不存在")
    return found


def withdrawal_by_number(number: str) -> Withdrawal:
    """For the admin panel. Raises NotFound."""
    found = db.session.scalar(sa.select(Withdrawal).filter_by(number=number))
    if found is None:
        raise NotFound("提现记录不存在")
    return found


def numbers_by_id(withdrawal_ids: Iterable[int]) -> dict[int, str]:
    """Numbers by id, of anyone's withdrawals, for the admin panel's links."""
    wanted = set(withdrawal_ids)
    if not wanted:
        return {}
    rows = db.session.execute(
        sa.select(Withdrawal.id, Withdrawal.number).where(Withdrawal.id.in_(wanted))
    )
    return dict(rows.all())


def withdrawals_of(
    member_id: int, *, before: int | None = None, size: int = 20
) -> Page[Withdrawal]:
    """A member's withdrawals, newest first."""
    return newest_first(
        sa.select(Withdrawal).filter_by(member_id=member_id),
        Withdrawal.id,
        before=before,
        size=size,
    )


def withdrawals_page(
    statuses: Sequence[WithdrawalStatus] | None = None,
    *,
    before: int | None = None,
    size: int = 20,
) -> Page[Withdrawal]:
    """Everyone's withdrawals in these states, newest first."""
    return newest_first(desk_withdrawals(statuses), Withdrawal.id, before=before, size=size)


def desk_withdrawals(statuses: Sequence[WithdrawalStatus] | None = None) -> Rows:
    """What the desk's list of withdrawals is narrowed to."""
    query = sa.select(Withdrawal)
    return query.where(Withdrawal.status.in_(statuses)) if statuses else query


def counts_by_status() -> dict[WithdrawalStatus, tuple[int, int]]:
    """For each state how many withdrawals and their gross in fen."""
    rows = db.session.execute(
        sa.select(Withdrawal.status, sa.func.count(), sa.func.sum(Withdrawal.gross_fen)).group_by(
            Withdrawal.status
        )
    )
    return {status: (count, int(total)) for status, count, total in rows}


def due_to_pay(*, limit: int = 100) -> list[int]:
    """Approved withdrawals that go by WeChat, the oldest first."""
    return list(
        db.session.scalars(
            sa.select(Withdrawal.id)
            .filter_by(status=WithdrawalStatus.APPROVED, channel=Channel.WECHAT)
            .order_by(Withdrawal.id)
            .limit(limit)
        )
    )


def current_bill(withdrawal_id: int) -> TransferBill | None:
    """The newest bill of a withdrawal."""
    return db.session.scalar(
        sa.select(TransferBill)
        .filter_by(withdrawal_id=withdrawal_id)
        .order_by(TransferBill.id.desc())
        .limit(1)
    )


def bills_of(withdrawal_id: int) -> Sequence[TransferBill]:
    """Every bill of a withdrawal, newest first."""
    return db.session.scalars(
        sa.select(TransferBill)
        .filter_by(withdrawal_id=withdrawal_id)
        .order_by(TransferBill.id.desc())
    ).all()


def lost_its_grant(withdrawal_id: int) -> bool:
    """Whether it was to come without a confirmation (免确认), and now waits for one."""
    found = sa.select(TransferBill.id).filter_by(
        withdrawal_id=withdrawal_id, fail_reason=GRANT_CLOSED
    )
    return db.session.scalar(found.limit(1)) is not None


def numbers_of(member_id: int, withdrawal_ids: Iterable[int]) -> dict[int, str]:
    """The numbers of this member's withdrawals by id, for statement lines."""
    wanted = set(withdrawal_ids)
    if not wanted:
        return {}
    rows = db.session.execute(
        sa.select(Withdrawal.id, Withdrawal.number).where(
            Withdrawal.member_id == member_id, Withdrawal.id.in_(wanted)
        )
    )
    return dict(rows.all())
