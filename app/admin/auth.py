"""Who is at the desk, and what they may do."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import ParamSpec

import structlog
from flask import Response, abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import audit, settings
from app.admin import accounts, second_factor, sessions, step_up
from app.admin.blueprint import bp
from app.admin.models import ROLE_PERMISSIONS, Admin, Permission, Role
from app.core import clock, web
from app.core.db import run_unit

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]

COOKIE = "mall_admin"
# A session's last sight is written once in a while, not at each request.
TOUCH_EVERY = timedelta(minutes=5)


def public(view: View[P]) -> View[P]:
    """A view that needs no login: logging in itself."""
    view.permission = None  # type: ignore[attr-defined]
    return view


def requires(permission: Permission) -> Callable[[View[P]], View[P]]:
    """Only for admins whose role has `permission`; asked at each request."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            if g.admin is None:
                if web.wants_json():
                    return {"code": "login", "message": "登录已过期，请重新登录"}, 401
                if request.method == "GET":
                    return redirect(url_for("admin.login", next=request.path))
                flash("登录已过期，刚才的操作没有生效，请重新登录", "warning")
                return redirect(url_for("admin.login"), 303)
            if not allowed(permission):
                abort(403)
            if permission is not Permission.OWN_ACCOUNT and must_enrol():
                return _to_enrol()
            asked = step_up.demanded(permission)
            if asked is not None:
                return asked
            return view(*args, **kwargs)

        wrapped.permission = permission  # type: ignore[attr-defined]
        return wrapped

    return decorate


def must_enrol() -> bool:
    """Whether the admin at the desk may do nothing before having a second factor."""
    return g.admin.totp_since is None and factor_required(g.admin.role)


def factor_required(role: Role) -> bool:
    """Whether the shop asks a second factor of this role."""
    rule = settings.value(settings.registry.SECOND_FACTOR)
    return second_factor.is_required(rule, role, is_production=web.settings().is_production)


def _to_enrol() -> ResponseReturnValue:
    said = "店铺要求你的角色使用两步验证，请先开启"
    if web.wants_json():
        return {"code": "second_factor", "message": said}, 403
    flash(said, "warning")
    return redirect(url_for("admin.own_second_factor"), 303)


def allowed(permission: Permission) -> bool:
    """Whether the admin at the desk has this permission."""
    return g.admin is not None and permission in ROLE_PERMISSIONS[g.admin.role]


def current_admin() -> Admin:
    """The admin at the desk. Only in views that name a permission."""
    found: Admin | None = g.admin
    if found is None:
        raise RuntimeError("no admin is logged in here")
    return found


def actor() -> audit.Actor:
    admin = current_admin()
    return audit.Actor.admin(admin.id, web.remote_address(), member_id=admin.member_id)


def keep_session(response: Response, token: str) -> Response:
    """Hand a new session's token to the browser, for the panel only."""
    response.set_cookie(
        COOKIE,
        token,
        path="/admin",
        httponly=True,
        samesite="Lax",
        secure=web.settings().public_base_url.startswith("https://"),
    )
    return response


def device() -> str:
    """The browser at hand, in words."""
    return sessions.device_words(request.headers.get("User-Agent", "")[:300])


def drop_session(response: Response) -> Response:
    response.delete_cookie(COOKIE, path="/admin")
    return response


@bp.before_request
def _load_admin() -> None:
    g.admin = g.admin_session = None
    g.bare_page = g.server_failed = False
    token = request.cookies.get(COOKIE, "")
    if not token:
        return
    now = clock.now()
    found = sessions.find(token, now=now)
    if found is None:
        return
    session, admin = found
    if session.seen_at < now - TOUCH_EVERY:
        session_id, admin_id = session.id, admin.id
        run_unit(sessions.touch, session_id, now=now)
        admin, session = accounts.get(admin_id), sessions.find_by_id(session_id) or session
    structlog.contextvars.bind_contextvars(actor=f"admin:{admin.id}")
    g.admin, g.admin_session = admin, session
