"""Bonuses of a period at the desk (返利核算): one person reviews, another pays."""

from collections.abc import Iterator
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import audit, ledger, members
from app.admin import auth, export, lists, people, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.books import BONUS_RUNS, PROGRESS, tally
from app.commission import bonus
from app.commission.bonus import BonusRun, ResultState
from app.commission.bonus.queries import Tally
from app.commission.bonus.reviews import Done
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import InvalidInput
from app.distribution import levels

S = ResultState
BATCH_MAX = 200
_TABS = [("", "全部"), *((state.value, words.commissions.BONUS[state][0]) for state in S)]


@bp.get("/bonus-runs")
@requires(Permission.COMMISSION_VIEW)
def bonus_runs() -> ResponseReturnValue:
    if (led := tables.opening(BONUS_RUNS)) is not None:
        return led
    return render_template(
        "admin/bonus_runs.html",
        table=tables.show(BONUS_RUNS),
        bonuses=[
            ("", "全部"),
            *((row.program.id, row.shown.name) for row in bonus.queries.bonuses(clock.now())),
        ],
        progress=[("", "全部"), *PROGRESS.items()],
        states=S,
        tally=tally,
        wording=bonus.wording,
    )


@bp.get("/bonus-runs/<int:run_id>")
@requires(Permission.COMMISSION_VIEW)
def bonus_run(run_id: int) -> ResponseReturnValue:
    return _page(bonus.runs.get(run_id))


@bp.post("/bonus-runs/<int:run_id>/decide")
@requires(Permission.BONUS_REVIEW)
def bonus_run_decide(run_id: int) -> ResponseReturnValue:
    """Approve what was ticked, or all of it; refuse what was ticked, for a reason."""
    act = web.form_text("action", 20)
    ticked = [web.whole_number(value) or 0 for value in request.form.getlist("ids")[:BATCH_MAX]]
    rows = bonus.queries.chosen(run_id, ticked)
    who = [row.member_id for row in rows]
    db.session.rollback()
    if act != "approve-all" and not who:
        flash("请先勾选要处理的返利", "warning")
        return _back(run_id)
    given: dict[str, Any] = {"seen": _seen(), "actor": auth.actor(), "now": clock.now()}
    try:
        if act == "refuse":
            if "confirmed" not in request.form:
                return _refusing(run_id, ticked)
            reason = web.form_text("reason", 400)
            done = run_unit(bonus.reviews.refuse, run_id, who, reason=reason, **given)
            said = "设为不发放，分销员会看到原因"
        else:
            wanted = None if act == "approve-all" else who
            done = run_unit(bonus.reviews.approve, run_id, wanted, **given)
            said = "审核通过，请由另一位管理员发放"
    except InvalidInput as error:
        return _refusing(run_id, ticked, error.message), error.status
    except bonus.reviews.RunChanged as error:
        flash(error.message, "error")
        return _back(run_id)
    if done.rows:
        flash(f"{done.rows} 人的返利已{said}")
    else:
        flash("没有可以处理的返利：已处理过的、不符合条件的和你本人的不能改动", "warning")
    return _back(run_id)


@bp.post("/bonus-runs/<int:run_id>/post")
@requires(Permission.BONUS_REVIEW)
def bonus_run_post(run_id: int) -> ResponseReturnValue:
    """Pay what somebody else approved, chunk by chunk."""
    actor, now = auth.actor(), clock.now()
    total, after = Done(), 0
    try:
        bonus.posting.check_post(run_id, actor=actor)
        while True:
            part, last = run_unit(
                bonus.posting.post_chunk, run_id, actor=actor, now=now, after=after
            )
            total += part
            if last is None:
                break
            after = last
    except (bonus.posting.OwnReview, bonus.posting.ShopShort, bonus.posting.TeamOff) as error:
        flash(error.message, "error")
    run = bonus.runs.get(run_id)
    if total.rows:
        paid = bonus.wording.amount(bonus.runs.program_of(run).reward, total.amount_fen)
        flash(f"已发放 {total.rows} 人，共 {paid}")
    waits = bonus.queries.tallies([run_id])[run_id].get(S.APPROVED, Tally()).rows
    if waits:
        flash(f"还有 {waits} 人没有发放：由你审核、你本人、已暂停或正在核实的会留下", "warning")
    return _back(run_id)


