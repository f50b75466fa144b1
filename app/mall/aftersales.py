"""After-sales of a member (退换/售后): asking, sending back, watching the money return."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import aftersales, audit, orders, outbox, settings, uploads
from app.aftersales import AfterSale, AfterSaleKind, AfterSaleStatus, Wanted
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import InvalidInput
from app.core.money import parse_yuan, plain_yuan
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp, shop_settings
from app.mall.uploads import typed_pictures
from app.mall.words import aftersales as said
from app.orders import Order, OrderLine, OrderStatus

S = AfterSaleStatus


@dataclass(frozen=True)
class Choice:
    """A line that may be asked for: the most for each number of pieces, in fen."""

    line: OrderLine
    pieces: int
    # From no piece to all that are left; the page shows it as pieces change.
    most: list[int]
    is_ticked: bool
    quantity: str
    amount: str


@bp.get("/orders/<number>/aftersale")
@members_only
def aftersale_form(number: str) -> ResponseReturnValue:
    order = _order(number)
    kinds = aftersales.kinds_for(order, clock.now())
    if not kinds:
        flash("这笔订单现在不能申请售后")
        return redirect(url_for("mall.order_page", number=number))
    asked = request.args.get("kind", "")
    kind = next((kind for kind in kinds if kind.value == asked), None)
    if kind is None and len(kinds) > 1:
        return render_template(
            "mall/aftersale_kinds.html",
            order=order,
            kinds=kinds,
            until=aftersales.asked_until(order),
            said=said,
        )
    return _form(order, kind or kinds[0])


@bp.post("/orders/<number>/aftersale")
@members_only
def ask_aftersale(number: str) -> ResponseReturnValue:
    order, now = _order(number), clock.now()
    member_id, order_id = current_member().id, order.id
    try:
        kind = AfterSaleKind(request.form.get("kind", ""))
    except ValueError:
        return redirect(url_for("mall.aftersale_form", number=number), 303)
    try:
        row = run_unit(
            _apply,
            member_id,
            order_id,
            kind=kind,
            wanted=_wanted(order, kind),
            reason=web.form_text("reason", 40),
            description=web.form_text("description", 600),
            pictures=typed_pictures(),
            now=now,
        )
    except InvalidInput as error:
        db.session.rollback()
        return _form(_order(number), kind, error), error.status
    except aftersales.AlreadyOpen as error:
        # A second tap: lead to what the first one made.
        db.session.rollback()
        flash(error.message)
        return redirect(url_for("mall.aftersale_page", number=_newest(order_id).number), 303)
    made = row.number
    outbox.drain(now, subject=("aftersale_opened", row.id))
    flash("申请已提交，等待商家处理")
    return redirect(url_for("mall.aftersale_page", number=made), 303)


def _apply(
    member_id: int, order_id: int, *, pictures: Sequence[str], now: datetime, **asked: Any
) -> AfterSale:
    """Ask, and use the pictures up: both or none."""
    used = uploads.use(member_id, pictures, most=aftersales.PICTURES_MAX, now=now)
    return aftersales.apply(member_id, order_id, pictures=used, now=now, **asked)


@bp.get("/me/aftersales")
@members_only
def aftersale_list() -> ResponseReturnValue:
    page = aftersales.aftersales_of(current_member().id, before=web.page_before())
    found = orders.by_ids(row.order_id for row in page.items)
    return render_template(
        "mall/aftersales.html",
        page=page,
        lines={row.id: _lines(row, found[row.order_id]) for row in page.items},
        said=said,
    )


@bp.get("/me/aftersales/<number>")
@members_only
def aftersale_page(number: str) -> ResponseReturnValue:
    return _page(_mine(number))


@bp.post("/me/aftersales/<number>/withdraw")
@members_only
def withdraw_aftersale(number: str) -> ResponseReturnValue:
    row_id, now = _mine(number).id, clock.now()
    run_unit(aftersales.withdraw, current_member().id, row_id, now=now)
    outbox.drain(now, subject=("aftersale_ended", row_id))
    flash("已撤销申请")
    return redirect(url_for("mall.aftersale_page", number=number), 303)


@bp.post("/me/aftersales/<number>/send")
@members_only
def send_aftersale(number: str) -> ResponseReturnValue:
    """The goods are on their way back (填写退货单号)."""
    row_id = _mine(number).id
    try:
        run_unit(
            aftersales.send_back,
            current_member().id,
            row_id,
            carrier=web.form_text("carrier", 30),
            tracking=web.form_text("tracking", 40),
            now=clock.now(),
        )
    except InvalidInput as error:
        db.session.rollback()
        return _page(_mine(number), error), error.status
    flash("已提交，商家收到后会尽快处理")
    return redirect(url_for("mall.aftersale_page", number=number), 303)


def _form(order: Order, kind: AfterSaleKind, error: InvalidInput | None = None) -> str:
    is_money_only = _is_money_only(order, kind)
    choices = _choices(order, kind, is_first=error is None)
    return render_template(
        "mall/aftersale_form.html",
        order=order,
        kind=kind,
        to_balance=orders.balance.paid_with_balance(order),
        has_kinds=len(aftersales.kinds_for(order, clock.now())) > 1,
        choices=choices,
        has_amount=kind is not AfterSaleKind.EXCHANGE,
        has_pieces=not is_money_only,
        left_out=len(order.lines) - len(choices),
        freight_fen=order.freight_fen - order.freight_refunded_fen
        if order.status is OrderStatus.PAID
        else 0,
        reasons=aftersales.REASONS[kind],
        until=aftersales.asked_until(order),
        typed=request.form,
        pictures=typed_pictures(),
        pictures_max=aftersales.PICTURES_MAX,
        error=error,
        said=said,
    )


def _is_money_only(order: Order, kind: AfterSaleKind) -> bool:
    """Whether the goods stay with the buyer, so that only an amount is asked for."""
    return kind is AfterSaleKind.REFUND and order.status is not OrderStatus.PAID


def _choices(order: Order, kind: AfterSaleKind, *, is_first: bool) -> list[Choice]:
    """The lines that may be asked for, as typed before or all of the only one."""
    taken = aftersales.open_line_ids(order.id)
    found = []
    lines = [
        line
        for line in order.lines
        if line.id not in taken
        and (
            line.refunded_fen < line.paid_fen
            or (kind is AfterSaleKind.EXCHANGE and not line.paid_fen)
        )
        and (aftersales.pieces_left(line) or _is_money_only(order, kind))
    ]
    for line in lines:
        pieces = aftersales.pieces_left(line)
        most = [aftersales.most_fen(line, count) for count in range(pieces + 1)]
        typed = request.form
        found.append(
            Choice(
                line,
                pieces,
                most,
                is_ticked=len(lines) == 1 if is_first else f"line-{line.id}" in typed,
                quantity=str(pieces) if is_first else typed.get(f"quantity-{line.id}", "")[:4],
                amount=plain_yuan(most[-1])
                if is_first
                else typed.get(f"amount-{line.id}", "")[:20],
            )
        )
    return found


def _wanted(order: Order, kind: AfterSaleKind) -> list[Wanted]:
    """The ticked lines as typed. Raises InvalidInput, naming the field."""
    wanted = []
    for line in order.lines:
        if f"line-{line.id}" not in request.form:
            continue
        pieces: int | None = 0
        if not _is_money_only(order, kind):
            pieces = web.whole_number(web.form_text(f"quantity-{line.id}", 4).strip())
            if not pieces:
                raise InvalidInput(f"quantity-{line.id}", "请填写数量")
        fen = None
        if kind is not AfterSaleKind.EXCHANGE:
            field = f"amount-{line.id}"
            fen = parse_yuan(web.form_text(field, 20), field=field, label="退款金额")
        wanted.append(Wanted(line.id, pieces or 0, fen))
    return wanted


def _page(row: AfterSale, error: InvalidInput | None = None) -> str:
    # Also of an order that they took out of their list.
    order = orders.by_ids([row.order_id])[row.order_id]
    moves = audit.moves_of("aftersale", row.id)
    to_balance = orders.balance.paid_with_balance(order)
    return render_template(
        "mall/aftersale.html",
        row=row,
        order=order,
        lines=_lines(row, order),
        to_balance=to_balance,
        sentence=said.sentence(row, moves, to_balance=to_balance),
        steps=said.steps(row, moves, to_balance=to_balance),
        return_address=shop_settings()[settings.registry.RETURN_ADDRESS.key],
        may_withdraw=S.WITHDRAWN in aftersales.TRANSITIONS[row.status],
        may_ask_again=row.status in (S.REJECTED, S.WITHDRAWN, S.CLOSED)
        and order.hidden_at is None
        and bool(aftersales.kinds_for(order, clock.now())),
        typed=request.form,
        error=error,
        said=said,
    )


def _lines(row: AfterSale, order: Order) -> Sequence[tuple[Any, OrderLine]]:
    lines = {line.id: line for line in order.lines}
    return [(item, lines[item.line_id]) for item in row.items]


def _newest(order_id: int) -> AfterSale:
    return aftersales.aftersales_of_order(order_id)[0]


def _order(number: str) -> Order:
    return orders.order_of(current_member().id, number)


def _mine(number: str) -> AfterSale:
    return aftersales.aftersale_of(current_member().id, number)
