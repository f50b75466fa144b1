"""Payouts by hand (线下打款): batches, their files, what became of each line, vouchers."""

from functools import partial
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import catalog, members, withdrawals
from app.admin import auth, export, people, tables, words
from app.admin.auth import current_admin, requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.papers import PAYOUT_BATCHES
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import DomainError, InvalidInput, NotFound
from app.reports import payout_files
from app.withdrawals import BY_HAND, Channel, LineState, batches, byhand, vouchers

_ACTS = ("make", "file", "paid", "failed", "returned", "take_out")


class SecondFactorWanted(DomainError):
    code = "second_factor_wanted"
    status = 403
    message = "打款文件含完整账号，请先在“账号与安全”开启两步验证"


@bp.get("/payout-batches")
@requires(Permission.WITHDRAWAL_VIEW)
def payout_batches() -> ResponseReturnValue:
    if (led := tables.opening(PAYOUT_BATCHES)) is not None:
        return led
    return render_template(
        "admin/payout_batches.html",
        table=tables.show(PAYOUT_BATCHES),
        ways=[("", "全部"), *((way.value, words.payouts.CHANNEL[way]) for way in BY_HAND)],
        waiting=batches.waiting(),
        is_locked=withdrawals.locks.current() is not None,
        may_pay=auth.allowed(Permission.PAYOUT_BATCH),
    )


@bp.post("/payout-batches")
@requires(Permission.PAYOUT_BATCH)
def payout_batch_make() -> ResponseReturnValue:
    way = request.form.get("channel", "")
    if way not in [channel.value for channel in BY_HAND]:
        raise InvalidInput("channel", "请选择银行卡或支付宝")
    made = run_unit(byhand.make_batch, Channel(way), actor=auth.actor(), now=clock.now())
    flash(f"已生成批次，共 {made.line_count} 笔；下载打款文件，付款后回来登记结果")
    return redirect(url_for(".payout_batch", number=made.number), 303)


@bp.get("/payout-batches/<number>")
@requires(Permission.WITHDRAWAL_VIEW)
def payout_batch(number: str) -> ResponseReturnValue:
    return _page(number)


@bp.post("/payout-batches/<number>/file/<kind>")
@requires(Permission.PAYOUT_BATCH)
def payout_batch_file(number: str, kind: str) -> ResponseReturnValue:
    """The file with full numbers: only for a second factor, and written down with its hash."""
    batch = batches.by_number(number)
    if kind not in payout_files.KINDS:
        raise NotFound("没有这种文件")
    if g.admin.totp_since is None:
        raise SecondFactorWanted()
    name = f"打款-{batch.number}.{kind}"
    content = run_unit(
        byhand.filed,
        batch.id,
        name=name,
        make=partial(payout_files.made, kind=kind),
        actor=auth.actor(),
        now=clock.now(),
    )
    return export.download(name, content, payout_files.KINDS[kind])


@bp.get("/payout-batches/<number>/record")
@requires(Permission.PAYOUT_BATCH)
def payout_batch_record(number: str) -> ResponseReturnValue:
    """Where what became of lines is written down; the code is asked before a file is chosen."""
    return _record_page(number)


@bp.post("/payout-batches/<number>/record")
@requires(Permission.PAYOUT_BATCH)
def payout_batch_recorded(number: str) -> ResponseReturnValue:
    request.max_content_length = catalog.media.BYTES_MAX + 64 * 1024
    batch_id = batches.by_number(number).id
    typed = request.form.getlist("lines")[: byhand.LINES_MAX]
    lines = [line for line in map(web.whole_number, typed) if line is not None]
    try:
        if request.form.get("outcome") == "failed":
            count = run_unit(
                byhand.mark_failed, batch_id, lines, reason=web.form_text("reason"), **_who()
            )
            flash(f"已登记 {count} 笔失败，金额已退回申请人的可提现余额")
        else:
            count = _paid(batch_id, lines)
            flash(f"已登记 {count} 笔打款")
    except InvalidInput as error:
        db.session.rollback()
        return _record_page(number, error), error.status
    return redirect(url_for(".payout_batch", number=number), 303)


@bp.post("/payout-batches/<number>/lines/<int:line_id>/return")
@requires(Permission.PAYOUT_BATCH)
def payout_line_return(number: str, line_id: int) -> ResponseReturnValue:
    """A paid line came back (退票): by somebody else than who said that it was paid."""
    _line_of(number, line_id)
    try:
        run_unit(byhand.mark_returned, line_id, reason=web.form_text("reason"), **_who())
    except InvalidInput as error:
        db.session.rollback()
        return _page(number, returned=line_id, error=error.message), error.status
    flash("已登记退票，金额、税和手续费已退回申请人的可提现余额")
    return redirect(url_for(".payout_batch", number=number), 303)