@bp.get("/bonus-runs/<int:run_id>/export")
@requires(Permission.COMMISSION_VIEW)
def bonus_run_export(run_id: int) -> ResponseReturnValue:
    run = bonus.runs.get(run_id)
    name = bonus.queries.versions([run.version_id])[run.version_id].name
    head = ["会员编号", "分销员", "业绩", "档位", "返利", "退款追回", "状态", "说明"]
    return export.csv_stream(f"{name}-{run.label}.csv", head, _lines(run))


@bp.get("/bonus-results/<int:result_id>")
@requires(Permission.COMMISSION_VIEW)
def bonus_result(result_id: int) -> ResponseReturnValue:
    """Why this amount: the rules, the figures, who decided, what refunds changed."""
    row = bonus.queries.result_by_id(result_id)
    [found] = bonus.queries.with_facts([row])
    return render_template(
        "admin/bonus_result.html",
        row=row,
        found=found,
        span=bonus.runs.span_of(found.run),
        member=members.get(row.member_id),
        conditions=bonus.wording.conditions(found.program, levels.names()),
        corrections=bonus.corrections.corrections_of(result_id),
        called=people.names([row.reviewed_by, found.batch.posted_by if found.batch else ""]),
        wording=bonus.wording,
    )


def _lines(run: BonusRun) -> Iterator[list[object]]:
    program = bonus.runs.program_of(run)
    for row, member in bonus.queries.results_of_run(run.id):
        yield [
            member.public_id,
            member.display_name,
            bonus.wording.value(program.metric, row.value),
            row.tier,
            bonus.wording.amount(program.reward, row.amount_fen),
            bonus.wording.amount(program.reward, row.reversed_fen),
            words.commissions.BONUS[row.state][0],
            row.reason,
        ]
    db.session.rollback()


def _page(run: BonusRun) -> str:
    state = lists.chosen(_TABS)
    page = bonus.queries.results_page(run.id, S(state) if state else None, before=web.page_before())
    tally = bonus.queries.tallies([run.id])[run.id]
    counts = {found.value: part.rows for found, part in tally.items()}
    version = bonus.queries.versions([run.version_id])[run.version_id]
    program = bonus.runs.program_of(run)
    may_review = auth.allowed(Permission.BONUS_REVIEW)
    is_cash = program.reward is bonus.rules.Reward.CASH
    return render_template(
        "admin/bonus_run.html",
        run=run,
        version=version,
        program=program,
        span=bonus.runs.span_of(run),
        page=page,
        pager=lists.pager(page),
        tabs=lists.tabs(_TABS, state, counts | {"": sum(counts.values())}, alerts=[S.COMPUTED]),
        state=state,
        tally={found.value: tally.get(found, Tally()) for found in S},
        people=members.names_of(row.member_id for row in page.items),
        called=people.names(row.reviewed_by for row in page.items),
        may_review=may_review,
        is_blocked=program.asks_for_team and not levels.allows_team(),
        # Asked only where it decides something: it is the sum of all its entries.
        shop_fen=ledger.system_balance_fen(ledger.AccountKind.SHOP)
        if is_cash and S.APPROVED in tally
        else None,
        batches=bonus.queries.batches_of(run.id),
        timeline=_timeline(run.id),
        wording=bonus.wording,
    )


def _timeline(run_id: int) -> list[dict[str, Any]]:
    acts = audit.entries_of("bonus_run", run_id, ("bonus.approve", "bonus.refuse", "bonus.post"))
    called = people.names(act.actor for act in acts)
    return [
        {
            "at": act.at,
            "who": called.get(act.actor, ""),
            "what": f"{words.audit.ACTION[act.action]} {(act.after or {}).get('rows', 0)} 人",
            "note": act.reason,
            "tone": "good" if act.action == "bonus.post" else "off",
        }
        for act in reversed(acts)
    ]


def _refusing(run_id: int, ticked: list[int], error: str = "") -> str:
    run = bonus.runs.get(run_id)
    rows = bonus.queries.chosen(run_id, ticked)
    return render_template(
        "admin/bonus_refuse.html",
        run=run,
        rows=rows,
        people=members.names_of(row.member_id for row in rows),
        program=bonus.runs.program_of(run),
        total=sum(row.amount_fen for row in rows if row.state in (S.COMPUTED, S.APPROVED)),
        seen=_seen(),
        typed=web.form_text("reason", 400),
        error=error,
        wording=bonus.wording,
    )


def _seen() -> int:
    return web.whole_number(web.form_text("seen", 9)) or 0


def _back(run_id: int) -> ResponseReturnValue:
    db.session.rollback()
    state = web.form_text("state", 12)
    return redirect(url_for(".bonus_run", run_id=run_id, state=state or None), 303)
