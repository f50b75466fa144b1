"""Logins of admins (登录会话): one row each, so that they can be seen and ended.

A session of an account with a second factor begins half open: it only leads to the
page that asks for the code, and the code makes a new one.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.admin.models import Admin, AdminSession
from app.core.db import db, require_transaction
from app.core.rows import affected

IDLE = timedelta(hours=2)
LONGEST = timedelta(hours=12)
# How long the second step of a login may take.
HALF_OPEN_LASTS = timedelta(minutes=5)


def begin(
    admin: Admin,
    *,
    address: str,
    device: str,
    now: datetime,
    half_open: bool = False,
    proved: bool = False,
) -> str:
    """Open a session; return its token, which only the browser keeps.

    `proved`: a code was given just now.
    """
    require_transaction()
    token = secrets.token_urlsafe(32)
    db.session.add(
        AdminSession(
            token_hash=token_hash(token),
            admin_id=admin.id,
            address=address,
            device=device,
            is_half_open=half_open,
            proved_at=now if proved else None,
            created_at=now,
            seen_at=now,
        )
    )
    return token


def find(token: str, *, now: datetime) -> tuple[AdminSession, Admin] | None:
    """The live session behind a cookie, with its admin; None if it ended."""
    return _one(
        token,
        AdminSession.is_half_open.is_(False),
        AdminSession.seen_at > now - IDLE,
        AdminSession.created_at > now - LONGEST,
    )


def find_by_id(session_id: int) -> AdminSession | None:
    return db.session.get(AdminSession, session_id)


def find_half_open(token: str, *, now: datetime) -> tuple[AdminSession, Admin] | None:
    """The session that waits for its code; None if it ended or took too long."""
    return _one(
        token, AdminSession.is_half_open.is_(True), AdminSession.created_at > now - HALF_OPEN_LASTS
    )


def of_admin(admin_id: int, *, now: datetime) -> Sequence[AdminSession]:
    """The live sessions of an account, the one seen last first."""
    return db.session.scalars(
        sa.select(AdminSession)
        .where(
            AdminSession.admin_id == admin_id,
            AdminSession.is_half_open.is_(False),
            AdminSession.seen_at > now - IDLE,
            AdminSession.created_at > now - LONGEST,
        )
        .order_by(AdminSession.seen_at.desc(), AdminSession.id.desc())
    ).all()


def touch(session_id: int, *, now: datetime) -> None:
    """Keep a session from going idle."""
    affected(sa.update(AdminSession).where(AdminSession.id == session_id).values(seen_at=now))


def prove(session_id: int, *, now: datetime) -> None:
    """A code was given in this session just now."""
    affected(sa.update(AdminSession).where(AdminSession.id == session_id).values(proved_at=now))


def end(token: str) -> None:
    affected(sa.delete(AdminSession).where(AdminSession.token_hash == token_hash(token)))


def end_one(admin_id: int, session_id: int) -> bool:
    """End one of the account's own sessions; False if it has no such session."""
    gone = sa.delete(AdminSession).filter_by(id=session_id, admin_id=admin_id)
    return affected(gone) == 1


def end_all(admin_id: int, *, but: int = 0) -> int:
    """End every session of an account except this one; return how many."""
    return affected(
        sa.delete(AdminSession).where(AdminSession.admin_id == admin_id, AdminSession.id != but)
    )


def tidy(now: datetime) -> int:
    """Delete what ended by itself."""
    return affected(
        sa.delete(AdminSession).where(
            sa.or_(AdminSession.created_at < now - LONGEST, AdminSession.seen_at < now - IDLE)
        )
    )


_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("HarmonyOS", "鸿蒙设备"),
    ("Android", "安卓设备"),
    ("Windows", "Windows 电脑"),
    ("Macintosh", "Mac 电脑"),
    ("Linux", "Linux 电脑"),
)
# The order matters: each also says the names below it.
_BROWSERS = (
    ("MicroMessenger", "微信"),
    ("QQBrowser", "QQ 浏览器"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)


def device_words(agent: str) -> str:
    """What a browser says of itself, as people would: `Windows 电脑 · Chrome`."""

    def first(known: Sequence[tuple[str, str]]) -> str:
        return next((said for mark, said in known if re.search(mark, agent)), "")

    return " · ".join(filter(None, (first(_SYSTEMS), first(_BROWSERS)))) or "未知设备"


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _one(token: str, *conditions: sa.ColumnElement[bool]) -> tuple[AdminSession, Admin] | None:
    found = db.session.execute(
        sa.select(AdminSession, Admin)
        .join(Admin, Admin.id == AdminSession.admin_id)
        .where(AdminSession.token_hash == token_hash(token), Admin.is_active, *conditions)
    ).one_or_none()
    return None if found is None else (found[0], found[1])
