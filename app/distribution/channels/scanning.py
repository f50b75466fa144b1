"""What a scan or a visit means: whom it binds, what it counts for, what is kept of it."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.core import clock
from app.core.db import db, require_transaction
from app.core.rows import add_once, insert_now
from app.distribution import binding
from app.distribution import queries as distributors
from app.distribution.channels.models import (
    CODE_PREFIX,
    Channel,
    ChannelMember,
    Outcome,
    Scan,
    ScanSource,
)
from app.distribution.models import AttemptResult, BindingSource

_BINDING_SOURCE = {
    ScanSource.FOLLOW: BindingSource.SCAN,
    ScanSource.SCAN: BindingSource.SCAN,
    ScanSource.LINK: BindingSource.LINK,
}


@dataclass(frozen=True)
class Taken:
    """What came of a scan; `attempt` is None where no binding was tried."""

    outcome: Outcome
    attempt: AttemptResult | None = None

    @property
    def is_bound(self) -> bool:
        """Whether it made somebody the member's upline just now."""
        return self.attempt in (AttemptResult.BOUND, AttemptResult.REBOUND)


def take(
    member_id: int,
    *,
    code: str,
    source: ScanSource,
    now: datetime,
    by_machine: bool = False,
    is_known: bool = False,
) -> Taken:
    """A member came by a code: bind, count, and keep what came of it.

    `by_machine`: it was a crawler or a preview, which binds and counts nobody.
    `is_known`: the caller saw that the member was bound before.

    Works for referral codes and for channels, and never raises for a refusal. Not
    safe to repeat: the caller sees to it that one push is taken once.
    """
    require_transaction()
    channel = _channel(code)
    if channel is not None and not channel.is_active:
        return _keep(member_id, channel, source, now, Taken(Outcome.STOPPED))
    attempt = None
    if channel is None or channel.owner_id is not None:
        attempt = binding.attempt(
            member_id,
            binding.Touch(
                code,
                _BINDING_SOURCE[source],
                channel_id=channel.id if channel else None,
                by_machine=by_machine,
                is_known=is_known,
            ),
            owner_id=channel.owner_id if channel else None,
            now=now,
        )
    if channel is not None and channel.owner_id != member_id and not by_machine:
        _count(member_id, channel, now)
    if attempt is None:
        return _keep(member_id, channel, source, now, Taken(Outcome.COUNTED))
    taken = Taken(Outcome.TRIED, attempt.result)
    return _keep(member_id, channel, source, now, taken, attempt.id)


def take_snapshot(openid: str, *, code: str, dedupe_key: str, now: datetime) -> None:
    """A virtual person came by a code: keep that, and nothing else happens.

    `dedupe_key` is one login's; a repeat of it leaves no second row.
    """
    require_transaction()
    channel = _channel(code)
    add_once(
        Scan(
            channel_id=channel.id if channel else None,
            openid=openid[:64],
            code=code[:64],
            owner_id=channel.owner_id if channel else distributors.code_owner(code),
            source=ScanSource.LINK,
            outcome=Outcome.SNAPSHOT,
            dedupe_key=dedupe_key,
            day=clock.local(now).date(),
            at=now,
        )
    )


def _channel(code: str) -> Channel | None:
    wanted = code.strip().upper()
    if not wanted.startswith(CODE_PREFIX) or len(wanted) > 16:
        return None
    return db.session.scalar(sa.select(Channel).filter_by(code=wanted))


def _count(member_id: int, channel: Channel, now: datetime) -> None:
    """The first channel counts; two at once leave the one that was first."""
    if db.session.get(ChannelMember, member_id) is None:
        add_once(
            ChannelMember(
                member_id=member_id,
                channel_id=channel.id,
                day=clock.local(now).date(),
                at=now,
            )
        )


def _keep(
    member_id: int,
    channel: Channel | None,
    source: ScanSource,
    now: datetime,
    taken: Taken,
    attempt_id: int | None = None,
) -> Taken:
    insert_now(
        Scan(
            channel_id=channel.id if channel else None,
            member_id=member_id,
            source=source,
            outcome=taken.outcome,
            attempt_id=attempt_id,
            day=clock.local(now).date(),
            at=now,
        )
    )
    return taken
