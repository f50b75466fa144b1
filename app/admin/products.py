"""Products: the list with its batch work, the editor, pictures, stock of one product."""

import base64
import secrets
from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import catalog, settings
from app.admin import auth, lists, people, product_form, tables
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.files import keep_picture
from app.admin.models import Permission
from app.admin.product_form import Form
from app.admin.tables.goods import PRODUCTS
from app.admin.tables.running import STOCK_MOVES
from app.catalog import Product, Sku
from app.catalog.product_input import PICTURES_MAX
from app.core import clock, preview, web
from app.core.db import db, run_unit
from app.core.errors import DomainError, InvalidInput
from app.distribution.pictures import qr_png
from app.reports import restocking
from app.reports.restocking import Restock

_TABS = [
    ("", "全部"),
    ("on", "已上架"),
    ("off", "已下架"),
    ("draft", "草稿"),
    ("gone", "已售罄"),
    ("low", "库存预警"),
]
_IDS_MAX = 200


@bp.get("/products", endpoint="products")
@requires(Permission.PRODUCT_VIEW)
def products_list() -> ResponseReturnValue:
    if (led := tables.opening(PRODUCTS)) is not None:
        return led
    tab = lists.chosen(_TABS)
    table = tables.show(PRODUCTS, state=tab)
    return render_template(
        "admin/products.html",
        table=table,
        tabs=lists.tabs(_TABS, tab, catalog.counts_by_tab(), alerts=["gone", "low"]),
        tab=tab,
        q=table.given["q"],
        category=whole(table.given["category"]),
        categories=category_choices("全部"),
        now=clock.now(),
        restock=_restock(table.page.items) if tab == "low" else None,
        cover_days=settings.value(settings.registry.RESTOCK_DAYS),
    )


def _restock(products: Sequence[Product]) -> list[tuple[Product, Sku, Restock]]:
    """What to order of the SKUs that run low among these products, the most urgent first."""
    low = [
        (product, sku)
        for product in products
        for sku in product.skus
        if sku.is_active and sku.stock <= sku.warn_below
    ]
    found = restocking.suggest(
        [sku for _, sku in low],
        cover_days=settings.value(settings.registry.RESTOCK_DAYS),
        now=clock.now(),
    )
    rows = [(product, sku, found[sku.id]) for product, sku in low]
    never = 10**9
    return sorted(rows, key=lambda row: never if row[2].days_left is None else row[2].days_left)


@bp.post("/products/batch")
@requires(Permission.PRODUCT_CHANGE)
def products_batch() -> ResponseReturnValue:
    action, ids = request.form.get("action", ""), chosen_ids(request.form.getlist("ids"))
    if action in ("prices", "stocks") and ids:
        joined = ",".join(map(str, ids))
        return redirect(url_for(f".product_{action}", ids=joined), 303)
    if ids and "confirmed" not in request.form:
        return _shelf_summary(ids, is_on=action == "on")
    try:
        if action == "on":
            done = run_unit(catalog.products.put_on_shelf, ids, actor=auth.actor(), now=clock.now())
            flash(f"已上架 {done} 个商品" if done else "选中的商品都已在架上")
        else:
            done = run_unit(
                catalog.products.take_off_shelf, ids, actor=auth.actor(), now=clock.now()
            )
            flash(f"已下架 {done} 个商品" if done else "选中的商品都不在架上")
    except DomainError as error:
        flash(error.message, "error")
    return redirect(_back(), 303)


def _shelf_summary(ids: Sequence[int], *, is_on: bool) -> str:
    """What would change, and what is left out and why, before it is done."""
    known = catalog.products_by_id(ids)
    found = [known[product_id] for product_id in ids if product_id in known]
    reasons = [(row, catalog.products.shelf_obstacle(row, is_on=is_on)) for row in found]
    rows = [row for row, reason in reasons if not reason]
    return render_template(
        "admin/products_batch.html",
        is_on=is_on,
        rows=rows,
        left_out=[(row, reason) for row, reason in reasons if reason],
        stock=sum(sku.stock for row in rows for sku in row.skus),
        back=_back(),
    )


@bp.get("/products/new")
@requires(Permission.PRODUCT_CHANGE)
def product_new() -> ResponseReturnValue:
    return _editor(product_form.blank())


