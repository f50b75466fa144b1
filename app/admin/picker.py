"""Picking products in a form (选择商品): what is chosen, and what a search found to add.

Works without a script: the search is a button of the form (`is_search`) that shows the
form again as it was typed, with what was found to tick. `picker.js` searches as one types.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app import catalog
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.catalog import Product
from app.core import web

FOUND_MAX = 12
_IDS_MAX = 100


@dataclass(frozen=True)
class Picked:
    """A field's products; `found` is None where nobody searched."""

    chosen: Sequence[Product]
    found: Sequence[Product] | None = None
    sought: str = ""


@bp.get("/products/pick")
@requires(Permission.PRODUCT_VIEW)
def products_pick() -> ResponseReturnValue:
    """What a search offers to a field, for its script."""
    return render_template("admin/_picked.html", found=_found(request.args.get("q", "")))


def is_search() -> bool:
    """Whether the form was sent by its search button: nothing is saved then."""
    return request.form.get("act") == "find_products"


def typed_ids(name: str) -> list[int]:
    """The ticked products, in their order on the page."""
    numbers = map(web.whole_number, request.form.getlist(name)[:_IDS_MAX])
    return list(dict.fromkeys(number for number in numbers if number))


def picked(product_ids: Iterable[int]) -> Picked:
    """For the template: these products, and what the request's search found besides."""
    chosen = list(product_ids)
    by_id = catalog.products_by_id(chosen)
    known = [by_id[own] for own in chosen if own in by_id]
    if not is_search():
        return Picked(known)
    sought = web.form_text("product_q", 64)
    return Picked(known, [row for row in _found(sought) if row.id not in by_id], sought.strip())


def _found(text: str) -> Sequence[Product]:
    clean = text.replace("\x00", "").strip()[:64]
    return catalog.products_page(text=clean, size=FOUND_MAX).items
