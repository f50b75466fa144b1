"""Who belongs to whom (归属): the history, one member's place, moves, appeals."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import distribution, members, orders
from app.admin import auth, lists, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.relations import BINDINGS, attempt_facts
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.distribution import appeals, moves, policy
from app.distribution.models import AppealStatus
from app.distribution.moves import Wish

_APPEAL_TABS = [
    *((status.value, words.people.APPEAL[status][0]) for status in AppealStatus),
    ("all", "全部"),
]


@bp.get("/bindings")
@requires(Permission.DISTRIBUTOR_VIEW)
def bindings() -> ResponseReturnValue:
    q = request.args.get("q", "").strip()[:40]
    if (led := tables.opening(BINDINGS)) is not None:
        return led
    return render_template(
        "admin/bindings.html",
        q=q,
        found=distribution.find_members(q) if q else [],
        table=tables.show(BINDINGS),
        results=[("", "全部"), *((key, said) for key, (said, _) in words.people.ATTEMPT.items())],
    )


@bp.get("/bindings/<int:member_id>")
@requires(Permission.DISTRIBUTOR_VIEW)
def binding(member_id: int) -> ResponseReturnValue:
    return _place(member_id)


@bp.get("/bindings/<int:member_id>/move")
@requires(Permission.DISTRIBUTOR_MOVE)
def binding_move(member_id: int) -> ResponseReturnValue:
    """What the move that was asked for would do, before anybody does it."""
    if not {"to", "upline"} & request.args.keys():
        return _place(member_id)
    try:
        wish = _wish(member_id, request.args.to_dict())
    except InvalidInput as error:
        members.get(member_id)
        return _place(member_id, typed=request.args.to_dict(), error=error), error.status
    return _preview(wish, request.args.to_dict())


@bp.post("/bindings/<int:member_id>/move")
@requires(Permission.DISTRIBUTOR_MOVE)
def binding_moved(member_id: int) -> ResponseReturnValue:
    typed = request.form.to_dict()
    wish = _wish(member_id, typed)
    expected = typed.get("expected", "")
    facts: dict[str, Any] = {
        "expected_upline_id": int(expected) if expected.isdigit() else None,
        "reason": web.form_text("reason"),
        "actor": auth.actor(),
        "now": clock.now(),
    }
    appeal = typed.get("appeal", "")
    try:
        if appeal.isdigit() and appeals.get(int(appeal)).member_id == member_id:
            run_unit(appeals.accept, int(appeal), wish, **facts)
        else:
            run_unit(moves.move, wish, **facts)
    except InvalidInput as error:
        return _preview(wish, typed, error), error.status
    flash("归属已调整，已付款的订单不受影响")
    return redirect(url_for(".binding", member_id=member_id))


@bp.get("/appeals")
@requires(Permission.DISTRIBUTOR_VIEW)
def appeals_list() -> ResponseReturnValue:
    state = lists.chosen(_APPEAL_TABS)
    page = appeals.queue(None if state == "all" else AppealStatus(state), before=web.page_before())
    counts = {status.value: count for status, count in appeals.counts().items()}
    return render_template(
        "admin/appeals.html",
        page=page,
        pager=lists.pager(page),
        tabs=lists.tabs(
            _APPEAL_TABS,
            state,
            counts | {"all": sum(counts.values())},
            alerts=[AppealStatus.OPEN],
        ),
        people=members.names_of(
            [row.member_id for row in page.items]
            + [row.upline_id for row in page.items if row.upline_id]
        ),
        may_answer=auth.allowed(Permission.DISTRIBUTOR_MOVE),
    )


@bp.post("/appeals/<int:appeal_id>/refuse")
@requires(Permission.DISTRIBUTOR_MOVE)
def appeal_refuse(appeal_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            appeals.refuse,
            appeal_id,
            reason=web.form_text("reason"),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        flash(error.message, "error")
    else:
        flash("已答复，申诉人会收到通知")
    return redirect(url_for(".appeals_list"))


def _wish(member_id: int, typed: dict[str, str]) -> Wish:
    """What was asked for. Raises InvalidInput naming `upline`."""
    with_team = typed.get("with_team", "1") == "1"
    if typed.get("to") == "nobody":
        return Wish(member_id, None, with_team)
    said = typed.get("upline", "").strip()
    if not said:
        raise InvalidInput("upline", "请填写新上级的推广码或会员编号")
    upline_id = distribution.member_by_code(said)
    if upline_id is None:
        raise InvalidInput("upline", "没有这个推广码或会员编号，请核对后再填")
    return Wish(member_id, upline_id, with_team)


def _place(
    member_id: int, *, typed: dict[str, str] | None = None, error: InvalidInput | None = None
) -> str:
    member, now = members.get(member_id), clock.now()
    uplines = [u for u in (member.upline1_id, member.upline2_id, member.upline3_id) if u]
    history = distribution.binding_history(member_id)
    rules = policy.current()
    standing = distribution.distributor_of(member_id)
    ends = rules.valid_until(member.bound_at) if uplines else None
    named = _named(history)
    named["people"] |= members.names_of([*uplines, member_id])
    return render_template(
        "admin/binding.html",
        member=member,
        standing=standing,
        uplines=uplines,
        above_them={found.member_id: found.id for found in distribution.distributors_of(uplines)},
        team=distribution.team_counts(member_id, 3),
        ends=None if standing is not None and standing.has_place else ends,
        now=now,
        history=history,
        appeals=appeals.of_member(member_id),
        may_move=auth.allowed(Permission.DISTRIBUTOR_MOVE) and member.erased_at is None,
        typed=typed or request.args.to_dict(),
        error=error.message if error else "",
        **named,
    )


def _preview(wish: Wish, typed: dict[str, str], error: InvalidInput | None = None) -> str:
    seen = moves.preview(wish)
    people = members.names_of(
        one for one in (wish.member_id, wish.upline_id, seen.upline_id) if one is not None
    )
    return render_template(
        "admin/binding_move.html",
        member=members.get(wish.member_id),
        seen=seen,
        wish=wish,
        people=people,
        open_orders=orders.purchases.open_below(wish.member_id),
        typed=typed,
        error=error,
    )


def _named(attempts: Any) -> dict[str, Any]:
    """What rows of the history show besides themselves."""
    facts = attempt_facts(attempts)
    return {"people": facts["members"], "channels": facts["channels"]}
