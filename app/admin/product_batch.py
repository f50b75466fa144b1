"""Prices and stock of many products at once: what will change is shown before it does."""

import secrets
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import catalog
from app.admin import auth
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.files import uploaded
from app.admin.models import Permission
from app.admin.products import chosen_ids, request_key, whole
from app.catalog import Sku
from app.catalog.products import BATCH_MAX
from app.catalog.service import STOCK_MAX
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput
from app.core.money import parse_yuan

_PRICE_MODES = [
    ("percent", "按百分比", "90 即九折，110 即涨一成，四舍五入到角"),
    ("minus", "统一减", "每个规格减多少元"),
    ("plus", "统一加", "每个规格加多少元"),
    ("set", "统一改为", "所有规格改成同一个价格"),
]
_STOCK_MODES = [
    ("add", "入库", "在现有库存上增加多少"),
    ("set", "盘点为", "所有规格改成同一个数量"),
]
_SKUS_MAX = 600


@dataclass(frozen=True)
class Change:
    """What one SKU has now, in fen or pieces, and what it would have."""

    sku: Sku
    now: int
    then: int


@bp.get("/products/prices")
@requires(Permission.PRODUCT_CHANGE)
def product_prices() -> ResponseReturnValue:
    ids, mode, value = _asked(_PRICE_MODES)
    skus = catalog.skus_of(ids)[:_SKUS_MAX]
    error, changes = "", []
    try:
        if value:
            changes = [
                Change(sku, sku.price_fen, _price(sku.price_fen, mode, value)) for sku in skus
            ]
    except InvalidInput as refused:
        error = refused.message
    return _page("prices", ids, skus, _PRICE_MODES, mode, value, changes, error)


@bp.post("/products/prices")
@requires(Permission.PRODUCT_CHANGE)
def product_prices_change() -> ResponseReturnValue:
    prices = {
        sku_id: (seen, wanted)
        for sku_id, seen, wanted in _triples()
        if seen is not None and wanted is not None
    }
    try:
        done = run_unit(catalog.products.change_prices, prices, actor=auth.actor(), now=clock.now())
    except DomainError as error:
        flash(error.message, "error")
        return redirect(url_for(".product_prices", ids=request.form.get("ids", "")), 303)
    flash(f"已修改 {done} 个规格的售价" if done else "价格没有变化")
    return redirect(url_for(".products"), 303)


def _price(fen: int, mode: str, value: str) -> int:
    if mode == "percent":
        percent = whole(value)
        if percent is None or not 1 <= percent <= 1000:
            raise InvalidInput("value", "百分比应为 1 到 1000 的整数")
        # Prices end in whole jiao: people trust ¥115.20 more than ¥115.17.
        found = (fen * percent + 500) // 1000 * 10
    else:
        amount = parse_yuan(value, field="value", label="金额")
        found = {"minus": fen - amount, "plus": fen + amount}.get(mode, amount)
    if found <= 0:
        raise InvalidInput("value", "有规格的售价会变成 0 或更低，请调整")
    if found > catalog.products.PRICE_FEN_MAX:
        raise InvalidInput("value", "有规格的售价会超过 10 万元，请调整")
    return found


@bp.get("/products/stocks")
@requires(Permission.STOCK_CHANGE)
def product_stocks() -> ResponseReturnValue:
    ids, mode, value = _asked(_STOCK_MODES)
    skus = catalog.skus_of(ids)[:_SKUS_MAX]
    error, changes = "", []
    count = whole(value)
    if value and (count is None or count > STOCK_MAX):
        error = f"数量应在 0 到 {STOCK_MAX} 之间"
    elif count is not None:
        changes = [
            Change(sku, sku.stock, sku.stock + count if mode == "add" else count) for sku in skus
        ]
    return _page("stocks", ids, skus, _STOCK_MODES, mode, value, changes, error)


@bp.post("/products/stocks")
@requires(Permission.STOCK_CHANGE)
def product_stocks_change() -> ResponseReturnValue:
    mode = request.form.get("mode", "")
    key = request_key()
    rows = [(sku_id, seen or 0, then or 0) for sku_id, seen, then in _triples()]
    try:
        done = run_unit(_restock, rows, mode=mode, key=key)
    except DomainError as error:
        flash(error.message, "error")
        return redirect(url_for(".product_stocks", ids=request.form.get("ids", "")), 303)
    flash(f"已更新 {done} 个规格的库存" if done else "库存没有变化")
    return redirect(url_for(".products"), 303)


def _restock(rows: list[tuple[int, int, int]], *, mode: str, key: str) -> int:
    """Adding counts from what is there now, orders between summary and yes included.

    A count is of the stock that was shown: where orders changed it meanwhile, nothing
    is done.
    """
    done = 0
    for sku_id, seen, then in sorted(rows):
        at = f"batch:{key}:{sku_id}"
        if mode == "add":
            if then > seen:
                catalog.receive_stock(
                    sku_id, then - seen, key=at, actor=auth.actor(), now=clock.now()
                )
                done += 1
        else:
            done += bool(
                catalog.count_stock(
                    sku_id,
                    then,
                    key=at,
                    reason="批量盘点",
                    actor=auth.actor(),
                    now=clock.now(),
                    seen=seen,
                )
            )
    return done


@bp.get("/stock/import")
@requires(Permission.STOCK_CHANGE)
def stock_import() -> ResponseReturnValue:
    return _import_page()


@bp.post("/stock/import")
@requires(Permission.STOCK_CHANGE)
def stock_import_take() -> ResponseReturnValue:
    request.max_content_length = catalog.stock_import.BYTES_MAX + 64 * 1024
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return _import_page(error="请选择要导入的文件"), 422
    try:
        report = run_unit(
            catalog.stock_import.take,
            uploaded(catalog.stock_import.BYTES_MAX),
            filename=upload.filename,
            key=request_key(),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _import_page(error=error.message), 422
    return _import_page(report=report), 200 if report.is_applied else 422


def _import_page(*, error: str = "", report: catalog.stock_import.Report | None = None) -> str:
    return render_template(
        "admin/stock_import.html",
        error=error,
        report=report,
        request_key=secrets.token_urlsafe(18),
        rows_max=catalog.stock_import.ROWS_MAX,
    )


def _asked(modes: list[tuple[str, str, str]]) -> tuple[list[int], str, str]:
    mode = request.args.get("mode", "")
    known = [value for value, _, _ in modes]
    ids = chosen_ids([request.args.get("ids", "")])
    return ids, mode if mode in known else known[0], request.args.get("value", "").strip()[:12]


def _triples() -> list[tuple[int, int | None, int | None]]:
    """The SKUs of a summary: id, what was seen, what it shall be."""
    names = ("sku", "seen", "then")
    columns = [list(map(whole, request.form.getlist(name)[:_SKUS_MAX])) for name in names]
    return [(sku, seen, then) for sku, seen, then in zip(*columns) if sku is not None]


def _page(
    what: str,
    ids: list[int],
    skus: Any,
    modes: list[tuple[str, str, str]],
    mode: str,
    value: str,
    changes: list[Change],
    error: str,
) -> str:
    return render_template(
        "admin/product_batch.html",
        what=what,
        ids=",".join(map(str, ids)),
        skus=skus,
        modes=modes,
        mode=mode,
        value=value,
        changes=changes,
        error=error,
        most=BATCH_MAX,
        request_key=web.form_text("request_key", 40) or secrets.token_urlsafe(18),
    )
