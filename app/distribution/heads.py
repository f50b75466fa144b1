"""The whole tree for the desk: where it starts, who is below whom, heads by level.

Everything goes by keys and in chunks: nothing here loads more of a tree of a million
than it shows or writes next. Levels are depths below the one that a row is about.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.core.db import db
from app.core.pages import Page, newest_first
from app.distribution import tree
from app.distribution.models import Distributor
from app.members import Member

PATH_MAX = 60
_CHUNK = 200


@dataclass(frozen=True)
class Heads:
    """How many people sit at `level` below a distributor, who stands at the top if `is_top`."""

    standing: Distributor
    member: Member
    is_top: bool
    level: int
    count: int


def tops(*, before: int | None = None, size: int = 20) -> Page[Distributor]:
    """Distributors with nobody above, newest first."""
    query = (
        sa.select(Distributor)
        .join(Member, Member.id == Distributor.member_id)
        .where(Member.upline1_id.is_(None))
    )
    return newest_first(query, Distributor.id, before=before, size=size)


def direct_counts(member_ids: Iterable[int]) -> dict[int, int]:
    """How many people are directly below each of these members."""
    return _counts(Member.upline1_id, list(member_ids))


def path(member: Member) -> list[int]:
    """Everybody above, the root first; of a longer chain the nearest `PATH_MAX`."""
    return list(islice(tree.above(member), PATH_MAX))[::-1]


def whole() -> list[tuple[int, int]]:
    """How many members sit at each level of the whole tree, the roots' level being 0.

    Somebody with nobody above and nobody below, who is no distributor, is in no tree.
    """
    below = aliased(Member)
    roots = sa.select(Member.id.label("id"), sa.literal(0).label("level")).where(
        Member.upline1_id.is_(None),
        sa.or_(
            sa.exists().where(below.upline1_id == Member.id),
            sa.exists().where(Distributor.member_id == Member.id),
        ),
    )
    return _by_level(roots)


def by_distributor() -> Iterator[Heads]:
    """Heads below every distributor: all levels for one at the top, three for the others."""
    before = None
    while True:
        query = (
            sa.select(Distributor, Member)
            .join(Member, Member.id == Distributor.member_id)
            .order_by(Distributor.id.desc())
            .limit(_CHUNK)
        )
        if before is not None:
            query = query.where(Distributor.id < before)
        rows = db.session.execute(query).all()
        if not rows:
            return
        before = rows[-1][0].id
        yield from _chunk([(standing, member) for standing, member in rows])
        # What was written is not kept in memory.
        db.session.expunge_all()


def _chunk(rows: Sequence[tuple[Distributor, Member]]) -> Iterator[Heads]:
    ids = [member.id for _, member in rows]
    near = [
        _counts(column, ids) for column in (Member.upline1_id, Member.upline2_id, Member.upline3_id)
    ]
    deep = _below_tops([member.id for _, member in rows if member.upline1_id is None])
    for standing, member in rows:
        is_top = member.upline1_id is None
        levels = (
            deep[member.id]
            if is_top
            else [(level, found.get(member.id, 0)) for level, found in enumerate(near, 1)]
        )
        for level, count in levels:
            if count:
                yield Heads(standing, member, is_top, level, count)


def _below_tops(top_ids: list[int]) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    if not top_ids:
        return found
    child = aliased(Member)
    walk = (
        sa.select(Member.id.label("top"), Member.id.label("id"), sa.literal(0).label("level"))
        .where(Member.id.in_(top_ids))
        .cte("walk", recursive=True)
    )
    walk = walk.union_all(
        sa.select(walk.c.top, child.id, walk.c.level + 1).join(walk, child.upline1_id == walk.c.id)
    )
    rows = db.session.execute(
        sa.select(walk.c.top, walk.c.level, sa.func.count())
        .where(walk.c.level > 0)
        .group_by(walk.c.top, walk.c.level)
        .order_by(walk.c.top, walk.c.level)
    )
    for top, level, count in rows:
        found[top].append((level, count))
    return found


def _by_level(roots: sa.Select[int, int]) -> list[tuple[int, int]]:
    child = aliased(Member)
    walk = roots.cte("walk", recursive=True)
    walk = walk.union_all(
        sa.select(child.id, walk.c.level + 1).join(walk, child.upline1_id == walk.c.id)
    )
    rows = db.session.execute(
        sa.select(walk.c.level, sa.func.count()).group_by(walk.c.level).order_by(walk.c.level)
    )
    return [(level, count) for level, count in rows]


def _counts(column: sa.orm.InstrumentedAttribute[int | None], ids: list[int]) -> dict[int, int]:
    if not ids:
        return {}
    rows = db.session.execute(
        sa.select(column, sa.func.count()).where(column.in_(ids)).group_by(column)
    )
    return {owner: count for owner, count in rows if owner is not None}
