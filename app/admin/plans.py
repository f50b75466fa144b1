"""Plans of commissions at the desk: the versions, one of them, throwing a draft away."""

import json

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app import commission
from app.admin import auth, lists, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.commission import PlanVersion
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound


@bp.get("/plans")
@requires(Permission.COMMISSION_VIEW)
def plans() -> ResponseReturnValue:
    page = commission.plans_page(before=web.page_before())
    in_force = commission.plan_in_force(clock.now())
    current = in_force[0] if in_force else None
    return render_template(
        "admin/plans.html",
        page=page,
        pager=lists.pager(page),
        now=clock.now(),
        current=current,
        coming=commission.coming(clock.now()),
        withdrawn=commission.withdrawals_of(row.id for row in page.items),
        plan=words.plans.readable(current.document) if current else None,
        may_draft=auth.allowed(Permission.PLAN_DRAFT),
        authors=people.names(
            ref for row in page.items for ref in (row.drafted_by, row.published_by)
        ),
    )


@bp.get("/plans/<int:plan_id>", endpoint="plan")
@requires(Permission.COMMISSION_VIEW)
def one_plan(plan_id: int) -> ResponseReturnValue:
    return _one(commission.plan_version(plan_id))


@bp.post("/plans/<int:plan_id>/withdraw")
@requires(Permission.PLAN_PUBLISH)
def plan_withdraw(plan_id: int) -> ResponseReturnValue:
    """Take a published version back before it takes effect."""
    try:
        run_unit(
            commission.withdraw_plan,
            plan_id,
            reason=web.form_text("reason", 400),
            actor=auth.actor(),
            now=clock.now(),
        )
        flash("方案已撤回，不会生效")
    except InvalidInput as error:
        return _one(commission.plan_version(plan_id), error=error.message), error.status
    except NotFound:
        raise
    except DomainError as error:
        flash(error.message, "error")
    return redirect(url_for(".plan", plan_id=plan_id), 303)


def _one(version: PlanVersion, error: str = "") -> str:
    now = clock.now()
    starts = version.effective_from
    withdrawn = commission.withdrawals_of([version.id]).get(version.id)
    waits = starts is not None and starts > now and withdrawn is None
    instead = commission.plan_in_force(starts, besides=version.id) if waits and starts else None
    current = commission.plan_in_force(now)
    return render_template(
        "admin/plan.html",
        version=version,
        withdrawn=withdrawn,
        waits=waits,
        instead=instead[0] if instead else None,
        is_current=current is not None and current[0].id == version.id,
        typed=web.form_text("reason", 400),
        error=error,
        plan=words.plans.readable(version.document),
        authors=people.names(
            ref
            for ref in (
                version.drafted_by,
                version.published_by,
                withdrawn.withdrawn_by if withdrawn else "",
            )
            if ref
        ),
        document=json.dumps(version.document, ensure_ascii=False, indent=2),
        is_own=version.drafted_by == auth.actor().ref,
        may_draft=auth.allowed(Permission.PLAN_DRAFT),
        may_publish=auth.allowed(Permission.PLAN_PUBLISH),
    )


@bp.post("/plans/<int:draft_id>/remove")
@requires(Permission.PLAN_DRAFT)
def plan_remove(draft_id: int) -> ResponseReturnValue:
    try:
        run_unit(commission.throw_away, draft_id, actor=auth.actor(), now=clock.now())
        flash("草稿已删除")
    except NotFound:
        raise
    except DomainError as error:
        flash(error.message, "error")
    return redirect(url_for(".plans"), 303)