@bp.post("/products")
@requires(Permission.PRODUCT_CHANGE)
def product_create() -> ResponseReturnValue:
    return _save(None)


@bp.get("/products/<int:product_id>")
@requires(Permission.PRODUCT_VIEW)
def product(product_id: int) -> ResponseReturnValue:
    found = catalog.product(product_id)
    return _editor(product_form.of(found), found)


@bp.post("/products/<int:product_id>")
@requires(Permission.PRODUCT_CHANGE)
def product_change(product_id: int) -> ResponseReturnValue:
    return _save(product_id)


def _save(product_id: int | None) -> ResponseReturnValue:
    form = product_form.typed()
    given = product_form.given(form)
    unread = form.errors
    try:
        if unread:
            # What could be read is checked as well, so that all is said at once.
            raise catalog.InvalidFields(
                {**catalog.products.faults(given, product_id=product_id), **unread}
            )
        kept = run_unit(
            catalog.products.save, product_id, given, actor=auth.actor(), now=clock.now()
        )
    except catalog.InvalidFields as error:
        form.errors = error.errors
        known = catalog.product(product_id) if product_id is not None else None
        return _editor(form, known), error.status
    flash("商品已保存" if product_id else "商品已保存为草稿，检查无误后即可上架")
    return redirect(url_for(".product", product_id=kept.id))


def _editor(form: Form, found: Product | None = None) -> str:
    stocks = {sku.name: sku.stock for sku in found.skus} if found else {}
    for row in form.rows:
        name = " ".join(product_form.values_of(row)) or next(iter(stocks), "")
        row["there"] = str(stocks[name]) if name in stocks else ""
    return render_template(
        "admin/product.html",
        product=found,
        form=form,
        errors=form.errors,
        categories=category_choices("未分类"),
        freights=[
            ("", "包邮"),
            *((str(row.id), row.name) for row in catalog.freight_templates()),
        ],
        may_change=auth.allowed(Permission.PRODUCT_CHANGE),
        now=clock.now(),
    )


@bp.get("/products/<int:product_id>/preview")
@requires(Permission.PRODUCT_VIEW)
def product_preview(product_id: int) -> ResponseReturnValue:
    """A product as a phone would show it, on the shelf or not; nothing can be bought here."""
    link = url_for("mall.product_preview", token=preview.product_token(product_id))
    png = qr_png(web.settings().public_base_url + link, size=240)
    return render_template(
        "admin/product_preview.html",
        product=catalog.product(product_id),
        link=link,
        minutes=preview.LASTS_SECONDS // 60,
        qr=f"data:image/png;base64,{base64.b64encode(png).decode()}",
    )


@bp.post("/products/<int:product_id>/copy")
@requires(Permission.PRODUCT_CHANGE)
def product_copy(product_id: int) -> ResponseReturnValue:
    made = run_unit(catalog.products.copy, product_id, actor=auth.actor(), now=clock.now())
    flash("已复制为草稿：货号与库存没有带过来，请补充后再上架")
    return redirect(url_for(".product", product_id=made.id))


@bp.post("/products/<int:product_id>/shelf")
@requires(Permission.PRODUCT_CHANGE)
def product_shelf(product_id: int) -> ResponseReturnValue:
    is_on = request.form.get("on") == "1"
    work = catalog.products.put_on_shelf if is_on else catalog.products.take_off_shelf
    try:
        run_unit(work, [product_id], actor=auth.actor(), now=clock.now())
        flash("商品已上架" if is_on else "商品已下架，已下的订单不受影响")
    except DomainError as error:
        flash(error.message, "error")
    return redirect(_back(), 303)


@bp.post("/products/pictures")
@requires(Permission.PRODUCT_CHANGE)
def product_picture() -> ResponseReturnValue:
    return keep_picture()


@bp.post("/products/<int:product_id>/pictures")
@requires(Permission.PRODUCT_CHANGE)
def product_pictures(product_id: int) -> ResponseReturnValue:
    """Pictures from a plain file field, for browsers without script."""
    request.max_content_length = PICTURES_MAX * catalog.media.BYTES_MAX + 64 * 1024
    folder = web.settings().data_dir / "media"
    paths = []
    try:
        for upload in request.files.getlist("file")[: PICTURES_MAX + 1]:
            with upload.stream as stream:
                paths.append(
                    catalog.media.store(stream.read(catalog.media.BYTES_MAX + 1), folder)[0]
                )
        run_unit(
            catalog.products.add_pictures, product_id, paths, actor=auth.actor(), now=clock.now()
        )
    except catalog.InvalidFields as error:
        flash(next(iter(error.errors.values())), "error")
    except InvalidInput as error:
        flash(error.message, "error")
    else:
        flash(f"已添加 {len(paths)} 张图片")
    return redirect(url_for(".product", product_id=product_id), 303)


