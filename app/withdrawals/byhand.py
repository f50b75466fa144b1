"""Payouts by hand (线下打款): approved withdrawals of one way, gathered in a batch.

A withdrawal that is in a batch is `sending`, and stays in that batch: its row is
locked when it is taken, it must be `approved`, and `live_withdrawal_id` is unique.
Before anything was recorded of the batch, a line may be taken out again.
A person then says of each line that it was paid, with the voucher and the bank's
serial number, or that it failed; another person may say that it came back.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from app import audit
from app.core import ids, reasons
from app.core.db import db, require_transaction
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.core.rows import lock_rows
from app.withdrawals import locks, states
from app.withdrawals.errors import BatchRecorded, NothingToPay, OwnWithdrawal, ReturnedBySame
from app.withdrawals.models import BY_HAND, Channel, Withdrawal, WithdrawalStatus
from app.withdrawals.payee_models import LineState, PayoutBatch, PayoutLine

S = WithdrawalStatus
LINES_MAX = 500
_SERIAL = re.compile(r"[0-9A-Za-z_-]{4,64}", re.ASCII)


def make_batch(
    channel: Channel, *, actor: audit.Actor, now: datetime, most: int = LINES_MAX
) -> PayoutBatch:
    """Gather the approved withdrawals of a way, the oldest first (生成打款批次).

    Raises PayoutsLocked, NothingToPay.
    """
    if channel not in BY_HAND:
        raise ValueError(f"{channel} is not paid by hand")
    locks.require_unlocked()
    due = sa.select(Withdrawal.id).filter_by(status=S.APPROVED, channel=channel)
    found = list(db.session.scalars(due.order_by(Withdrawal.id).limit(most)))
    # Those that another batch took while this one waited are no longer approved.
    rows = [row for row in lock_rows(Withdrawal, found) if row.status is S.APPROVED]
    if not rows:
        raise NothingToPay()
    batch = PayoutBatch(
        number=ids.public_number("P", now),
        channel=channel,
        line_count=len(rows),
        total_fen=sum(row.net_fen for row in rows),
        made_by=actor.ref,
        made_at=now,
    )
    db.session.add(batch)
    db.session.flush()
    for row in rows:
        states.move(row, S.SENDING, actor=actor, now=now, note=batch.number)
        db.session.add(
            PayoutLine(
                batch_id=batch.id,
                withdrawal_id=row.id,
                live_withdrawal_id=row.id,
                amount_fen=row.net_fen,
            )
        )
    db.session.flush()
    _record(
        "payout_batch.make",
        batch,
        actor,
        now,
        after={"channel": channel.value, "count": len(rows), "total_fen": batch.total_fen},
    )
    return batch


def filed(
    batch_id: int,
    *,
    name: str,
    make: Callable[[PayoutBatch], bytes],
    actor: audit.Actor,
    now: datetime,
) -> bytes:
    """Make the file with full numbers and write down that it was handed out.

    No line is taken out meanwhile: what the file names is in the batch. Raises PayoutsLocked.
    """
    locks.require_unlocked()
    (batch,) = lock_rows(PayoutBatch, [batch_id])
    content = make(batch)
    sha256 = hashlib.sha256(content).hexdigest()
    batch.file_name, batch.file_sha256 = name[:80], sha256
    batch.filed_by, batch.filed_at = actor.ref, now
    _record("payout_batch.file", batch, actor, now, after={"file": name, "sha256": sha256})
    return content


def mark_paid(
    batch_id: int,
    line_ids: Sequence[int],
    *,
    serial: str,
    voucher_id: int,
    actor: audit.Actor,
    actor_member_id: int | None,
    now: datetime,
) -> int:
    """Book lines as paid, all of these or none (登记已打款); how many.

    Raises:
        InvalidInput: no line, or naming `serial`.
        NotFound: a line of another batch. IllegalMove: one was decided already.
        OwnWithdrawal: one is the actor's own.
    """
    given = serial.strip()
    if not _SERIAL.fullmatch(given):
        raise InvalidInput("serial", "请填写回单上的流水号，4 到 64 位字母或数字")
    batch, pairs = _locked_lines(batch_id, line_ids, actor_member_id)
    for row, line in pairs:
        states.move(row, S.PAID, actor=actor, now=now, note=given)
        line.state, line.serial, line.voucher_id = LineState.PAID, given, voucher_id
        line.decided_by, line.decided_at = actor.ref, now
    _record(
        "payout_batch.paid",
        batch,
        actor,
        now,
        after={
            "lines": [line.id for _, line in pairs],
            "total_fen": sum(line.amount_fen for _, line in pairs),
            "serial": given,
            "voucher": voucher_id,
        },
    )
    return len(pairs)


def mark_failed(
    batch_id: int,
    line_ids: Sequence[int],
    *,
    reason: str,
    actor: audit.Actor,
    actor_member_id: int | None,
    now: datetime,
) -> int:
    """Say that lines could not be paid (登记打款失败); their money is the member's again.

    Raises InvalidInput, NotFound, IllegalMove, OwnWithdrawal as `mark_paid`.
    """
    why = reasons.given(reason, "请填写失败原因，申请人会看到")
    batch, pairs = _locked_lines(batch_id, line_ids, actor_member_id)
    for row, line in pairs:
        row.note = why
        states.move(row, S.FAILED, actor=actor, now=now, note=why)
        line.state, line.reason, line.live_withdrawal_id = LineState.FAILED, why, None
        line.decided_by, line.decided_at = actor.ref, now
    done = {"lines": [line.id for _, line in pairs]}
    _record("payout_batch.failed", batch, actor, now, after=done, reason=why)
    return len(pairs)


def take_out(
    line_id: int,
    *,
    reason: str,
    is_unpaid: bool,
    actor: audit.Actor,
    actor_member_id: int | None,
    now: datetime,
) -> None:
    """Take a line out of its batch (移出批次): its withdrawal is `approved` again.

    A file that was handed out before still names the line: then somebody must say
    that it was not paid from it (`is_unpaid`).

    Raises:
        InvalidInput: no reason, or naming `is_unpaid`. NotFound.
        BatchRecorded: what became of any line of the batch is written down already.
        IllegalMove: it was taken out before. OwnWithdrawal.
    """
    why = reasons.given(reason, "请填写移出原因")
    batch_id = db.session.scalar(sa.select(PayoutLine.batch_id).filter_by(id=line_id))
    if batch_id is None:
        raise NotFound("打款明细不存在")
    batch, ((row, line),) = _locked_lines(batch_id, [line_id], actor_member_id)
    recorded = sa.select(PayoutLine.id).where(
        PayoutLine.batch_id == batch_id,
        PayoutLine.state.not_in((LineState.WAITING, LineState.REMOVED)),
    )
    if db.session.scalar(recorded.limit(1)) is not None:
        raise BatchRecorded()
    if batch.filed_at is not None and not is_unpaid:
        raise InvalidInput("is_unpaid", "打款文件已下载过，请先核对这一笔没有付款，再勾选确认")
    states.move(row, S.APPROVED, actor=actor, now=now, note=why)
    line.state, line.reason, line.live_withdrawal_id = LineState.REMOVED, why, None
    line.decided_by, line.decided_at = actor.ref, now
    done = {
        "lines": [line.id],
        "total_fen": line.amount_fen,
        "was_filed": batch.filed_at is not None,
    }
    _record("payout_batch.take_out", batch, actor, now, after=done, reason=why)


def mark_returned(
    line_id: int,
    *,
    reason: str,
    actor: audit.Actor,
    actor_member_id: int | None,
    now: datetime,
) -> None:
    """Say that a paid line's money came back, or never left (登记退票).

    Net, tax and fee are the member's again, as after a failed payout.

    Raises:
        InvalidInput: no reason. NotFound. IllegalMove: it is not paid.
        ReturnedBySame: the actor said that it was paid.
        OwnWithdrawal.
    """
    why = reasons.given(reason, "请填写退票原因，申请人会看到")
    batch_id = db.session.scalar(sa.select(PayoutLine.batch_id).filter_by(id=line_id))
    if batch_id is None:
        raise NotFound("打款明细不存在")
    batch, ((row, line),) = _locked_lines(batch_id, [line_id], actor_member_id, LineState.PAID)
    if line.decided_by == actor.ref:
        raise ReturnedBySame()
    row.note = why
    states.move(row, S.RETURNED, actor=actor, now=now, note=why)
    line.state, line.reason, line.live_withdrawal_id = LineState.RETURNED, why, None
    line.returned_by, line.returned_at = actor.ref, now
    done = {"lines": [line.id], "total_fen": line.amount_fen}
    _record("payout_batch.returned", batch, actor, now, after=done, reason=why)


def _locked_lines(
    batch_id: int,
    line_ids: Sequence[int],
    actor_member_id: int | None,
    wanted: LineState = LineState.WAITING,
) -> tuple[PayoutBatch, list[tuple[Withdrawal, PayoutLine]]]:
    """Lines with their withdrawals, withdrawals locked before lines as everywhere.

    The batch is locked before either: its file and its lines change one after the other.
    """
    require_transaction()
    found, asked = lock_rows(PayoutBatch, [batch_id]), set(line_ids)
    if not found or not asked:
        raise InvalidInput("lines", "请先勾选要登记的明细")
    (batch,) = found
    known = dict(
        db.session.execute(
            sa.select(PayoutLine.id, PayoutLine.withdrawal_id).where(
                PayoutLine.batch_id == batch_id, PayoutLine.id.in_(asked)
            )
        ).all()
    )
    if known.keys() != asked:
        raise NotFound("打款明细不存在")
    rows = {row.id: row for row in lock_rows(Withdrawal, list(known.values()))}
    lines = lock_rows(PayoutLine, list(known))
    for line in lines:
        if line.state is not wanted:
            raise IllegalMove(state=line.state.value)
        if actor_member_id is not None and rows[line.withdrawal_id].member_id == actor_member_id:
            raise OwnWithdrawal("不能登记自己的提现，请由其他管理员办理")
    return batch, [(rows[line.withdrawal_id], line) for line in lines]


def _record(
    action: str,
    batch: PayoutBatch,
    actor: audit.Actor,
    now: datetime,
    *,
    after: Mapping[str, object],
    reason: str = "",
) -> None:
    audit.record(
        action,
        subject="payout_batch",
        subject_id=batch.id,
        actor=actor,
        now=now,
        after=dict(after),
        reason=reason,
    )
