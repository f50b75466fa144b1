from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from app.core.db import Rows, db
from app.core.errors import NotFound
from app.core.pages import Page, newest_first
from app.notices.models import Notice, NoticeDelivery, NoticeMute, NoticeState, NoticeTemplate


def get(notice_id: int) -> Notice:
    """Raises NotFound."""
    found = db.session.get(Notice, notice_id)
    if found is None:
        raise NotFound("消息不存在")
    return found


def template_of(kind: str) -> NoticeTemplate | None:
    """What is mapped to a kind, switched on or not."""
    return db.session.scalar(sa.select(NoticeTemplate).filter_by(kind=kind))


def templates() -> dict[str, NoticeTemplate]:
    """All mappings by kind."""
    return {row.kind: row for row in db.session.scalars(sa.select(NoticeTemplate))}


def muted_kinds(member_id: int) -> set[str]:
    return set(
        db.session.scalars(sa.select(NoticeMute.kind).where(NoticeMute.member_id == member_id))
    )


def notices_of(member_id: int, *, before: int | None = None, size: int = 20) -> Page[Notice]:
    """A member's messages, newest first."""
    return newest_first(
        sa.select(Notice).filter_by(member_id=member_id), Notice.id, before=before, size=size
    )


def unread_count(member_id: int) -> int:
    """How many messages the member has not seen, at most 100."""
    some = (
        sa.select(Notice.id)
        .where(Notice.member_id == member_id, Notice.read_at.is_(None))
        .limit(100)
        .subquery()
    )
    return db.session.scalar(sa.select(sa.func.count()).select_from(some)) or 0


def desk(
    *, kind: str = "", states: Sequence[NoticeState] = (), member_id: int | None = None
) -> Rows:
    """What was told to whom, as the panel's list reads it."""
    query: Rows = sa.select(Notice)
    if kind:
        query = query.where(Notice.kind == kind)
    if states:
        query = query.where(Notice.state.in_(states))
    if member_id is not None:
        query = query.where(Notice.member_id == member_id)
    return query


def deliveries(rows: Iterable[Notice]) -> dict[str, str]:
    """WeChat's word on each of these that it has one for, by the message's id."""
    sent = [row.message_id for row in rows if row.message_id]
    found = db.session.execute(
        sa.select(NoticeDelivery.message_id, NoticeDelivery.status).where(
            NoticeDelivery.message_id.in_(sent)
        )
    )
    return {row.message_id: row.status for row in found}


def counts_by_kind(since: datetime) -> dict[tuple[str, NoticeState], int]:
    """How many notices of each kind came into each state since then."""
    rows = db.session.execute(
        sa.select(Notice.kind, Notice.state, sa.func.count())
        .where(Notice.created_at >= since)
        .group_by(Notice.kind, Notice.state)
    )
    return {(kind, state): count for kind, state, count in rows}
