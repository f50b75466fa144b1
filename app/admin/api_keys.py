"""Keys by which other systems of the shop call us (接口密钥)."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import auth, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.integrations import Scope, keys


@bp.get("/api-keys")
@requires(Permission.API_VIEW)
def api_keys() -> ResponseReturnValue:
    return render_template(
        "admin/api_keys.html", rows=keys.everything(), now=clock.now(), said=words.api
    )


@bp.get("/api-keys/new")
@requires(Permission.API_CHANGE)
def api_key_new() -> ResponseReturnValue:
    return _form()


@bp.post("/api-keys/new")
@requires(Permission.API_CHANGE)
def api_key_create() -> ResponseReturnValue:
    days = web.whole_number(request.form.get("days", ""))
    try:
        key_id, token = run_unit(
            keys.create,
            web.form_text("name", 60),
            scopes=request.form.getlist("scopes"),
            networks=web.form_text("networks", 1000),
            days=-1 if days is None else days,
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _form(error), error.status
    return render_template("admin/api_key_shown.html", row=keys.get(key_id), token=token)


@bp.get("/api-keys/<int:key_id>")
@requires(Permission.API_VIEW)
def api_key(key_id: int) -> ResponseReturnValue:
    return _page(key_id)


@bp.post("/api-keys/<int:key_id>/end")
@requires(Permission.API_CHANGE)
def api_key_end(key_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            keys.end,
            key_id,
            reason=web.form_text("reason", 300),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(key_id, error.message), error.status
    flash("密钥已停用，使用它的系统不能再调用接口")
    return redirect(url_for(".api_key", key_id=key_id), 303)


def _page(key_id: int, refused: str = "") -> str:
    row = keys.get(key_id)
    return render_template(
        "admin/api_key.html",
        row=row,
        now=clock.now(),
        said=words.api,
        scopes=[(Scope(scope), *words.api.SCOPE[Scope(scope)]) for scope in row.scopes],
        maker=people.names([row.created_by]).get(row.created_by, ""),
        timeline=people.acts(
            "api_key", row.id, ("api_key.create", "api_key.end", "api_key.personal")
        )[:30],
        refused=refused,
    )


def _form(error: InvalidInput | None = None) -> str:
    return render_template(
        "admin/api_key_new.html",
        typed=request.form,
        chosen=set(request.form.getlist("scopes")),
        errors={error.field: error.message} if error else {},
        scopes=[(scope.value, *said) for scope, said in words.api.SCOPE.items()],
        days=list(words.api.DAYS.items()),
    )
