"""Where parcels go (收货地址): the list, adding, mending, and choosing for a checkout.

The arguments `cart`, or `sku` and `quantity`, name the checkout that the member
left; they lead back to it and nowhere else.
"""

from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import members, privacy
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp
from app.members import AddressInput

_FIELDS = ("name", "phone", "region", "detail")


@bp.get("/me/address")
@members_only
def address_list() -> ResponseReturnValue:
    return render_template(
        "mall/addresses.html",
        addresses=members.addresses_of(current_member().id),
        most=members.ADDRESSES_MAX,
        back=_checkout(),
        chosen=web.whole_number(request.args.get("address", "")),
    )


@bp.get("/me/address/new")
@members_only
def address_new() -> ResponseReturnValue:
    is_first = members.default_address(current_member().id) is None
    return _form({}, is_default=is_first)


@bp.post("/me/address/new")
@members_only
def address_add() -> ResponseReturnValue:
    try:
        kept = run_unit(
            _add, current_member().id, _typed(), is_default=_wants_default(), now=clock.now()
        )
    except DomainError as error:
        return _form(vars(_typed()), is_default=_wants_default(), error=error), error.status
    return _saved(kept.id)


@bp.get("/me/address/<int:address_id>")
@members_only
def address(address_id: int) -> ResponseReturnValue:
    kept = members.address_of(current_member().id, address_id)
    typed = {name: getattr(kept, name) for name in _FIELDS}
    return _form(typed, address_id=kept.id, is_default=kept.is_default)


@bp.post("/me/address/<int:address_id>")
@members_only
def address_save(address_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            members.change_address,
            current_member().id,
            address_id,
            _typed(),
            now=clock.now(),
            is_default=_wants_default(),
        )
    except InvalidInput as error:
        page = _form(
            vars(_typed()), address_id=address_id, is_default=_wants_default(), error=error
        )
        return page, error.status
    return _saved(address_id)


@bp.post("/me/address/<int:address_id>/default")
@members_only
def address_default(address_id: int) -> ResponseReturnValue:
    run_unit(members.make_default, current_member().id, address_id)
    flash("已设为默认地址")
    return redirect(url_for("mall.address_list", **_checkout()), 303)


@bp.post("/me/address/<int:address_id>/delete")
@members_only
def address_delete(address_id: int) -> ResponseReturnValue:
    run_unit(members.delete_address, current_member().id, address_id)
    flash("地址已删除")
    return redirect(url_for("mall.address_list", **_checkout()), 303)


def _add(
    member_id: int, given: AddressInput, *, is_default: bool, now: datetime
) -> members.Address:
    """Keep the address and, the first time, what the page says that saving agrees to."""
    privacy.agree(member_id, now=now)
    return members.add_address(member_id, given, now=now, is_default=is_default)


def _form(
    typed: dict[str, str],
    *,
    address_id: int | None = None,
    is_default: bool,
    error: DomainError | None = None,
) -> str:
    return render_template(
        "mall/address.html",
        typed=typed,
        address_id=address_id,
        is_default=is_default,
        back=_checkout(),
        error=error,
    )


def _saved(address_id: int) -> ResponseReturnValue:
    back = _checkout()
    if back:
        return redirect(url_for("mall.checkout", **back, address=address_id), 303)
    flash("地址已保存")
    return redirect(url_for("mall.address_list"), 303)


def _typed() -> AddressInput:
    return AddressInput(**{name: web.form_text(name, 200) for name in _FIELDS})


def _wants_default() -> bool:
    return request.form.get("is_default") == "1"


def _checkout() -> dict[str, Any]:
    """The arguments of the checkout that the member left, empty for none."""
    if request.values.get("cart"):
        return {"cart": 1}
    sku = web.whole_number(request.values.get("sku", ""))
    quantity = web.whole_number(request.values.get("quantity", ""))
    return {} if sku is None or quantity is None else {"sku": sku, "quantity": quantity}
