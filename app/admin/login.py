"""Logging in, with a second step for those who have one; logging out; set-up links."""

from urllib.parse import urlsplit

from flask import flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import accounts, auth, passwords, second_factor, sessions
from app.admin.blueprint import bp
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import InvalidInput, TooMany

_REFUSED = accounts.LoginRefused.message
_WRONG_CODE = "验证码不正确或已使用过，请等下一个验证码再试"
# Wrong ones from one address, of whichever accounts; then it waits as long again.
FAILURES_AN_ADDRESS = 60
_ADDRESS_SECONDS = 600


@bp.get("/login")
@auth.public
def login() -> ResponseReturnValue:
    if g.admin is not None:
        return redirect(safe_next())
    return _login_page()


@bp.post("/login")
@auth.public
def log_in() -> ResponseReturnValue:
    _refuse_guessers()
    username = web.form_text("username", 32).strip().lower()
    password = web.form_text("password", 128)
    now = clock.now()
    # Outside of a unit: hashing is slow on purpose and must hold no lock.
    admin_id = accounts.verify(username, password, now=now)
    db.session.rollback()
    if admin_id is None:
        run_unit(accounts.count_failure, username, now=now)
        _count_guess()
        return _login_page(username=username, error=_REFUSED), 401
    token = run_unit(
        accounts.log_in, admin_id, address=web.remote_address(), now=now, device=auth.device()
    )
    return auth.keep_session(make_response(_onwards(token)), token)


@bp.get("/login/code")
@auth.public
def login_code() -> ResponseReturnValue:
    if _half_open() is None:
        return redirect(url_for(".login"))
    return _code_page()


@bp.post("/login/code")
@auth.public
def log_in_code() -> ResponseReturnValue:
    """The second step: a code of the app, or a recovery code."""
    _refuse_guessers()
    admin_id = _half_open()
    if admin_id is None:
        flash("登录已超时，请重新输入密码", "warning")
        return redirect(url_for(".login"), 303)
    now, address, code = clock.now(), web.remote_address(), web.form_text("code", 20)
    half_open = request.cookies.get(auth.COOKIE, "")
    if not run_unit(second_factor.prove, admin_id, code, address=address, now=now):
        _count_guess()
        if accounts.failures.is_locked(accounts.get(admin_id), now):
            run_unit(sessions.end, half_open)
            return auth.drop_session(make_response(_login_page(error=_REFUSED), 401))
        return _code_page(error=_WRONG_CODE), 401
    token = run_unit(
        accounts.finish_login, half_open, address=address, now=now, device=auth.device()
    )
    return auth.keep_session(make_response(redirect(safe_next(), 303)), token)


@bp.post("/logout")
@auth.public
def logout() -> ResponseReturnValue:
    token = request.cookies.get(auth.COOKIE, "")
    if token:
        run_unit(sessions.end, token)
    flash("已退出登录")
    return auth.drop_session(make_response(redirect(url_for(".login"))))


@bp.get("/setup/<token>")
@auth.public
def setup(token: str) -> ResponseReturnValue:
    """The one-time link of an account: choose the password."""
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
            device=auth.device(),
        )
    except InvalidInput as error:
        return _setup_page(token, {error.field or "": error.message}), 422
    flash("密码已设置，欢迎使用")
    return auth.keep_session(make_response(_onwards(session)), session)


def safe_next() -> str:
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


def _onwards(token: str) -> ResponseReturnValue:
    """To the second step where there is one, else to where somebody wanted to go."""
    if sessions.find_half_open(token, now=clock.now()) is None:
        return redirect(safe_next())
    return redirect(url_for(".login_code", next=request.values.get("next") or None))


def _half_open() -> int | None:
    """The account whose password was right in this browser; its code is still wanted."""
    token = request.cookies.get(auth.COOKIE, "")
    found = sessions.find_half_open(token, now=clock.now()) if token else None
    return found[1].id if found else None


def _refuse_guessers() -> None:
    """Raises TooMany. In the cache's port: files where there is no Redis."""
    if web.cache().get(f"guesser:{web.remote_address()}"):
        raise TooMany("尝试次数过多，请 10 分钟后再试")


def _count_guess() -> None:
    address = web.remote_address()
    if web.cache().count(f"guesses:{address}", _ADDRESS_SECONDS) >= FAILURES_AN_ADDRESS:
        web.cache().set(f"guesser:{address}", 1, _ADDRESS_SECONDS)


def _login_page(*, username: str = "", error: str = "") -> str:
    g.bare_page = True
    return render_template(
        "admin/login.html", username=username, error=error, next=request.values.get("next", "")
    )


def _code_page(*, error: str = "") -> str:
    g.bare_page = True
    return render_template(
        "admin/login_code.html", error=error, next=request.values.get("next", "")
    )


def _setup_page(token: str, errors: dict[str, str] | None = None) -> str:
    g.bare_page = True
    admin = accounts.awaiting_setup(token, clock.now())
    return render_template(
        "admin/setup.html",
        token=token,
        username=admin.username,
        least=passwords.LEAST,
        errors=errors or {},
    )
