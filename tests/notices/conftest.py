from datetime import datetime

import pytest
import sqlalchemy as sa

from app import notices, outbox
from app.core.db import db, transaction
from app.members import Member
from app.notices import Notice
from app.notices.subscribers import subscribe
from tests.factories import ADMIN, NOON
from tests.notices.fakes import FakeSender


@pytest.fixture
def sender(app):
    """Where the outbox sends notices while this test runs."""
    fake = FakeSender()

    def send(notice_id: int, now: datetime) -> None:
        notices.send(notice_id, sender=fake, now=now)

    before = dict(outbox.service._subscribers)
    subscribe(send)
    yield fake
    outbox.service._subscribers.clear()
    outbox.service._subscribers.update(before)


def map_kind(kind: str, *, channel: str = "template", **fields: str) -> None:
    """Map a kind to a template; each field names a value of the kind."""
    with transaction():
        notices.map_template(
            kind,
            channel=channel,
            template_id=f"tmpl-{kind}",
            title="测试模板",
            chosen={key: {"source": name} for key, name in fields.items()},
            actor=ADMIN,
            now=NOON,
        )


def follow(*members: Member) -> None:
    with transaction():
        db.session.execute(
            sa.update(Member)
            .where(Member.id.in_([member.id for member in members]))
            .values(is_subscribed=True)
        )


def told(kind: str) -> list[Notice]:
    return list(db.session.scalars(sa.select(Notice).filter_by(kind=kind).order_by(Notice.id)))
