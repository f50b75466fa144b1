"""Admin accounts: set-up links, passwords, logins and sessions."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from app import audit, members
from app.admin.models import Admin, AdminSession, Role
from app.core.db import affected, db, require_transaction
from app.core.errors import DomainError, InvalidInput

SETUP_LASTS = timedelta(days=3)
IDLE = timedelta(hours=2)
LONGEST = timedelta(hours=12)
FAILURES_MAX = 5
LOCKED_FOR = timedelta(minutes=15)
PASSWORD_LEAST = 12

_hasher = PasswordHasher()
# Verified against where there is no such account, so that both take as long.
_NOBODY = _hasher.hash(secrets.token_hex(16))
_COMMON = re.compile(
    r"(password|passw0rd|qwerty|admin|letmein|welcome|iloveyou|abc123|123456|111111|000000|woaini|mima)",
    re.IGNORECASE,
)


class LoginRefused(DomainError):
    """One answer for every reason: it must not tell whether an account exists."""

    code = "login_refused"
    status = 401
    message = "账号或密码不正确，或尝试次数过多，请 15 分钟后再试"


class SetupRefused(DomainError):
    code = "setup_refused"
    status = 410
    message = "设置链接已失效，请联系管理员重新获取"


def create(username: str, *, role: Role, name: str = "", now: datetime) -> str:
    """Make an account; return the token of its one-time set-up link. Raises InvalidInput."""
    require_transaction()
    if not re.fullmatch(r"[a-z][a-z0-9_.-]{1,31}", username):
        raise InvalidInput("username", "账号应为 2 到 32 位小写字母、数字或 _.-，以字母开头")
    if by_username(username) is not None:
        raise InvalidInput("username", "账号已存在")
    admin = Admin(username=username, name=name or username, role=role, created_at=now)
    db.session.add(admin)
    db.session.flush()
    audit.record(
        "admin.create",
        subject="admin",
        subject_id=admin.id,
        actor=audit.Actor.system("cli"),
        now=now,
        after={"username": username, "role": role.value},
    )
    return renew_setup(admin.id, now=now)


def renew_setup(admin_id: int, *, now: datetime) -> str:
    """A new one-time set-up token; an older one no longer works."""
    require_transaction()
    token = secrets.token_urlsafe(24)
    admin = db.session.get_one(Admin, admin_id)
    admin.setup_token_hash, admin.setup_expires_at = _hash(token), now + SETUP_LASTS
    return token


def name_member(username: str, openid: str, *, now: datetime) -> None:
    """Say which member an admin is, so that nobody decides about their own money.

    An empty `openid` takes it back. Raises InvalidInput.
    """
    require_transaction()
    admin = by_username(username)
    if admin is None:
        raise InvalidInput("username", "账号不存在")
    member = members.by_openid(openid) if openid else None
    if openid and member is None:
        raise InvalidInput("openid", "没有这个会员，请核对 openid")
    before, admin.member_id = admin.member_id, member.id if member else None
    audit.record(
        "admin.member",
        subject="admin",
        subject_id=admin.id,
        actor=audit.Actor.system("cli"),
        now=now,
        before={"member_id": before},
        after={"member_id": admin.member_id},
    )


def by_username(username: str) -> Admin | None:
    return db.session.scalar(sa.select(Admin).filter_by(username=username))


def get(admin_id: int) -> Admin:
    return db.session.get_one(Admin, admin_id)


def awaiting_setup(token: str, now: datetime) -> Admin:
    """The account that a set-up token is for. Raises SetupRefused."""
    admin = db.session.scalar(sa.select(Admin).filter_by(setup_token_hash=_hash(token)))
    if admin is None or admin.setup_expires_at is None or admin.setup_expires_at < now:
        raise SetupRefused()
    return admin


def set_up(token: str, *, password: str, again: str, address: str, now: datetime) -> str:
    """Choose the first password; return the token of a new session.

    Raises SetupRefused, InvalidInput.
    """
    require_transaction()
    admin = awaiting_setup(token, now)
    _check_password(password, admin.username)
    if password != again:
        raise InvalidInput("again", "两次输入的密码不一致")
    admin.password_hash = _hasher.hash(password)
    admin.setup_token_hash = admin.setup_expires_at = None
    affected(sa.delete(AdminSession).where(AdminSession.admin_id == admin.id))
    audit.record(
        "admin.set_up",
        subject="admin",
        subject_id=admin.id,
        actor=audit.Actor.admin(admin.id, address),
        now=now,
    )
    return _open_session(admin, address, now)


def verify(username: str, password: str, *, now: datetime) -> int | None:
    """The id of the account if the password fits; None otherwise.

    Read-only and slow on purpose: called outside of a unit of work, because
    hashing takes 0.2 s and must not hold a lock. `log_in` or `count_failure`
    follows with the outcome.
    """
    admin = by_username(username)
    usable = (
        admin is not None
        and admin.is_active
        and bool(admin.password_hash)
        and (admin.locked_until is None or admin.locked_until <= now)
    )
    try:
        _hasher.verify(admin.password_hash if usable and admin else _NOBODY, password)
    except VerificationError:
        return None
    return admin.id if usable and admin else None


def log_in(admin_id: int, *, address: str, now: datetime) -> str:
    """Open a session after `verify`; return its token."""
    require_transaction()
    admin = db.session.get_one(Admin, admin_id)
    admin.failed_logins, admin.locked_until = 0, None
    audit.record(
        "admin.log_in",
        subject="admin",
        subject_id=admin.id,
        actor=audit.Actor.admin(admin.id, address),
        now=now,
    )
    return _open_session(admin, address, now)


def count_failure(username: str, *, now: datetime) -> None:
    """Count a failed login; too many lock the account for a while.

    In the database, so that the limit holds without Redis and over restarts.
    """
    require_transaction()
    admin = db.session.scalar(sa.select(Admin).filter_by(username=username).with_for_update())
    if admin is None:
        return
    admin.failed_logins += 1
    if admin.failed_logins >= FAILURES_MAX:
        admin.failed_logins, admin.locked_until = 0, now + LOCKED_FOR


def session_admin(token: str, *, now: datetime) -> tuple[AdminSession, Admin] | None:
    """The live session behind a cookie, with its admin; None if it ended."""
    found = db.session.execute(
        sa.select(AdminSession, Admin)
        .join(Admin, Admin.id == AdminSession.admin_id)
        .where(
            AdminSession.token_hash == _hash(token),
            AdminSession.seen_at > now - IDLE,
            AdminSession.created_at > now - LONGEST,
            Admin.is_active,
        )
    ).one_or_none()
    return None if found is None else (found[0], found[1])


def touch(session_id: int, *, now: datetime) -> None:
    """Keep a session from going idle."""
    affected(sa.update(AdminSession).where(AdminSession.id == session_id).values(seen_at=now))


def log_out(token: str) -> None:
    affected(sa.delete(AdminSession).where(AdminSession.token_hash == _hash(token)))


def _open_session(admin: Admin, address: str, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    db.session.add(
        AdminSession(
            token_hash=_hash(token),
            admin_id=admin.id,
            address=address,
            created_at=now,
            seen_at=now,
        )
    )
    return token


def _check_password(password: str, username: str) -> None:
    if len(password) < PASSWORD_LEAST:
        raise InvalidInput("password", f"密码至少 {PASSWORD_LEAST} 位")
    if len(password) > 128:
        raise InvalidInput("password", "密码最多 128 位")
    if _COMMON.search(password) or username.lower() in password.lower() or len(set(password)) < 6:
        raise InvalidInput("password", "密码过于常见，请换一个更难猜的")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
