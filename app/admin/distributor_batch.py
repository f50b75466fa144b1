"""Several distributors at once: a summary first, then each on its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import distribution, members
from app.admin import auth
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, NotFound
from app.distribution import DistributorStatus

BATCH_MAX = 100
_NAMED_MAX = 5


@dataclass(frozen=True)
class Act:
    """What may be done to several: from which tab, the words, and the service."""

    tab: DistributorStatus
    label: str
    done: str
    text: str
    wants_reason: bool
    work: Callable[..., Any]


_D = DistributorStatus
ACTS = {
    "approve": Act(
        _D.APPLIED,
        "通过",
        "已通过 {} 人，可以推广并获得佣金",
        "通过后可以推广并获得佣金",
        False,
        distribution.approve,
    ),
    "reject": Act(
        _D.APPLIED,
        "拒绝",
        "已拒绝 {} 人，申请人可以看到原因并重新申请",
        "申请人会看到下面的原因，可以重新申请",
        True,
        distribution.reject,
    ),
    "suspend": Act(
        _D.APPROVED,
        "暂停",
        "已暂停 {} 人：不再产生新佣金，待结算佣金暂不结算",
        "暂停后不再产生新佣金，待结算佣金暂不结算，可提现余额不受影响",
        True,
        distribution.suspend,
    ),
}


@bp.post("/distributors/batch")
@requires(Permission.DISTRIBUTOR_REVIEW)
def distributors_batch() -> ResponseReturnValue:
    name = request.form.get("action", "")
    act = ACTS.get(name)
    if act is None:
        raise NotFound("没有这个操作")
    ids = [web.whole_number(text) for text in dict.fromkeys(request.form.getlist("ids"))]
    rows = [distribution.distributor_by_id(one or 0) for one in ids[:BATCH_MAX]]
    back = url_for(".distributors", state=act.tab.value)
    if not rows:
        flash("请先勾选分销员", "warning")
        return redirect(back)
    reason = web.form_text("reason")
    if "confirmed" not in request.form:
        return _summary(name, act, rows)
    if act.wants_reason and not reason.strip():
        return _summary(name, act, rows, error="请填写原因"), 422
    done, refused = _each(act, [(row.id, row.member_id) for row in rows], reason)
    if done:
        flash(act.done.format(done))
    for who, message in refused[:_NAMED_MAX]:
        flash(f"{who}：{message}", "error")
    if len(refused) > _NAMED_MAX:
        flash(f"另有 {len(refused) - _NAMED_MAX} 人未能{act.label}", "error")
    return redirect(back)


def _each(
    act: Act, rows: Sequence[tuple[int, int]], reason: str
) -> tuple[int, list[tuple[str, str]]]:
    """One unit each, so that one refusal does not stop the others."""
    called = {one: found.display_name for one, found in _named(rows).items()}
    actor = auth.actor()
    given = {"reason": reason} if act.wants_reason else {}
    done, refused = 0, []
    for row_id, member_id in rows:
        try:
            run_unit(act.work, row_id, actor=actor, now=clock.now(), **given)
        except DomainError as error:
            refused.append((called[member_id], error.message))
            continue
        done += 1
    return done, refused


def _named(rows: Sequence[tuple[int, int]]) -> dict[int, members.Member]:
    return members.names_of(member_id for _, member_id in rows)


def _summary(
    name: str, act: Act, rows: Sequence[distribution.Distributor], *, error: str = ""
) -> str:
    return render_template(
        "admin/distributors_batch.html",
        name=name,
        act=act,
        rows=rows,
        people=members.names_of(row.member_id for row in rows),
        other=sum(row.status is not act.tab for row in rows),
        back=url_for(".distributors", state=act.tab.value),
        typed=request.form,
        error=error,
    )
