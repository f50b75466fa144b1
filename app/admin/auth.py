"""Who is at the desk, and what they may do."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import ParamSpec

import structlog
from flask import Response, abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import audit
from app.admin import accounts
from app.admin.blueprint import bp
from app.admin.models import ROLE_PERMISSIONS, Admin, Permission
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
            return view(*args, **kwargs)

        wrapped.permission = permission  # type: ignore[attr-defined]
        return wrapped

    return decorate


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


def drop_session(response: Response) -> Response:
    response.delete_cookie(COOKIE, path="/admin")
    return response


@bp.before_request
def _load_admin() -> None:
    g.admin = None
    g.bare_page = g.server_failed = False
    token = request.cookies.get(COOKIE, "")
    if not token:
        return
    now = clock.now()
    found = accounts.session_admin(token, now=now)
    if found is None:
        return
    session, admin = found
    if session.seen_at < now - TOUCH_EVERY:
        session_id, admin_id = session.id, admin.id
        run_unit(accounts.touch, session_id, now=now)
        admin = accounts.get(admin_id)
    structlog.contextvars.bind_contextvars(actor=f"admin:{admin.id}")
    g.admin = admin
