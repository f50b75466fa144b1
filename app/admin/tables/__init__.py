"""The panel's lists, each declared once (列表).

A `Listing` names its columns: their titles, how they are read and sorted, which show
from the start, and which hold personal data. Pages, exports and saved views all go by
that declaration, so a column that is masked on a page is masked in a file as well.

- `kinds` has the parts of a declaration, `masks` who sees what in full.
- `orders`, `people`, `money`, `goods`, `papers`, `books`, `relations`,
  `running`, `log` declare; `asked` reads what their filters ask for.
- `page` reads the address: filters, order, view, place. `views` keeps what an admin
  chose: columns, saved views, the view to open with.
- `source` turns a declaration into the rows of a file for `reports.exports`.
"""

from app.admin.tables.kinds import Column, Kind, Listing, Personal
from app.admin.tables.page import Table, opening, show
from app.admin.tables.registry import LISTINGS, listing

__all__ = [
    "LISTINGS",
    "Column",
    "Kind",
    "Listing",
    "Personal",
    "Table",
    "listing",
    "opening",
    "show",
]
