import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app import audit
from app.core import ids
from app.core.db import db, require_transaction
from app.core.errors import DomainError, InvalidInput
from app.core.rows import add_once, affected, lock_one
from app.distribution import queries as distributors
from app.distribution.channels import models
from app.distribution.channels.models import CODE_PREFIX, Channel, ChannelKind, SceneRation

MISSING = "渠道不存在"
NAME_CHARS_MAX = 40
NOTE_CHARS_MAX = 200


class RationUsedUp(DomainError):
    """All permanent scenes of the account are taken, for good."""

    code = "scene_ration_used_up"
    message = "公众号的永久二维码已用完，请改用临时二维码（到期前自动续期）"


@dataclass(frozen=True)
class ChannelInput:
    """A new channel as somebody typed it; `owner` is a distributor's referral code."""

    name: str
    kind: str
    is_permanent: bool = False
    owner: str = ""
    note: str = ""


def create(given: ChannelInput, *, actor: audit.Actor, now: datetime) -> Channel:
    """Make a channel; WeChat is asked for its QR afterwards.

    Raises:
        InvalidInput: the name is missing, too long or taken; there is no such kind;
            the note is too long; the owner is no active distributor.
        RationUsedUp: the channel shall be permanent and no scene is left.
    """
    require_transaction()
    name, note = _name(given.name), _note(given.note)
    if given.kind not in list(ChannelKind):
        raise InvalidInput("kind", "请选择渠道类型")
    channel = Channel(
        code=CODE_PREFIX + ids.random_code(10),
        name=name,
        name_key=_digest(name),
        kind=ChannelKind(given.kind),
        owner_id=_owner(given.owner),
        is_permanent=given.is_permanent,
        note=note,
        created_by=actor.ref,
        created_at=now,
    )
    if not add_once(channel):
        raise _taken(name)
    if channel.is_permanent:
        _take_number()
    audit.record(
        "channel.create",
        subject="channel",
        subject_id=channel.id,
        actor=actor,
        now=now,
        after={
            "channel": name,
            "channel_kind": channel.kind.value,
            "is_permanent": channel.is_permanent,
            "owner": given.owner.strip().upper(),
            "note": note,
        },
    )
    return channel


def change(channel_id: int, *, name: str, note: str, actor: audit.Actor, now: datetime) -> Channel:
    """Give a channel another name and note. Nothing changed leaves no trace.

    Raises NotFound, and InvalidInput as `create` does.
    """
    require_transaction()
    name, note = _name(name), _note(note)
    channel = lock_one(Channel, channel_id, MISSING)
    before = {"channel": channel.name, "note": channel.note}
    if before == {"channel": name, "note": note}:
        return channel
    try:
        with db.session.begin_nested():
            channel.name, channel.name_key, channel.note = name, _digest(name), note
    except IntegrityError as error:
        raise _taken(name) from error
    audit.record(
        "channel.change",
        subject="channel",
        subject_id=channel.id,
        actor=actor,
        now=now,
        before=before,
        after={"channel": name, "note": note},
    )
    return channel


def stop(channel_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Let a channel's code bind and count nobody any more. Raises NotFound."""
    _turn(channel_id, to=False, actor=actor, now=now)


def start(channel_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Use a stopped channel again, with the code that it has. Raises NotFound."""
    _turn(channel_id, to=True, actor=actor, now=now)


def keep_scene(
    channel_id: int, *, ticket: str, url: str, lasts: timedelta | None, now: datetime
) -> None:
    """Store the QR that WeChat made; `lasts` is None for a permanent one."""
    require_transaction()
    channel = lock_one(Channel, channel_id, MISSING)
    channel.qr_ticket, channel.qr_url = ticket, url
    channel.qr_expires_at = None if lasts is None else now + lasts


def _take_number() -> None:
    """Take one of the account's permanent scenes. Raises RationUsedUp.

    The condition is part of the update: of two that want the last one the second
    waits for the first one's commit and then finds none left.
    """
    if db.session.get(SceneRation, 1) is None:
        add_once(SceneRation(id=1, used=0))
    taken = affected(
        sa.update(SceneRation)
        .where(SceneRation.id == 1, SceneRation.used < models.PERMANENT_MAX)
        .values(used=SceneRation.used + 1)
    )
    if not taken:
        raise RationUsedUp()


def _turn(channel_id: int, *, to: bool, actor: audit.Actor, now: datetime) -> None:
    require_transaction()
    channel = lock_one(Channel, channel_id, MISSING)
    if channel.is_active is to:
        return
    channel.is_active = to
    audit.record(
        "channel.start" if to else "channel.stop",
        subject="channel",
        subject_id=channel.id,
        actor=actor,
        now=now,
        before={"is_active": not to},
        after={"is_active": to},
    )


def _owner(code: str) -> int | None:
    if not code.strip():
        return None
    owner_id = distributors.code_owner(code) if len(code.strip()) <= 16 else None
    if owner_id is None:
        raise InvalidInput("owner", "没有这个推广码，请核对后再填")
    if not distributors.is_active(owner_id):
        raise InvalidInput("owner", "这个推广码的主人目前不是有效分销员")
    return owner_id


def _name(typed: str) -> str:
    name = " ".join(typed.split())
    if not name:
        raise InvalidInput("name", "请填写渠道名称")
    if len(name) > NAME_CHARS_MAX:
        raise InvalidInput("name", f"渠道名称最多 {NAME_CHARS_MAX} 个字")
    return name


def _note(typed: str) -> str:
    note = typed.strip()
    if len(note) > NOTE_CHARS_MAX:
        raise InvalidInput("note", f"备注最多 {NOTE_CHARS_MAX} 个字")
    return note


def _digest(name: str) -> str:
    return hashlib.sha256(unicodedata.normalize("NFKC", name).casefold().encode()).hexdigest()


def _taken(name: str) -> InvalidInput:
    return InvalidInput("name", f"已有名为“{name}”的渠道，请换一个名称")
