"""What the chat with the official account leaves of a person, for exports and deletions."""

import sqlalchemy as sa

from app.core.db import db
from app.core.rows import affected
from app.members import Member
from app.privacy import Part, Section
from app.webhooks.models import InboxMessage


def _section(member: Member) -> Section:
    rows = db.session.scalars(
        sa.select(InboxMessage).filter_by(openid=member.openid).order_by(InboxMessage.id)
    )
    return Section(
        "chat",
        "公众号消息",
        "避免同一条消息回复两次",
        "注销账号时删除",
        (("at", "时间"), ("kind", "种类"), ("reply", "回复")),
        [{"at": row.at, "kind": row.kind, "reply": row.reply} for row in rows],
    )


def _forget(member: Member) -> None:
    affected(sa.delete(InboxMessage).where(InboxMessage.openid == member.openid))


CHAT = Part(_section, _forget)
