"""Admin accounts: who there is, set-up links, passwords, roles.

There is always an owner who can log in: whoever would end the last one is refused,
under a lock of all owners, so that two of them cannot do it to each other at once.
"""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from app import audit, members
from app.admin import failures, passwords, sessions
from app.admin.failures import FAILURES_MAX, LOCKED_FOR, LoginRefused
from app.admin.models import ROLE_PERMISSIONS, Admin, Permission, Role
from app.core import mail, reasons
from app.core.db import db, require_transaction
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.rows import lock_one, lock_rows

__all__ = ["FAILURES_MAX", "LOCKED_FOR", "LoginRefused"]

SETUP_LASTS = timedelta(days=3)


class SetupRefused(DomainError):
    code = "setup_refused"
    status = 410
    message = "设置链接已失效，请联系管理员重新获取"


class LastOwner(DomainError):
    code = "last_owner"
    message = "至少要保留一位能登录的店主，请先把另一位管理员设为店主"


class NotAllowed(DomainError):
    """The one who acts lost the right meanwhile."""

    code = "not_allowed"
    status = 403
    message = "你的权限已经改变，刚才的操作没有生效"


class Stale(DomainError):
    code = "stale"
    message = "这个账号刚被其他人修改过，请核对后再提交"


class OwnAccount(DomainError):
    code = "own_account"
    message = "自己的密码和两步验证请在“账号与安全”里修改"


# --- made and found ----------------------------------------------------------------


def create(
    username: str, *, role: Role, name: str = "", now: datetime, actor: audit.Actor | None = None
) -> str:
    """Make an account; return the token of its one-time set-up link.

    Raises InvalidInput, NotAllowed.
    """
    require_transaction()
    actor = actor or audit.Actor.system("cli")
    _lock_all(actor)
    if not re.fullmatch(r"[a-z][a-z0-9_.-]{1,31}", username):
        raise InvalidInput("username", "账号应为 2 到 32 位小写字母、数字或 _.-，以字母开头")
    if len(name) > 32:
        raise InvalidInput("name", "姓名最多 32 个字")
    if by_username(username) is not None:
        raise InvalidInput("username", "账号已存在")
    admin = Admin(username=username, name=name or username, role=role, created_at=now)
    db.session.add(admin)
    db.session.flush()
    _note(admin, "admin.create", actor, now, after={"username": username, "role": role.value})
    return _new_link(admin, now)


def renew_setup(admin_id: int, *, now: datetime, actor: audit.Actor | None = None) -> str:
    """A new one-time set-up token; an older one no longer works. The password stays until
    the link is used. Raises NotFound, NotAllowed, OwnAccount."""
    actor = actor or audit.Actor.system("cli")
    admin = _lock(actor, admin_id)
    _refuse_own(admin, actor)
    if admin.password_hash:
        _note(admin, "admin.link", actor, now)
    return _new_link(admin, now)


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
    _note(
        admin,
        "admin.member",
        audit.Actor.system("cli"),
        now,
        before={"member_id": before},
        after={"member_id": admin.member_id},
    )


def by_username(username: str) -> Admin | None:
    return db.session.scalar(sa.select(Admin).filter_by(username=username))


def get(admin_id: int) -> Admin:
    """Raises NotFound."""
    found = db.session.get(Admin, admin_id)
    if found is None:
        raise NotFound("账号不存在")
    return found


def everybody() -> Sequence[Admin]:
    """All accounts: who may log in first, then by name."""
    return db.session.scalars(
        sa.select(Admin).order_by(Admin.is_active.desc(), Admin.username)
    ).all()


# --- passwords and logins ------------------------------------------------------------


def awaiting_setup(token: str, now: datetime) -> Admin:
    """The account that a set-up token is for. Raises SetupRefused."""
    query = sa.select(Admin).filter_by(setup_token_hash=sessions.token_hash(token))
    admin = db.session.scalar(query)
    expires = admin.setup_expires_at if admin else None
    if admin is None or not admin.is_active or expires is None or expires < now:
        raise SetupRefused()
    return admin


