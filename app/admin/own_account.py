"""One's own account (账号与安全): password, second factor, sessions."""

import base64

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app import settings
from app.admin import accounts, auth, passwords, second_factor, sessions, step_up
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.login import safe_next
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import InvalidInput, NotFound
from app.distribution.pictures import qr_png


@bp.get("/account")
@requires(Permission.OWN_ACCOUNT)
def own_account() -> ResponseReturnValue:
    admin = auth.current_admin()
    return render_template(
        "admin/own_account.html",
        admin=admin,
        sessions=sessions.of_admin(admin.id, now=clock.now()),
        here_id=g.admin_session.id,
        codes_left=second_factor.recovery_codes_left(admin.id),
    )


@bp.get("/account/password")
@requires(Permission.OWN_ACCOUNT)
def own_password() -> ResponseReturnValue:
    return _password_page()


@bp.post("/account/password")
@requires(Permission.OWN_ACCOUNT)
def own_password_change() -> ResponseReturnValue:
    try:
        wrong = run_unit(
            accounts.change_password,
            g.admin.id,
            old_fits=_password_fits("old"),
            password=web.form_text("password", 200),
            again=web.form_text("again", 200),
            session_id=g.admin_session.id,
            address=web.remote_address(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _password_page({error.field or "": error.message}), 422
    if wrong:
        return _password_page({"old": wrong}), 422
    flash("密码已修改，其他设备上的登录已退出")
    return redirect(url_for(".own_account"), 303)


@bp.get("/account/second-factor")
@requires(Permission.OWN_ACCOUNT)
def own_second_factor() -> ResponseReturnValue:
    return _factor_page()


@bp.post("/account/second-factor/begin")
@requires(Permission.OWN_ACCOUNT)
def own_second_factor_begin() -> ResponseReturnValue:
    """The password is asked: a browser left open must not bind a stranger's phone."""
    admin_id, fits = g.admin.id, _password_fits("password")
    if not fits:
        run_unit(accounts.count_failure, g.admin.username, now=clock.now())
        return _factor_page({"password": "密码不正确，或尝试次数过多，请 15 分钟后再试"}), 422
    run_unit(second_factor.begin, admin_id)
    return redirect(url_for(".own_second_factor"), 303)


@bp.post("/account/second-factor/confirm")
@requires(Permission.OWN_ACCOUNT)
def own_second_factor_confirm() -> ResponseReturnValue:
    try:
        codes = run_unit(
            second_factor.confirm,
            g.admin.id,
            web.form_text("code", 20),
            session_id=g.admin_session.id,
            address=web.remote_address(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _factor_page({"code": error.message}), 422
    return _codes_page(codes, "两步验证已开启")


@bp.post("/account/second-factor/codes")
@requires(Permission.OWN_ACCOUNT)
def own_recovery_codes() -> ResponseReturnValue:
    if not step_up.give(web.form_text("code", 20)):
        return _after_wrong_code()
    codes = run_unit(
        second_factor.renew_recovery_codes,
        g.admin.id,
        address=web.remote_address(),
        now=clock.now(),
    )
    return _codes_page(codes, "恢复码已更换，旧的不再有效")


@bp.post("/account/second-factor/off")
@requires(Permission.OWN_ACCOUNT)
def own_second_factor_off() -> ResponseReturnValue:
    if not step_up.give(web.form_text("code", 20)):
        return _after_wrong_code()
    run_unit(
        second_factor.turn_off,
        g.admin.id,
        actor=auth.actor(),
        now=clock.now(),
        required=auth.factor_required(g.admin.role),
        keep=g.admin_session.id,
    )
    flash("两步验证已关闭，其他设备上的登录已退出")
    return redirect(url_for(".own_account"), 303)


@bp.post("/account/prove")
@requires(Permission.OWN_ACCOUNT)
def prove() -> ResponseReturnValue:
    """A fresh code before a page that wants one; then on to it."""
    if not step_up.give(web.form_text(step_up.CODE_FIELD, 20)):
        if g.admin_session is None:
            return _after_wrong_code()
        flash("验证码不正确或已使用过，请等下一个验证码再试", "error")
    return redirect(safe_next(), 303)


@bp.post("/account/sessions/<int:session_id>/end")
@requires(Permission.OWN_ACCOUNT)
def own_session_end(session_id: int) -> ResponseReturnValue:
    if not run_unit(sessions.end_one, g.admin.id, session_id):
        raise NotFound("这次登录已经结束")
    flash("已退出那台设备上的登录")
    return redirect(url_for(".own_account"), 303)


@bp.post("/account/sessions/end-others")
@requires(Permission.OWN_ACCOUNT)
def own_sessions_end() -> ResponseReturnValue:
    ended = run_unit(sessions.end_all, g.admin.id, but=g.admin_session.id)
    flash(f"已退出其他设备上的 {ended} 次登录" if ended else "没有其他设备登录")
    return redirect(url_for(".own_account"), 303)


def _password_fits(field: str) -> bool:
    """Asked outside of a unit: hashing is slow on purpose. Locked counts as wrong."""
    admin = auth.current_admin()
    if accounts.failures.is_locked(admin, clock.now()):
        return False
    fits = passwords.fits(admin.password_hash, web.form_text(field, 200))
    db.session.rollback()
    return fits


def _after_wrong_code() -> ResponseReturnValue:
    if g.admin_session is None:
        flash("验证码错误次数过多，已退出登录，请 15 分钟后再试", "error")
        return redirect(url_for(".login"), 303)
    return _factor_page({"code": "验证码不正确或已使用过，请等下一个验证码再试"}), 422


def _password_page(errors: dict[str, str] | None = None) -> str:
    return render_template(
        "admin/own_password.html", least=passwords.LEAST, errors=errors or {}, admin=g.admin
    )


def _factor_page(errors: dict[str, str] | None = None) -> str:
    admin = auth.current_admin()
    waits = admin.totp_secret is not None and admin.totp_since is None
    picture = ""
    if waits:
        issuer = settings.value(settings.registry.SHOP_NAME)
        png = qr_png(second_factor.uri(admin, issuer=issuer), size=240)
        picture = "data:image/png;base64," + base64.b64encode(png).decode()
    key = admin.totp_secret or ""
    return render_template(
        "admin/second_factor.html",
        admin=admin,
        waits=waits,
        picture=picture,
        key=" ".join(key[at : at + 4] for at in range(0, len(key), 4)) if waits else "",
        codes_left=second_factor.recovery_codes_left(admin.id),
        required=auth.factor_required(admin.role),
        errors=errors or {},
    )


def _codes_page(codes: list[str], title: str) -> str:
    return render_template("admin/recovery_codes.html", codes=codes, title=title)
