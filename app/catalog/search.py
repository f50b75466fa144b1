"""Finding products (搜索): the same words on every engine, cut by jieba.

A product's words lie in `product_tokens`, written in the same unit of work as the
product itself. A query finds what has all of its words, or whose title begins
with it; where nothing does, what has all of its characters. FULLTEXT was not
taken: MariaDB's and SQLite's would find different things, and neither cuts
Chinese.
"""

import re
import unicodedata
from collections.abc import Iterable

import rjieba
import sqlalchemy as sa

from app.catalog.models import Category, Product, ProductToken, Sku
from app.core.db import db, require_transaction
from app.core.rows import affected

TOKENS_MAX = 300
WORDS_MAX = 12
_PART = re.compile(r"[^\W_]+")
# Title, tags, category, subtitle, SKU names and codes.
TITLE, TAG, CATEGORY, SUBTITLE, SKU = 16, 12, 8, 4, 4


def normal(text: str) -> str:
    """One spelling of what people type in many: full width, capitals."""
    return unicodedata.normalize("NFKC", text).casefold()


def words(text: str) -> list[str]:
    """The words of a query, each once, in order."""
    return list(dict.fromkeys(filter(_counts, rjieba.cut(normal(text)))))[:WORDS_MAX]


def characters(text: str) -> list[str]:
    """A query taken apart: each Han character, and each word of other scripts."""
    parts = (list(word) if _is_han(word) else [word] for word in words(text))
    return list(dict.fromkeys(part for several in parts for part in several))


def tokens(fields: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Every word of `(text, weight)` with its best weight; characters weigh a quarter."""
    found: dict[str, int] = {}
    for text, weight in fields:
        plain = normal(text)
        cut = list(filter(_counts, [*rjieba.cut_for_search(plain), *rjieba.cut(plain)]))
        # Of `lj-250` people may only know the number.
        parts = [part for word in cut if not _is_han(word) for part in _PART.findall(word)]
        for word in [*cut, *parts]:
            found[word[:40]] = max(found.get(word[:40], 0), weight)
            if _is_han(word):
                for character in word:
                    found[character] = max(found.get(character, 0), weight // 4)
    best = sorted(found.items(), key=lambda pair: -pair[1])[:TOKENS_MAX]
    return dict(best)


def _counts(word: str) -> bool:
    return any(character.isalnum() for character in word)


def _is_han(word: str) -> bool:
    return all("\u3400" <= character <= "\u9fff" for character in word)


def index(product_id: int) -> None:
    """Write the words of one product anew."""
    require_transaction()
    db.session.flush()
    product = db.session.get_one(Product, product_id)
    names = db.session.execute(
        sa.select(Sku.name, Sku.code).filter_by(product_id=product_id, is_active=True)
    ).all()
    fields = [(product.title, TITLE), (product.subtitle, SUBTITLE)]
    fields += [(tag, TAG) for tag in product.tags]
    fields += [(name, CATEGORY) for name in _category_names(product.category_id)]
    fields += [(text, SKU) for row in names for text in row if text]
    affected(sa.delete(ProductToken).filter_by(product_id=product_id))
    rows = [
        {"token": token, "product_id": product_id, "weight": weight}
        for token, weight in tokens(fields).items()
    ]
    if rows:
        db.session.execute(sa.insert(ProductToken), rows)


def index_category(category_id: int) -> None:
    """Write anew what is in a category or below it: its name is one of their words."""
    for product_id in db.session.scalars(
        sa.select(Product.id).where(Product.category_id.in_(below(category_id)))
    ).all():
        index(product_id)


def below(category_id: int) -> list[int]:
    """A category and all below it."""
    children: dict[int | None, list[int]] = {}
    for own, parent in db.session.execute(sa.select(Category.id, Category.parent_id)):
        children.setdefault(parent, []).append(own)
    found = [category_id]
    for own in found:
        found.extend(child for child in children.get(own, []) if child not in found)
    return found


def _category_names(category_id: int | None) -> list[str]:
    names: list[str] = []
    while category_id is not None and len(names) < 4:
        row = db.session.get(Category, category_id)
        if row is None:
            break
        names.append(row.name)
        category_id = row.parent_id
    return names


def score(wanted: list[str]) -> sa.Subquery:
    """Products that have all of these words, with the sum of their weights."""
    return (
        sa.select(
            ProductToken.product_id,
            sa.cast(sa.func.sum(ProductToken.weight), sa.BigInteger).label("score"),
        )
        .where(ProductToken.token.in_([word[:40] for word in wanted]))
        .group_by(ProductToken.product_id)
        .having(sa.func.count() == len({word[:40] for word in wanted}))
        .subquery()
    )


def reindex(*, after: int = 0, size: int = 200) -> tuple[int, int]:
    """Write the words of the next products anew; return how many, and the last id.

    Call it until it returns 0: each call is one unit of work.
    """
    ids = db.session.scalars(
        sa.select(Product.id).where(Product.id > after).order_by(Product.id).limit(size)
    ).all()
    for product_id in ids:
        index(product_id)
    return len(ids), ids[-1] if ids else after