@bp.post("/payout-batches/<number>/lines/<int:line_id>/take-out")
@requires(Permission.PAYOUT_BATCH)
def payout_line_take_out(number: str, line_id: int) -> ResponseReturnValue:
    """A line leaves a batch of which nothing was recorded: its withdrawal is approved again."""
    _line_of(number, line_id)
    is_unpaid = request.form.get("is_unpaid") == "1"
    reason = web.form_text("reason")
    try:
        run_unit(byhand.take_out, line_id, reason=reason, is_unpaid=is_unpaid, **_who())
    except InvalidInput as error:
        db.session.rollback()
        return _page(number, removed=line_id, error=error.message), error.status
    flash("已移出批次，这笔提现回到待打款，可以收进下一个批次")
    return redirect(url_for(".payout_batch", number=number), 303)


@bp.get("/payout-vouchers/<int:voucher_id>")
@requires(Permission.PAYOUT_VOUCHER_VIEW)
def payout_voucher(voucher_id: int) -> ResponseReturnValue:
    """A voucher as a file to keep: what somebody uploaded never opens inside of the panel."""
    content, kind = run_unit(vouchers.opened, voucher_id, actor=auth.actor(), now=clock.now())
    suffix = "pdf" if kind == vouchers.PDF else "jpg"
    return export.download(f"打款凭证-{voucher_id}.{suffix}", content, kind)


def _line_of(number: str, line_id: int) -> None:
    """Raises NotFound for a line of another batch."""
    batch = batches.by_number(number)
    if line_id not in [item.line.id for item in batches.items(batch.id)]:
        raise NotFound("打款明细不存在")


def _paid(batch_id: int, lines: list[int]) -> int:
    sent = request.files.get("voucher")
    data = b""
    if sent is not None:
        with sent.stream as stream:
            data = stream.read(catalog.media.BYTES_MAX + 1)
    # Decoded before anything is locked.
    content, kind = vouchers.read(data)
    return run_unit(_paid_with, batch_id, lines, content, kind)


def _paid_with(batch_id: int, lines: list[int], content: bytes, kind: str) -> int:
    who = _who()
    voucher = vouchers.keep(content, kind, actor=who["actor"], now=who["now"])
    serial = web.form_text("serial", 80)
    return byhand.mark_paid(batch_id, lines, serial=serial, voucher_id=voucher.id, **who)


def _who() -> dict[str, Any]:
    own = current_admin().member_id
    return {"actor": auth.actor(), "actor_member_id": own, "now": clock.now()}


def _page(number: str, *, returned: int = 0, removed: int = 0, error: str = "") -> str:
    batch = batches.by_number(number)
    items = batches.items(batch.id)
    return render_template(
        "admin/payout_batch.html",
        batch=batch,
        items=items,
        sums=batches.sums([batch.id])[batch.id],
        applicants=members.names_of(item.withdrawal.member_id for item in items),
        acts=people.acts("payout_batch", batch.id, [f"payout_batch.{act}" for act in _ACTS]),
        names=people.names(
            [item.line.decided_by for item in items] + [batch.made_by, batch.filed_by]
        ),
        me=auth.actor().ref,
        may_pay=auth.allowed(Permission.PAYOUT_BATCH),
        may_see=auth.allowed(Permission.PAYOUT_VOUCHER_VIEW),
        has_second_factor=g.admin.totp_since is not None,
        is_open=any(item.line.state is LineState.WAITING for item in items),
        is_unrecorded=all(
            item.line.state in (LineState.WAITING, LineState.REMOVED) for item in items
        ),
        returned=returned,
        removed=removed,
        error=error,
        typed=request.form,
        LineState=LineState,
    )


def _record_page(number: str, error: InvalidInput | None = None) -> str:
    batch = batches.by_number(number)
    found = [i for i in batches.items(batch.id) if i.line.state is LineState.WAITING]
    ticked = request.form.getlist("lines")
    return render_template(
        "admin/payout_record.html",
        batch=batch,
        items=found,
        ticked=ticked if request.method == "POST" else [str(item.line.id) for item in found],
        total_fen=sum(item.line.amount_fen for item in found),
        typed=request.form,
        errors={error.field or "": error.message} if error else {},
        words=words,
    )
