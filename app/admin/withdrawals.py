"""Withdrawals: review, pay, cancel a waiting bill."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import audit, distribution, ledger, members, settings, tax, wechat, withdrawals
from app.admin import auth, lists, people, tables, words
from app.admin.auth import current_admin, requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.money import WITHDRAWALS
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import DomainError, IllegalMove, InvalidInput
from app.core.money import format_yuan
from app.withdrawals import Withdrawal, WithdrawalStatus, explained

S = WithdrawalStatus
BATCH_MAX = 100
_ORDERED = (
    S.SUBMITTED,
    S.APPROVED,
    S.SENDING,
    S.UNKNOWN,
    S.WAIT_CONFIRM,
    S.CANCELLING,
    S.PAID,
    S.FAILED,
    S.REJECTED,
    S.CANCELLED,
)
_TABS = [("", "全部"), *((state.value, words.payouts.WITHDRAWAL[state][0]) for state in _ORDERED)]


@bp.get("/withdrawals")
@requires(Permission.WITHDRAWAL_VIEW)
def withdrawals_list() -> ResponseReturnValue:
    if (led := tables.opening(WITHDRAWALS)) is not None:
        return led
    state = lists.chosen(_TABS)
    found = withdrawals.counts_by_status()
    counts = {status.value: count for status, (count, _) in found.items()}
    sums = {status.value: total for status, (_, total) in found.items()}
    return render_template(
        "admin/withdrawals.html",
        table=tables.show(WITHDRAWALS, state=state),
        tabs=lists.tabs(
            _TABS, state, counts | {"": sum(counts.values())}, alerts=[S.SUBMITTED, S.UNKNOWN]
        ),
        state=state,
        total_fen=sums.get(state, 0) if state else sum(sums.values()),
        count=counts.get(state, 0) if state else sum(counts.values()),
        may_batch=state == S.SUBMITTED and auth.allowed(Permission.WITHDRAWAL_REVIEW),
    )


@bp.post("/withdrawals/batch")
@requires(Permission.WITHDRAWAL_REVIEW)
def withdrawals_batch() -> ResponseReturnValue:
    """Approve several: first a summary of what was ticked, then each on its own."""
    numbers = list(dict.fromkeys(request.form.getlist("ids")))[:BATCH_MAX]
    rows = [withdrawals.withdrawal_by_number(number[:32]) for number in numbers]
    if not rows:
        flash("请先勾选要通过的提现", "warning")
        return redirect(url_for(".withdrawals_list", state=S.SUBMITTED.value))
    if "confirmed" not in request.form:
        return _batch_summary(rows)
    approved, first, refused = _approve_each([(row.id, row.number) for row in rows])
    if approved:
        flash(f"已通过 {approved} 笔，将由打款任务在一分钟内发出")
    if first:
        flash(f"{first} 笔达到双人审核金额，已记录你的初审，等待另一位管理员复审", "warning")
    for number, message in refused[:5]:
        flash(f"{number}：{message}", "error")
    if len(refused) > 5:
        flash(f"另有 {len(refused) - 5} 笔未能通过", "error")
    return redirect(url_for(".withdrawals_list", state=S.SUBMITTED.value))


@bp.get("/withdrawals/<number>")
@requires(Permission.WITHDRAWAL_VIEW)
def withdrawal(number: str) -> ResponseReturnValue:
    return _page(number)


@bp.post("/withdrawals/<number>/approve")
@requires(Permission.WITHDRAWAL_REVIEW)
def withdrawal_approve(number: str) -> ResponseReturnValue:
    row = withdrawals.withdrawal_by_number(number)
    done = run_unit(
        withdrawals.approve,
        row.id,
        actor=auth.actor(),
        actor_member_id=current_admin().member_id,
        now=clock.now(),
        note=web.form_text("note"),
    )
    if done:
        flash("已通过，将由打款任务在一分钟内发出")
    else:
        flash("初审已通过，需要另一位管理员复审后才会打款", "warning")
    return _back(number)


@bp.post("/withdrawals/<number>/reject")
@requires(Permission.WITHDRAWAL_REVIEW)
def withdrawal_reject(number: str) -> ResponseReturnValue:
    row = withdrawals.withdrawal_by_number(number)
    try:
        run_unit(
            withdrawals.reject,
            row.id,
            reason=web.form_text("reason"),
            actor=auth.actor(),
            actor_member_id=current_admin().member_id,
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(number, {error.field or "": error.message}), error.status
    flash("已拒绝，金额已退回申请人的可提现余额")
    return _back(number)


@bp.post("/withdrawals/<number>/pay")
@requires(Permission.WITHDRAWAL_REVIEW)
def withdrawal_pay(number: str) -> ResponseReturnValue:
    """Send an approved one now instead of waiting for the payout job."""
    row = withdrawals.withdrawal_by_number(number)
    if row.status is not S.APPROVED or row.channel in withdrawals.BY_HAND:
        raise IllegalMove(state=row.status.value)
    row_id, now = row.id, clock.now()
    run_unit(
        audit.record,
        "withdrawal.pay_now",
        subject="withdrawal",
        subject_id=row_id,
        actor=auth.actor(),
        now=now,
    )
    try:
        outcome = withdrawals.pay(row_id, gateway=wechat.current().transfers, now=now)
    except withdrawals.PayoutsLocked as error:
        flash(error.message, "error")
        return _back(number)
    except withdrawals.MerchantShort:
        flash("商户号余额不足，款项保持冻结；充值后系统会自动继续", "error")
        return _back(number)
    _say_outcome(outcome)
    return _back(number)


@bp.post("/withdrawals/<number>/cancel-bill")
@requires(Permission.WITHDRAWAL_REVIEW)
def withdrawal_cancel_bill(number: str) -> ResponseReturnValue:
    """Ask WeChat to cancel a bill that its receiver has not confirmed."""
    row = withdrawals.withdrawal_by_number(number)
    outcome = withdrawals.cancel_bill(
        row.id, actor=auth.actor(), gateway=wechat.current().transfers, now=clock.now()
    )
    if outcome == "unclear":
        flash("微信没有明确答复，已标为“撤销中”，系统会自动查询结果", "warning")
    else:
        flash("已请求微信撤销，撤销完成后金额自动退回申请人")
    return _back(number)


def _approve_each(rows: list[tuple[int, str]]) -> tuple[int, int, list[tuple[str, str]]]:
    """One unit each, so that one refusal does not stop the others."""
    actor, own_member = auth.actor(), current_admin().member_id
    approved = first = 0
    refused: list[tuple[str, str]] = []
    for row_id, number in rows:
        try:
            done = run_unit(
                withdrawals.approve,
                row_id,
                actor=actor,
                actor_member_id=own_member,
                now=clock.now(),
                note="批量审核",
            )
        except DomainError as error:
            refused.append((number, error.message))
            continue
        approved, first = approved + done, first + (not done)
    return approved, first, refused


def _batch_summary(rows: list[Withdrawal]) -> str:
    mine = auth.actor().ref
    return render_template(
        "admin/withdrawals_batch.html",
        rows=rows,
        applicants=members.names_of(row.member_id for row in rows),
        gross_fen=sum(row.gross_fen for row in rows),
        net_fen=sum(row.net_fen for row in rows),
        first=sum(row.needs_two and not row.first_reviewer for row in rows),
        same=sum(row.needs_two and row.first_reviewer == mine for row in rows),
    )


def _say_outcome(outcome: str) -> None:
    if outcome in words.payouts.PAY_OUTCOME:
        flash(words.payouts.PAY_OUTCOME[outcome], "warning")
        return
    text, tone = words.word(words.payouts.BILL, outcome)
    flash(f"已发送到微信：{text}", "error" if tone == "bad" else "success")


def _page(number: str, errors: dict[str, str] | None = None) -> str:
    row = withdrawals.withdrawal_by_number(number)
    member = members.get(row.member_id)
    earlier = withdrawals.withdrawals_of(row.member_id, before=row.id, size=10).items
    withheld = withdrawals.withholding.of_withdrawal(row.id)
    bills = withdrawals.bills_of(row.id)
    limit = settings.value(settings.registry.WITHDRAW_TWO_PERSON_FEN)
    can_review = auth.allowed(Permission.WITHDRAWAL_REVIEW)
    return render_template(
        "admin/withdrawal.html",
        row=row,
        member=member,
        distributor=distribution.distributor_of(member.id),
        member_days=(clock.now() - member.created_at).days,
        wallet=ledger.wallet_of(member.id),
        bills=bills,
        is_granted=bool(bills) and bills[0].grant_id is not None,
        grant=withdrawals.grants.newest_of(row.member_id),
        withheld=withheld,
        tax_steps=explained.tax_steps(withheld) if withheld else [],
        tax_source=explained.source_of(withheld) if withheld else "",
        identity=tax.identity_of(row.member_id) if auth.allowed(Permission.TAX_VIEW) else None,
        earlier=earlier,
        postings=ledger.postings_of(("withdrawal", row.id)),
        timeline=people.timeline(
            "withdrawal", row.id, words.payouts.WITHDRAWAL, told=words.payouts.told
        ),
        reviewers=people.names([row.first_reviewer, row.reviewer]),
        limit_text=format_yuan(limit),
        is_first_mine=row.first_reviewer == auth.actor().ref,
        is_own=current_admin().member_id == row.member_id,
        may_review=can_review and row.status is S.SUBMITTED,
        payee=withdrawals.payees.of_withdrawal(row.id),
        by_hand=withdrawals.batches.line_of(row.id),
        is_by_hand=row.channel in withdrawals.BY_HAND,
        may_pay=can_review and row.status is S.APPROVED and row.channel not in withdrawals.BY_HAND,
        may_cancel=can_review and row.status is S.WAIT_CONFIRM and _has_live(row.id),
        typed=request.form,
        errors=errors or {},
    )


def _has_live(withdrawal_id: int) -> bool:
    bill = withdrawals.current_bill(withdrawal_id)
    return bill is not None and bill.ended_at is None


def _back(number: str) -> ResponseReturnValue:
    db.session.rollback()
    return redirect(url_for(".withdrawal", number=number))
