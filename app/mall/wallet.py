"""The wallet (我的钱包): balances, the statement, withdrawing."""

import re
import secrets
from datetime import timedelta

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import audit, commission, ledger, orders, settings, wechat, withdrawals
from app.core import clock, money, web
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.ledger import AccountKind
from app.mall import words
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp, shop_settings
from app.mall.limits import may_ask
from app.withdrawals import Channel, Withdrawal, WithdrawalStatus
from app.withdrawals.explained import tax_steps
from app.withdrawals.models import OPEN

# WeChat gives a transfer up when nobody confirmed it for a day (wechat.md, section 9).
CONFIRM_WITHIN = timedelta(hours=24)
DEBTS_SHOWN = 10
_SPENT = ("order_paid", "refund_succeeded")
_REQUEST_KEY = re.compile(r"[\w-]{16,64}", re.ASCII)


@bp.get("/me/wallet")
@members_only
def wallet() -> ResponseReturnValue:
    member_id = current_member().id
    page = ledger.entries_of(member_id, AccountKind.AVAILABLE, before=web.page_before())
    asked = [e.posting.subject_id for e in page.items if e.posting.subject == "withdrawal"]
    reversed_orders = [
        e.posting.subject_id for e in page.items if e.posting.event == "commission_reversed"
    ]
    spent = [e.posting.subject_id for e in page.items if e.posting.event in _SPENT]
    bonus_runs = [e.posting.subject_id for e in page.items if e.posting.subject == "bonus_run"]
    return render_template(
        "mall/wallet.html",
        wallet=ledger.wallet_of(member_id),
        page=page,
        debts=ledger.entries_of(member_id, AccountKind.DEBT, size=DEBTS_SHOWN).items,
        numbers=withdrawals.numbers_of(member_id, asked),
        order_numbers=orders.numbers_of(spent, listed=True),
        bonuses=commission.bonus.queries.in_runs(member_id, bonus_runs),
        taken_back=commission.reversed_in(member_id, reversed_orders),
        words=words,
    )


# --- withdrawing -------------------------------------------------------------------


@bp.get("/me/wallet/withdraw")
@members_only
def withdraw() -> ResponseReturnValue:
    if withdrawals.withholding.needs_identity(current_member().id):
        return redirect(url_for("mall.identity"), 303)
    return _withdraw_page()


@bp.post("/me/wallet/withdraw")
@members_only
def withdraw_step() -> ResponseReturnValue:
    """First the amount is checked and split; then the member confirms what was shown."""
    member_id, typed = current_member().id, web.form_text("amount", 40)
    key = request.form.get("request_key", "")
    try:
        channel, payee_id = _way()
        amount_fen = money.parse_yuan(typed, field="amount", label="提现金额")
        if not key:
            price = withdrawals.preview_for(
                member_id, amount_fen, now=clock.now(), channel=channel, payee_id=payee_id
            )
            return render_template(
                "mall/withdraw_confirm.html",
                price=price,
                tax_steps=tax_steps(price.detail) if price.detail else [],
                amount=typed.strip(),
                way=request.form.get("way", ""),
                channel=channel,
                is_granted=channel is Channel.WECHAT
                and withdrawals.grants.to_pay_with(member_id) is not None,
                payee=withdrawals.payees.chosen(member_id, channel, payee_id),
                words=words,
                request_key=secrets.token_urlsafe(24),
            )
        if not _REQUEST_KEY.fullmatch(key):
            raise InvalidInput("amount", "页面已失效，请重新填写")
        row = run_unit(
            withdrawals.request,
            member_id,
            amount_fen=amount_fen,
            request_key=key,
            expected_net_fen=_shown_net(),
            channel=channel,
            payee_id=payee_id,
            now=clock.now(),
        )
    except withdrawals.NameNeeded as error:
        flash(error.message)
        return redirect(url_for("mall.identity"), 303)
    except withdrawals.IdentityNeeded:
        return redirect(url_for("mall.identity"), 303)
    except InvalidInput as error:
        return _withdraw_page(typed=typed, error=error), error.status
    return redirect(url_for("mall.withdrawal_page", number=row.number), 303)


def _way() -> tuple[Channel, int | None]:
    """The way that was chosen: `wechat`, or the id of one of the member's accounts."""
    way = request.form.get("way", Channel.WECHAT.value)
    if way.isascii() and way.isdigit() and len(way) < 16:
        found = next(
            (a for a in withdrawals.payees.accounts_of(current_member().id) if a.id == int(way)),
            None,
        )
        if found is not None:
            return found.channel, found.id
    if way != Channel.WECHAT.value:
        raise InvalidInput("way", "请选择到账方式")
    return Channel.WECHAT, None


