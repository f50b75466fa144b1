"""The editor of a draft: a form of tables that works without a script.

Its buttons send the whole form and get it back with a row more or less; only 保存
keeps anything. What was typed comes back with every refusal.
"""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import catalog, commission
from app.admin import auth, people, plan_form, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.plan_form import PlanForm
from app.commission import PlanStatus, PlanVersion
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import DomainError, InvalidInput, NotFound

_FOUND_MAX = 8


@bp.get("/plan-new")
@requires(Permission.PLAN_DRAFT)
def plan_new() -> ResponseReturnValue:
    """A new draft, from a copy of any version, else of the one in force."""
    wanted = web.whole_number(request.args.get("from", ""))
    if wanted is not None:
        source = commission.plan_version(wanted)
    else:
        in_force = commission.plan_in_force(clock.now())
        if in_force is None:
            return _page(plan_form.of_document("", plan_form.BLANK))
        source = in_force[0]
    return _page(plan_form.of_document(f"{source.name[:56]}（副本）", source.document))


@bp.post("/plan-new")
@requires(Permission.PLAN_DRAFT)
def plan_create() -> ResponseReturnValue:
    return _answer(None)


@bp.get("/plans/<int:draft_id>/edit")
@requires(Permission.PLAN_DRAFT)
def plan_edit(draft_id: int) -> ResponseReturnValue:
    version = commission.plan_version(draft_id)
    if version.status is PlanStatus.PUBLISHED:
        raise commission.PlanPublished()
    return _page(
        plan_form.of_document(version.name, version.document), draft_id, seen=version.revision
    )


@bp.post("/plans/<int:draft_id>/edit")
@requires(Permission.PLAN_DRAFT)
def plan_change(draft_id: int) -> ResponseReturnValue:
    return _answer(draft_id)


def _answer(draft_id: int | None) -> ResponseReturnValue:
    form = plan_form.typed()
    sought = web.form_text("product_q", 64).strip()
    act = web.form_text("act", 60)
    if act == "enter":
        act = "find" if sought else "save"
    if act == "save":
        return _save(form, draft_id)
    if act.startswith("add-"):
        group = act.removeprefix("add-")
        act = f"add:{group}.{web.form_text(f'new_{group}', 20)}"
    try:
        form.act(act)
    except InvalidInput as error:
        form.errors[str(error.field)] = error.message
    return _page(form, draft_id, seen=_seen(), sought=sought if act == "find" else "")


def _save(form: PlanForm, draft_id: int | None) -> ResponseReturnValue:
    document = plan_form.document(form)
    try:
        if form.errors:
            raise InvalidInput(*next(iter(form.errors.items())))
        version = _store(draft_id, document, form.name)
    except InvalidInput as error:
        form.errors.setdefault(str(error.field), error.message)
        return _page(form, draft_id, seen=_seen()), error.status
    except (commission.PlanChanged, commission.PlanPublished, NotFound) as error:
        return _page(form, draft_id, seen=_seen(), refused=error), error.status
    flash("草稿已保存，还没有生效；请试算核对后由另一位管理员发布")
    return redirect(url_for(".plan", plan_id=version), 303)


def _store(draft_id: int | None, document: dict[str, Any], name: str) -> int:
    actor, now = auth.actor(), clock.now()
    if draft_id is None:
        return run_unit(commission.draft_plan, document, name=name, actor=actor, now=now).id
    return run_unit(
        commission.change_draft, draft_id, document, name=name, seen=_seen(), actor=actor, now=now
    ).id


def _seen() -> int:
    return web.whole_number(web.form_text("seen", 9)) or 0


def _page(
    form: PlanForm,
    draft_id: int | None = None,
    *,
    seen: int = 0,
    sought: str | None = None,
    refused: DomainError | None = None,
) -> str:
    known = db.session.get(PlanVersion, draft_id) if draft_id is not None else None
    ids = [int(row.key) for row in form.of("products")]
    called = words.plans.names_of({"products": dict.fromkeys(map(str, ids)), "categories": {"": 0}})
    taken = {row.path for row in form.rows}
    return render_template(
        "admin/plan_edit.html",
        form=form,
        errors=form.errors,
        version=known,
        draft_id=draft_id,
        seen=seen,
        refused=refused,
        saved_by=people.names([known.drafted_by]) if known is not None else {},
        name_of=lambda path: words.plans.name_of(path, called),
        free_levels=_free("levels", called, taken),
        free_categories=_free("categories", called, taken),
        hard_cap=commission.hard_cap(),
        sought=sought,
        found=_found(sought, taken) if sought else [],
    )


def _free(group: str, called: dict[str, str], taken: set[str]) -> list[tuple[str, str]]:
    """What this group could still have a row for."""
    return [
        (path.partition(".")[2], name)
        for path, name in called.items()
        if path.startswith(f"{group}.") and path not in taken
    ]


def _found(sought: str, taken: set[str]) -> list[catalog.Product]:
    page = catalog.products_page(text=sought)
    return [p for p in page.items if f"products.{p.id}" not in taken][:_FOUND_MAX]
