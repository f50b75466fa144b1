"""Distributors: applications, standing, the facts of one."""

from datetime import date, datetime, time, timedelta

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import commission, distribution, ledger, members, risk, withdrawals
from app.admin import auth, distributor_batch, lists, people, risks, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.people import DISTRIBUTORS
from app.core import clock, web
from app.core.crypto import mask_phone
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.distribution import DistributorStatus, levels, team
from app.distribution.joining import form

D = DistributorStatus
# What admins do to a distributor besides moving the state, which `timeline` has.
_ACTS = ("distributor.level",)
_TABS = [
    *(
        (s.value, words.people.DISTRIBUTOR[s][0])
        for s in (D.APPLIED, D.APPROVED, D.SUSPENDED, D.REJECTED)
    ),
    (D.INVITED.value, words.people.DISTRIBUTOR[D.INVITED][0]),
    (D.CLOSED.value, words.people.DISTRIBUTOR[D.CLOSED][0]),
    ("all", "全部"),
]


@bp.get("/distributors")
@requires(Permission.DISTRIBUTOR_VIEW)
def distributors() -> ResponseReturnValue:
    if (led := tables.opening(DISTRIBUTORS)) is not None:
        return led
    counts = {status.value: count for status, count in distribution.counts_by_status().items()}
    # Opened from the bar: what waits first; nothing waits: those who earn.
    first = D.APPLIED.value if counts.get(D.APPLIED) else D.APPROVED.value
    state = lists.chosen([(first, ""), *_TABS])
    return render_template(
        "admin/distributors.html",
        table=tables.show(DISTRIBUTORS, state=state),
        tabs=lists.tabs(_TABS, state, counts | {"all": sum(counts.values())}, alerts=[D.APPLIED]),
        state=state,
        batch=[(name, act) for name, act in distributor_batch.ACTS.items() if act.tab == state]
        if auth.allowed(Permission.DISTRIBUTOR_REVIEW)
        else [],
    )


@bp.get("/distributors/<int:distributor_id>")
@requires(Permission.DISTRIBUTOR_VIEW)
def distributor(distributor_id: int) -> ResponseReturnValue:
    return _page(distributor_id)


@bp.post("/distributors/<int:distributor_id>/approve")
@requires(Permission.DISTRIBUTOR_REVIEW)
def distributor_approve(distributor_id: int) -> ResponseReturnValue:
    run_unit(distribution.approve, distributor_id, actor=auth.actor(), now=clock.now())
    flash("已通过，对方现在可以推广并获得佣金")
    return _back(distributor_id)


