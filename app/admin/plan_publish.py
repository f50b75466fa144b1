"""Putting a draft in force: compared with what is, tried on real orders, then published."""

from datetime import datetime, timedelta

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app import commission
from app.admin import auth, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.plan_replay import Period, replayed
from app.commission import PlanStatus
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput

# Time to look once more; and a page read slowly is not refused for a time in the past.
_AHEAD = timedelta(minutes=10)
# Fewer than the simulator's own page computes: this one is opened to decide.
_ORDERS_MAX = 2_000


@bp.get("/plans/<int:draft_id>/publish")
@requires(Permission.PLAN_PUBLISH)
def plan_publish_page(draft_id: int) -> ResponseReturnValue:
    version = commission.plan_version(draft_id)
    if version.status is PlanStatus.PUBLISHED:
        raise commission.PlanPublished()
    return _page(draft_id, _field(clock.now() + _AHEAD))


@bp.post("/plans/<int:draft_id>/publish")
@requires(Permission.PLAN_PUBLISH)
def plan_publish(draft_id: int) -> ResponseReturnValue:
    typed = web.form_text("effective_from", 30).strip()
    try:
        version = run_unit(
            commission.publish_plan,
            draft_id,
            effective_from=_moment(typed),
            seen=web.whole_number(web.form_text("seen", 9)) or 0,
            actor=auth.actor(),
            now=clock.now(),
        )
    except (InvalidInput, commission.OwnPlan, commission.PlanChanged) as error:
        return _page(draft_id, typed, error), error.status
    starts = clock.local(version.effective_from or clock.now())
    flash(f"方案已发布，{starts:%Y-%m-%d %H:%M} 起付款的订单按它计算")
    return redirect(url_for(".plan", plan_id=draft_id), 303)


def _page(draft_id: int, effective_from: str, error: DomainError | None = None) -> str:
    now = clock.now()
    version = commission.plan_version(draft_id)
    in_force = commission.plan_in_force(now)
    current = in_force[0] if in_force else None
    at_field = isinstance(error, InvalidInput) and error.field == "effective_from"
    return render_template(
        "admin/plan_publish.html",
        version=version,
        current=current,
        comparison=words.plans.compare(current.document if current else None, version.document),
        trial=replayed(version, current, Period.LAST_30, now, limit=_ORDERS_MAX),
        authors=people.names([version.drafted_by]),
        is_own=version.drafted_by == auth.actor().ref,
        effective_from=effective_from,
        error=error.message if error and at_field else "",
        refused=error.message if error and not at_field else "",
    )


def _moment(text: str) -> datetime:
    if not text:
        raise InvalidInput("effective_from", "请填写生效时间")
    try:
        return clock.parse(text)
    except (ValueError, OverflowError):
        raise InvalidInput("effective_from", "生效时间的格式不正确") from None


def _field(moment: datetime) -> str:
    return clock.local(moment).strftime("%Y-%m-%dT%H:%M")
