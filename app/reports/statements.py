"""A member's wallet, month by month (对账单): opening, moves with their reasons, closing.

The wallet is what settled: available and frozen, less what is owed. Freezing and
releasing move nothing in or out of it; a withdrawal leaves when it is paid, as net,
tax and fee. A month is one in Shanghai, by the time of booking. Opening and moves
make the closing by their construction: all three are sums of the same entries.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from app import commission, orders, tax, withdrawals
from app.core import clock
from app.core.db import db
from app.core.errors import NotFound
from app.ledger import Account, AccountKind, Entry, Posting
from app.withdrawals import Withdrawal

WALLET = (AccountKind.AVAILABLE, AccountKind.FROZEN, AccountKind.DEBT)
# Of a month; a distributor's settlements are a few a day.
LINES_MAX = 5000
MONTHS_MAX = 60
# A payout by hand that came back is the opposite of one, in all its parts.
_SIGN = {"withdrawal_paid": -1, "withdrawal_returned": 1}
# An order paid with the balance, and what came back of it.
_SPENT = frozenset({"order_paid", "refund_succeeded"})
_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True)
class Line:
    """A movement of the wallet, in fen; what leaves it is negative.

    `link` says where its reason is: `withdrawal` and its number, `commission`,
    `settlement` or `bonus` and an id, `order` and its number. What has no page says its reason here.
    """

    posting_id: int
    at: datetime
    event: str
    earned_fen: int = 0
    reversed_fen: int = 0
    spent_fen: int = 0
    withdrawn_fen: int = 0
    tax_fen: int = 0
    fee_fen: int = 0
    balance_fen: int = 0
    reason: str = ""
    link: tuple[str, str] = ("", "")

    @property
    def change_fen(self) -> int:
        return (
            self.earned_fen
            + self.reversed_fen
            + self.spent_fen
            + self.withdrawn_fen
            + self.tax_fen
            + self.fee_fen
        )


@dataclass(frozen=True)
class Statement:
    """A month of a wallet. `lines` are the oldest first."""

    month: str
    opening_fen: int
    closing_fen: int
    earned_fen: int
    reversed_fen: int
    spent_fen: int
    withdrawn_fen: int
    tax_fen: int
    fee_fen: int
    lines: Sequence[Line]


def months(member_id: int, now: datetime) -> list[str]:
    """The months in which a wallet may have moved, the present one first; at most five years."""
    first = db.session.scalar(
        sa.select(sa.func.min(Posting.at))
        .join(Entry, Entry.posting_id == Posting.id)
        .join(Account, Account.id == Entry.account_id)
        .where(Account.owner_id == member_id, Account.kind.in_(WALLET))
    )
    last = clock.local(now)
    begin = clock.local(first) if first else last
    year, month = last.year, last.month
    found: list[str] = []
    while (year, month) >= (begin.year, begin.month) and len(found) < MONTHS_MAX:
        found.append(f"{year}-{month:02}")
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return found


def statement(member_id: int, month: str, now: datetime) -> Statement:
    """The wallet in one month. Raises NotFound for a month that did not begin."""
    if not _MONTH.fullmatch(month) or month > clock.local(now).strftime("%Y-%m"):
        raise NotFound("没有这个月的对账单")
    since, until = span(month)
    opening = _sum_before(member_id, since)
    lines, balance = [], opening
    for line in _lines(member_id, since, until):
        balance += line.change_fen
        lines.append(replace(line, balance_fen=balance))
    return Statement(
        month=month,
        opening_fen=opening,
        closing_fen=_sum_before(member_id, until),
        earned_fen=sum(line.earned_fen for line in lines),
        reversed_fen=sum(line.reversed_fen for line in lines),
        spent_fen=sum(line.spent_fen for line in lines),
        withdrawn_fen=sum(line.withdrawn_fen for line in lines),
        tax_fen=sum(line.tax_fen for line in lines),
        fee_fen=sum(line.fee_fen for line in lines),
        lines=lines,
    )


def span(month: str) -> tuple[datetime, datetime]:
    """When a month such as `2026-11` begins and ends in Shanghai, in UTC."""
    year, number = int(month[:4]), int(month[5:])
    begin = datetime(year, number, 1, tzinfo=clock.SHANGHAI)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=clock.SHANGHAI)
    return clock.as_utc(begin), clock.as_utc(end)


def _sum_before(member_id: int, moment: datetime) -> int:
    found = db.session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Entry.amount_fen), 0))
        .join(Posting, Posting.id == Entry.posting_id)
        .join(Account, Account.id == Entry.account_id)
        .where(Account.owner_id == member_id, Account.kind.in_(WALLET), Posting.at < moment)
    )
    return int(found or 0)


def _lines(member_id: int, since: datetime, until: datetime) -> list[Line]:
    change = sa.func.sum(Entry.amount_fen).label("change")
    rows = db.session.execute(
        sa.select(
            Posting.id,
            Posting.at,
            Posting.event,
            Posting.subject,
            Posting.subject_id,
            Posting.reason,
            change,
        )
        .join(Entry, Entry.posting_id == Posting.id)
        .join(Account, Account.id == Entry.account_id)
        .where(
            Account.owner_id == member_id,
            Account.kind.in_(WALLET),
            Posting.at >= since,
            Posting.at < until,
        )
        .group_by(
            Posting.id,
            Posting.at,
            Posting.event,
            Posting.subject,
            Posting.subject_id,
            Posting.reason,
        )
        .having(change != 0)
        .order_by(Posting.at, Posting.id)
        .limit(LINES_MAX + 1)
    ).all()
    if len(rows) > LINES_MAX:
        raise NotFound(f"这个月超过 {LINES_MAX} 笔，请联系客服取得对账单")
    paid = _withdrawals(member_id, [r.subject_id for r in rows if r.event in _SIGN])
    taken = commission.reversed_in(
        member_id, [r.subject_id for r in rows if r.event == "commission_reversed"]
    )
    bonuses = commission.bonus.queries.in_runs(
        member_id, [r.subject_id for r in rows if r.subject == "bonus_run"]
    )
    bought = [r.subject_id for r in rows if r.event in _SPENT]
    numbers, listed = orders.numbers_of(bought), orders.numbers_of(bought, listed=True)
    lines = []
    for row in rows:
        fen = int(row.change)
        line = Line(row.id, row.at, row.event, reason=row.reason)
        if (of := paid.get(row.subject_id)) and row.event in _SIGN:
            sign = _SIGN[row.event]
            line = replace(
                line,
                withdrawn_fen=sign * of.net_fen,
                tax_fen=sign * (of.tax_fen + of.vat_fen),
                fee_fen=sign * of.fee_fen,
                link=("withdrawal", of.number),
            )
        elif row.event == "commission_reversed":
            found = taken.get(row.subject_id)
            link = ("commission", str(found)) if found else ("", "")
            line = replace(line, reversed_fen=fen, link=link)
        elif row.event == "commission_settled":
            line = replace(line, earned_fen=fen, link=("settlement", str(row.id)))
        elif row.subject == "bonus_run":
            link = ("bonus", str(bonuses[row.subject_id]))
            earned = fen if row.event == "bonus" else 0
            line = replace(line, earned_fen=earned, reversed_fen=fen - earned, link=link)
        elif row.event in _SPENT:
            number = numbers[row.subject_id]
            link = ("order", number) if row.subject_id in listed else ("", "")
            line = replace(line, spent_fen=fen, reason=f"订单 {number}", link=link)
        elif fen > 0:
            line = replace(line, earned_fen=fen)
        else:
            line = replace(line, reversed_fen=fen)
        lines.append(line)
    return lines


def _withdrawals(member_id: int, ids: Sequence[int]) -> dict[int, Withdrawal]:
    if not ids:
        return {}
    rows = db.session.scalars(
        sa.select(Withdrawal).where(Withdrawal.member_id == member_id, Withdrawal.id.in_(ids))
    )
    return {row.id: row for row in rows}


@dataclass(frozen=True)
class TaxYear:
    """What a person was paid and had withheld in a year, in fen, with its months."""

    year: str
    gross_fen: int
    tax_fen: int
    count: int


@dataclass(frozen=True)
class TaxMonth:
    """One member's withdrawals of one tax month that were paid, in fen."""

    member_id: int
    month: str
    count: int
    gross_fen: int
    tax_fen: int
    vat_fen: int
    fee_fen: int
    net_fen: int


