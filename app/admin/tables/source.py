"""A list as the rows of a file, part by part."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.admin.tables import masks
from app.admin.tables.kinds import Column, Kind, Listing, Personal
from app.admin.tables.page import turn_of
from app.admin.tables.registry import listing as by_name
from app.core.db import db
from app.core.pages import Page, count_up_to, in_turn
from app.reports.exports import AdminExport, CellKind, Source

PART_ROWS = 1_000
_KINDS = {
    Kind.TEXT: CellKind.TEXT,
    Kind.MONEY: CellKind.MONEY,
    Kind.NUMBER: CellKind.NUMBER,
    Kind.TIME: CellKind.TIME,
}


def source(
    listing: Listing,
    given: Mapping[str, str],
    columns: Sequence[Column],
    *,
    sort: str,
    seen: frozenset[Personal],
) -> Source:
    """The rows that the filters find, in the list's order, masked for who sees `seen`."""
    return Source(
        head=[(column.title, _KINDS[column.kind]) for column in columns],
        parts=_parts(listing, given, columns, sort=sort, seen=seen),
    )


def of_export(row: AdminExport) -> Source:
    """What an admin asked for as a file, masked as it was promised then."""
    listing = by_name(row.listing)
    return source(
        listing,
        dict(row.filters),
        listing.chosen(row.columns),
        sort=row.sort,
        seen=frozenset(Personal(kind) for kind in row.personal),
    )


def count(listing: Listing, given: Mapping[str, str], *, most: int) -> int:
    """How many rows the filters find, counted to `most` and no further."""
    return count_up_to(listing.query(given), listing.key, most=most)


def _parts(
    listing: Listing,
    given: Mapping[str, str],
    columns: Sequence[Column],
    *,
    sort: str,
    seen: frozenset[Personal],
) -> Iterator[list[list[Any]]]:
    turn, _ = turn_of(listing, sort, given)
    after: int | None = None
    while True:
        query = listing.query(given).options(*listing.load)
        page: Page[Any] = in_turn(query, listing.key, turn, after=after, size=PART_ROWS)
        facts = listing.facts(page.items)
        cells = [
            [masks.value(column, row, facts, seen) for column in columns] for row in page.items
        ]
        # What was read is not needed again: memory stays that of one part.
        db.session.expunge_all()
        if cells:
            yield cells
        if page.next_before is None:
            return
        after = page.next_before
