"""What was paid and withheld, for the desk and the tax office (涉税信息).

Platforms report identity and income of those they pay each quarter (国务院令第810号):
one row a person and month, whatever number of accounts the person has.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
import xlsxwriter

from app import members, tax
from app.core import clock
from app.core.db import db
from app.core.errors import NotFound
from app.core.pages import Page
from app.reports.statements import TaxMonth, tax_months
from app.withdrawals import Withdrawal, WithdrawalStatus, Withholding

_QUARTER = re.compile(r"(20\d\d)-?Q([1-4])", re.ASCII)
QUARTERS_SHOWN = 12
_HEAD = (
    ("姓名", 12),
    ("证件类型", 14),
    ("证件号码", 22),
    ("所属月份", 10),
    ("收入额（元）", 14),
    ("已代扣个人所得税（元）", 20),
    ("已代扣增值税（元）", 18),
    ("手续费（元）", 12),
    ("实际支付（元）", 14),
    ("支付笔数", 10),
    ("平台会员编号", 30),
)


@dataclass(frozen=True)
class Sums:
    """Of a quarter, in fen: what was paid, and what is still under way."""

    people: int
    gross_fen: int
    tax_fen: int
    net_fen: int
    unknown: int
    open_count: int


@dataclass(frozen=True)
class Person:
    """One member's sums of a quarter, in fen."""

    member_id: int
    count: int
    gross_fen: int
    tax_fen: int
    net_fen: int


def quarters(now: datetime) -> list[str]:
    """Such as `2026-Q4`: the present quarter and those before it, the present one first."""
    local = clock.local(now)
    last = local.year * 4 + (local.month - 1) // 3
    return [f"{n // 4}-Q{n % 4 + 1}" for n in range(last, last - QUARTERS_SHOWN, -1)]


def months_of(quarter: str) -> tuple[str, str]:
    """The first and the last month of a quarter. Raises NotFound."""
    match = _QUARTER.fullmatch(quarter)
    if match is None:
        raise NotFound("没有这个季度")
    last = int(match[2]) * 3
    return f"{match[1]}-{last - 2:02}", f"{match[1]}-{last:02}"


def sums(quarter: str) -> Sums:
    first, last = months_of(quarter)
    w, t = Withdrawal, Withholding
    paid = w.status == WithdrawalStatus.PAID
    row = db.session.execute(
        sa.select(
            sa.func.count(sa.distinct(sa.case((paid, w.member_id)))),
            *(
                sa.func.coalesce(sa.func.sum(sa.case((paid, part), else_=0)), 0)
                for part in (w.gross_fen, w.tax_fen, w.net_fen)
            ),
            sa.func.count(
                sa.distinct(sa.case((sa.and_(paid, tax.Identity.member_id.is_(None)), w.member_id)))
            ),
            sa.func.coalesce(
                sa.func.sum(sa.case((sa.and_(~paid, t.reversed_at.is_(None)), 1), else_=0)), 0
            ),
        )
        .join(t, t.withdrawal_id == w.id)
        .outerjoin(tax.Identity, tax.Identity.member_id == w.member_id)
        .where(t.month >= first, t.month <= last)
    ).one()
    return Sums(*(int(value) for value in row))


def people(quarter: str, *, before: int | None = None, size: int = 20) -> Page[Person]:
    """Who was paid in a quarter, the newest members first."""
    first, last = months_of(quarter)
    w, t = Withdrawal, Withholding
    query = (
        sa.select(
            w.member_id,
            sa.func.count(),
            sa.func.sum(w.gross_fen),
            sa.func.sum(w.tax_fen),
            sa.func.sum(w.net_fen),
        )
        .join(t, t.withdrawal_id == w.id)
        .where(t.month >= first, t.month <= last, w.status == WithdrawalStatus.PAID)
        .group_by(w.member_id)
        .order_by(w.member_id.desc())
        .limit(size + 1)
    )
    if before is not None:
        query = query.where(w.member_id < before)
    rows = [Person(*(int(value) for value in row)) for row in db.session.execute(query)]
    more = len(rows) > size
    return Page(rows[:size], rows[size - 1].member_id if more else None)


def withholdings_of(
    member_id: int, *, before: int | None = None, size: int = 20
) -> Page[tuple[Withdrawal, Withholding]]:
    """A member's withdrawals with their tax, the newest first."""
    query = (
        sa.select(Withdrawal, Withholding)
        .join(Withholding, Withholding.withdrawal_id == Withdrawal.id)
        .where(Withdrawal.member_id == member_id)
        .order_by(Withdrawal.id.desc())
        .limit(size + 1)
    )
    if before is not None:
        query = query.where(Withdrawal.id < before)
    rows = [(row[0], row[1]) for row in db.session.execute(query)]
    more = len(rows) > size
    return Page(rows[:size], rows[size - 1][0].id if more else None)


def workbook(quarter: str) -> bytes:
    """The quarter as an Excel file, one row a person and month. Raises NotFound."""
    first, last = months_of(quarter)
    rows = tax_months(first, last)
    ids = {row.member_id for row in rows}
    known, found = tax.identity.identities_of(ids), members.names_of(ids)
    grouped: dict[tuple[str, str], list[TaxMonth]] = {}
    for row in rows:
        identity = known.get(row.member_id)
        person = identity.person if identity else f"member:{row.member_id}"
        grouped.setdefault((row.month, person), []).append(row)
    out = io.BytesIO()
    # No text becomes a formula or a link, whatever somebody called themselves.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet(quarter)
        bold = book.add_format({"bold": True})
        money = book.add_format({"num_format": "#,##0.00"})
        for column, (title, width) in enumerate(_HEAD):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, title, bold)
        sheet.freeze_panes(1, 0)
        for line, ((month, _), parts) in enumerate(sorted(grouped.items()), 1):
            identity = known.get(parts[0].member_id)
            texts = (
                identity.name if identity else "未登记",
                "居民身份证" if identity else "",
                identity.number if identity else "",
                month,
            )
            for column, text in enumerate(texts):
                sheet.write_string(line, column, text)
            for column, name in enumerate(_FIGURES, len(texts)):
                fen = sum(getattr(part, name) for part in parts)
                sheet.write_number(line, column, Decimal(fen).scaleb(-2), money)
            sheet.write_number(line, 9, sum(part.count for part in parts))
            numbers = (found[part.member_id].public_id for part in parts)
            sheet.write_string(line, 10, "、".join(numbers))
    return out.getvalue()


_FIGURES: Sequence[str] = ("gross_fen", "tax_fen", "vat_fen", "fee_fen", "net_fen")
