"""Writing materials and articles, and marking what was read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from app import audit, catalog
from app.catalog import InvalidFields, richtext
from app.content.sharing import queries
from app.content.sharing.models import Article, ArticleRead, Material
from app.core.db import db, require_transaction
from app.core.rows import add_once, affected, lock_one

CATEGORY_MAX, TEXT_MAX, PICTURES_MAX = 10, 500, 9
TITLE_MAX, SUMMARY_MAX = 40, 80
POSITION_MAX = 9999


@dataclass(frozen=True)
class MaterialInput:
    """A material as somebody typed it; `pictures` are paths that `catalog.media` gave."""

    text: str
    category: str = ""
    pictures: Sequence[str] = ()
    video_url: str = ""
    product_id: int | None = None
    is_active: bool = True


@dataclass(frozen=True)
class ArticleInput:
    """An article as somebody typed it; `body` may be any HTML."""

    title: str
    body: str
    summary: str = ""
    is_required: bool = False
    is_active: bool = True
    position: int = 0


def save_material(
    material_id: int | None, given: MaterialInput, *, actor: audit.Actor, now: datetime
) -> Material:
    """Add a material or change one. Raises InvalidFields, NotFound."""
    require_transaction()
    if errors := _material_faults(given):
        raise InvalidFields(errors)
    if material_id is None:
        row, before = Material(), None
    else:
        row = lock_one(Material, material_id, "没有这条素材，可能已被删除")
        before = _material_facts(row)
    row.text, row.category = given.text.strip(), given.category.strip()
    row.pictures, row.video_url = list(given.pictures), given.video_url
    row.product_id, row.is_active, row.updated_at = given.product_id, given.is_active, now
    db.session.add(row)
    db.session.flush()
    _record("material.save", "material", row.id, actor, now, before, _material_facts(row))
    return row


def remove_material(material_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Raises NotFound."""
    row = lock_one(Material, material_id, "没有这条素材，可能已被删除")
    _record("material.remove", "material", row.id, actor, now, _material_facts(row), None)
    db.session.delete(row)
    db.session.flush()


def save_article(
    article_id: int | None, given: ArticleInput, *, actor: audit.Actor, now: datetime
) -> Article:
    """Add an article or change one; its HTML is cleaned. Raises InvalidFields, NotFound."""
    require_transaction()
    if errors := _article_faults(given):
        raise InvalidFields(errors)
    if article_id is None:
        row, before = Article(), None
    else:
        row = lock_one(Article, article_id, "没有这篇文章，可能已被删除")
        before = _article_facts(row)
    row.title, row.summary = given.title.strip(), given.summary.strip()
    row.body = richtext.clean(given.body)
    row.is_required, row.is_active = given.is_required, given.is_active
    row.position, row.updated_at = given.position, now
    db.session.add(row)
    db.session.flush()
    _record("article.save", "article", row.id, actor, now, before, _article_facts(row))
    return row


def remove_article(article_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Delete an article and who read it. Raises NotFound."""
    row = lock_one(Article, article_id, "没有这篇文章，可能已被删除")
    affected(sa.delete(ArticleRead).where(ArticleRead.article_id == article_id))
    _record("article.remove", "article", row.id, actor, now, _article_facts(row), None)
    db.session.delete(row)
    db.session.flush()


def mark_read(member_id: int, article_id: int, *, now: datetime) -> None:
    """Note that a member read an article; the first time stays. Raises NotFound."""
    require_transaction()
    queries.article_for(member_id, article_id)
    add_once(ArticleRead(article_id=article_id, member_id=member_id, read_at=now))


def forget(member_id: int) -> None:
    """Delete what a member read, because their account is deleted."""
    affected(sa.delete(ArticleRead).where(ArticleRead.member_id == member_id))


def _material_faults(given: MaterialInput) -> dict[str, str]:
    errors: dict[str, str] = {}
    if not 1 <= len(given.text.strip()) <= TEXT_MAX:
        errors["text"] = f"请填写文案，最多 {TEXT_MAX} 个字"
    if len(given.category.strip()) > CATEGORY_MAX:
        errors["category"] = f"分类最多 {CATEGORY_MAX} 个字"
    if len(given.pictures) > PICTURES_MAX:
        errors["pictures"] = f"最多 {PICTURES_MAX} 张图片"
    if given.video_url and not _is_web_address(given.video_url):
        errors["video_url"] = "视频链接应以 https:// 开头"
    if given.product_id is not None and given.product_id not in catalog.titles_of(
        [given.product_id]
    ):
        errors["product_id"] = "没有这件商品"
    return errors


def _article_faults(given: ArticleInput) -> dict[str, str]:
    errors: dict[str, str] = {}
    if not 1 <= len(given.title.strip()) <= TITLE_MAX:
        errors["title"] = f"请填写标题，最多 {TITLE_MAX} 个字"
    if len(given.summary.strip()) > SUMMARY_MAX:
        errors["summary"] = f"摘要最多 {SUMMARY_MAX} 个字"
    if len(given.body) > richtext.LONGEST:
        errors["body"] = "正文太长，请分成几篇"
    elif richtext.is_empty(richtext.clean(given.body)):
        errors["body"] = "请填写正文"
    if not 0 <= given.position <= POSITION_MAX:
        errors["position"] = f"排序应为 0 到 {POSITION_MAX}"
    return errors


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    sound = len(text) <= 300 and not any(ord(c) <= 32 for c in text)
    return sound and parts.scheme == "https" and bool(parts.hostname) and not parts.username


def _material_facts(row: Material) -> dict[str, Any]:
    return {
        "share_text": row.text,
        "category": row.category,
        "pictures": row.pictures,
        "video_url": row.video_url,
        "product_id": row.product_id,
        "is_active": row.is_active,
    }


def _article_facts(row: Article) -> dict[str, Any]:
    return {
        "title": row.title,
        "summary": row.summary,
        "is_required": row.is_required,
        "is_active": row.is_active,
        "position": row.position,
    }


def _record(
    action: str,
    subject: str,
    subject_id: int,
    actor: audit.Actor,
    now: datetime,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    audit.record(
        action,
        subject=subject,
        subject_id=subject_id,
        actor=actor,
        now=now,
        before=before,
        after=after,
    )
