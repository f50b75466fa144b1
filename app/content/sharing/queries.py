from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.content.sharing.models import Article, ArticleRead, Material
from app.core.db import db
from app.core.errors import NotFound
from app.core.pages import Page, newest_first


@dataclass(frozen=True)
class ArticleRow:
    """An article as one member sees it; None: not read yet."""

    article: Article
    read_at: datetime | None


def material(material_id: int) -> Material:
    """Raises NotFound."""
    found = db.session.get(Material, material_id)
    if found is None:
        raise NotFound("没有这条素材，可能已被删除")
    return found


def materials_page(
    *,
    is_active: bool | None = None,
    category: str = "",
    product_id: int | None = None,
    before: int | None = None,
    size: int = 20,
) -> Page[Material]:
    """Materials, newest first; those of one kind or product where it is given."""
    query = sa.select(Material)
    if is_active is not None:
        query = query.where(Material.is_active == is_active)
    if category:
        query = query.filter_by(category=category)
    if product_id is not None:
        query = query.filter_by(product_id=product_id)
    return newest_first(query, Material.id, before=before, size=size)


def categories() -> list[str]:
    """The categories of what distributors see."""
    query = sa.select(Material.category).where(Material.is_active, Material.category != "")
    return sorted(db.session.scalars(query.distinct()))


def article(article_id: int) -> Article:
    """Raises NotFound."""
    found = db.session.get(Article, article_id)
    if found is None:
        raise NotFound("没有这篇文章，可能已被删除")
    return found


def articles() -> Sequence[tuple[Article, int]]:
    """Every article in its order, with how many read it."""
    count = (
        sa.select(sa.func.count())
        .where(ArticleRead.article_id == Article.id)
        .correlate(Article)
        .scalar_subquery()
    )
    rows = db.session.execute(sa.select(Article, count).order_by(Article.position, Article.id))
    return [(found, int(reads)) for found, reads in rows]


def articles_for(member_id: int) -> list[ArticleRow]:
    """What there is to read: required ones that are unread first, then in order."""
    rows = db.session.execute(
        sa.select(Article, ArticleRead.read_at)
        .outerjoin(
            ArticleRead,
            sa.and_(ArticleRead.article_id == Article.id, ArticleRead.member_id == member_id),
        )
        .where(Article.is_active)
        .order_by(Article.position, Article.id)
    )
    found = [ArticleRow(one, read_at) for one, read_at in rows]
    return sorted(found, key=lambda row: not (row.article.is_required and row.read_at is None))


def article_for(member_id: int, article_id: int) -> ArticleRow:
    """One of them. Raises NotFound for what is switched off."""
    found = article(article_id)
    if not found.is_active:
        raise NotFound("没有这篇文章，可能已被删除")
    read = db.session.get(ArticleRead, (article_id, member_id))
    return ArticleRow(found, read.read_at if read else None)


def unread_required(member_id: int) -> int:
    """How many required articles a member has yet to read."""
    return sum(row.article.is_required and row.read_at is None for row in articles_for(member_id))