@bp.post("/distributors/<int:distributor_id>/reject")
@requires(Permission.DISTRIBUTOR_REVIEW)
def distributor_reject(distributor_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            distribution.reject,
            distributor_id,
            reason=web.form_text("reason") or web.form_text("quick"),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(distributor_id, {"reject": error.message}), error.status
    flash("已拒绝，申请人可以看到原因并重新申请")
    return _back(distributor_id)


@bp.post("/distributors/<int:distributor_id>/suspend")
@requires(Permission.DISTRIBUTOR_REVIEW)
def distributor_suspend(distributor_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            distribution.suspend,
            distributor_id,
            reason=web.form_text("reason"),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(distributor_id, {"suspend": error.message}), error.status
    flash("已暂停：不再产生新佣金，待结算佣金暂不结算")
    return _back(distributor_id)


@bp.post("/distributors/<int:distributor_id>/restore")
@requires(Permission.DISTRIBUTOR_REVIEW)
def distributor_restore(distributor_id: int) -> ResponseReturnValue:
    run_unit(distribution.restore, distributor_id, actor=auth.actor(), now=clock.now())
    flash("已恢复")
    return _back(distributor_id)


@bp.post("/distributors/<int:distributor_id>/level")
@requires(Permission.LEVEL_CHANGE)
def distributor_level(distributor_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            levels.assign,
            distributor_id,
            web.form_text("level", 20),
            reason=web.form_text("reason"),
            until=_midnight_after(web.form_text("until", 10)),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(distributor_id, {f"level.{error.field}": error.message}), error.status
    flash("等级已调整，只影响之后的新订单")
    return _back(distributor_id)


@bp.post("/distributors/<int:distributor_id>/note")
@requires(Permission.MEMBER_NOTE)
def distributor_note(distributor_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            members.notes.add,
            distribution.distributor_by_id(distributor_id).member_id,
            web.form_text("note", members.notes.TEXT_CHARS_MAX + 1),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(distributor_id, {"note": error.message}), error.status
    flash("备注已保存")
    return _back(distributor_id)


def _midnight_after(text: str) -> datetime | None:
    """The end of the day that was typed; None for an empty field: for ever."""
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput("until", "请选择日期，或留空") from None
    if not 2000 <= day.year < 9999:
        raise InvalidInput("until", "请选择日期，或留空")
    return clock.as_utc(datetime.combine(day + timedelta(days=1), time(), clock.SHANGHAI))


def _page(distributor_id: int, errors: dict[str, str] | None = None) -> str:
    row = distribution.distributor_by_id(distributor_id)
    member = members.get(row.member_id)
    uplines = [u for u in (member.upline1_id, member.upline2_id, member.upline3_id) if u]
    bindings = distribution.binding_history(member.id)
    owners = {attempt.owner_id for attempt in bindings if attempt.owner_id}
    ladder = levels.ladder()
    twins = distribution.same_phone(row)
    review = auth.allowed(Permission.DISTRIBUTOR_REVIEW)
    notes = members.notes.of_member(member.id)
    flags = risk.of_member(member.id)
    return render_template(
        "admin/distributor.html",
        row=row,
        member=member,
        code=distribution.sharing_code(member.id),
        uplines=uplines,
        people=members.names_of({*uplines, *owners}),
        team=distribution.team_counts(member.id, web.settings().distribution_hard_cap),
        above_them={found.member_id: found.id for found in distribution.distributors_of(uplines)},
        sales=team.sales(member.id),
        grant=withdrawals.grants.newest_of(member.id),
        withdrawn=withdrawals.withdrawals_of(member.id, size=5).items,
        appeals=distribution.appeals.of_member(member.id, limit=5),
        consents=members.consents_of(member.id)[::-1],
        notes=notes,
        authors=people.names(note.author for note in notes),
        acts=people.acts("distributor", row.id, _ACTS),
        flags=flags,
        is_held=risk.is_held(member.id),
        may_note=auth.allowed(Permission.MEMBER_NOTE) and member.erased_at is None,
        may_answer_risk=auth.allowed(Permission.RISK_DECIDE),
        sees_withdrawals=auth.allowed(Permission.WITHDRAWAL_VIEW),
        **risks.facts([flag.id for flag in flags], [flag.decided_by for flag in flags]),
        wallet=ledger.wallet_of(member.id),
        earned=commission.summary_of(member.id, clock.now()),
        commissions=commission.commissions_of(member.id, size=10).items,
        bindings=bindings,
        timeline=people.timeline("distributor", row.id, words.people.DISTRIBUTOR),
        answers=_answers(row),
        twins=twins,
        twin_names=members.names_of(twin.member_id for twin in twins),
        standing=commission.standing.standing_of(row, now=clock.now()),
        steps=levels.changes_of(row.id, limit=10),
        ladder=ladder,
        choices=[(level.code, level.name) for level in ladder.levels if level.is_active],
        titles=levels.METRIC_TITLES,
        may_give=auth.allowed(Permission.LEVEL_CHANGE) and row.status in (D.APPROVED, D.SUSPENDED),
        may_decide=review and row.status is D.APPLIED,
        may_suspend=review and row.status is D.APPROVED,
        may_restore=review and row.status is D.SUSPENDED,
        typed=request.form,
        errors=errors or {},
    )


def _answers(row: distribution.Distributor) -> list[tuple[str, str]]:
    """What was filled in, by the names that the form of then gave the fields."""
    given = row.answers
    fields = form.fields_of(form.by_id(row.form_id))
    # Who does not decide about applicants has no need to call them.
    opens = auth.allowed(Permission.DISTRIBUTOR_REVIEW) and auth.allowed(
        Permission.PERSONAL_DATA_VIEW
    )
    said = []
    for field in fields:
        text = str(given.get(field.key, ""))
        is_hidden = field.kind is form.FieldKind.PHONE and text and not opens
        said.append((field.label, mask_phone(text) if is_hidden else text))
    return said


def _back(distributor_id: int) -> ResponseReturnValue:
    return redirect(url_for(".distributor", distributor_id=distributor_id))
