"""Who may log in to the panel (管理员): accounts, roles, sessions, resets."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import accounts, auth, people, second_factor, sessions, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import ROLE_PERMISSIONS, Permission, Role
from app.core import clock, reasons, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput

_ACTS = (
    "admin.create",
    "admin.member",
    "admin.set_up",
    "admin.password",
    "admin.role",
    "admin.active",
    "admin.link",
    "admin.unlock",
    "admin.sessions_end",
    "admin.totp_on",
    "admin.totp_off",
    "admin.totp_reset",
    "admin.recovery_codes",
    "admin.recovery_used",
)


@bp.get("/admins")
@requires(Permission.ADMIN_VIEW)
def admins() -> ResponseReturnValue:
    return render_template(
        "admin/admins.html", rows=accounts.everybody(), now=clock.now(), roles=_roles()
    )


@bp.get("/admins/new")
@requires(Permission.ADMIN_CHANGE)
def admin_new() -> ResponseReturnValue:
    return _new_page()


@bp.post("/admins/new")
@requires(Permission.ADMIN_CHANGE)
def admin_create() -> ResponseReturnValue:
    username = web.form_text("username", 40).strip().lower()
    try:
        token = run_unit(
            accounts.create,
            username,
            role=_role(),
            name=web.form_text("name", 40).strip(),
            now=clock.now(),
            actor=auth.actor(),
        )
    except InvalidInput as error:
        return _new_page({error.field or "": error.message}), error.status
    return _link_page(username, token)


@bp.get("/admins/<int:admin_id>")
@requires(Permission.ADMIN_VIEW)
def admin(admin_id: int) -> ResponseReturnValue:
    return _page(admin_id)


@bp.post("/admins/<int:admin_id>/role")
@requires(Permission.ADMIN_CHANGE)
def admin_role(admin_id: int) -> ResponseReturnValue:
    try:
        role, seen = _role(), _role("seen")
        actor, now = auth.actor(), clock.now()
        run_unit(accounts.change_role, admin_id, role, seen=seen, actor=actor, now=now)
    except DomainError as error:
        return _refused(admin_id, error)
    flash("角色已修改，对方需要重新登录")
    return redirect(url_for(".admin", admin_id=admin_id), 303)


@bp.post("/admins/<int:admin_id>/stop")
@requires(Permission.ADMIN_CHANGE)
def admin_stop(admin_id: int) -> ResponseReturnValue:
    return _set_active(admin_id, active=False)


@bp.post("/admins/<int:admin_id>/resume")
@requires(Permission.ADMIN_CHANGE)
def admin_resume(admin_id: int) -> ResponseReturnValue:
    return _set_active(admin_id, active=True)


def _set_active(admin_id: int, *, active: bool) -> ResponseReturnValue:
    try:
        run_unit(
            accounts.set_active,
            admin_id,
            active=active,
            reason=web.form_text("reason", 300),
            actor=auth.actor(),
            now=clock.now(),
        )
    except DomainError as error:
        return _refused(admin_id, error)
    flash("账号已恢复使用" if active else "账号已停用，并已退出登录")
    return redirect(url_for(".admin", admin_id=admin_id), 303)


@bp.post("/admins/<int:admin_id>/link")
@requires(Permission.ADMIN_CHANGE)
def admin_link(admin_id: int) -> ResponseReturnValue:
    """A new one-time link, for a first or a forgotten password."""
    try:
        token = run_unit(accounts.renew_setup, admin_id, now=clock.now(), actor=auth.actor())
    except DomainError as error:
        return _refused(admin_id, error)
    return _link_page(accounts.get(admin_id).username, token)


@bp.post("/admins/<int:admin_id>/unlock")
@requires(Permission.ADMIN_CHANGE)
def admin_unlock(admin_id: int) -> ResponseReturnValue:
    run_unit(accounts.unlock, admin_id, actor=auth.actor(), now=clock.now())
    flash("已解除锁定，可以立即登录")
    return redirect(url_for(".admin", admin_id=admin_id), 303)


@bp.post("/admins/<int:admin_id>/second-factor/reset")
@requires(Permission.ADMIN_CHANGE)
def admin_second_factor_reset(admin_id: int) -> ResponseReturnValue:
    try:
        run_unit(_reset_factor, admin_id, web.form_text("reason"))
    except DomainError as error:
        return _refused(admin_id, error)
    flash("两步验证已重置，对方下次只需密码登录，并可重新开启")
    return redirect(url_for(".admin", admin_id=admin_id), 303)


@bp.post("/admins/<int:admin_id>/sessions/end")
@requires(Permission.ADMIN_CHANGE)
def admin_sessions_end(admin_id: int) -> ResponseReturnValue:
    ended = run_unit(accounts.end_sessions, admin_id, actor=auth.actor(), now=clock.now())
    flash(f"已退出对方的 {ended} 次登录" if ended else "对方没有登录")
    return redirect(url_for(".admin", admin_id=admin_id), 303)


def _reset_factor(admin_id: int, reason: str) -> None:
    said = reasons.given(reason, "请填写原因")
    actor = auth.actor()
    accounts.may_reset(admin_id, actor=actor)
    second_factor.turn_off(admin_id, actor=actor, now=clock.now(), reason=said)


def _refused(admin_id: int, error: DomainError) -> ResponseReturnValue:
    """The account's page with what is wrong; elsewhere than on it, as any refusal."""
    if error.status == 404:
        raise error
    return _page(admin_id, error.message), error.status


def _role(field: str = "role") -> Role:
    try:
        return Role(web.form_text(field, 20))
    except ValueError:
        raise InvalidInput("role", "请选择角色") from None


def _roles() -> dict[Role, str]:
    """What each role may do, in words."""
    return {
        Role.OWNER: "全部权限，可以管理账号",
        Role.OPERATIONS: "商品、订单发货、分销员、内容和公众号",
        Role.FINANCE: "提现审核、退款、方案发布和税务，可以查看全部",
        Role.SUPPORT: "售后、评价和回复顾客，不接触资金",
        Role.AUDITOR: "查看全部、导出操作日志，不能改动",
    }


def _page(admin_id: int, refused: str = "") -> str:
    row, now = accounts.get(admin_id), clock.now()
    return render_template(
        "admin/admin.html",
        row=row,
        now=now,
        refused=refused,
        typed=request.form,
        roles=[(role.value, words.desk.ROLE[role]) for role in Role],
        role_help=_roles()[row.role],
        permissions=len(ROLE_PERMISSIONS[row.role]),
        sessions=sessions.of_admin(row.id, now=now),
        timeline=people.acts("admin", row.id, _ACTS),
        is_own=row.id == auth.current_admin().id,
        is_locked=accounts.failures.is_locked(row, now),
        may_change=auth.allowed(Permission.ADMIN_CHANGE),
    )


def _new_page(errors: dict[str, str] | None = None) -> str:
    return render_template(
        "admin/admin_new.html",
        typed=request.form,
        errors=errors or {},
        roles=[(role.value, words.desk.ROLE[role], said) for role, said in _roles().items()],
    )


def _link_page(username: str, token: str) -> str:
    link = f"{web.settings().public_base_url}{url_for('.setup', token=token)}"
    days = accounts.SETUP_LASTS.days
    return render_template("admin/admin_link.html", username=username, link=link, days=days)
