"""Freight templates at the desk."""

import re
from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import catalog
from app.admin import auth
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.products import whole
from app.catalog import FreightBy, FreightTemplate, Rate, RegionRate, Terms
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.money import parse_yuan, plain_yuan

_COLUMNS = ("places", "first", "first_fee", "step", "step_fee", "free_from", "serves")
_ROWS_MAX = 41
_SEPARATORS = re.compile(r"[\s,，、;；]+")


@bp.get("/freight", endpoint="freights")
@requires(Permission.PRODUCT_VIEW)
def freight_list() -> ResponseReturnValue:
    return render_template(
        "admin/freights.html",
        templates=[(row, catalog.terms_of(row)) for row in catalog.freight_templates()],
        uses=catalog.uses_of_freight(),
        may_change=auth.allowed(Permission.PRODUCT_CHANGE),
    )


@bp.get("/freight/new")
@requires(Permission.PRODUCT_CHANGE)
def freight_new() -> ResponseReturnValue:
    blank = {"first": "1", "first_fee": "", "step": "1", "step_fee": "", "free_from": ""}
    return _page(None, "", FreightBy.PIECE.value, [{**blank, "places": "", "serves": "1"}], {})


@bp.post("/freight")
@requires(Permission.PRODUCT_CHANGE)
def freight_create() -> ResponseReturnValue:
    return _save(None)


@bp.get("/freight/<int:template_id>")
@requires(Permission.PRODUCT_CHANGE)
def freight(template_id: int) -> ResponseReturnValue:
    found = _find(template_id)
    terms = catalog.terms_of(found)
    rows = [_row((), terms.default), *(_row(row.places, row.rate) for row in terms.regions)]
    return _page(template_id, found.name, found.counts.value, rows, {})


@bp.post("/freight/<int:template_id>")
@requires(Permission.PRODUCT_CHANGE)
def freight_change(template_id: int) -> ResponseReturnValue:
    _find(template_id)
    return _save(template_id)


@bp.post("/freight/<int:template_id>/remove")
@requires(Permission.PRODUCT_CHANGE)
def freight_remove(template_id: int) -> ResponseReturnValue:
    try:
        run_unit(catalog.remove_freight, template_id, actor=auth.actor(), now=clock.now())
        flash("运费模板已删除")
    except NotFound:
        raise
    except DomainError as error:
        flash(error.message, "error")
    return redirect(url_for(".freights"), 303)


def _save(template_id: int | None) -> ResponseReturnValue:
    name = web.form_text("name", 60)
    counts = request.form.get("counts", "")
    counts = counts if counts in list(FreightBy) else FreightBy.PIECE.value
    columns = {key: request.form.getlist(key)[:_ROWS_MAX] for key in _COLUMNS}
    rows = [
        {key: values[i][:400] if i < len(values) else "" for key, values in columns.items()}
        for i in range(len(columns["first"]))
    ]
    errors: dict[str, str] = {}
    terms = _terms(FreightBy(counts), rows, errors)
    try:
        if errors:
            raise catalog.InvalidFields(errors)
        run_unit(
            catalog.save_freight,
            template_id,
            name=name,
            terms=terms,
            actor=auth.actor(),
            now=clock.now(),
        )
    except catalog.InvalidFields as error:
        return _page(template_id, name, counts, rows, error.errors), error.status
    flash("运费模板已保存，之后的结算按新的规则计算")
    return redirect(url_for(".freights"), 303)


def _terms(counts: FreightBy, rows: list[dict[str, str]], errors: dict[str, str]) -> Terms:
    """The rows as the service takes them, the default one first."""
    rates: list[Rate | None] = []
    for number, row in enumerate(rows):
        field = f"region-{number}" if number else "default"
        try:
            rates.append(_rate(row) if row["serves"] == "1" else None)
        except InvalidInput as error:
            label = f"第 {number} 组地区" if number else "默认运费"
            errors[field] = f"{label}：{error.message}"
            rates.append(None)
    regions = [
        RegionRate(tuple(part for part in _SEPARATORS.split(row["places"]) if part), rate)
        for row, rate in zip(rows[1:], rates[1:])
    ]
    return Terms(counts, rates[0] if rates else None, tuple(regions))


def _rate(row: Mapping[str, str]) -> Rate:
    first, step = whole(row["first"].strip()), whole(row["step"].strip())
    if not first or not step:
        raise InvalidInput("first", "首件（重）与续件（重）应为正整数")
    free = row["free_from"].strip()
    return Rate(
        first,
        parse_yuan(row["first_fee"], field="fee", label="首费"),
        step,
        parse_yuan(row["step_fee"], field="fee", label="续费"),
        parse_yuan(free, field="free", label="包邮金额") if free else None,
    )


def _row(places: tuple[str, ...], rate: Rate | None) -> dict[str, str]:
    shown = rate or Rate(1, 0, 1, 0)
    free = shown.free_from_fen
    return {
        "places": "、".join(places),
        "first": str(shown.first),
        "first_fee": plain_yuan(shown.first_fen) if rate else "",
        "step": str(shown.step),
        "step_fee": plain_yuan(shown.step_fen) if rate else "",
        "free_from": plain_yuan(free) if free is not None else "",
        "serves": "1" if rate else "",
    }


def _page(
    template_id: int | None,
    name: str,
    counts: str,
    rows: list[dict[str, str]],
    errors: dict[str, str],
) -> str:
    return render_template(
        "admin/freight.html",
        template_id=template_id,
        name=name,
        counts=counts,
        rows=rows,
        errors=errors,
    )


def _find(template_id: int) -> FreightTemplate:
    for row in catalog.freight_templates():
        if row.id == template_id:
            return row
    raise NotFound("运费模板不存在或已被删除")
