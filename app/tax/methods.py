"""What is withheld of a payment, from plain numbers.

The tax of a payment is the tax of everything paid in the period so far, this payment
included, less what was withheld before. It is never below 0 and never more than the
payment; what that leaves open is made up by the next payment of the period.

The tax of a sum is computed exactly and rounded once, half a fen up.
Source: compliance.md, "Income tax".
"""

from dataclasses import dataclass

from app.tax.tables import Bracket, Method, Table

# Rates and shares are ten-thousandths, and both are multiplied into the income.
_BPS = 10_000


@dataclass(frozen=True)
class Before:
    """What a person was paid in the period before, and what was withheld of it, in fen.

    `first_month` is the first month of the period in which they were paid.
    """

    gross_fen: int = 0
    tax_fen: int = 0
    first_month: str = ""


@dataclass(frozen=True)
class Withheld:
    """How the tax of one payment came about; amounts in fen."""

    method: Method
    version: str
    # The month, or the year of the cumulative method.
    period: str
    # How many months of work count, 1 for a month.
    months: int
    income_fen: int
    expenses_fen: int
    allowance_fen: int
    taxable_fen: int
    rate_bps: int
    quick_fen: int
    total_fen: int
    before_gross_fen: int
    before_tax_fen: int
    tax_fen: int


def period_of(method: Method, month: str) -> str:
    """What counts as one payment: `2026-11`, or `2026` for the cumulative method."""
    return month[:4] if method is Method.CUMULATIVE else month


def withhold(table: Table, *, month: str, gross_fen: int, before: Before) -> Withheld:
    """The tax of `gross_fen` paid in `month`, after what was paid in the period before."""
    if gross_fen < 0:
        raise ValueError("a payment is not negative")
    income = before.gross_fen + gross_fen
    months = _months(before.first_month or month, month) if table.allowance_fen else 1
    taxable = _taxable(table, income, months)
    bracket = _bracket(table, taxable)
    total = _rounded(taxable * bracket.rate_bps - bracket.quick_fen * _BPS * _BPS, _BPS * _BPS)
    return Withheld(
        method=table.method,
        version=table.version,
        period=period_of(table.method, month),
        months=months,
        income_fen=income,
        expenses_fen=_rounded(_expenses(table, income), _BPS),
        allowance_fen=table.allowance_fen * months,
        taxable_fen=_rounded(taxable, _BPS),
        rate_bps=bracket.rate_bps,
        quick_fen=bracket.quick_fen,
        total_fen=total,
        before_gross_fen=before.gross_fen,
        before_tax_fen=before.tax_fen,
        tax_fen=min(max(total - before.tax_fen, 0), gross_fen),
    )


def _expenses(table: Table, income_fen: int) -> int:
    """In ten-thousandths of a fen."""
    if income_fen <= table.flat_up_to_fen:
        return min(table.flat_fen, income_fen) * _BPS
    return income_fen * table.deduction_bps


def _taxable(table: Table, income_fen: int, months: int) -> int:
    """In ten-thousandths of a fen, never below 0."""
    left = income_fen * _BPS - _expenses(table, income_fen) - table.allowance_fen * months * _BPS
    return max(left, 0)


def _bracket(table: Table, taxable: int) -> Bracket:
    for bracket in table.brackets:
        if bracket.up_to_fen is None or taxable <= bracket.up_to_fen * _BPS:
            return bracket
    raise AssertionError("the last bracket has no end")


def _months(first: str, last: str) -> int:
    """How many calendar months lie between two, both counted; an earlier `last` counts 1."""
    span = (int(last[:4]) - int(first[:4])) * 12 + int(last[5:]) - int(first[5:]) + 1
    return max(span, 1)


def _rounded(amount: int, unit: int) -> int:
    """`amount / unit`, half up."""
    return (2 * amount + unit) // (2 * unit)
