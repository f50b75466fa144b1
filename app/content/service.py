"""Working on the draft of the home page, publishing it, bringing a version back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app import audit, catalog
from app.catalog import InvalidFields
from app.content import blocks, queries
from app.content.blocks import Content, Known, Products
from app.content.errors import NothingToPublish
from app.content.links import Places
from app.content.models import HomeBlock, HomeVersion
from app.core.db import db, require_transaction
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.rows import lock_rows

TITLE_MAX, BLOCKS_MAX, NOTE_MAX = 20, 30, 100


@dataclass(frozen=True)
class BlockInput:
    """A block as somebody typed it; its kind is that of its content."""

    content: Content
    title: str = ""
    shown_from: datetime | None = None
    shown_until: datetime | None = None
    is_active: bool = True


def faults(given: BlockInput, places: Places) -> dict[str, str]:
    """What is wrong with a block, field by field."""
    errors: dict[str, str] = {}
    if len(given.title) > TITLE_MAX:
        errors["title"] = f"标题最多 {TITLE_MAX} 个字"
    if given.shown_from and given.shown_until and given.shown_until <= given.shown_from:
        errors["shown_until"] = "结束时间应晚于开始时间"
    return {**errors, **blocks.faults(given.content, places, _known(given.content))}


def save(
    block_id: int | None,
    given: BlockInput,
    *,
    places: Places,
    actor: audit.Actor,
    now: datetime,
) -> HomeBlock:
    """Add a block at the end of the draft, or change one in its place.

    Raises:
        InvalidFields: what was typed cannot be shown.
        NotFound: there is no such block in the draft.
        DomainError: the draft is full.
    """
    require_transaction()
    rows = _locked_draft()
    if errors := faults(given, places):
        raise InvalidFields(errors)
    if block_id is None:
        if len(rows) >= BLOCKS_MAX:
            raise DomainError(f"首页最多 {BLOCKS_MAX} 个模块，请先删除不用的")
        row = HomeBlock(position=max((each.position for each in rows), default=0) + 1)
        before = None
    else:
        row = _one(rows, block_id)
        before = row.facts()
        if row.kind is not blocks.kind_of(given.content):
            raise ValueError("a block keeps its kind")
    row.kind, row.content = blocks.kind_of(given.content), blocks.write(given.content)
    row.title, row.is_active = given.title, given.is_active
    row.shown_from, row.shown_until = given.shown_from, given.shown_until
    db.session.add(row)
    db.session.flush()
    _record("home.block_save", row, actor, now, before=before, after=row.facts())
    return row


def remove(block_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Take a block out of the draft. Raises NotFound."""
    row = _one(_locked_draft(), block_id)
    _record("home.block_remove", row, actor, now, before=row.facts())
    db.session.delete(row)
    db.session.flush()


def switch(block_id: int, *, is_active: bool, actor: audit.Actor, now: datetime) -> None:
    """Show or hide a block of the draft. Raises NotFound."""
    row = _one(_locked_draft(), block_id)
    before, row.is_active = row.is_active, is_active
    _record(
        "home.block_switch",
        row,
        actor,
        now,
        before={"is_active": before},
        after={"is_active": is_active},
    )


def move(block_id: int, *, by: int, actor: audit.Actor, now: datetime) -> None:
    """Move a block up (-1) or down (1); at the end of the page it stays. Raises NotFound."""
    rows = _locked_draft()
    order = [row.id for row in rows]
    at = order.index(_one(rows, block_id).id)
    to = min(max(at + by, 0), len(order) - 1)
    order.insert(to, order.pop(at))
    arrange(order, actor=actor, now=now)


