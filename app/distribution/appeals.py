"""A member says that the stored inviter is wrong (归属申诉), and an admin answers.

One is open at a time. Accepting it is the move itself, in the same unit of work;
the answer goes to the member as a notice (`appeal_answered`).
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from app import audit, members, outbox
from app.core import reasons
from app.core.db import db, require_transaction
from app.core.errors import DomainError, IllegalMove, InvalidInput, NotFound
from app.core.pages import Page, newest_first
from app.core.rows import add_once, lock_one
from app.distribution import moves
from app.distribution.models import AppealStatus, BindingAppeal, BindingAttempt

TEXT_CHARS_MAX = 300


class AppealOpen(DomainError):
    code = "appeal_open"
    message = "你的上一次申诉还在处理，有结果后会通知你"


def ask(member_id: int, text: str, *, now: datetime) -> BindingAppeal:
    """Put an appeal into the queue. Raises InvalidInput, AppealOpen."""
    require_transaction()
    said = text.strip()
    if not said:
        raise InvalidInput("text", "请写明情况，例如谁介绍你来的、什么时候扫的码")
    if len(said) > TEXT_CHARS_MAX:
        raise InvalidInput("text", f"申诉说明最多 {TEXT_CHARS_MAX} 个字")
    member = members.get(member_id)
    row = BindingAppeal(
        member_id=member_id,
        open_member_id=member_id,
        text=said,
        status=AppealStatus.OPEN,
        upline_id=member.upline1_id,
        created_at=now,
    )
    if not add_once(row):
        raise AppealOpen()
    return row


def accept(
    appeal_id: int,
    wish: moves.Wish,
    *,
    expected_upline_id: int | None,
    reason: str,
    actor: audit.Actor,
    now: datetime,
) -> BindingAttempt:
    """Grant an appeal: make the move, and answer with its reason.

    Raises as `moves.move` does; IllegalMove for an appeal that was answered;
    ValueError for a wish about somebody else.
    """
    appeal = _locked_open(appeal_id)
    if wish.member_id != appeal.member_id:
        raise ValueError("an appeal moves nobody but who made it")
    moved = moves.move(
        wish, expected_upline_id=expected_upline_id, reason=reason, actor=actor, now=now
    )
    _answer(appeal, AppealStatus.ACCEPTED, moved.note, actor, now)
    return moved


def refuse(appeal_id: int, *, reason: str, actor: audit.Actor, now: datetime) -> None:
    """Leave everything as it is and say why. Raises NotFound, IllegalMove, InvalidInput."""
    appeal = _locked_open(appeal_id)
    answer = reasons.given(reason, "请填写原因，申诉人会看到")
    _answer(appeal, AppealStatus.REFUSED, answer, actor, now)


def get(appeal_id: int) -> BindingAppeal:
    """Raises NotFound."""
    found = db.session.get(BindingAppeal, appeal_id)
    if found is None:
        raise NotFound("申诉不存在")
    return found


def led_to(attempt: BindingAttempt) -> bool:
    """Whether a granted appeal made this move: both carry the same moment and hand."""
    return (
        db.session.scalar(
            sa.select(BindingAppeal.id).where(
                BindingAppeal.member_id == attempt.member_id,
                BindingAppeal.status == AppealStatus.ACCEPTED,
                BindingAppeal.answered_at == attempt.at,
                BindingAppeal.answered_by == attempt.actor,
            )
        )
        is not None
    )


def of_member(member_id: int, *, limit: int = 20) -> Sequence[BindingAppeal]:
    """A member's appeals, newest first."""
    return db.session.scalars(
        sa.select(BindingAppeal)
        .filter_by(member_id=member_id)
        .order_by(BindingAppeal.id.desc())
        .limit(limit)
    ).all()


def queue(
    status: AppealStatus | None, *, before: int | None = None, size: int = 20
) -> Page[BindingAppeal]:
    """Appeals by state, newest first; all of them for None."""
    query = sa.select(BindingAppeal)
    if status is not None:
        query = query.filter_by(status=status)
    return newest_first(query, BindingAppeal.id, before=before, size=size)


def counts() -> dict[AppealStatus, int]:
    rows = db.session.execute(
        sa.select(BindingAppeal.status, sa.func.count()).group_by(BindingAppeal.status)
    )
    return dict(rows.all())


def waiting() -> tuple[int, datetime | None]:
    """How many wait for an answer, and since when the oldest does."""
    count, oldest = db.session.execute(
        sa.select(sa.func.count(), sa.func.min(BindingAppeal.created_at)).where(
            BindingAppeal.status == AppealStatus.OPEN
        )
    ).one()
    return count, oldest


def forget(member_id: int) -> None:
    """The account is being deleted: what was said goes, that it was decided stays."""
    require_transaction()
    db.session.execute(
        sa.update(BindingAppeal)
        .where(BindingAppeal.member_id == member_id)
        .values(text="", answer="", open_member_id=None),
        execution_options={"synchronize_session": False},
    )
    db.session.execute(
        sa.update(BindingAttempt).where(BindingAttempt.member_id == member_id).values(note=""),
        execution_options={"synchronize_session": False},
    )


def _locked_open(appeal_id: int) -> BindingAppeal:
    appeal = lock_one(BindingAppeal, appeal_id, "申诉不存在")
    if appeal.status is not AppealStatus.OPEN:
        raise IllegalMove("这条申诉已经处理过了", state=appeal.status.value)
    return appeal


def _answer(
    appeal: BindingAppeal, to: AppealStatus, answer: str, actor: audit.Actor, now: datetime
) -> None:
    appeal.status, appeal.open_member_id = to, None
    appeal.answer, appeal.answered_by, appeal.answered_at = answer, actor.ref, now
    db.session.flush()
    audit.record(
        f"appeal.{to.value}",
        subject="appeal",
        subject_id=appeal.id,
        actor=actor,
        now=now,
        before={"status": AppealStatus.OPEN.value},
        after={"status": to.value},
        reason=answer,
    )
    outbox.publish("appeal_answered", appeal.id, now=now)
