"""Sending, and the notices that time makes: reminders and weekly digests."""

import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa

from app import members, settings
from app.commission import Commission
from app.core import clock
from app.core.db import db, run_unit
from app.core.errors import InvalidInput
from app.notices import fields, queries, service, wording
from app.notices.kinds import KINDS
from app.notices.models import Notice, NoticeState, NoticeTemplate
from app.notices.ports import NoticeSender, Outgoing, SendFailed, SendRefused
from app.notices.service import Draft
from app.withdrawals import BillState, TransferBill, Withdrawal, WithdrawalStatus

# How long WeChat waits for the member (wechat.md, section 9).
CONFIRM_WITHIN = timedelta(hours=24)
_CHUNK = 500


def send(notice_id: int, *, sender: NoticeSender, now: datetime) -> None:
    """Send one queued notice. Raises SendFailed where it should be tried again.

    The template is read now: a mapping that was mended meanwhile counts.
    """
    notice = db.session.get(Notice, notice_id)
    # Gone with its member's account, or sent already.
    if notice is None or notice.state is not NoticeState.QUEUED:
        return
    template = queries.template_of(notice.kind)
    if template is None or not template.is_active:
        run_unit(_end, notice_id, NoticeState.KEPT, now=now)
        return
    message = _outgoing(notice, template)
    db.session.rollback()
    try:
        message_id = sender.send(message)
    except SendRefused as refused:
        run_unit(
            _end, notice_id, NoticeState.REFUSED, now=now, message=message, error=refused.words
        )
    except SendFailed as failed:
        run_unit(_note, notice_id, str(failed))
        raise
    else:
        run_unit(_end, notice_id, NoticeState.SENT, now=now, message=message, message_id=message_id)


def send_test(kind: str, openid: str, *, sender: NoticeSender, now: datetime) -> Notice:
    """Send a kind's example to one member at once; its notice says what came of it.

    Raises InvalidInput for an unknown openid or a kind without a template.
    """
    member = members.by_openid(openid.strip())
    if member is None:
        raise InvalidInput("openid", "没有这个 openid 的会员，请从会员资料里复制")
    if queries.template_of(kind) is None:
        raise InvalidInput("kind", "请先保存模板配置，再发送测试")

    def write() -> int:
        notice = Notice(
            key=f"test:{secrets.token_hex(12)}",
            kind=kind,
            member_id=member.id,
            values=dict(wording.examples(kind)),
            path="/me/messages",
            state=NoticeState.QUEUED,
            created_at=now,
        )
        db.session.add(notice)
        db.session.flush()
        return notice.id

    notice_id = run_unit(write)
    try:
        send(notice_id, sender=sender, now=now)
    except SendFailed as failed:
        # A test is not tried again behind the admin's back.
        run_unit(_end, notice_id, NoticeState.REFUSED, now=now, error=str(failed))
    return queries.get(notice_id)


def remind_confirmations(now: datetime) -> int:
    """Remind members whose transfer ends unconfirmed before long; how many."""
    ahead = timedelta(hours=settings.value(settings.registry.CONFIRM_REMINDER_HOURS))
    rows = db.session.execute(
        sa.select(Withdrawal, TransferBill.created_at)
        .join(TransferBill, TransferBill.live_withdrawal_id == Withdrawal.id)
        .where(
            Withdrawal.status == WithdrawalStatus.WAIT_CONFIRM,
            TransferBill.state == BillState.WAIT_USER_CONFIRM,
            TransferBill.created_at > now - CONFIRM_WITHIN,
            TransferBill.created_at <= now - CONFIRM_WITHIN + ahead,
        )
        .order_by(Withdrawal.id)
        .limit(_CHUNK)
    ).all()
    drafts = [confirm_draft("withdrawal_reminder", row, asked_at) for row, asked_at in rows]
    db.session.rollback()
    return run_unit(service.write, "withdrawal_reminder", drafts, now=now) if drafts else 0


def confirm_draft(kind: str, row: Withdrawal, asked_at: datetime, *, note: str = "") -> Draft:
    """That a transfer waits for its member, and until when; `note` in place of the usual."""
    return Draft(
        key=f"{kind}:{row.id}",
        member_id=row.member_id,
        values={
            "number": row.number,
            "net": row.net_fen,
            "deadline": (asked_at + CONFIRM_WITHIN).isoformat(),
            "note": note or KINDS[kind].sources["note"].example,
            "state": KINDS[kind].sources["state"].example,
        },
        path=f"/me/wallet/withdrawals/{row.number}",
    )


def write_digests(now: datetime) -> int:
    """Tell further uplines what last week brought them (周报); how many were told.

    Weeks end on Sunday night in Asia/Shanghai; each is told once, however often
    this runs.
    """
    today = clock.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday())
    start, last_day = monday - timedelta(days=7), monday - timedelta(days=1)
    week = f"{start:%m-%d} 至 {last_day:%m-%d}"
    told, after = 0, 0
    while rows := _week_sums(start, monday, after):
        after = rows[-1].member_id
        drafts = [
            Draft(
                key=f"team_digest:{start:%Y%m%d}:{row.member_id}",
                member_id=row.member_id,
                values={
                    "week": week,
                    "amount": int(row.amount_fen),
                    "count": row.commissions,
                    "time": now.isoformat(),
                    "state": "待结算",
                },
                path="/me/distribution/commissions",
            )
            for row in rows
            if row.amount_fen > 0
        ]
        db.session.rollback()
        told += run_unit(service.write, "team_digest", drafts, now=now) if drafts else 0
    db.session.rollback()
    return told


def _week_sums(start: datetime, end: datetime, after: int) -> list[sa.Row[tuple[int, int, int]]]:
    return list(
        db.session.execute(
            sa.select(
                Commission.member_id,
                sa.func.sum(Commission.amount_fen - Commission.reversed_fen).label("amount_fen"),
                sa.func.count().label("commissions"),
            )
            .where(
                Commission.created_at >= clock.as_utc(start),
                Commission.created_at < clock.as_utc(end),
                Commission.depth > 1,
                Commission.member_id > after,
            )
            .group_by(Commission.member_id)
            .order_by(Commission.member_id)
            .limit(_CHUNK)
        )
    )


def _outgoing(notice: Notice, template: NoticeTemplate) -> Outgoing:
    sources = KINDS[notice.kind].sources
    filled = {}
    for key, choice in template.fields.items():
        name = choice.get("source", "")
        filled[key] = (
            fields.fit(key, sources[name].type, notice.values.get(name, ""))
            if name
            else choice["text"]
        )
    return Outgoing(
        channel=template.channel,
        openid=members.get(notice.member_id).openid,
        template_id=template.template_id,
        path=notice.path,
        fields=filled,
        client_id=f"notice-{notice.id}",
    )


def _end(
    notice_id: int,
    state: NoticeState,
    *,
    now: datetime,
    message: Outgoing | None = None,
    message_id: str = "",
    error: str = "",
) -> None:
    notice = queries.get(notice_id)
    notice.state, notice.error = state, error[:200]
    if message is not None:
        notice.template_id, notice.fields = message.template_id, dict(message.fields)
    if state is NoticeState.SENT:
        notice.sent_at, notice.message_id = now, message_id or None


def _note(notice_id: int, error: str) -> None:
    queries.get(notice_id).error = error[:200]