def tax_years(member_id: int) -> list[TaxYear]:
    """The years in which a member was paid, the newest first."""
    found: dict[str, TaxYear] = {}
    for month in tax_months("2000-01", "2099-12", member_id=member_id):
        year = month.month[:4]
        known = found.get(year, TaxYear(year, 0, 0, 0))
        found[year] = TaxYear(
            year,
            known.gross_fen + month.gross_fen,
            known.tax_fen + month.tax_fen,
            known.count + month.count,
        )
    return sorted(found.values(), key=lambda item: item.year, reverse=True)


def tax_months(
    first: str, last: str, *, member_id: int | None = None, person: str = ""
) -> list[TaxMonth]:
    """What was paid out by member and tax month, both ends included.

    Of everybody, of a member, or of a `person` through all their accounts. The month
    is that of the withholding; what is under way appears when it is paid.
    """
    w, t = Withdrawal, withdrawals.Withholding
    sums = [sa.func.sum(getattr(w, name)) for name in _PARTS]
    query = (
        sa.select(w.member_id, t.month, sa.func.count(), *sums)
        .join(t, t.withdrawal_id == w.id)
        .where(t.month >= first, t.month <= last)
        .where(w.status == withdrawals.WithdrawalStatus.PAID)
        .group_by(w.member_id, t.month)
        .order_by(t.month, w.member_id)
    )
    if member_id is not None:
        query = query.where(w.member_id == member_id)
    if person:
        accounts = sa.select(tax.Identity.member_id).filter_by(person=person)
        # What an account was paid before it was known who it is, is the person's, too.
        unnamed = sa.and_(t.person == "", w.member_id.in_(accounts))
        query = query.where(sa.or_(t.person == person, unnamed))
    return [
        TaxMonth(member, month, count, *(int(fen) for fen in parts))
        for member, month, count, *parts in db.session.execute(query)
    ]


_PARTS = ("gross_fen", "tax_fen", "vat_fen", "fee_fen", "net_fen")
