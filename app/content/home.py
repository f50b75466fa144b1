"""What the phone shows: blocks with their categories and products, in four queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app import catalog
from app.catalog import Category, Product, RowAsk, RowRule
from app.content.blocks import CATEGORIES_MAX, Categories, Content, Products
from app.content.models import HomeBlock


@dataclass(frozen=True)
class Section:
    """A block with what it shows; `category` is the one a row of products comes from."""

    block: HomeBlock
    content: Content
    categories: Sequence[Category] = ()
    products: Sequence[Product] = ()
    category: Category | None = None


def compose(blocks: Sequence[HomeBlock], *, now: datetime) -> list[Section]:
    """Fill blocks in; those with nothing to show are left out rather than shown empty."""
    typed = [(block, block.typed) for block in blocks]
    asked = [(block, content) for block, content in typed if isinstance(content, Products)]
    needs_categories = any(
        isinstance(content, Categories)
        or (isinstance(content, Products) and content.rule == RowRule.CATEGORY)
        for _, content in typed
    )
    shelf = list(catalog.categories()) if needs_categories else []
    by_id = {row.id: row for row in shelf}
    found = catalog.rows.rows([_ask(content, shelf) for _, content in asked], now=now)
    products = {block.id: row for (block, _), row in zip(asked, found, strict=True)}
    sections: list[Section] = []
    for block, content in typed:
        match content:
            case Products():
                if products[block.id]:
                    where = by_id.get(content.category_id or 0)
                    sections.append(
                        Section(block, content, products=products[block.id], category=where)
                    )
            case Categories():
                if shown := _chosen(content, shelf):
                    sections.append(Section(block, content, categories=shown))
            case _:
                sections.append(Section(block, content))
    return sections


def _ask(content: Products, shelf: Sequence[Category]) -> RowAsk:
    below = _below(content.category_id, shelf) if content.category_id else []
    return RowAsk(
        RowRule(content.rule),
        content.limit if content.rule != RowRule.HAND else len(content.product_ids),
        product_ids=content.product_ids,
        category_ids=below,
        tag=content.tag,
    )


def _below(category_id: int, shelf: Sequence[Category]) -> list[int]:
    found = [category_id]
    for own in found:
        found.extend(row.id for row in shelf if row.parent_id == own and row.id not in found)
    return found


def _chosen(content: Categories, shelf: Sequence[Category]) -> list[Category]:
    """The chosen ones that are offered, in the order chosen; else the first top ones."""
    offered = {row.id: row for row in shelf if row.is_active}
    if content.category_ids:
        return [offered[own] for own in content.category_ids if own in offered]
    return [row for row in offered.values() if row.parent_id is None][:CATEGORIES_MAX]
