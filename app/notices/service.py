"""Writing notices, and what admins and members decide about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import audit, outbox, settings
from app.core.db import db, require_transaction
from app.core.errors import InvalidInput, NotFound
from app.core.rows import add_once, affected
from app.members import Member
from app.notices import fields, queries
from app.notices.kinds import KINDS
from app.notices.models import (
    Channel,
    Notice,
    NoticeDelivery,
    NoticeMute,
    NoticeState,
    NoticeTemplate,
)

TOPIC = "notice"
# More than any template of WeChat's has.
_FIELDS_MAX = 10


@dataclass(frozen=True)
class Draft:
    """What to tell one member. `key` is made from the fact, so it is told once."""

    key: str
    member_id: int
    values: Mapping[str, str | int]
    path: str


def write(kind: str, drafts: Sequence[Draft], *, now: datetime) -> int:
    """Keep these notices of one kind and queue those that WeChat shall carry.

    What was told before is left as it is. Returns how many are new.
    """
    require_transaction()
    told = set(
        db.session.scalars(sa.select(Notice.key).where(Notice.key.in_([d.key for d in drafts])))
    )
    # What happens to the books of a deleted account is nobody's news.
    gone = set(
        db.session.scalars(
            sa.select(Member.id).where(
                Member.id.in_({d.member_id for d in drafts}), Member.erased_at.is_not(None)
            )
        )
    )
    fresh = [d for d in drafts if d.key not in told and d.member_id not in gone]
    if not fresh:
        return 0
    shop = settings.value(settings.registry.SHOP_NAME)
    states = _states(kind, [draft.member_id for draft in fresh])
    rows = [
        Notice(
            key=draft.key,
            kind=kind,
            member_id=draft.member_id,
            values={**draft.values, "shop": shop},
            path=draft.path,
            state=states[draft.member_id],
            created_at=now,
        )
        for draft in fresh
    ]
    db.session.add_all(rows)
    db.session.flush()
    for row in rows:
        if row.state is NoticeState.QUEUED:
            outbox.publish(TOPIC, row.id, now=now)
    return len(rows)


def _states(kind: str, member_ids: Sequence[int]) -> dict[int, NoticeState]:
    """How far a notice of this kind goes for each of these members."""
    template = queries.template_of(kind)
    if template is None or not template.is_active:
        return dict.fromkeys(member_ids, NoticeState.KEPT)
    muted: set[int] = set()
    if KINDS[kind].can_mute:
        muted = set(
            db.session.scalars(
                sa.select(NoticeMute.member_id).where(
                    NoticeMute.kind == kind, NoticeMute.member_id.in_(member_ids)
                )
            )
        )
    follows = set(
        db.session.scalars(
            sa.select(Member.id).where(Member.id.in_(member_ids), Member.is_subscribed)
        )
    )
    needs_follow = template.channel is Channel.TEMPLATE

    def state(member_id: int) -> NoticeState:
        if member_id in muted:
            return NoticeState.MUTED
        if needs_follow and member_id not in follows:
            return NoticeState.NOT_FOLLOWING
        return NoticeState.QUEUED

    return {member_id: state(member_id) for member_id in member_ids}


def keep_delivery(message_id: str, status: str, *, now: datetime) -> None:
    """Keep WeChat's word on a message; the first one stays."""
    add_once(NoticeDelivery(message_id=message_id[:32], status=status[:40], at=now))


def map_template(
    kind: str,
    *,
    channel: str,
    template_id: str,
    title: str,
    chosen: Mapping[str, Mapping[str, str]],
    actor: audit.Actor,
    now: datetime,
) -> NoticeTemplate:
    """Let a kind of notice use a template of the official account.

    `chosen` gives for each field of the template `{"source": name}` or
    `{"text": fixed words}`.

    Raises:
        NotFound: no such kind.
        InvalidInput: channel or template is missing or odd.
        TemplateUnfit: a field cannot take what was chosen; `field` names it.
    """
    require_transaction()
    if kind not in KINDS:
        raise NotFound("没有这种通知")
    if channel not in list(Channel):
        raise InvalidInput("channel", "请选择发送方式")
    template_id = template_id.strip()
    if not template_id or len(template_id) > 64 or not template_id.isascii():
        raise InvalidInput("template_id", "请填写微信后台给出的模板 ID")
    if not 1 <= len(chosen) <= _FIELDS_MAX:
        raise InvalidInput("template_id", "这个模板没有可用的字段，请另选模板")
    clean = {key: _checked(kind, key, choice) for key, choice in chosen.items()}
    row = queries.template_of(kind)
    before = _facts(row) if row else None
    if row is None:
        row = NoticeTemplate(kind=kind)
        db.session.add(row)
    row.channel, row.template_id, row.title = Channel(channel), template_id, title.strip()[:60]
    row.fields, row.is_active = clean, True
    row.updated_by, row.updated_at = actor.ref, now
    db.session.flush()
    audit.record(
        "notice.map",
        subject="notice_template",
        subject_id=row.id,
        actor=actor,
        now=now,
        before=before,
        after=_facts(row),
    )
    return row


def switch_template(kind: str, *, is_active: bool, actor: audit.Actor, now: datetime) -> None:
    """Stop a kind's messages at WeChat, or start them again. Raises NotFound."""
    row = queries.template_of(kind)
    if row is None:
        raise NotFound("还没有配置模板")
    if row.is_active == is_active:
        return
    before = _facts(row)
    row.is_active, row.updated_by, row.updated_at = is_active, actor.ref, now
    audit.record(
        "notice.switch",
        subject="notice_template",
        subject_id=row.id,
        actor=actor,
        now=now,
        before=before,
        after=_facts(row),
    )


def mute(member_id: int, kind: str, *, is_muted: bool) -> None:
    """Whether this member wants a kind in WeChat's chat. Raises NotFound, InvalidInput."""
    require_transaction()
    if kind not in KINDS:
        raise NotFound("没有这种通知")
    if not KINDS[kind].can_mute:
        raise InvalidInput("kind", "这类消息关系到你的钱，不能关闭")
    if is_muted:
        add_once(NoticeMute(member_id=member_id, kind=kind))
        return
    affected(
        sa.delete(NoticeMute).where(NoticeMute.member_id == member_id, NoticeMute.kind == kind)
    )


def mark_read(member_id: int, *, up_to: int, now: datetime) -> None:
    """The member has seen every message up to this one."""
    affected(
        sa.update(Notice)
        .where(Notice.member_id == member_id, Notice.id <= up_to, Notice.read_at.is_(None))
        .values(read_at=now)
    )


def erase(member_id: int) -> None:
    """Delete what a member was told and what they chose about it (注销)."""
    affected(sa.delete(Notice).where(Notice.member_id == member_id))
    affected(sa.delete(NoticeMute).where(NoticeMute.member_id == member_id))


def _checked(kind: str, key: str, choice: Mapping[str, str]) -> dict[str, str]:
    name, text = choice.get("source", ""), choice.get("text", "")
    if name:
        source = KINDS[kind].sources.get(name)
        if source is None:
            raise fields.TemplateUnfit(f"field-{key}", f"请为 {key} 选择要填的内容")
        fields.check(key, source.type)
        return {"source": name}
    fields.check_fixed(key, text)
    return {"text": text.strip()}


def _facts(row: NoticeTemplate) -> dict[str, object]:
    return {
        "kind": row.kind,
        "channel": row.channel.value,
        "template_id": row.template_id,
        "fields": row.fields,
        "is_active": row.is_active,
    }
