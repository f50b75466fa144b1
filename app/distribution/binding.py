"""Who belongs to whom (绑定): what an attempt comes to, by the shop's rules.

Every attempt leaves a row, whatever came of it. `policy` says what the rules mean,
`tree` does the move.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from app import outbox, settings
from app.core import clock
from app.core.db import db, require_transaction
from app.core.rows import insert_plain
from app.distribution import policy, ports, queries, tree
from app.distribution.models import AttemptResult, BindingAttempt, BindingSource
from app.distribution.queries import Meeting


@dataclass(frozen=True)
class Touch:
    """How somebody came by a code.

    `by_machine`: by a crawler or a preview, though with a member's session. `is_known`:
    the caller saw that the member was bound before, which spares what is for newcomers.
    """

    code: str
    source: BindingSource
    channel_id: int | None = None
    by_machine: bool = False
    is_known: bool = False


@dataclass(frozen=True)
class Tried:
    """What came of an attempt, and the id of its row."""

    id: int
    result: AttemptResult


@dataclass(frozen=True)
class _Decision:
    result: AttemptResult
    # Whom the member belonged to before.
    was: int | None = None
    # In words, where the result alone does not say it.
    note: str = ""


def bind(member_id: int, *, code: str, source: BindingSource, now: datetime) -> AttemptResult:
    """Try to bind a member to the owner of `code`; never raises for a refusal.

    Leaves a row in the binding history whatever comes of it.
    """
    return attempt(member_id, Touch(code, source), now=now).result


def attempt(member_id: int, touch: Touch, *, owner_id: int | None = None, now: datetime) -> Tried:
    """The same, with the row of the history.

    `owner_id`: whom a code leads to that is no referral code, such as a channel's.
    """
    require_transaction()
    bound_to = None if owner_id is not None else _bind_at_once(member_id, touch, now)
    if bound_to is not None:
        owner_id, decision = bound_to, _Decision(AttemptResult.BOUND)
    else:
        meeting = queries.meeting(member_id, touch.code, owner_id)
        owner_id, decision = meeting.owner_id, _decide(meeting, touch, now)
    attempt_id = insert_plain(
        BindingAttempt,
        member_id=member_id,
        owner_id=owner_id,
        source=touch.source,
        code=touch.code[:64],
        channel_id=touch.channel_id,
        result=decision.result,
        note=decision.note,
        upline_id=decision.was,
        at=now,
    )
    if decision.result is AttemptResult.BOUND:
        outbox.publish("member_bound", member_id, now=now)
    elif decision.result is AttemptResult.REBOUND:
        outbox.publish("member_moved", attempt_id, now=now)
    return Tried(attempt_id, decision.result)


def bind_by_order(member_id: int, *, now: datetime) -> AttemptResult | None:
    """An order is being placed: bind by the newest code that was kept in mind.

    Does something only where the shop binds by orders, and before the order copies
    its uplines. A code counts once, and for `binding.remember_days`. None: there is
    nothing to try.
    """
    require_transaction()
    rules = policy.current()
    if rules.moment is not policy.Moment.ORDER:
        return None
    newest = db.session.scalar(
        sa.select(BindingAttempt)
        .where(
            BindingAttempt.member_id == member_id,
            sa.or_(
                BindingAttempt.result == AttemptResult.REMEMBERED,
                BindingAttempt.source == BindingSource.ORDER,
            ),
        )
        .order_by(BindingAttempt.id.desc())
        .limit(1)
    )
    if newest is None or newest.source is BindingSource.ORDER:
        return None
    if newest.at + timedelta(days=rules.remember_days) <= now:
        return None
    touch = Touch(newest.code, BindingSource.ORDER, newest.channel_id)
    return attempt(member_id, touch, owner_id=newest.owner_id, now=now).result


def _bind_at_once(member_id: int, touch: Touch, now: datetime) -> int | None:
    """Bind a newcomer by what this process knows of the code and the rules; to whom.

    The one statement asks again for all of it, and for what `_decide` would ask. None:
    nothing changed, and the attempt goes the long way.
    """
    owner_id, rules = queries.known_owner(touch.code), policy.presumed()
    if touch.is_known or touch.by_machine or rules is None or owner_id in (None, member_id):
        return None
    stamp, presumed = rules
    if not presumed.binds_at_once(touch.source):
        return None
    given = tree.Presumption(queries.as_stored(touch.code), stamp)
    if not tree.hang_newcomer(member_id, owner_id, now, given=given):
        return None
    settings.as_of(stamp)
    return owner_id


def _decide(meeting: Meeting, touch: Touch, now: datetime) -> _Decision:
    member_id, owner_id = meeting.member_id, meeting.owner_id
    if owner_id is None:
        return _Decision(AttemptResult.UNKNOWN_CODE)
    if owner_id == member_id:
        return _Decision(AttemptResult.OWN_CODE)
    if touch.by_machine:
        return _Decision(AttemptResult.CRAWLER)
    if not meeting.is_owner_active:
        return _Decision(AttemptResult.OWNER_INACTIVE)
    rules = policy.current()
    if rules.ignores(touch.source):
        return _Decision(AttemptResult.ONLY_BY_SCAN)
    # Nobody needs to wait to see that everything stays as it is.
    kept = _kept(meeting, rules, now)
    if kept is not None:
        return kept
    if rules.waits_for_order(touch.source):
        return _Decision(AttemptResult.REMEMBERED, meeting.upline1_id)
    # Whether a buyer may be bound is asked once more behind the locks.
    if (
        meeting.bound_at is None
        and rules.binds_buyers
        and tree.hang_newcomer(member_id, owner_id, now)
    ):
        return _Decision(AttemptResult.BOUND)
    edge = tree.lock_edge(member_id, owner_id)
    was = edge.member.upline1_id
    kept = _kept(replace(meeting, upline1_id=was, bound_at=edge.member.bound_at), rules, now)
    if kept is not None:
        return kept
    if edge.closes_loop:
        return _Decision(AttemptResult.OWN_DOWNLINE, was)
    result = AttemptResult.BOUND if edge.is_new else AttemptResult.REBOUND
    tree.hang(edge, now)
    return _Decision(result, was)


def _kept(meeting: Meeting, rules: policy.Policy, now: datetime) -> _Decision | None:
    """Why the member stays where they are; None: nothing is in the way but a loop."""
    member_id, bound_at = meeting.member_id, meeting.bound_at
    if meeting.upline1_id is None:
        if not rules.binds_buyers and ports.purchases().last_paid_at(member_id) is not None:
            return _Decision(AttemptResult.BOUGHT_BEFORE)
        return None
    was, is_same = meeting.upline1_id, meeting.upline1_id == meeting.owner_id
    if rules.kind is policy.Kind.PERMANENT and not rules.valid_days:
        return _Decision(AttemptResult.ALREADY_BOUND, was)
    standing = queries.distributor_of(member_id)
    if standing is not None and standing.has_place and not rules.moves_distributors:
        return _Decision(
            AttemptResult.ALREADY_BOUND if is_same else AttemptResult.DISTRIBUTOR_STAYS, was
        )
    if rules.has_expired(bound_at, now):
        return None
    if is_same or rules.kind is policy.Kind.PERMANENT:
        return _Decision(AttemptResult.ALREADY_BOUND, was)
    if rules.kind is policy.Kind.PROTECTED and bound_at is not None:
        until = rules.protected_until(bound_at, ports.purchases().last_paid_at(member_id))
        if now < until:
            note = f"保护到 {clock.local(until):%Y-%m-%d %H:%M}"
            return _Decision(AttemptResult.PROTECTED, was, note)
    return None
