"""A list as the address of the page at hand asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import auth, lists
from app.admin.models import Permission
from app.admin.tables import masks, views
from app.admin.tables.kinds import Column, Facts, Given, Listing, Personal
from app.admin.tables.models import ListView
from app.core import web
from app.core.errors import NotFound
from app.core.pages import Page, Turn, in_turn

SIZE = 20


@dataclass(frozen=True)
class Table:
    """A page of a list with everything its tools need."""

    listing: Listing
    given: Given
    # What was chosen, or shows from the start; `columns` of it are on this page.
    chosen: tuple[Column, ...]
    page: Page[Any]
    pager: lists.Pager
    facts: Facts
    sort: str
    seen: frozenset[Personal]
    view: ListView | None
    views: list[ListView]
    default_view: int | None

    @property
    def columns(self) -> tuple[Column, ...]:
        state = self.given.get("state", "")
        found = (c for c in self.chosen if c.filled_in is None or state in c.filled_in)
        return tuple(found) or self.chosen

    @property
    def hidden(self) -> dict[str, str]:
        """What the form of the filters keeps beside them."""
        kept = {"view": request.args.get("view", ""), "sort": self.sort}
        return {name: value for name, value in kept.items() if value}

    def value(self, row: Any, key: str) -> Any:
        """A cell as this admin may see it."""
        return masks.value(self.listing.by_key[key], row, self.facts, self.seen)

    def head(self, column: Column) -> dict[str, str]:
        """Where the head of a column leads, and which way the list goes by it now."""
        # The address of a form that was refused leads nowhere.
        if request.method == "POST" or not sorts(self.listing, column, self.given):
            return {"url": "", "sorted": ""}
        # The list itself is newest first, and a second click turns it over.
        now = self.sort or (f"-{first.key}" if (first := _usual(self.listing)) else "")
        down, up = f"-{column.key}", column.key
        towards = up if now == down else down
        return {
            "url": lists.here(sort=towards, before=None, back=None),
            "sorted": "down" if now == down else "up" if now == up else "",
        }

    @property
    def shows_personal(self) -> bool:
        """Whether a file of these columns would tell of persons in full."""
        return bool(personal_in(self.chosen) & self.seen)

    @property
    def may_export(self) -> bool:
        return auth.allowed(self.listing.exported_with or Permission.LIST_EXPORT)

    @property
    def export_url(self) -> str:
        if self.listing.export_endpoint:
            return url_for(self.listing.export_endpoint)
        return url_for(".list_export", listing=self.listing.name)

    def url_of(self, view: ListView) -> str:
        return view_url(self.listing, view)

    @property
    def plain_url(self) -> str:
        """The list as it is without any view, also where it opens with one."""
        return url_for(self.listing.endpoint, view="0")


def opening(listing: Listing) -> ResponseReturnValue | None:
    """Leads to the view that this admin opens the list with; None where none is chosen.

    Only from an address that asks for nothing: whoever filters has said what to see.
    """
    if request.args:
        return None
    admin = auth.current_admin()
    choice = views.choice_of(admin.id, listing.name)
    if choice is None or choice.view_id is None:
        return None
    try:
        found = views.view_of(admin.id, listing.name, choice.view_id)
    except NotFound:
        # Its owner no longer shares it.
        return None
    return redirect(view_url(listing, found))


def show(listing: Listing, **effective: str) -> Table:
    """The page of a list; `effective` are filters that the view decided upon itself."""
    admin = auth.current_admin()
    given = {**listing.given(request.args), **effective}
    choice = views.choice_of(admin.id, listing.name)
    view = _view(listing, admin.id, request.args.get("view", ""))
    turn, sort = turn_of(listing, request.args.get("sort", "") or listing.opens, given)
    page = in_turn(
        listing.query(given).options(*listing.load),
        listing.key,
        turn,
        after=web.page_before(),
        size=SIZE,
    )
    chosen = view.columns if view else choice.columns if choice else []
    return Table(
        listing=listing,
        given=given,
        chosen=listing.chosen(chosen),
        page=page,
        pager=lists.pager(page),
        facts=listing.facts(page.items),
        sort=sort,
        seen=masks.seen_by(admin.role),
        view=view,
        views=list(views.views_for(admin.id, listing.name)),
        default_view=choice.view_id if choice else None,
    )


def columns_for(listing: Listing, admin_id: int, view_text: str) -> tuple[Column, ...]:
    """The columns that the page of this list has for this admin in this view."""
    view = _view(listing, admin_id, view_text)
    choice = views.choice_of(admin_id, listing.name)
    return listing.chosen(view.columns if view else choice.columns if choice else [])


def turn_of(listing: Listing, text: str, given: Mapping[str, str]) -> tuple[Turn, str]:
    """The order that an address asks for, and its name; the usual one for nonsense."""
    is_descending, key = text.startswith("-"), text.removeprefix("-")
    column = listing.by_key.get(key)
    if column is None or not sorts(listing, column, given):
        return Turn(None, listing.is_descending), ""
    by = None if column.by is listing.key else column.by
    return Turn(by, is_descending), text


def sorts(listing: Listing, column: Column, given: Mapping[str, str]) -> bool:
    """Whether an index serves this order under these filters."""
    if column.by is None:
        return False
    return column.sorts_in is None or given.get("state", "") in column.sorts_in


def personal_in(columns: tuple[Column, ...]) -> frozenset[Personal]:
    return frozenset(column.personal for column in columns if column.personal)


def view_url(listing: Listing, view: ListView) -> str:
    kept = {name: value for name, value in view.filters.items() if name in listing.filters}
    return url_for(listing.endpoint, **kept, sort=view.sort or None, view=view.id)  # type: ignore[arg-type]


def url_back(listing: Listing, *, leaving: frozenset[str] = frozenset()) -> str:
    """The list as the form that was sent has it in `back`; nothing but its query counts."""
    query = urlsplit(request.form.get("back", "")).query[:1000]
    kept = [(name, value) for name, value in parse_qsl(query) if name not in leaving]
    # An address that asks for nothing would open the default view.
    return f"{url_for(listing.endpoint)}?{urlencode(kept or [('view', '0')])}"


def _usual(listing: Listing) -> Column | None:
    """The column that has the list's own order."""
    return next((column for column in listing.columns if column.by is listing.key), None)


def _view(listing: Listing, admin_id: int, text: str) -> ListView | None:
    wanted = web.whole_number(text)
    if not wanted:
        return None
    try:
        return views.view_of(admin_id, listing.name, wanted)
    except NotFound:
        # An old bookmark: the filters in the address still say what to show.
        return None
