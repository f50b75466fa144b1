"""Choosing columns, keeping views, choosing the view a list opens with."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from app import audit
from app.admin.tables.kinds import Listing
from app.admin.tables.models import ListChoice, ListView
from app.core.db import db, require_transaction
from app.core.errors import InvalidInput, NotFound

NAME_CHARS_MAX = 20
VIEWS_MAX = 30


def choice_of(admin_id: int, listing: str) -> ListChoice | None:
    return db.session.scalar(sa.select(ListChoice).filter_by(admin_id=admin_id, listing=listing))


def views_for(admin_id: int, listing: str) -> Sequence[ListView]:
    """An admin's own views and those that are shared, by name."""
    return db.session.scalars(
        sa.select(ListView)
        .where(
            ListView.listing == listing,
            sa.or_(ListView.admin_id == admin_id, ListView.is_shared),
        )
        .order_by(ListView.is_shared, ListView.name, ListView.id)
    ).all()


def view_of(admin_id: int, listing: str, view_id: int) -> ListView:
    """A view that this admin may use. Raises NotFound."""
    found = db.session.get(ListView, view_id)
    if (
        found is None
        or found.listing != listing
        or not (found.is_shared or found.admin_id == admin_id)
    ):
        raise NotFound("视图不存在，可能已被删除")
    return found


def choose_columns(
    admin_id: int, listing: Listing, keys: Sequence[str], *, actor: audit.Actor, now: datetime
) -> None:
    """Show these columns from now on; none of them for those shown from the start.

    Raises InvalidInput for a column that the list does not have.
    """
    require_transaction()
    if any(key not in listing.by_key for key in keys):
        raise InvalidInput("columns", "这个列表没有你选择的列，请刷新后重试")
    kept = [column.key for column in listing.columns if column.key in keys]
    choice = _choice(admin_id, listing)
    before, choice.columns = choice.columns, kept
    audit.record(
        "list.columns",
        subject="list",
        subject_id=0,
        actor=actor,
        now=now,
        before={"list": listing.title, "columns": _titles(listing, before)},
        after={"list": listing.title, "columns": _titles(listing, kept)},
    )


def save_view(
    admin_id: int,
    listing: Listing,
    *,
    name: str,
    filters: Mapping[str, str],
    columns: Sequence[str],
    sort: str,
    is_shared: bool,
    actor: audit.Actor,
    now: datetime,
) -> ListView:
    """Keep what is on the page as a view; one's own of the same name is replaced.

    Raises InvalidInput.
    """
    require_transaction()
    name = name.strip()
    if not 1 <= len(name) <= NAME_CHARS_MAX:
        raise InvalidInput("name", f"视图名称为 1 到 {NAME_CHARS_MAX} 个字")
    own = db.session.scalars(
        sa.select(ListView).filter_by(admin_id=admin_id, listing=listing.name)
    ).all()
    view = next((row for row in own if row.name == name), None)
    if view is None:
        if len(own) >= VIEWS_MAX:
            raise InvalidInput("name", f"每个列表最多保存 {VIEWS_MAX} 个视图，请先删除不用的")
        view = ListView(admin_id=admin_id, listing=listing.name, name=name, created_at=now)
        db.session.add(view)
    view.filters = {key: value for key, value in filters.items() if value}
    view.columns = list(columns)
    view.sort, view.is_shared = sort, is_shared
    db.session.flush()
    audit.record(
        "list.save_view",
        subject="list",
        subject_id=view.id,
        actor=actor,
        now=now,
        after={"list": listing.title, "name": name, "shared": is_shared},
    )
    return view


def delete_view(
    admin_id: int, listing: Listing, view_id: int, *, actor: audit.Actor, now: datetime
) -> None:
    """Only one's own; whoever opened the list with it sees the usual list. Raises NotFound."""
    require_transaction()
    view = view_of(admin_id, listing.name, view_id)
    if view.admin_id != admin_id:
        raise NotFound("只能删除自己保存的视图")
    audit.record(
        "list.delete_view",
        subject="list",
        subject_id=view.id,
        actor=actor,
        now=now,
        before={"list": listing.title, "name": view.name, "shared": view.is_shared},
    )
    db.session.execute(
        sa.update(ListChoice).filter_by(view_id=view_id).values(view_id=None),
        execution_options={"synchronize_session": False},
    )
    db.session.delete(view)


def open_with(
    admin_id: int, listing: Listing, view_id: int | None, *, actor: audit.Actor, now: datetime
) -> None:
    """Open the list with this view from now on, or as usual. Raises NotFound."""
    require_transaction()
    name = view_of(admin_id, listing.name, view_id).name if view_id else ""
    _choice(admin_id, listing).view_id = view_id or None
    audit.record(
        "list.open_with",
        subject="list",
        subject_id=view_id or 0,
        actor=actor,
        now=now,
        after={"list": listing.title, "name": name},
    )


def _choice(admin_id: int, listing: Listing) -> ListChoice:
    found = choice_of(admin_id, listing.name)
    if found is None:
        found = ListChoice(admin_id=admin_id, listing=listing.name, columns=[])
        db.session.add(found)
        db.session.flush()
    return found


def _titles(listing: Listing, keys: Sequence[str]) -> list[str]:
    return [column.title for column in listing.chosen(keys)]
