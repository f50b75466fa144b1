"""What distributors share and learn from: materials (推广素材) and training (培训文章).

A material is a text with pictures or the link of a video, to be copied and saved; it
may belong to a product. An article is read in the mall; who read it is kept, and
those that are required say so until then.
"""

from app.content.sharing.models import Article, ArticleRead, Material
from app.content.sharing.queries import (
    ArticleRow,
    article,
    article_for,
    articles,
    articles_for,
    categories,
    material,
    materials_page,
    unread_required,
)
from app.content.sharing.service import (
    PICTURES_MAX,
    ArticleInput,
    MaterialInput,
    forget,
    mark_read,
    remove_article,
    remove_material,
    save_article,
    save_material,
)

__all__ = [
    "PICTURES_MAX",
    "Article",
    "ArticleInput",
    "ArticleRead",
    "ArticleRow",
    "Material",
    "MaterialInput",
    "article",
    "article_for",
    "articles",
    "articles_for",
    "categories",
    "forget",
    "mark_read",
    "material",
    "materials_page",
    "remove_article",
    "remove_material",
    "save_article",
    "save_material",
    "unread_required",
]