def set_up(
    token: str, *, password: str, again: str, address: str, now: datetime, device: str = ""
) -> str:
    """Choose a password by a set-up link; return the token of a new session, half open
    for an account with a second factor. Every other session ends.

    Raises SetupRefused, InvalidInput.
    """
    require_transaction()
    admin = awaiting_setup(token, now)
    passwords.check(password, again, admin.username)
    admin.password_hash = passwords.hashed(password)
    admin.setup_token_hash = admin.setup_expires_at = None
    sessions.end_all(admin.id)
    _note(admin, "admin.set_up", audit.Actor.admin(admin.id, address), now)
    half_open = admin.totp_since is not None
    return sessions.begin(admin, address=address, device=device, now=now, half_open=half_open)


def set_email(admin_id: int, address: str | None, *, actor: audit.Actor, now: datetime) -> None:
    """Where mail reaches an admin from now on; None for nowhere. The audit keeps a mask."""
    admin = lock_one(Admin, admin_id, "账号不存在")
    before, admin.email = admin.email, address
    _note(
        admin,
        "admin.email",
        actor,
        now,
        before={"email": mail.mask_address(before or "")},
        after={"email": mail.mask_address(address or "")},
    )


def change_password(
    admin_id: int,
    *,
    old_fits: bool,
    password: str,
    again: str,
    session_id: int,
    address: str,
    now: datetime,
) -> str:
    """A new password for oneself; every other session ends. Returns "" or, as a wrong old
    password must be counted, what is wrong with it.

    Raises InvalidInput for the new one.
    """
    admin = lock_one(Admin, admin_id, "账号不存在")
    if not old_fits or failures.is_locked(admin, now):
        failures.count(admin, now)
        return "现在的密码不正确，或尝试次数过多，请 15 分钟后再试"
    passwords.check(password, again, admin.username)
    admin.password_hash = passwords.hashed(password)
    admin.setup_token_hash = admin.setup_expires_at = None
    sessions.end_all(admin.id, but=session_id)
    _note(admin, "admin.password", audit.Actor.admin(admin.id, address), now)
    return ""


def verify(username: str, password: str, *, now: datetime) -> int | None:
    """The id of the account if the password fits; None otherwise.

    Read-only and slow on purpose: called outside of a unit of work, because
    hashing takes 0.2 s and must not hold a lock. `log_in` or `count_failure`
    follows with the outcome.
    """
    admin = by_username(username)
    usable = admin is not None and admin.is_active and not failures.is_locked(admin, now)
    stored = admin.password_hash if usable and admin else ""
    return admin.id if passwords.fits(stored, password) and admin else None


def log_in(admin_id: int, *, address: str, now: datetime, device: str = "") -> str:
    """Open a session after `verify`; return its token.

    Half open for an account with a second factor: `finish_login` follows. Until then
    the count of failures stays, or a known password would give endless codes.
    """
    require_transaction()
    admin = db.session.get_one(Admin, admin_id)
    if admin.totp_since is not None:
        return sessions.begin(admin, address=address, device=device, now=now, half_open=True)
    return _logged_in(admin, address, device, now)


def finish_login(half_open: str, *, address: str, now: datetime, device: str = "") -> str:
    """Turn a half-open session into a full one, after its code; return the new token.

    Raises LoginRefused.
    """
    require_transaction()
    found = sessions.find_half_open(half_open, now=now)
    if found is None:
        raise LoginRefused()
    admin = found[1]
    sessions.end(half_open)
    return _logged_in(admin, address, device, now, proved=True)


def count_failure(username: str, *, now: datetime) -> None:
    """Count a failed login; too many lock the account for a while."""
    require_transaction()
    admin = db.session.scalar(sa.select(Admin).filter_by(username=username).with_for_update())
    if admin is not None:
        failures.count(admin, now)


