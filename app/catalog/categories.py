"""The category tree (分类): at most three deep, no loops, removed only when empty."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import audit
from app.catalog import search
from app.catalog.models import Category, Product
from app.core.db import db, require_transaction
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.rows import lock_one, lock_rows

DEPTH_MAX = 3


@dataclass(frozen=True)
class Node:
    """A category in its place: `depth` from 0, `products` in itself alone."""

    category: Category
    depth: int
    products: int
    # Neither itself nor one above it is hidden.
    is_shown: bool
    has_children: bool


def tree() -> list[Node]:
    """Every category, each followed by those below it, in the shop's order."""
    rows = db.session.scalars(sa.select(Category).order_by(Category.sort, Category.id)).all()
    counted = dict(
        db.session.execute(
            sa.select(Product.category_id, sa.func.count()).group_by(Product.category_id)
        ).all()
    )
    children: dict[int | None, list[Category]] = {}
    for row in rows:
        children.setdefault(row.parent_id, []).append(row)
    found: list[Node] = []

    def walk(parent: int | None, depth: int, is_shown: bool) -> None:
        for row in children.get(parent, []):
            shown = is_shown and row.is_active
            inner = row.id in children
            found.append(Node(row, depth, counted.get(row.id, 0), shown, inner))
            if depth < 9:
                walk(row.id, depth + 1, shown)

    walk(None, 0, True)
    return found


def save(
    category_id: int | None,
    *,
    name: str,
    parent_id: int | None,
    sort: int,
    picture: str = "",
    is_active: bool = True,
    actor: audit.Actor,
    now: datetime,
) -> Category:
    """Make, rename, move, hide or order a category.

    Raises:
        InvalidInput: a name that is empty, long or taken beside it; a parent below
            itself or too deep.
        NotFound: there is no such category.
    """
    require_transaction()
    name = name.strip()
    if not 1 <= len(name) <= 12:
        raise InvalidInput("name", "分类名称应为 1 到 12 个字")
    if not 0 <= sort <= 9999:
        raise InvalidInput("sort", "排序应在 0 到 9999 之间")
    # All of them, so that two moves at once cannot make a loop together.
    rows = {row.id: row for row in lock_rows(Category, _all_ids())}
    if category_id is not None and category_id not in rows:
        raise NotFound("分类不存在")
    if parent_id is not None and parent_id not in rows:
        raise InvalidInput("parent", "上级分类不存在，请重新选择")
    if any(
        row.parent_id == parent_id and row.name == name and row.id != category_id
        for row in rows.values()
    ):
        raise InvalidInput("name", f"同一级已有分类“{name}”")
    path = _path(rows, parent_id)
    if category_id is not None and category_id in path:
        raise InvalidInput("parent", "不能移到自己或自己的下级分类里")
    if len(path) + _height(rows, category_id) > DEPTH_MAX:
        raise InvalidInput("parent", f"分类最多 {DEPTH_MAX} 级")
    category = rows[category_id] if category_id is not None else Category()
    before = None if category_id is None else _facts(category)
    category.name, category.parent_id, category.sort = name, parent_id, sort
    category.picture, category.is_active = picture, is_active
    db.session.add(category)
    db.session.flush()
    if before is not None and (before["name"], before["parent"]) != (name, parent_id):
        search.index_category(category.id)
    audit.record(
        "category.save",
        subject="category",
        subject_id=category.id,
        actor=actor,
        now=now,
        before=before,
        after=_facts(category),
    )
    return category


def remove(category_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Remove an empty category. Raises NotFound, DomainError."""
    category = lock_one(Category, category_id, "分类不存在")
    if db.session.scalar(sa.select(Category.id).filter_by(parent_id=category_id).limit(1)):
        raise DomainError("这个分类下还有子分类，请先移走或删除")
    if db.session.scalar(sa.select(Product.id).filter_by(category_id=category_id).limit(1)):
        raise DomainError("这个分类下还有商品，请先移到其他分类")
    audit.record(
        "category.remove",
        subject="category",
        subject_id=category_id,
        actor=actor,
        now=now,
        before=_facts(category),
    )
    db.session.delete(category)


def _all_ids() -> list[int]:
    return list(db.session.scalars(sa.select(Category.id)))


def _path(rows: dict[int, Category], category_id: int | None) -> list[int]:
    """A category and those above it."""
    path: list[int] = []
    while category_id is not None and category_id not in path:
        path.append(category_id)
        category_id = rows[category_id].parent_id
    return path


def _height(rows: dict[int, Category], category_id: int | None) -> int:
    """How many levels a category and those below it take; a new one takes one."""
    if category_id is None:
        return 1
    inner = [row.id for row in rows.values() if row.parent_id == category_id]
    return 1 + max((_height(rows, child) for child in inner), default=0)


def _facts(category: Category) -> dict[str, object]:
    return {
        "name": category.name,
        "parent": category.parent_id,
        "sort": category.sort,
        "is_active": category.is_active,
    }
