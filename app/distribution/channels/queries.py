from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from app.core.db import Rows, db
from app.core.errors import NotFound
from app.core.pages import Page, newest_first
from app.distribution.channels import models
from app.distribution.channels.models import Channel, Outcome, Scan, ScanSource, SceneRation
from app.distribution.models import AttemptResult, BindingAttempt
from app.distribution.queries import SCENE_RENEWED_BEFORE

# From here on a person should think before taking another one.
WARN_PERCENT = 90


@dataclass(frozen=True)
class Ration:
    """Permanent scenes of the account: taken, and allowed in all."""

    used: int
    limit: int

    @property
    def is_short(self) -> bool:
        return self.used * 100 >= self.limit * WARN_PERCENT

    @property
    def is_used_up(self) -> bool:
        return self.used >= self.limit


def ration() -> Ration:
    """How many permanent scenes were taken, those of stopped channels included."""
    used = db.session.scalar(sa.select(SceneRation.used).filter_by(id=1)) or 0
    return Ration(used, models.PERMANENT_MAX)


def get(channel_id: int) -> Channel:
    """Raises NotFound."""
    found = db.session.get(Channel, channel_id)
    if found is None:
        raise NotFound("渠道不存在")
    return found


def by_ids(channel_ids: Iterable[int]) -> dict[int, Channel]:
    wanted = set(channel_ids)
    if not wanted:
        return {}
    return {c.id: c for c in db.session.scalars(sa.select(Channel).where(Channel.id.in_(wanted)))}


def channels_page(
    *,
    is_active: bool | None = None,
    name: str = "",
    before: int | None = None,
    size: int = 20,
) -> Page[Channel]:
    """Channels, newest first; `name` keeps those with this text in their name."""
    query = sa.select(Channel)
    if is_active is not None:
        query = query.filter_by(is_active=is_active)
    if name:
        query = query.where(Channel.name.contains(name, autoescape=True))
    return newest_first(query, Channel.id, before=before, size=size)


def counts_by_state() -> dict[bool, int]:
    """How many channels are in use (True) and stopped (False)."""
    rows = db.session.execute(
        sa.select(Channel.is_active, sa.func.count()).group_by(Channel.is_active)
    )
    return {bool(state): count for state, count in rows}


def desk_scans(
    *,
    source: ScanSource | None = None,
    result: str = "",
    channel: str = "",
    first: date | None = None,
    last: date | None = None,
) -> Rows:
    """Scans of every code, or what they are narrowed to, as the panel's list reads them.

    `result` is one of `Scan.result`; `channel` a part of the name of the code's channel.
    """
    query: Rows = sa.select(Scan)
    if source is not None:
        query = query.where(Scan.source == source)
    if result:
        query = query.where(_came_to(result))
    if channel:
        named = sa.select(Channel.id).where(Channel.name.contains(channel, autoescape=True))
        query = query.where(Scan.channel_id.in_(named))
    if first is not None:
        query = query.where(Scan.day >= first)
    if last is not None:
        query = query.where(Scan.day <= last)
    return query


def _came_to(result: str) -> sa.ColumnElement[bool]:
    """`Scan.result` as a condition; of a word that is none of its results, nothing."""
    if result in {outcome.value for outcome in Outcome}:
        return Scan.outcome == Outcome(result)
    is_same = BindingAttempt.upline_id == BindingAttempt.owner_id
    already = BindingAttempt.result == AttemptResult.ALREADY_BOUND
    if result == "bound_same":
        meant = sa.and_(already, is_same)
    elif result == AttemptResult.ALREADY_BOUND:
        meant = sa.and_(already, sa.func.coalesce(is_same, sa.false()).is_(sa.false()))
    elif result in {known.value for known in AttemptResult}:
        meant = BindingAttempt.result == AttemptResult(result)
    else:
        return sa.false()
    return Scan.attempt_id.in_(sa.select(BindingAttempt.id).where(meant))


def scans_page(
    channel_id: int | None = None, *, before: int | None = None, size: int = 20
) -> Page[Scan]:
    """Scans of one channel, or of every code, newest first."""
    query = sa.select(Scan)
    if channel_id is not None:
        query = query.filter_by(channel_id=channel_id)
    return newest_first(query, Scan.id, before=before, size=size)


def to_make(now: datetime, *, limit: int = 50) -> list[int]:
    """Channels in use whose QR WeChat has not made yet, or whose QR ends soon.

    Permanent ones last: should WeChat have none left, they wait for nothing and must
    not stand before those that end.
    """
    return list(
        db.session.scalars(
            sa.select(Channel.id)
            .where(
                Channel.is_active,
                sa.or_(
                    Channel.qr_expires_at < now + SCENE_RENEWED_BEFORE,
                    sa.and_(Channel.qr_expires_at.is_(None), Channel.qr_ticket == ""),
                ),
            )
            .order_by(Channel.is_permanent, Channel.id)
            .limit(limit)
        )
    )
