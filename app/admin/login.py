"""Logging in, logging out, and the first password."""

from urllib.parse import urlsplit

from flask import flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import accounts, auth
from app.admin.blueprint import bp
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import InvalidInput

_REFUSED = accounts.LoginRefused.message


@bp.get("/login")
@auth.public
def login() -> ResponseReturnValue:
    if g.admin is not None:
        return redirect(_safe_next())
    return _login_page()


@bp.post("/login")
@auth.public
def log_in() -> ResponseReturnValue:
    username = web.form_text("username", 32).strip().lower()
    password = web.form_text("password", 128)
    now = clock.now()
    # Outside of a unit: hashing is slow on purpose and must hold no lock.
    admin_id = accounts.verify(username, password, now=now)
    db.session.rollback()
    if admin_id is None:
        run_unit(accounts.count_failure, username, now=now)
        return _login_page(username=username, error=_REFUSED), 401
    token = run_unit(accounts.log_in, admin_id, address=web.remote_address(), now=now)
    return auth.keep_session(make_response(redirect(_safe_next())), token)


@bp.post("/logout")
@auth.public
def logout() -> ResponseReturnValue:
    token = request.cookies.get(auth.COOKIE, "")
    if token:
        run_unit(accounts.log_out, token)
    flash("已退出登录")
    return auth.drop_session(make_response(redirect(url_for(".login"))))


@bp.get("/setup/<token>")
@auth.public
def setup(token: str) -> ResponseReturnValue:
    """The one-time link of a new account: choose the first password."""
    return _setup_page(token)


@bp.post("/setup/<token>")
@auth.public
def set_up(token: str) -> ResponseReturnValue:
    try:
        session = run_unit(
            accounts.set_up,
            token,
            password=web.form_text("password", 200),
            again=web.form_text("again", 200),
            address=web.remote_address(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _setup_page(token, {error.field or "": error.message}), 422
    flash("密码已设置，欢迎使用")
    return auth.keep_session(make_response(redirect(url_for(".dashboard"))), session)


def _login_page(*, username: str = "", error: str = "") -> str:
    g.bare_page = True
    return render_template(
        "admin/login.html", username=username, error=error, next=request.values.get("next", "")
    )


def _setup_page(token: str, errors: dict[str, str] | None = None) -> str:
    g.bare_page = True
    admin = accounts.awaiting_setup(token, clock.now())
    return render_template(
        "admin/setup.html",
        token=token,
        username=admin.username,
        least=accounts.PASSWORD_LEAST,
        errors=errors or {},
    )


def _safe_next() -> str:
    """Where to go after login: only to a page of the panel.

    Backslashes and control characters are refused, because browsers read `/\\`
    as the beginning of another host.
    """
    wanted = request.values.get("next", "")
    parts = urlsplit(wanted)
    ours = parts.path == "/admin" or parts.path.startswith("/admin/")
    plain = wanted.isprintable() and "\\" not in wanted
    if parts.scheme or parts.netloc or not ours or not plain or ".." in parts.path:
        return url_for(".dashboard")
    return wanted