def arrange(order: Sequence[int], *, actor: audit.Actor, now: datetime) -> None:
    """Put the draft's blocks in this order.

    Raises InvalidInput: `order` is not exactly the draft's blocks, because somebody
    else added or removed one meanwhile.
    """
    rows = _locked_draft()
    before = [row.id for row in rows]
    if sorted(order) != sorted(before):
        raise InvalidInput("order", "模块已被别人增删过，请刷新页面后再排序")
    by_id = {row.id: row for row in rows}
    for position, block_id in enumerate(order, start=1):
        by_id[block_id].position = position
    if list(order) != before:
        audit.record(
            "home.arrange",
            subject="home_block",
            subject_id=0,
            actor=actor,
            now=now,
            before={"order": before},
            after={"order": list(order)},
        )


def publish(*, places: Places, actor: audit.Actor, now: datetime, note: str = "") -> HomeVersion:
    """Make the draft, as a whole, what people see.

    Raises:
        InvalidInput: a block can no longer be shown; the message names it.
        NothingToPublish: nothing was changed, or every block is switched off.
    """
    require_transaction()
    note = note.strip()
    if len(note) > NOTE_MAX:
        raise InvalidInput("note", f"备注最多 {NOTE_MAX} 个字")
    rows = _locked_draft()
    if not any(row.is_active for row in rows):
        raise NothingToPublish("首页还没有启用的模块，请先添加")
    if not queries.has_changes():
        raise NothingToPublish()
    for number, row in enumerate(rows, start=1):
        if row.is_active:
            _check(number, row, places)
    last = queries.newest()
    made = HomeVersion(published_at=now, published_by=actor.ref, note=note)
    db.session.add(made)
    db.session.flush()
    _copy(rows, made.id)
    audit.record(
        "home.publish",
        subject="home_version",
        subject_id=made.id,
        actor=actor,
        now=now,
        before={"version": last.id if last else None},
        after={"version": made.id, "blocks": len(rows)},
        reason=note,
    )
    return made


def restore(version_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Put a version into the draft again; the draft's own blocks go. Raises NotFound."""
    require_transaction()
    queries.version(version_id)
    rows = _locked_draft()
    audit.record(
        "home.restore",
        subject="home_version",
        subject_id=version_id,
        actor=actor,
        now=now,
        # Somebody may want back what was not published.
        before={"draft": [row.facts() for row in rows]},
        after={"version": version_id},
    )
    # By the session, which must know that they are gone: SQLite gives their ids to the copies.
    for row in rows:
        db.session.delete(row)
    db.session.flush()
    _copy(queries.of_version(version_id), None)


def _locked_draft() -> list[HomeBlock]:
    """The draft in its order, locked, so that two people's changes follow each other."""
    require_transaction()
    ids = [row.id for row in queries.draft()]
    return sorted(lock_rows(HomeBlock, ids), key=lambda row: (row.position, row.id))


def _one(rows: Sequence[HomeBlock], block_id: int) -> HomeBlock:
    for row in rows:
        if row.id == block_id:
            return row
    raise NotFound("没有这个模块，可能已被删除")


def _copy(rows: Sequence[HomeBlock], version_id: int | None) -> None:
    for position, row in enumerate(rows, start=1):
        db.session.add(
            HomeBlock(
                version_id=version_id,
                kind=row.kind,
                title=row.title,
                position=position,
                content=row.content,
                shown_from=row.shown_from,
                shown_until=row.shown_until,
                is_active=row.is_active,
            )
        )
    db.session.flush()


def _check(number: int, row: HomeBlock, places: Places) -> None:
    given = BlockInput(row.typed, row.title, row.shown_from, row.shown_until, row.is_active)
    for message in faults(given, places).values():
        name = f"“{row.title}”" if row.title else ""
        raise InvalidInput(f"block-{row.id}", f"第 {number} 个模块{name}：{message}")


def _known(content: Content) -> Known:
    """What of the catalogue this content names and there is."""
    category_ids = frozenset(row.id for row in catalog.categories())
    wanted = content.product_ids if isinstance(content, Products) else ()
    return Known(category_ids, frozenset(catalog.titles_of(wanted)))


def _record(action: str, row: HomeBlock, actor: audit.Actor, now: datetime, **facts: Any) -> None:
    audit.record(action, subject="home_block", subject_id=row.id, actor=actor, now=now, **facts)
