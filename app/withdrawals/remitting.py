"""Paying withheld tax to the tax office (代扣税款缴库): one books it, another confirms.

The tax of a month is that of its withdrawals that were paid. A month is never paid
more than is withheld and open, nor the tax office more than the books owe it. A
payment by hand that comes back later gives its tax back to the member; a month may
then be overpaid. The next payment, of whatever month, carries what is overpaid as a
credit (多缴抵减): it counts for its month in full, less money leaves, and the overpaid
month stands at what was withheld of it again.

What was booked wrongly is not changed: a correction takes all of it back (冲正), by
two people as well.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from app import audit, ledger
from app.core import clock, reasons
from app.core.db import db
from app.core.errors import DomainError, IllegalMove, InvalidInput
from app.core.money import format_yuan
from app.core.pages import Page, newest_first
from app.core.rows import add_once, lock_one
from app.ledger import AccountKind, Move
from app.withdrawals.models import Withdrawal, WithdrawalStatus, Withholding
from app.withdrawals.remittance_models import RemittanceState, TaxCredit, TaxRemittance

S = RemittanceState
_MONTH = re.compile(r"20\d\d-(?:0[1-9]|1[0-2])", re.ASCII)
_SERIAL = re.compile(r"[0-9A-Za-z_-]{4,64}", re.ASCII)


class SameRemitter(DomainError):
    """Four eyes: who booked a payment does not confirm it."""

    code = "same_person"
    status = 403
    message = "缴款须由两位管理员完成：这笔是你提交的，请由另一位管理员确认"


class CreditChanged(DomainError):
    """More or less is overpaid by now than when it was asked."""

    code = "tax_credit_changed"
    message = "可抵减的多缴税款在提交之后有变化，请驳回后重新登记"


class RemittanceTooLarge(DomainError):
    """Less is open by now than when it was asked."""

    code = "remittance_too_large"
    message = "这个月的未缴税款在提交之后有变化，请驳回后重新登记"


@dataclass(frozen=True)
class Month:
    """The withheld tax of a month, in fen; remitted in money or by a credit, less its own."""

    month: str
    withheld_fen: int = 0
    remitted_fen: int = 0

    @property
    def open_fen(self) -> int:
        """Below 0 where more was paid than was withheld in the end."""
        return self.withheld_fen - self.remitted_fen


def ask(
    month: str,
    *,
    amount_fen: int,
    paid_on: date,
    serial: str,
    voucher_id: int,
    actor: audit.Actor,
    now: datetime,
) -> TaxRemittance:
    """Book that the tax office was paid; it counts once another admin confirms it.

    Raises:
        InvalidInput: naming `month`, `amount`, `paid_on` or `serial`.
        IllegalMove: something of this month waits for an answer already.
    """
    found = of_month(month)
    _check_amount(found, amount_fen)
    used = credits_for(amount_fen)
    first = date.fromisoformat(f"{month}-01")
    if not first <= paid_on <= clock.local(now).date():
        raise InvalidInput("paid_on", "缴款日期应在所属月份开始之后，且不晚于今天")
    if not _SERIAL.fullmatch(serial := serial.strip()):
        raise InvalidInput("serial", "请填写完税凭证号码，4 到 64 位字母、数字或短横线")
    row = TaxRemittance(
        month=month,
        open_month=month,
        amount_fen=amount_fen,
        credit_fen=sum(used.values()),
        paid_on=paid_on,
        serial=serial,
        voucher_id=voucher_id,
        state=S.ASKED,
        asked_by=actor.ref,
        asked_at=now,
    )
    return _asked(row, used, actor, now)


def ask_reversal(
    remittance_id: int, *, reason: str, actor: audit.Actor, now: datetime
) -> TaxRemittance:
    """Ask to take a booked payment back, all of it (申请冲正).

    Raises NotFound, InvalidInput naming `reason`; IllegalMove: it was never booked, is a
    correction itself, was taken back, or its month waits for an answer.
    """
    said = reasons.given(reason, "请写明冲正的原因，确认的人会看到")
    paid = _locked(remittance_id)
    if paid.state is not S.DONE or paid.reverses_id is not None:
        raise IllegalMove("只有已入账的缴款可以冲正", state=paid.state.value)
    row = TaxRemittance(
        month=paid.month,
        open_month=paid.month,
        amount_fen=paid.amount_fen,
        credit_fen=paid.credit_fen,
        paid_on=paid.paid_on,
        reverses_id=paid.id,
        live_reverses_id=paid.id,
        state=S.ASKED,
        reason=said,
        asked_by=actor.ref,
        asked_at=now,
    )
    return _asked(row, credits_of([paid.id])[paid.id], actor, now)


def decide(
    remittance_id: int, *, agrees: bool, answer: str = "", actor: audit.Actor, now: datetime
) -> TaxRemittance:
    """Confirm and book it, or refuse with an answer; whoever asked may only take it back.

    Raises:
        NotFound. IllegalMove: it was decided. SameRemitter, InvalidInput.
        RemittanceTooLarge, CreditChanged: nothing is booked, the request stays.
    """
    row = _locked(remittance_id)
    if row.state is not S.ASKED:
        raise IllegalMove("这笔缴款已经处理过了", state=row.state.value)
    if agrees:
        if row.asked_by == actor.ref:
            raise SameRemitter()
        _book(row, now)
    else:
        row.answer = reasons.given(answer, "请写明原因")
        row.live_reverses_id = None
    row.state = S.DONE if agrees else S.REFUSED
    row.open_month, row.decided_by, row.decided_at = None, actor.ref, now
    _record("confirm" if agrees else "refuse", row, actor, now, row.answer or row.reason)
    return row


def of_month(month: str) -> Month:
    """What is withheld and paid of a month. Raises InvalidInput naming `month`."""
    if not _MONTH.fullmatch(month):
        raise InvalidInput("month", "应为月份，例如 2026-11")
    found = months(month)
    return found[0] if found else Month(month)


def months(only: str = "") -> Sequence[Month]:
    """Every month in which tax was withheld or paid on, the newest first, or one."""
    w, t, r = Withdrawal, Withholding, TaxRemittance
    signed = sa.case((r.reverses_id.is_(None), r.amount_fen), else_=-r.amount_fen)
    held: sa.Select[str, int] = (
        sa.select(t.month, sa.func.sum(w.tax_fen))
        .join(w, w.id == t.withdrawal_id)
        .where(w.status == WithdrawalStatus.PAID, w.tax_fen > 0)
        .group_by(t.month)
    )
    summed: sa.Select[str, int] = sa.select(r.month, sa.func.sum(signed))
    paid = summed.where(r.state == S.DONE).group_by(r.month)
    if only:
        held, paid = held.where(t.month == only), paid.where(r.month == only)
    withheld = _sums(held)
    remitted = _sums(paid)
    lent = _lent(only)
    return [
        Month(month, withheld.get(month, 0), remitted.get(month, 0) - lent.get(month, 0))
        for month in sorted(withheld.keys() | remitted.keys(), reverse=True)
    ]


def credits_for(amount_fen: int, *, besides: int = 0) -> Mapping[str, int]:
    """What of a payment overpaid months make up, the oldest first, in fen by month.

    What another request (not `besides`) already carries is not used twice.
    """
    used: dict[str, int] = {}
    for month, free in _overpaid(besides).items():
        if (fen := min(free, amount_fen - sum(used.values()))) > 0:
            used[month] = fen
    return used


def _overpaid(besides: int = 0) -> Mapping[str, int]:
    """What no request makes use of yet, the oldest month first, in fen."""
    r, c = TaxRemittance, TaxCredit
    claimed = _sums(
        sa.select(c.month, sa.func.sum(c.amount_fen))
        .join(r, r.id == c.remittance_id)
        .where(r.state == S.ASKED, r.reverses_id.is_(None), r.id != besides)
        .group_by(c.month)
    )
    free = {row.month: -row.open_fen - claimed.get(row.month, 0) for row in reversed(months())}
    return {month: fen for month, fen in free.items() if fen > 0}


def credits_of(ids: Sequence[int]) -> Mapping[int, Mapping[str, int]]:
    """The credits that each of these carries, in fen by the month that was overpaid."""
    found: dict[int, dict[str, int]] = {each: {} for each in ids}
    query = sa.select(TaxCredit).where(TaxCredit.remittance_id.in_(ids))
    for line in db.session.scalars(query.order_by(TaxCredit.month)):
        found[line.remittance_id][line.month] = line.amount_fen
    return found


def most_fen(found: Month) -> int:
    """What may be paid for a month now, credits included."""
    owed = ledger.system_balance_fen(AccountKind.TAX_PAYABLE)
    return max(0, min(found.open_fen, owed + sum(_overpaid().values())))


def _lent(only: str) -> Mapping[str, int]:
    """What each month's overpaid tax made up of other months' payments."""
    r, c = TaxRemittance, TaxCredit
    signed = sa.case((r.reverses_id.is_(None), c.amount_fen), else_=-c.amount_fen)
    summed: sa.Select[str, int] = sa.select(c.month, sa.func.sum(signed))
    lent = summed.join(r, r.id == c.remittance_id).where(r.state == S.DONE).group_by(c.month)
    return _sums(lent.where(c.month == only) if only else lent)


def waiting() -> int:
    """How many wait for a second person."""
    count = sa.select(sa.func.count()).select_from(TaxRemittance).filter_by(state=S.ASKED)
    return db.session.scalar(count) or 0


def asked_months() -> Mapping[str, TaxRemittance]:
    """What waits for a second person, by month."""
    rows = db.session.scalars(sa.select(TaxRemittance).filter_by(state=S.ASKED))
    return {row.month: row for row in rows}


def page(*, before: int | None = None, size: int = 20) -> Page[TaxRemittance]:
    """Payments and corrections, the newest first."""
    return newest_first(sa.select(TaxRemittance), TaxRemittance.id, before=before, size=size)


def corrections(ids: Sequence[int]) -> Mapping[int, RemittanceState]:
    """For those of these that were taken back, or shall be, how far that is."""
    live = TaxRemittance.live_reverses_id
    rows = db.session.execute(sa.select(live, TaxRemittance.state).where(live.in_(ids)))
    return {paid_id: state for paid_id, state in rows if paid_id is not None}


def _check_amount(found: Month, amount_fen: int) -> None:
    if amount_fen <= 0:
        raise InvalidInput("amount", "缴款金额必须大于 0")
    if amount_fen > (most := most_fen(found)):
        raise InvalidInput("amount", f"最多 ¥{format_yuan(most)}：已代扣而未缴的税款")


def _book(row: TaxRemittance, now: datetime) -> None:
    """What the month owed goes out in full, and what is credited comes back of it.

    Both are entries of one posting, so the books name the credit, and the bank's account
    moves by the money paid.
    """
    payable, bank = ledger.system(AccountKind.TAX_PAYABLE), ledger.system(AccountKind.WORLD_BANK)
    # Two payments wait for each other here.
    owed = ledger.lock_system(AccountKind.TAX_PAYABLE)
    out, back = (payable, bank) if row.reverses_id is None else (bank, payable)
    if row.reverses_id is None:
        if row.amount_fen > of_month(row.month).open_fen or row.cash_fen > max(owed, 0):
            raise RemittanceTooLarge()
        if credits_of([row.id])[row.id] != credits_for(row.amount_fen, besides=row.id):
            raise CreditChanged()
    moves = [Move(out, back, row.amount_fen)]
    if row.credit_fen:
        moves.append(Move(back, out, row.credit_fen))
    ledger.post(
        f"tax:{row.id}:booked",
        event="tax_remitted" if row.reverses_id is None else "tax_remittance_reversed",
        moves=moves,
        now=now,
        subject=("tax_remittance", row.id),
        reason=row.reason,
    )


def _asked(
    row: TaxRemittance, used: Mapping[str, int], actor: audit.Actor, now: datetime
) -> TaxRemittance:
    if not add_once(row):
        raise IllegalMove("这个月已有一笔在等待确认，或这笔缴款已经冲正")
    db.session.add_all(
        TaxCredit(remittance_id=row.id, month=month, amount_fen=fen) for month, fen in used.items()
    )
    db.session.flush()
    _record("ask" if row.reverses_id is None else "ask_reversal", row, actor, now, row.reason)
    return row


def _locked(remittance_id: int) -> TaxRemittance:
    return lock_one(TaxRemittance, remittance_id, "缴款记录不存在")


def _sums(query: sa.Select[str, int]) -> Mapping[str, int]:
    return {month: int(fen) for month, fen in db.session.execute(query)}


def _record(act: str, row: TaxRemittance, actor: audit.Actor, now: datetime, reason: str) -> None:
    audit.record(
        f"tax_remittance.{act}",
        subject="tax_remittance",
        subject_id=row.id,
        actor=actor,
        now=now,
        after={
            "month": row.month,
            "amount_fen": row.amount_fen,
            "credit_fen": row.credit_fen,
            "state": row.state.value,
        },
        reason=reason,
    )
