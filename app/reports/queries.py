from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app import (
    aftersales,
    catalog,
    distribution,
    ledger,
    orders,
    outbox,
    reconciliation,
    reviews,
    risk,
)
from app.audit import runs
from app.commission import bonus
from app.core import brief
from app.core.db import db
from app.ledger import AccountKind
from app.orders import OrderStatus
from app.withdrawals import Withdrawal, WithdrawalStatus


@dataclass(frozen=True)
class Queue:
    """Work that waits for a person: how much, and since when the oldest waits."""

    key: str
    count: int
    oldest: datetime | None


@dataclass(frozen=True)
class Money:
    """Where the money is, in fen.

    `by_hand_fen`: what the shop paid distributors from its bank and Alipay accounts,
    so that so much less is theirs at WeChat.
    """

    at_wechat_fen: int
    by_hand_fen: int
    held_fen: int
    shop_fen: int
    refund_due_fen: int
    pending_fen: int
    available_fen: int
    frozen_fen: int
    debt_fen: int
    tax_fen: int

    @property
    def owed_fen(self) -> int:
        """Owed to distributors: pending, available and frozen together."""
        return self.pending_fen + self.available_fen + self.frozen_fen


def queues(now: datetime) -> list[Queue]:
    """The queues that need a person, in the order they are shown."""
    withdrawal_states = _by_state(
        Withdrawal.status,
        Withdrawal.created_at,
        (WithdrawalStatus.SUBMITTED, WithdrawalStatus.UNKNOWN),
    )
    waiting, since = outbox.backlog()
    # News is normally delivered within seconds: only what hangs needs a person.
    hangs = since is not None and since < now - timedelta(minutes=5)
    return [
        _queue(
            "to_ship", _by_state(orders.Order.status, orders.Order.paid_at, (OrderStatus.PAID,))
        ),
        Queue("aftersales", *aftersales.waiting()),
        _queue(
            "applications",
            _by_state(
                distribution.Distributor.status,
                distribution.Distributor.applied_at,
                (distribution.DistributorStatus.APPLIED,),
            ),
        ),
        Queue("appeals", *distribution.appeals.waiting()),
        Queue("risks", *risk.waiting()),
        Queue("bonuses", *bonus.queries.waiting()),
        _queue("withdrawals", withdrawal_states[:1]),
        _queue("payouts", withdrawal_states[1:]),
        Queue("reviews", *reviews.waiting()),
        Queue("low_stock", catalog.low_stock_count(now), None),
        _open_oddities(),
        Queue("breaks", *reconciliation.waiting()),
        Queue("outbox", waiting if hangs else 0, since if hangs else None),
        _job_alerts(now),
    ]


def _job_alerts(now: datetime) -> Queue:
    # On every page of the panel, and of the nature of minutes.
    found = brief.current().get("job_alerts", lambda: runs.alerts(now), times=5)
    return Queue("jobs", len(found), min((a.since for a in found if a.since), default=None))


def money() -> Money:
    """Where the money is, as booked."""
    held = ledger.balances()
    return Money(
        at_wechat_fen=-held.get(AccountKind.WORLD_WX, 0),
        by_hand_fen=held.get(AccountKind.WORLD_BANK, 0),
        held_fen=held.get(AccountKind.ORDER_HOLD, 0),
        shop_fen=held.get(AccountKind.SHOP, 0),
        refund_due_fen=held.get(AccountKind.REFUND_DUE, 0),
        pending_fen=held.get(AccountKind.PENDING, 0),
        available_fen=held.get(AccountKind.AVAILABLE, 0),
        frozen_fen=held.get(AccountKind.FROZEN, 0),
        debt_fen=-held.get(AccountKind.DEBT, 0),
        # Withheld from commissions and not yet paid to the tax office.
        tax_fen=held.get(AccountKind.TAX_PAYABLE, 0) + held.get(AccountKind.VAT_PAYABLE, 0),
    )


def _by_state(
    status: sa.ColumnElement[Any] | Any, since: Any, states: Sequence[Any]
) -> list[tuple[int, datetime | None]]:
    rows = db.session.execute(
        sa.select(status, sa.func.count(), sa.func.min(since))
        .where(status.in_(states))
        .group_by(status)
    )
    found = {state: (int(count), oldest) for state, count, oldest in rows}
    return [found.get(state, (0, None)) for state in states]


def _queue(key: str, found: Sequence[tuple[int, datetime | None]]) -> Queue:
    return Queue(key, *found[0])


def _open_oddities() -> Queue:
    count, oldest = db.session.execute(
        sa.select(sa.func.count(), sa.func.min(orders.Oddity.at)).where(
            orders.Oddity.resolved_at.is_(None)
        )
    ).one()
    return Queue("oddities", count, oldest)
