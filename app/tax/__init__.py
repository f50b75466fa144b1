"""Income tax of commissions (个人所得税): what is withheld of a payment.

A commission is pay for services (劳务报酬); the payer withholds. `tables` are the
figures with their versions, `methods` computes from plain numbers, `documents` is
the command's format; none of them knows a database or a clock. `identity` keeps who
a member is to the tax office. What was withheld of each withdrawal, and so the sums
of a period, are kept beside it: see `withdrawals.withholding`.

Decisions
- The income is the gross of a withdrawal, before the shop's own fee.
- The month is the one, in Shanghai, in which the member asked: tax is shown before
  they confirm and does not change afterwards.
- Months of work of the cumulative method run from the first month of the year in
  which the person was paid to the present one, also those without a payment.
- Brackets are met exactly; rounding is half a fen up, once.
"""

from app.tax import identity
from app.tax.documents import quote_document
from app.tax.identity import AlreadyIdentified, identify, identity_of
from app.tax.methods import Before, Withheld, period_of, withhold
from app.tax.models import Identity
from app.tax.tables import Bracket, Method, Table, by_version, table_for, tables

__all__ = [
    "AlreadyIdentified",
    "Before",
    "Bracket",
    "Identity",
    "Method",
    "Table",
    "Withheld",
    "by_version",
    "identify",
    "identity",
    "identity_of",
    "period_of",
    "quote_document",
    "table_for",
    "tables",
    "withhold",
]
