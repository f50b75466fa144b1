"""Settings that two people change: one proposes, another puts the value in force."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from app import audit
from app.core.db import db, require_transaction
from app.core.errors import DomainError, IllegalMove, InvalidInput, NotFound
from app.core.rows import add_once, lock_one
from app.settings import service
from app.settings.models import SettingProposal
from app.settings.registry import ALL


class OwnProposal(DomainError):
    """Four eyes: who proposes does not agree."""

    code = "own_proposal"
    message = "这项改动由你提交，须由另一位管理员确认"


class SettingMoved(DomainError):
    """Another value came in force since it was proposed."""

    code = "setting_moved"
    message = "提交之后这项设置又有变化，请驳回后重新提交"


def propose(key: str, new: object, *, actor: audit.Actor, now: datetime) -> SettingProposal:
    """Ask for a value of a setting that two people change (提交变更).

    Raises:
        NotFound: there is no such setting.
        InvalidInput: the value has another type, is out of bounds, or is in force.
        IllegalMove: another proposal waits already.
    """
    require_transaction()
    setting = ALL.get(key)
    if setting is None:
        raise NotFound("没有这项设置")
    accepted = service.accepted(setting, new)
    before = service.everything()[key]
    if accepted == before:
        raise InvalidInput(key, "和现在的值一样，没有需要改的")
    row = SettingProposal(
        key=key,
        open_key=key,
        before=before,
        value=accepted,
        proposed_by=actor.ref,
        proposed_at=now,
    )
    if not add_once(row):
        raise IllegalMove("这项设置已有一个改动等待确认，请先处理它")
    _record("settings.propose", row, actor, now)
    return row


def decide(proposal_id: int, *, agrees: bool, actor: audit.Actor, now: datetime) -> SettingProposal:
    """Put a proposed value in force, or refuse it (确认生效，驳回).

    Refusing is open to whoever proposed it, too: it takes the proposal back.

    Raises:
        NotFound. IllegalMove: it was decided. OwnProposal.
        SettingMoved, InvalidInput: it cannot come in force any more, and stays open.
    """
    row = lock_one(SettingProposal, proposal_id, "没有这个变更申请")
    if row.open_key is None:
        raise IllegalMove("这个变更申请已经处理过了")
    if agrees:
        if row.proposed_by == actor.ref:
            raise OwnProposal()
        if service.everything()[row.key] != row.before:
            raise SettingMoved()
        service.change(row.key, row.value, actor=actor, now=now)
    row.open_key, row.is_agreed = None, agrees
    row.decided_by, row.decided_at = actor.ref, now
    _record("settings.agree" if agrees else "settings.refuse", row, actor, now)
    return row


def open_proposals() -> Sequence[SettingProposal]:
    """What waits for a second person, the oldest first."""
    return db.session.scalars(
        sa.select(SettingProposal)
        .where(SettingProposal.open_key.is_not(None))
        .order_by(SettingProposal.id)
    ).all()


def open_proposal(key: str) -> SettingProposal | None:
    return db.session.scalar(sa.select(SettingProposal).filter_by(open_key=key))


def _record(action: str, row: SettingProposal, actor: audit.Actor, now: datetime) -> None:
    audit.record(
        action,
        subject="setting_proposal",
        subject_id=row.id,
        actor=actor,
        now=now,
        before={row.key: row.before},
        after={row.key: row.value},
    )
