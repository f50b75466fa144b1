"""What looks like abuse (风险核实): the queue, and a person's answer."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import distribution, members, risk
from app.admin import auth, lists, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.risk import RiskState

_TABS = [*((state.value, words.people.RISK[state][0]) for state in RiskState), ("all", "全部")]


@bp.get("/risks")
@requires(Permission.DISTRIBUTOR_VIEW)
def risks() -> ResponseReturnValue:
    return _page()


@bp.post("/risks/<int:flag_id>/clear")
@requires(Permission.RISK_DECIDE)
def risk_clear(flag_id: int) -> ResponseReturnValue:
    return _answer(risk.clear, flag_id, "已排除，暂缓的佣金在下次结算时入账")


@bp.post("/risks/<int:flag_id>/confirm")
@requires(Permission.RISK_DECIDE)
def risk_confirm(flag_id: int) -> ResponseReturnValue:
    return _answer(risk.confirm, flag_id, "已确认违规，相关分销员已暂停")


def _answer(act: Callable[..., Any], flag_id: int, said: str) -> ResponseReturnValue:
    try:
        run_unit(
            act, flag_id, reason=web.form_text("reason", 400), actor=auth.actor(), now=clock.now()
        )
    except InvalidInput as error:
        flash(error.message, "error")
        return redirect(url_for(".risks"))
    flash(said)
    return redirect(url_for(".risks"))


def _page() -> str:
    state = lists.chosen(_TABS)
    page = risk.queue(None if state == "all" else RiskState(state), before=web.page_before())
    counts = {found.value: count for found, count in risk.counts().items()}
    return render_template(
        "admin/risks.html",
        page=page,
        pager=lists.pager(page),
        tabs=lists.tabs(
            _TABS, state, counts | {"all": sum(counts.values())}, alerts=[RiskState.OPEN]
        ),
        state=state,
        typed=request.form,
        may_decide=auth.allowed(Permission.RISK_DECIDE),
        **facts([flag.id for flag in page.items], [flag.decided_by for flag in page.items]),
    )


def facts(flag_ids: list[int], deciders: list[str]) -> dict[str, Any]:
    """Whom flags are about and who answered, by the names the templates use."""
    about = risk.named_in(flag_ids)
    ids = {row.member_id for rows in about.values() for row in rows}
    return {
        "about": about,
        "risk_people": members.names_of(ids),
        "risk_seats": {row.member_id: row.id for row in distribution.distributors_of(ids)},
        "deciders": people.names(deciders),
    }