def _shown_net() -> int:
    """What the confirming page said would arrive. Raises InvalidInput."""
    shown = request.form.get("expected_net_fen", "")
    if not (shown.isascii() and shown.isdigit() and len(shown) < 16):
        raise InvalidInput("amount", "页面已失效，请重新填写")
    return int(shown)


def _withdraw_page(*, typed: str = "", error: InvalidInput | None = None) -> str:
    rules = shop_settings()
    member_id = current_member().id
    open_terms = withdrawals.channels.open_terms()
    accounts = [a for a in withdrawals.payees.accounts_of(member_id) if a.channel in open_terms]
    return render_template(
        "mall/withdraw.html",
        wallet=ledger.wallet_of(member_id),
        grant=withdrawals.grants.newest_of(member_id),
        grants_offered=withdrawals.grants.are_offered(),
        is_granted=withdrawals.grants.to_pay_with(member_id) is not None,
        open_terms=open_terms,
        accounts=accounts,
        may_add=any(channel in open_terms for channel in withdrawals.BY_HAND),
        chosen=request.values.get("way", ""),
        words=words,
        terms=words.withdrawals.withdraw_terms(rules),
        is_taxed=rules[settings.registry.TAX_METHOD.key] != "none",
        typed=typed,
        error=error,
    )


# --- what became of it -------------------------------------------------------------


@bp.get("/me/wallet/withdrawals")
@members_only
def withdrawal_list() -> ResponseReturnValue:
    page = withdrawals.withdrawals_of(current_member().id, before=web.page_before())
    return render_template("mall/withdrawals.html", page=page, words=words)


@bp.get("/me/wallet/withdrawals/<number>")
@members_only
def withdrawal_page(number: str) -> ResponseReturnValue:
    row = _mine(number)
    bill = withdrawals.current_bill(row.id)
    withheld = withdrawals.withholding.of_withdrawal(row.id)
    # Before there is a bill: what it would be sent with.
    is_granted = row.channel is Channel.WECHAT and (
        withdrawals.grants.to_pay_with(row.member_id) is not None
        if bill is None and row.status in OPEN
        else bill is not None and bill.grant_id is not None
    )
    waits = row.status is WithdrawalStatus.WAIT_CONFIRM and bill is not None
    confirm = (
        wechat.current().transfers.confirm_parameters(bill.package_info)
        if waits and bill is not None and bill.package_info
        else None
    )
    return render_template(
        "mall/withdrawal.html",
        row=row,
        sentence=words.withdrawals.withdrawal_sentence(row, is_granted=is_granted),
        steps=words.withdrawals.withdrawal_steps(audit.moves_of("withdrawal", row.id), row.channel),
        payee=withdrawals.payees.of_withdrawal(row.id),
        words=words,
        reason=withdrawals.reason_of(row, bill),
        lost_its_grant=row.status in OPEN and withdrawals.lost_its_grant(row.id),
        tax_steps=tax_steps(withheld) if withheld is not None else [],
        confirm=confirm,
        is_granted=is_granted,
        may_grant=waits
        and withdrawals.grants.are_offered()
        and withdrawals.grants.live_of(row.member_id) is None,
        deadline=bill.created_at + CONFIRM_WITHIN if waits and bill is not None else None,
        is_open=row.status in OPEN,
        state=words.withdrawals.WITHDRAWAL_STATE[row.status],
    )


@bp.get("/me/wallet/withdrawals/<number>/state")
@members_only
def withdrawal_state(number: str) -> ResponseReturnValue:
    """Where it stands; asks WeChat itself while the member has just confirmed."""
    row = _mine(number)
    if row.status is WithdrawalStatus.WAIT_CONFIRM and may_ask(row.number):
        bill = withdrawals.current_bill(row.id)
        if bill is not None:
            gateway = wechat.current().transfers
            withdrawals.ask(bill.id, gateway=gateway, now=clock.now())
            row = _mine(number)
    return jsonify(
        status=row.status.value,
        words=words.withdrawals.WITHDRAWAL_STATE[row.status],
        waits=row.status is WithdrawalStatus.WAIT_CONFIRM,
    )


@bp.post("/me/wallet/withdrawals/<number>/cancel")
@members_only
def cancel_withdrawal(number: str) -> ResponseReturnValue:
    row_id, member_id = _mine(number).id, current_member().id
    run_unit(withdrawals.cancel, row_id, member_id=member_id, now=clock.now())
    flash("已撤回，金额已退回可提现余额")
    return redirect(url_for("mall.withdrawal_page", number=number), 303)


def _mine(number: str) -> Withdrawal:
    return withdrawals.withdrawal_of(current_member().id, number)
