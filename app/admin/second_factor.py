"""The second factor of a login (两步验证): codes of an authenticator app, RFC 6238.

Each code is good once: the step it belongs to is stored by a conditional update, and
an older one never counts again. Failures count towards the same lock as passwords do.
Recovery codes stand in for a lost phone, each once; only their keyed hashes are kept.
"""

import base64
import hmac
import secrets
from datetime import datetime, timedelta

import pyotp
import sqlalchemy as sa

from app import audit
from app.admin import failures, sessions
from app.admin.models import Admin, AdminRecoveryCode, Role
from app.core.crypto import keyring
from app.core.db import db, require_transaction
from app.core.errors import DomainError, InvalidInput
from app.core.rows import affected, lock_one

STEP_SECONDS = 30
RECOVERY_CODES = 10
# How long a code, once given, stands for the person at the desk.
FRESH_FOR = timedelta(minutes=10)
# Roles that move money or make admins.
_TRUSTED = frozenset({Role.OWNER, Role.FINANCE})


class NotPending(DomainError):
    code = "second_factor_not_pending"
    message = "两步验证的状态已经改变，请刷新后查看"


class StillRequired(DomainError):
    code = "second_factor_required"
    message = "店铺要求你的角色使用两步验证，不能关闭"


def is_required(rule: str, role: Role, *, is_production: bool) -> bool:
    """Whether a role must have a second factor, by the setting `admin.second_factor`."""
    if rule == "auto":
        return is_production and role in _TRUSTED
    return {"trusted": role in _TRUSTED, "all": True}.get(rule, False)


def begin(admin_id: int) -> None:
    """Make a secret that waits to be confirmed; a former one that waited is gone."""
    admin = lock_one(Admin, admin_id, "账号不存在")
    if admin.totp_since is not None:
        raise NotPending()
    admin.totp_secret = pyotp.random_base32()


def uri(admin: Admin, *, issuer: str) -> str:
    """What the QR code says to an authenticator app. Only while it waits."""
    if admin.totp_secret is None or admin.totp_since is not None:
        raise NotPending()
    return pyotp.TOTP(admin.totp_secret).provisioning_uri(name=admin.username, issuer_name=issuer)


def confirm(admin_id: int, code: str, *, session_id: int, address: str, now: datetime) -> list[str]:
    """Turn it on by a code that fits; return the recovery codes, to be shown once.

    Every other session ends. Raises NotPending, InvalidInput.
    """
    admin = lock_one(Admin, admin_id, "账号不存在")
    if admin.totp_secret is None or admin.totp_since is not None:
        raise NotPending()
    if not _use_code(admin, code, now):
        raise InvalidInput("code", "验证码不正确，请核对手机时间后输入最新的 6 位数字")
    admin.totp_since = now
    _note(admin, "admin.totp_on", audit.Actor.admin(admin.id, address), now)
    sessions.end_all(admin.id, but=session_id)
    sessions.prove(session_id, now=now)
    return _new_recovery_codes(admin.id)


def renew_recovery_codes(admin_id: int, *, address: str, now: datetime) -> list[str]:
    """Ten new ones; the old ones no longer work. Raises NotPending where it is off."""
    admin = lock_one(Admin, admin_id, "账号不存在")
    if admin.totp_since is None:
        raise NotPending()
    _note(admin, "admin.recovery_codes", audit.Actor.admin(admin.id, address), now)
    return _new_recovery_codes(admin.id)


def recovery_codes_left(admin_id: int) -> int:
    query = sa.select(sa.func.count()).select_from(AdminRecoveryCode)
    return db.session.scalar(query.filter_by(admin_id=admin_id, used_at=None)) or 0


def turn_off(
    admin_id: int,
    *,
    actor: audit.Actor,
    now: datetime,
    required: bool = False,
    reason: str = "",
    keep: int = 0,
) -> None:
    """Without a second factor from now on; every session but `keep` ends.

    By the person (`required` says that their role may not), or by an owner or the
    command line for somebody who lost the phone. Raises NotPending, StillRequired.
    """
    admin = lock_one(Admin, admin_id, "账号不存在")
    if admin.totp_since is None:
        raise NotPending()
    if required:
        raise StillRequired()
    admin.totp_secret = admin.totp_since = None
    affected(sa.delete(AdminRecoveryCode).filter_by(admin_id=admin_id))
    sessions.end_all(admin_id, but=keep)
    own = actor.ref == f"admin:{admin_id}"
    _note(admin, "admin.totp_off" if own else "admin.totp_reset", actor, now, reason)


def prove(admin_id: int, code: str, *, address: str, now: datetime) -> bool:
    """Whether this code, or recovery code, is good; it never is again.

    A wrong one is counted, so the caller must let the unit of work commit.
    """
    admin = lock_one(Admin, admin_id, "账号不存在")
    if admin.totp_since is None or failures.is_locked(admin, now):
        return False
    typed = "".join(code.split()).replace("-", "").upper()
    if typed.isascii() and typed.isdigit() and len(typed) == 6:
        good = _use_code(admin, typed, now)
    else:
        good = _use_recovery_code(admin, typed, address, now)
    if not good:
        failures.count(admin, now)
    return good


def _use_code(admin: Admin, code: str, now: datetime) -> bool:
    """Take a code of now or of one step aside, if no code of that step or a later one was."""
    typed = "".join(code.split())
    totp = pyotp.TOTP(admin.totp_secret or "")
    current = int(now.timestamp()) // STEP_SECONDS
    for step in (current, current - 1, current + 1):
        if not hmac.compare_digest(totp.at(step * STEP_SECONDS).encode(), typed.encode()):
            continue
        return bool(
            affected(
                sa.update(Admin)
                .where(Admin.id == admin.id, Admin.totp_step < step)
                .values(totp_step=step)
            )
        )
    return False


def _use_recovery_code(admin: Admin, typed: str, address: str, now: datetime) -> bool:
    used = affected(
        sa.update(AdminRecoveryCode)
        .filter_by(admin_id=admin.id, code_hash=_recovery_hash(typed), used_at=None)
        .values(used_at=now)
    )
    if used:
        _note(admin, "admin.recovery_used", audit.Actor.admin(admin.id, address), now)
    return used == 1


def _new_recovery_codes(admin_id: int) -> list[str]:
    require_transaction()
    affected(sa.delete(AdminRecoveryCode).filter_by(admin_id=admin_id))
    codes = []
    for _ in range(RECOVERY_CODES):
        # 50 bits: letters and 2 to 7, so that nobody reads O for 0.
        plain = base64.b32encode(secrets.token_bytes(7)).decode()[:10]
        db.session.add(AdminRecoveryCode(admin_id=admin_id, code_hash=_recovery_hash(plain)))
        codes.append(f"{plain[:5]}-{plain[5:]}")
    return codes


def _recovery_hash(plain: str) -> str:
    return keyring().search_hash(f"recovery:{plain}")


def _note(admin: Admin, action: str, actor: audit.Actor, now: datetime, reason: str = "") -> None:
    audit.record(action, subject="admin", subject_id=admin.id, actor=actor, now=now, reason=reason)
