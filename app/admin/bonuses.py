"""Bonus programmes at the desk (返利方案): drafting, publishing, stopping."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.admin import auth, bonus_form, people
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.bonus_form import BonusForm
from app.admin.models import Permission
from app.commission import bonus
from app.commission.bonus import BonusVersion
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound
from app.distribution import levels


@bp.get("/bonuses")
@requires(Permission.COMMISSION_VIEW)
def bonuses() -> ResponseReturnValue:
    now = clock.now()
    rows = bonus.queries.bonuses(now)
    return render_template(
        "admin/bonuses.html",
        rows=rows,
        now=now,
        wording=bonus.wording,
        rules={row.program.id: bonus.programs.program_of(row.shown) for row in rows},
        may_draft=auth.allowed(Permission.PLAN_DRAFT),
    )


@bp.get("/bonuses/<int:bonus_id>")
@requires(Permission.COMMISSION_VIEW)
def bonus_plan(bonus_id: int) -> ResponseReturnValue:
    return _page(bonus_id)


@bp.get("/bonus-new")
@requires(Permission.PLAN_DRAFT)
def bonus_plan_new() -> ResponseReturnValue:
    return _editor(BonusForm())


@bp.post("/bonus-new")
@requires(Permission.PLAN_DRAFT)
def bonus_plan_create() -> ResponseReturnValue:
    return _save(None)


@bp.get("/bonuses/<int:bonus_id>/edit")
@requires(Permission.PLAN_DRAFT)
def bonus_plan_edit(bonus_id: int) -> ResponseReturnValue:
    """The draft, or a copy of the newest version to begin one with."""
    found = bonus.queries.listed(bonus.queries.bonus_by_id(bonus_id), clock.now())
    source = found.draft or found.coming or found.current
    if source is None:
        raise NotFound("返利不存在")
    seen = found.draft.revision if found.draft else 0
    return _editor(bonus_form.of_version(source), bonus_id, seen)


@bp.post("/bonuses/<int:bonus_id>/edit")
@requires(Permission.PLAN_DRAFT)
def bonus_plan_change(bonus_id: int) -> ResponseReturnValue:
    return _save(bonus_id)


@bp.post("/bonuses/<int:bonus_id>/publish")
@requires(Permission.PLAN_PUBLISH)
def bonus_plan_publish(bonus_id: int) -> ResponseReturnValue:
    typed = web.form_text("effective_from", 40)
    try:
        try:
            effective_from = clock.parse(typed)
        except (ValueError, OverflowError):
            raise InvalidInput("effective_from", "请选择生效的周期") from None
        version = run_unit(
            bonus.programs.publish,
            bonus_id,
            effective_from=effective_from,
            seen=_seen(),
            actor=auth.actor(),
            now=clock.now(),
        )
    except NotFound:
        raise
    except DomainError as error:
        return _page(bonus_id, error), error.status
    begins = clock.local(version.effective_from or clock.now())
    flash(f"“{version.name}”已发布，{begins:%Y-%m-%d} 起的周期按它计算")
    return redirect(url_for(".bonus_plan", bonus_id=bonus_id), 303)


@bp.post("/bonuses/<int:bonus_id>/remove")
@requires(Permission.PLAN_DRAFT)
def bonus_plan_remove(bonus_id: int) -> ResponseReturnValue:
    run_unit(bonus.programs.throw_away, bonus_id, actor=auth.actor(), now=clock.now())
    flash("草稿已删除")
    return redirect(url_for(".bonuses"), 303)


@bp.post("/bonuses/<int:bonus_id>/stop")
@requires(Permission.PLAN_PUBLISH)
def bonus_plan_stop(bonus_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            bonus.programs.stop,
            bonus_id,
            reason=web.form_text("reason", 400),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(bonus_id, error), error.status
    flash("已停止：已经开始的周期照常核算，之后的周期不再发放")
    return redirect(url_for(".bonus_plan", bonus_id=bonus_id), 303)


def _save(bonus_id: int | None) -> ResponseReturnValue:
    form = bonus_form.typed()
    try:
        version = run_unit(
            bonus.programs.draft,
            bonus_id,
            bonus_form.read(form),
            seen=_seen(),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        form.errors[error.field or ""] = error.message
        return _editor(form, bonus_id, _seen()), error.status
    except (bonus.programs.BonusChanged, bonus.programs.BonusStopped) as error:
        return _editor(form, bonus_id, _seen(), refused=error.message), error.status
    flash("草稿已保存，还没有生效；由另一位管理员核对并发布")
    return redirect(url_for(".bonus_plan", bonus_id=version.program_id), 303)


def _seen() -> int:
    return web.whole_number(web.form_text("seen", 9)) or 0


def _editor(
    form: BonusForm, bonus_id: int | None = None, seen: int = 0, *, refused: str = ""
) -> str:
    period = bonus.programs.period_of(bonus_id) if bonus_id is not None else None
    return render_template(
        "admin/bonus_edit.html",
        form=form,
        errors=form.errors,
        bonus_id=bonus_id,
        seen=seen,
        refused=refused,
        wording=bonus.wording,
        metrics=bonus_form.metrics(),
        periods=[
            (p.value, text) for p, text in bonus.wording.PERIOD.items() if period in (None, p)
        ],
        rewards=[(r.value, text) for r, text in bonus.wording.REWARD.items()],
        levels=[(row.code, row.name) for row in levels.ladder().levels if not row.is_base],
        allows_team=levels.allows_team(),
    )


def _page(bonus_id: int, error: DomainError | None = None) -> str:
    now = clock.now()
    found = bonus.queries.listed(bonus.queries.bonus_by_id(bonus_id), now)
    published = bonus.programs.versions_of(bonus_id)
    at_reason = isinstance(error, InvalidInput) and error.field == "reason"
    return render_template(
        "admin/bonus.html",
        row=found,
        now=now,
        shown=[_told(version) for version in (found.draft, *published) if version is not None],
        starts=bonus.programs.starts(found.draft, now) if found.draft else [],
        wording=bonus.wording,
        authors=people.names(
            ref
            for version in (found.draft, *published)
            if version is not None
            for ref in (version.drafted_by, version.published_by)
        ),
        is_own=found.draft is not None and found.draft.drafted_by == auth.actor().ref,
        may_draft=auth.allowed(Permission.PLAN_DRAFT),
        may_publish=auth.allowed(Permission.PLAN_PUBLISH),
        refused=error.message if error and not at_reason else "",
        reason_error=error.message if error and at_reason else "",
    )


def _told(version: BonusVersion) -> dict[str, Any]:
    """A version with its rules in words."""
    program = bonus.programs.program_of(version)
    return {
        "version": version,
        "program": program,
        "steps": bonus.wording.steps(program),
        "conditions": bonus.wording.conditions(program, levels.names()),
    }