# --- stock -------------------------------------------------------------------------


@bp.get("/products/<int:product_id>/stock")
@requires(Permission.PRODUCT_VIEW)
def product_stock(product_id: int) -> ResponseReturnValue:
    return _stock_page(product_id, {}, {})


@bp.post("/products/<int:product_id>/stock")
@requires(Permission.STOCK_CHANGE)
def product_stock_change(product_id: int) -> ResponseReturnValue:
    found = catalog.product(product_id)
    counts, errors = {}, {}
    typed = {sku.id: web.form_text(f"count-{sku.id}", 12).strip() for sku in found.skus}
    for sku in found.skus:
        text = typed[sku.id]
        if text and not (text.isascii() and text.isdigit() and len(text) < 9):
            errors[sku.id] = f"“{sku.name}”的数量应为 0 或正整数"
        elif text:
            counts[sku.id] = int(text)
    reason = web.form_text("reason", 40).strip()
    if len(reason) > 40:
        errors[0] = "原因最多 40 个字"
    if not errors and not counts:
        errors[0] = "请至少填写一个规格的实际数量"
    if errors:
        return _stock_page(product_id, typed, errors, reason), 422
    changed = run_unit(
        _count_all, counts, key=request_key(), reason=reason, actor=auth.actor(), now=clock.now()
    )
    flash(f"库存已更新：{changed} 个规格有变化" if changed else "数量与库存一致，没有变化")
    return redirect(url_for(".product_stock", product_id=product_id), 303)


def _count_all(counts: dict[int, int], *, key: str, **facts: object) -> int:
    return sum(
        bool(catalog.count_stock(sku_id, counted, key=f"count:{key}:{sku_id}", **facts))  # type: ignore[arg-type]
        for sku_id, counted in sorted(counts.items())
    )


@bp.get("/stock-moves")
@requires(Permission.PRODUCT_VIEW)
def stock_moves() -> ResponseReturnValue:
    """Every change of stock: by an order, by hand, by a file."""
    if (led := tables.opening(STOCK_MOVES)) is not None:
        return led
    return render_template("admin/stock_moves.html", table=tables.show(STOCK_MOVES))


def _stock_page(
    product_id: int, typed: dict[int, str], errors: dict[int, str], reason: str = ""
) -> str:
    page = catalog.moves_of_product(product_id, before=web.page_before())
    return render_template(
        "admin/product_stock.html",
        product=catalog.product(product_id),
        page=page,
        pager=lists.pager(page),
        names={sku.id: sku.name for sku in catalog.skus_of([product_id])},
        actors=people.names(move.actor for move in page.items if move.actor),
        typed=typed,
        errors=errors,
        reason=reason,
        request_key=secrets.token_urlsafe(18),
        may_change=auth.allowed(Permission.STOCK_CHANGE),
    )


# --- shared ------------------------------------------------------------------------


def category_choices(nothing: str) -> list[tuple[str, str]]:
    return [
        ("", nothing),
        *(
            (str(node.category.id), "　" * node.depth + node.category.name)
            for node in catalog.category_tree.tree()
        ),
    ]


def chosen_ids(texts: Sequence[str]) -> list[int]:
    found = [whole(part) for text in texts for part in text.split(",")]
    return list(dict.fromkeys(number for number in found if number))[:_IDS_MAX]


def whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def request_key() -> str:
    """The key of the page that was sent: the same page sent twice acts once."""
    key = web.form_text("request_key", 40)
    if not (16 <= len(key) <= 40 and key.replace("-", "").replace("_", "").isalnum()):
        raise InvalidInput("request_key", "页面已失效，请刷新后重新提交")
    return key


def _back() -> str:
    """The page of the panel that the button stood on."""
    path = request.form.get("back", "")
    sound = path.startswith("/admin/products") and "\\" not in path and "//" not in path
    db.session.rollback()
    return path if sound else url_for(".products")
