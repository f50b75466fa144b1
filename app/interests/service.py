from collections.abc import Mapping
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

from app import catalog, members
from app.core.db import db, require_transaction
from app.core.errors import DomainError
from app.core.rows import add_once, affected
from app.interests import queries
from app.interests.models import Favourite, Visit, VisitorDay

FAVOURITES_MAX = 500
KEPT_DAYS = 90

_into_sqlite, _into_mariadb = sqlite.insert(Visit), mysql.insert(Visit)
_SEEN_SQLITE = _into_sqlite.on_conflict_do_update(
    index_elements=["member_id", "product_id"], set_={"seen_at": _into_sqlite.excluded.seen_at}
)
_SEEN_MARIADB = _into_mariadb.on_duplicate_key_update(seen_at=_into_mariadb.inserted.seen_at)

_CAME_SQLITE = sqlite.insert(VisitorDay).on_conflict_do_nothing()
_CAME_MARIADB = mysql.insert(VisitorDay).prefix_with("IGNORE")


class TooManyFavourites(DomainError):
    code = "too_many_favourites"
    message = f"最多收藏 {FAVOURITES_MAX} 件商品，请先清理一些"


def like(member_id: int, product_id: int, *, now: datetime) -> None:
    """Keep a product in mind (收藏); once more changes nothing.

    Raises NotFound for what is not on sale, TooManyFavourites.
    """
    require_transaction()
    found = catalog.product_for_sale(product_id, now=now)
    # Two taps at the same time must not both be the last one allowed.
    members.locked(member_id)
    if queries.is_favourite(member_id, product_id):
        return
    if queries.favourite_count(member_id) >= FAVOURITES_MAX:
        raise TooManyFavourites()
    price = min((sku.price_fen for sku in found.skus), default=0)
    add_once(Favourite(member_id=member_id, product_id=product_id, was_fen=price, added_at=now))


def unlike(member_id: int, product_id: int) -> None:
    """Not any more (取消收藏); nothing to do where it was none."""
    affected(
        sa.delete(Favourite).where(
            Favourite.member_id == member_id, Favourite.product_id == product_id
        )
    )


def visit(seen: Mapping[tuple[int, int], datetime]) -> None:
    """Remember who looked at which product and when: {(member, product): time}.

    One statement, whatever was before.
    """
    require_transaction()
    # In one order everywhere, so that two of these never wait for each other.
    rows = [
        {"member_id": member_id, "product_id": product_id, "seen_at": at}
        for (member_id, product_id), at in sorted(seen.items())
    ]
    dialect = db.session.get_bind().dialect.name
    db.session.execute(_SEEN_SQLITE if dialect == "sqlite" else _SEEN_MARIADB, rows)


def came(seen: Mapping[tuple[date, int], datetime]) -> None:
    """Remember who opened the mall on which day: {(day, member): time}; the first counts."""
    require_transaction()
    rows = [
        {"day": day, "member_id": member_id, "first_at": at}
        for (day, member_id), at in sorted(seen.items())
    ]
    dialect = db.session.get_bind().dialect.name
    db.session.execute(_CAME_SQLITE if dialect == "sqlite" else _CAME_MARIADB, rows)


def clear_visits(member_id: int) -> None:
    """Forget everything that the member looked at (清空足迹)."""
    affected(sa.delete(Visit).where(Visit.member_id == member_id))


def erase(member_id: int) -> None:
    """Forget what a member liked and looked at (注销)."""
    affected(sa.delete(Favourite).where(Favourite.member_id == member_id))
    affected(sa.delete(VisitorDay).where(VisitorDay.member_id == member_id))
    clear_visits(member_id)


def tidy(*, now: datetime, limit: int = 10_000) -> int:
    """Delete at most `limit` visits that are too old or too many; how many."""
    require_transaction()
    place = (
        sa.func.row_number()
        .over(partition_by=Visit.member_id, order_by=(Visit.seen_at.desc(), Visit.product_id))
        .label("place")
    )
    ranked = sa.select(Visit.member_id, Visit.product_id, Visit.seen_at, place).subquery()
    rows = db.session.execute(
        sa.select(ranked.c.member_id, ranked.c.product_id)
        .where(
            sa.or_(
                ranked.c.seen_at < now - timedelta(days=KEPT_DAYS),
                ranked.c.place > queries.VISITS_SHOWN,
            )
        )
        .limit(limit)
    ).all()
    # Their days are counted by then.
    removed = affected(
        sa.delete(VisitorDay).where(VisitorDay.day < (now - timedelta(days=KEPT_DAYS)).date())
    )
    for first in range(0, len(rows), 500):
        keys = [tuple(row) for row in rows[first : first + 500]]
        removed += affected(
            sa.delete(Visit).where(sa.tuple_(Visit.member_id, Visit.product_id).in_(keys))
        )
    return removed
