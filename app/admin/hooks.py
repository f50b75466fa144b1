"""Where other systems are told what happened (事件推送): endpoints and deliveries."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import auth, lists, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput
from app.integrations import hooks
from app.integrations.hooks import DeliveryState

_TABS = [("all", "全部"), ("waiting", "等待发送"), ("delivered", "已送达"), ("failed", "已放弃")]


@bp.get("/hooks", endpoint="hooks")
@requires(Permission.API_VIEW)
def hooks_list() -> ResponseReturnValue:
    return render_template(
        "admin/hooks.html",
        rows=hooks.everything(),
        newest=hooks.newest_by_endpoint(),
        said=words.api,
    )


@bp.get("/hooks/new")
@requires(Permission.API_CHANGE)
def hook_new() -> ResponseReturnValue:
    return _form()


@bp.post("/hooks/new")
@requires(Permission.API_CHANGE)
def hook_create() -> ResponseReturnValue:
    try:
        hook_id, secret = run_unit(
            hooks.create,
            web.form_text("name", 60),
            url=web.form_text("url", 400),
            events=request.form.getlist("events"),
            also=web.settings().hook_test_origin,
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _form(error), error.status
    return _secret_page(hook_id, secret)


@bp.get("/hooks/<int:hook_id>")
@requires(Permission.API_VIEW)
def hook(hook_id: int) -> ResponseReturnValue:
    return _page(hook_id)


@bp.post("/hooks/<int:hook_id>/rotate")
@requires(Permission.API_CHANGE)
def hook_rotate(hook_id: int) -> ResponseReturnValue:
    secret = run_unit(hooks.rotate, hook_id, actor=auth.actor(), now=clock.now())
    return _secret_page(hook_id, secret)


@bp.post("/hooks/<int:hook_id>/stop")
@requires(Permission.API_CHANGE)
def hook_stop(hook_id: int) -> ResponseReturnValue:
    return _change(hook_id, hooks.stop, "已停用", reason=web.form_text("reason", 300))


@bp.post("/hooks/<int:hook_id>/start")
@requires(Permission.API_CHANGE)
def hook_start(hook_id: int) -> ResponseReturnValue:
    return _change(hook_id, hooks.start, "已重新启用，还没送达的事件会继续发送")


@bp.post("/hooks/deliveries/<int:delivery_id>/again")
@requires(Permission.API_CHANGE)
def hook_again(delivery_id: int) -> ResponseReturnValue:
    hook_id = hooks.delivery(delivery_id).endpoint_id
    try:
        run_unit(hooks.send_again, delivery_id, actor=auth.actor(), now=clock.now())
    except DomainError as error:
        return _page(hook_id, error.message), error.status
    flash("几秒钟内会再发一次")
    return redirect(url_for(".hook", hook_id=hook_id), 303)


def _change(hook_id: int, act: Callable[..., None], said: str, **given: Any) -> ResponseReturnValue:
    try:
        run_unit(act, hook_id, actor=auth.actor(), now=clock.now(), **given)
    except DomainError as error:
        if error.status == 404:
            raise
        return _page(hook_id, error.message), error.status
    flash(said)
    return redirect(url_for(".hook", hook_id=hook_id), 303)


def _page(hook_id: int, refused: str = "") -> str:
    row = hooks.get(hook_id)
    tab = lists.chosen(_TABS)
    state = None if tab == "all" else DeliveryState(tab)
    page = hooks.deliveries_of(row.id, state, before=web.page_before())
    return render_template(
        "admin/hook.html",
        row=row,
        page=page,
        pager=lists.pager(page),
        tabs=lists.tabs(_TABS, tab, {}),
        said=words.api,
        now=clock.now(),
        maker=people.names([row.created_by]).get(row.created_by, ""),
        timeline=people.acts(
            "hook",
            row.id,
            [f"hook.{act}" for act in ("create", "stop", "start", "rotate", "disable")],
        )[:30],
        refused=refused,
    )


def _form(error: InvalidInput | None = None) -> str:
    return render_template(
        "admin/hook_new.html",
        typed=request.form,
        chosen=set(request.form.getlist("events")),
        errors={error.field: error.message} if error else {},
        events=[(event.value, said) for event, said in words.api.EVENT.items()],
    )


def _secret_page(hook_id: int, secret: str) -> str:
    return render_template("admin/hook_secret.html", row=hooks.get(hook_id), secret=secret)
