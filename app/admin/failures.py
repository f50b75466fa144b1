"""Limits on guessing passwords and codes; in the database, so that they hold without Redis."""

from datetime import datetime, timedelta

from app.admin.models import Admin
from app.core.errors import DomainError

FAILURES_MAX = 5
LOCKED_FOR = timedelta(minutes=15)


class LoginRefused(DomainError):
    """One answer for every reason: it must not tell whether an account exists."""

    code = "login_refused"
    status = 401
    message = "账号或密码不正确，或尝试次数过多，请 15 分钟后再试"


def is_locked(admin: Admin, now: datetime) -> bool:
    return admin.locked_until is not None and admin.locked_until > now


def count(admin: Admin, now: datetime) -> None:
    """Count a failure of a locked row; too many lock the account for a while.

    While it is locked nothing is counted, or a stranger could keep it so for ever.
    """
    if is_locked(admin, now):
        return
    admin.failed_logins += 1
    if admin.failed_logins >= FAILURES_MAX:
        admin.failed_logins, admin.locked_until = 0, now + LOCKED_FOR


def forget(admin: Admin) -> None:
    admin.failed_logins, admin.locked_until = 0, None
