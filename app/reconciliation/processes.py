"""Steps that speak to WeChat between units of work: reconciling a day, recovering."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
import structlog

from app import aftersales, audit, orders, withdrawals
from app.aftersales import RefundGateway
from app.aftersales.models import FINAL as REFUND_FINAL
from app.aftersales.models import Refund
from app.core import clock
from app.core.db import db, run_unit
from app.orders.models import Payment, PaymentStatus
from app.orders.ports import PaymentGateway
from app.reconciliation import importing, queries, service
from app.reconciliation.errors import BillNotReady, BillUnclear
from app.reconciliation.models import BillKind, ReconciledDay
from app.reconciliation.ports import BillSource
from app.withdrawals import LockCause, TransferGateway
from app.withdrawals.models import TransferBill

log = structlog.get_logger()


def reconcile(day: date, *, source: BillSource, mchid: str, now: datetime) -> ReconciledDay:
    """Bring the bills of a day and match them (对账); harmless to repeat.

    Raises BillNotReady, BillUnclear, importing.Superseded.
    """
    for kind in BillKind:
        importing.bring(kind, day, source=source, mchid=mchid, now=now)
    return run_unit(service.keep, day, now=now)


@dataclass
class Recovered:
    """What recovering changed, by what was asked about, and what it found."""

    asked: dict[str, dict[str, int]] = field(default_factory=dict)
    days: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    open_breaks: int = 0

    @property
    def is_clean(self) -> bool:
        return not self.missing and not self.open_breaks


def recover(
    since: datetime,
    *,
    source: BillSource,
    payments: PaymentGateway,
    refunds: RefundGateway,
    transfers: TransferGateway,
    actor: audit.Actor,
    now: datetime,
) -> Recovered:
    """After a restored backup: lock payouts, then take WeChat's word on all since (恢复).

    What happened after the backup was made is not known here, so nothing is paid out
    until every day from `since` to today is reconciled: today's bill comes tomorrow,
    and recovering again then goes on where this ended. Asking changes nothing twice.
    """
    first, last = clock.local(since).date(), clock.local(now).date()
    lock = withdrawals.locks.current()
    if lock is None or lock.cause is not LockCause.RECOVERY or not service.days_missing():
        db.session.rollback()
        run_unit(
            withdrawals.locks.lock,
            LockCause.RECOVERY,
            f"恢复备份后，{first} 至 {last} 的账单与结果需要全部核对",
            actor=actor,
            now=now,
            from_day=first,
            to_day=last,
        )
    done = Recovered()
    done.asked["payments"] = _each(
        sa.select(Payment.id).where(Payment.status == PaymentStatus.CREATED),
        lambda row: orders.ask(row, gateway=payments, now=now),
    )
    done.asked["refunds"] = _each(
        sa.select(Refund.id).where(Refund.status.not_in(REFUND_FINAL)),
        lambda row: aftersales.carry_on(row, gateway=refunds, now=now),
    )
    done.asked["transfers"] = _each(
        sa.select(TransferBill.id).where(
            TransferBill.ended_at.is_(None), TransferBill.live_withdrawal_id.is_not(None)
        ),
        lambda row: withdrawals.ask(row, gateway=transfers, now=now),
    )
    for day in service.days_missing():
        db.session.rollback()
        done.days[day.isoformat()] = _day(day, source, payments.mchid, now)
    done.missing = [day.isoformat() for day in service.days_missing()]
    done.open_breaks = queries.open_breaks()
    db.session.rollback()
    return done


def _day(day: date, source: BillSource, mchid: str, now: datetime) -> str:
    if day > queries.newest_day(now):
        return "not_ready"
    try:
        return reconcile(day, source=source, mchid=mchid, now=now).state.value
    except BillNotReady:
        return "not_ready"
    except BillUnclear:
        return "unclear"


def _each(ids: sa.Select[Any], act: Callable[[int], str]) -> dict[str, int]:
    """One row's trouble is not the others'."""
    found: Iterable[int] = list(db.session.scalars(ids.order_by(sa.text("id"))))
    db.session.rollback()
    outcomes: Counter[str] = Counter()
    for row_id in found:
        try:
            outcomes[act(row_id)] += 1
        except Exception:
            db.session.rollback()
            log.exception("recover_row_failed", row=row_id)
            outcomes["failed"] += 1
    return dict(outcomes)
