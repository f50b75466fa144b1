"""Tax across the withdrawals of a person (代扣个人所得税).

The tax of a withdrawal is that of everything the person asked for in the month (or,
cumulatively, the year), this withdrawal included, less what was withheld of the
others. It is computed when it is asked for, kept with its inputs, and does not change.

A withdrawal that is refused, cancelled or fails is reversed: neither its amount nor
its tax counts any more. Those asked for after it keep their own figures, which were
computed with it; the next one of the period is computed from what stands, and so
withholds less (or more) by exactly what the reversal left wrong. What is still wrong
when the period is over is settled in the person's yearly return.

Source: compliance.md, "Income tax"; money.md, withdrawal moves.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import audit, members, settings, tax
from app.core import clock
from app.core.db import db, require_transaction
from app.core.rows import affected, insert_now
from app.tax import Before, Method, Withheld
from app.withdrawals.errors import IdentityKept, IdentityNeeded
from app.withdrawals.models import Withdrawal, WithdrawalStatus, Withholding


@dataclass(frozen=True)
class Computed:
    """The tax of a withdrawal before it exists. `detail` None: nothing is withheld."""

    method: Method
    month: str
    person: str
    detail: Withheld | None

    @property
    def tax_fen(self) -> int:
        return self.detail.tax_fen if self.detail else 0


def method() -> Method:
    """How tax is withheld now."""
    return Method(settings.value(settings.registry.TAX_METHOD))


def needs_identity(member_id: int) -> bool:
    """Whether a member must say who they are before they can withdraw."""
    return method() is not Method.NONE and tax.identity_of(member_id) is None


def compute(member_id: int, gross_fen: int, *, now: datetime, lock: bool = False) -> Computed:
    """The tax of a withdrawal of `gross_fen` asked for now.

    With `lock` no other withdrawal of the same person is computed meanwhile.

    Raises IdentityNeeded.
    """
    chosen, month = method(), month_of(now)
    known = tax.identity_of(member_id)
    person = known.person if known else ""
    if chosen is Method.NONE:
        return Computed(chosen, month, person, None)
    if known is None:
        raise IdentityNeeded()
    if lock:
        tax.identity.lock_person(person)
    detail = tax.withhold(
        tax.table_for(chosen, month),
        month=month,
        gross_fen=gross_fen,
        before=_before(member_id, person, tax.period_of(chosen, month)),
    )
    return Computed(chosen, month, person, detail)


def month_of(now: datetime) -> str:
    return clock.local(now).strftime("%Y-%m")


def keep(row: Withdrawal, computed: Computed) -> Withholding:
    """Write down how the tax of a new withdrawal came about."""
    require_transaction()
    made = Withholding(
        withdrawal_id=row.id,
        member_id=row.member_id,
        person=computed.person,
        method=computed.method,
        month=computed.month,
        gross_fen=row.gross_fen,
        tax_fen=computed.tax_fen,
    )
    if (found := computed.detail) is not None:
        made.version, made.months = found.version, found.months
        made.before_gross_fen, made.before_tax_fen = found.before_gross_fen, found.before_tax_fen
        made.expenses_fen, made.allowance_fen = found.expenses_fen, found.allowance_fen
        made.taxable_fen, made.total_fen = found.taxable_fen, found.total_fen
        made.rate_bps, made.quick_fen = found.rate_bps, found.quick_fen
    insert_now(made)
    return made


def reverse(withdrawal_id: int, now: datetime) -> None:
    """A withdrawal was released: it is no income."""
    affected(
        sa.update(Withholding)
        .where(Withholding.withdrawal_id == withdrawal_id, Withholding.reversed_at.is_(None))
        .values(reversed_at=now)
    )


def of_withdrawal(withdrawal_id: int) -> Withholding | None:
    """None for withdrawals from before tax was kept."""
    return db.session.get(Withholding, withdrawal_id)


def has_any(member_id: int) -> bool:
    """Whether tax was withheld of a member, so that their identity must be kept."""
    return (
        db.session.scalar(
            sa.select(Withholding.withdrawal_id)
            .where(
                Withholding.member_id == member_id,
                Withholding.method != Method.NONE,
                Withholding.reversed_at.is_(None),
            )
            .limit(1)
        )
        is not None
    )


def was_taxed_as(member_id: int, person: str, year: str) -> bool:
    """Whether a withdrawal of this account was paid as this person's income of the year."""
    w, t = Withdrawal, Withholding
    found = sa.select(t.withdrawal_id).join(w, w.id == t.withdrawal_id)
    found = found.where(
        t.member_id == member_id,
        t.person == person,
        t.month.startswith(year),
        t.method != Method.NONE,
        w.status == WithdrawalStatus.PAID,
    )
    return db.session.scalar(found.limit(1)) is not None


def forget_identity(member_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Delete who a member is (删除实名信息). Raises IdentityKept."""
    # No withdrawal is computed meanwhile.
    members.locked(member_id)
    if has_any(member_id):
        raise IdentityKept()
    tax.identity.delete(member_id, actor=actor, now=now)


def _before(member_id: int, person: str, period: str) -> Before:
    """What stands of a person's period; of any of their accounts, of any method."""
    w = Withholding
    gross, withheld, first = db.session.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(w.gross_fen), 0),
            sa.func.coalesce(sa.func.sum(w.tax_fen), 0),
            sa.func.min(w.month),
        ).where(
            # What was paid before the person was known is their income, too.
            sa.or_(w.person == person, w.member_id == member_id),
            w.month.startswith(period),
            w.reversed_at.is_(None),
        )
    ).one()
    return Before(int(gross), int(withheld), first or "")
