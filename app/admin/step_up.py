"""A fresh code before what matters (敏感操作验证), for accounts with a second factor.

Asked by `auth.requires` for the permissions in `FRESH`, and nowhere else. The page that
asks carries the form it interrupted, so that nothing typed is lost: it comes again,
with the code, to the same address.
"""

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import accounts, second_factor, sessions
from app.admin.models import FRESH, Permission
from app.core import clock, web
from app.core.db import run_unit

CODE_FIELD = "fresh_code"
_WRONG = "验证码不正确、已使用过，或尝试次数过多，请等下一个验证码再试"


def demanded(permission: Permission) -> ResponseReturnValue | None:
    """The page that asks for a code; None when none is needed, or the one sent is good."""
    if permission not in FRESH or g.admin.totp_since is None or is_fresh():
        return None
    code = web.form_text(CODE_FIELD, 20).strip()
    if code and give(code):
        return None
    if web.wants_json():
        said = _WRONG if code else "请先在“账号与安全”里输入验证码"
        return {"code": "fresh_code", "message": said}, 403
    if g.admin_session is None:
        flash("验证码错误次数过多，已退出登录，请 15 分钟后再试", "error")
        return redirect(url_for("admin.login"), 303)
    kept = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name not in (CODE_FIELD, "csrf_token")
    ]
    repeats = request.method == "POST"
    page = render_template(
        "admin/step_up.html",
        action=request.full_path.rstrip("?") if repeats else url_for("admin.prove"),
        kept=kept if repeats else [("next", request.full_path.rstrip("?"))],
        error=_WRONG if code else "",
        minutes=int(second_factor.FRESH_FOR.total_seconds()) // 60,
        code_field=CODE_FIELD,
    )
    return page, 403


def is_fresh() -> bool:
    """Whether a code was given in this session not long ago."""
    proved_at = g.admin_session.proved_at
    return proved_at is not None and proved_at > clock.now() - second_factor.FRESH_FOR


def give(code: str) -> bool:
    """Take a code for this session; who guesses too often is logged out."""
    admin_id, session_id = g.admin.id, g.admin_session.id
    good = run_unit(_give, admin_id, session_id, code)
    g.admin = accounts.get(admin_id)
    g.admin_session = sessions.find_by_id(session_id)
    return good


def _give(admin_id: int, session_id: int, code: str) -> bool:
    now = clock.now()
    if second_factor.prove(admin_id, code, address=web.remote_address(), now=now):
        sessions.prove(session_id, now=now)
        return True
    if accounts.failures.is_locked(accounts.get(admin_id), now):
        sessions.end_one(admin_id, session_id)
    return False