def unlock(admin_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Let somebody try again at once. Raises NotFound, NotAllowed."""
    admin = _lock(actor, admin_id)
    failures.forget(admin)
    _note(admin, "admin.unlock", actor, now)


# --- rights --------------------------------------------------------------------------


def change_role(
    admin_id: int, role: Role, *, seen: Role, actor: audit.Actor, now: datetime
) -> None:
    """Give another role; every session of the account ends.

    `seen` is the role on the page that it was changed on. Raises NotFound, NotAllowed,
    Stale, LastOwner.
    """
    admin = _lock(actor, admin_id)
    if admin.role is not seen:
        raise Stale()
    if admin.role is role:
        return
    if role is not Role.OWNER:
        _keep_an_owner(admin)
    before, admin.role = admin.role, role
    sessions.end_all(admin.id)
    _note(admin, "admin.role", actor, now, before={"role": before}, after={"role": role.value})


def set_active(
    admin_id: int, *, active: bool, reason: str, actor: audit.Actor, now: datetime
) -> None:
    """Stop an account, which ends its sessions and its set-up link, or let it go on.

    Raises InvalidInput, NotFound, NotAllowed, Stale, LastOwner.
    """
    said = reasons.given(reason, "请填写原因")
    admin = _lock(actor, admin_id)
    if admin.is_active is active:
        raise Stale()
    if not active:
        _keep_an_owner(admin)
        admin.setup_token_hash = admin.setup_expires_at = None
        sessions.end_all(admin.id)
    admin.is_active = active
    _note(
        admin,
        "admin.active",
        actor,
        now,
        before={"is_active": not active},
        after={"is_active": active},
        reason=said,
    )


def end_sessions(admin_id: int, *, actor: audit.Actor, now: datetime) -> int:
    """End every session of somebody; return how many. Raises NotFound, NotAllowed."""
    admin = _lock(actor, admin_id)
    ended = sessions.end_all(admin.id)
    _note(admin, "admin.sessions_end", actor, now, after={"ended": ended})
    return ended


def may_reset(admin_id: int, *, actor: audit.Actor) -> None:
    """Lock what a reset by somebody else needs. Raises NotFound, NotAllowed, OwnAccount."""
    _refuse_own(_lock(actor, admin_id), actor)


def _lock(actor: audit.Actor, admin_id: int) -> Admin:
    """The account, locked with the one who acts and all owners. Raises NotFound, NotAllowed."""
    rows = _lock_all(actor, admin_id)
    if admin_id not in rows:
        raise NotFound("账号不存在")
    return rows[admin_id]


def _lock_all(actor: audit.Actor, *ids: int) -> dict[int, Admin]:
    """Lock these accounts, the one who acts, and all owners, in id order.

    The actor's right is asked again under the lock: it may have ended while the page
    was open, even in this very moment. Raises NotAllowed.
    """
    require_transaction()
    kind, _, rest = actor.ref.partition(":")
    own_id = int(rest) if kind == "admin" else 0
    owners = db.session.scalars(sa.select(Admin.id).filter_by(role=Role.OWNER)).all()
    rows = {row.id: row for row in lock_rows(Admin, [*{*owners, *ids, own_id}])}
    if own_id:
        me = rows.get(own_id)
        if me is None or not me.is_active:
            raise NotAllowed()
        if Permission.ADMIN_CHANGE not in ROLE_PERMISSIONS[me.role]:
            raise NotAllowed()
    return rows


def _keep_an_owner(admin: Admin) -> None:
    """Raises LastOwner unless another owner can log in. The owners are locked."""
    others = sa.select(sa.func.count()).where(
        Admin.role == Role.OWNER, Admin.is_active, Admin.password_hash != "", Admin.id != admin.id
    )
    if admin.role is Role.OWNER and admin.is_active and not db.session.scalar(others):
        raise LastOwner()


def _refuse_own(admin: Admin, actor: audit.Actor) -> None:
    if actor.ref == f"admin:{admin.id}":
        raise OwnAccount()


def _new_link(admin: Admin, now: datetime) -> str:
    token = secrets.token_urlsafe(24)
    admin.setup_token_hash = sessions.token_hash(token)
    admin.setup_expires_at = now + SETUP_LASTS
    return token


def _logged_in(
    admin: Admin, address: str, device: str, now: datetime, *, proved: bool = False
) -> str:
    failures.forget(admin)
    sessions.tidy(now)
    _note(admin, "admin.log_in", audit.Actor.admin(admin.id, address), now)
    return sessions.begin(admin, address=address, device=device, now=now, proved=proved)


def _note(
    admin: Admin,
    action: str,
    actor: audit.Actor,
    now: datetime,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
    reason: str = "",
) -> None:
    audit.record(
        action,
        subject="admin",
        subject_id=admin.id,
        actor=actor,
        now=now,
        before=before,
        after=after,
        reason=reason,
    )
