"""Materials and training: what may be written, what is shown to whom, what was read."""

import pytest
import sqlalchemy as sa

from app import privacy
from app.audit import AuditEntry
from app.catalog import InvalidFields
from app.content import sharing
from app.content.sharing import Article, ArticleInput, ArticleRead, Material, MaterialInput
from app.core.db import db, run_unit, transaction
from app.core.errors import NotFound
from tests.admin.desk import a_material, an_article
from tests.factories import ADMIN, NOON, days, make_member, make_sku


def count(model) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        (MaterialInput(" "), "text", "请填写文案，最多 500 个字"),
        (MaterialInput("字" * 501), "text", "请填写文案，最多 500 个字"),
        (MaterialInput("好", "分" * 11), "category", "分类最多 10 个字"),
        (MaterialInput("好", pictures=["p/a.jpg"] * 10), "pictures", "最多 9 张图片"),
        (MaterialInput("好", video_url="javascript:x"), "video_url", "视频链接应以 https:// 开头"),
        (
            MaterialInput("好", video_url="https://u@x.com/"),
            "video_url",
            "视频链接应以 https:// 开头",
        ),
        (MaterialInput("好", product_id=999), "product_id", "没有这件商品"),
    ],
)
def test_a_material_that_cannot_be_is_refused(session, given, field, said):
    with pytest.raises(InvalidFields) as refused, transaction():
        sharing.save_material(None, given, actor=ADMIN, now=NOON)

    assert refused.value.errors == {field: said}
    assert (count(Material), count(AuditEntry)) == (0, 0)


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        (ArticleInput("", "<p>好</p>"), "title", "请填写标题，最多 40 个字"),
        (ArticleInput("好", "<p><br></p>"), "body", "请填写正文"),
        (ArticleInput("好", "<script>x</script>"), "body", "请填写正文"),
        (ArticleInput("好", "字" * 60_001), "body", "正文太长，请分成几篇"),
        (ArticleInput("好", "好", "字" * 81), "summary", "摘要最多 80 个字"),
        (ArticleInput("好", "好", position=-1), "position", "排序应为 0 到 9999"),
    ],
)
def test_an_article_that_cannot_be_is_refused(session, given, field, said):
    with pytest.raises(InvalidFields) as refused, transaction():
        sharing.save_article(None, given, actor=ADMIN, now=NOON)

    assert refused.value.errors == {field: said}
    assert (count(Article), count(AuditEntry)) == (0, 0)


def test_materials_by_category_and_product(session):
    sku = make_sku()
    a_material("一", category="朋友圈")
    a_material("二", category="早安", product_id=sku.product_id)
    a_material("三", category="早安", is_active=False)

    def texts(**asked) -> list[str]:
        return [row.text for row in sharing.materials_page(**asked).items]

    assert texts(is_active=True) == ["二", "一"]
    assert texts(is_active=True, category="早安") == ["二"]
    assert texts(product_id=sku.product_id) == ["二"]
    assert texts() == ["三", "二", "一"]
    assert sharing.categories() == ["早安", "朋友圈"]


def test_an_articles_html_is_cleaned(session):
    made = an_article(body='<p onclick="x()">好<script>x</script></p>')

    assert made.body == "<p>好</p>"


def test_required_ones_come_first_until_they_are_read(session):
    reader = make_member()
    an_article("甲", position=1)
    must = an_article("乙", position=2, is_required=True)
    an_article("丙", position=0, is_active=False)
    assert [row.article.title for row in sharing.articles_for(reader.id)] == ["乙", "甲"]
    assert sharing.unread_required(reader.id) == 1

    run_unit(sharing.mark_read, reader.id, must.id, now=NOON)
    run_unit(sharing.mark_read, reader.id, must.id, now=NOON + days(1))

    rows = sharing.articles_for(reader.id)
    assert [(row.article.title, row.read_at) for row in rows] == [("甲", None), ("乙", NOON)]
    assert sharing.unread_required(reader.id) == 0
    assert [(row.title, reads) for row, reads in sharing.articles()] == [
        ("丙", 0),
        ("甲", 0),
        ("乙", 1),
    ]


def test_what_is_switched_off_cannot_be_read(session):
    hidden, reader = an_article(is_active=False), make_member()

    with pytest.raises(NotFound), transaction():
        sharing.mark_read(reader.id, hidden.id, now=NOON)

    assert count(ArticleRead) == 0


def test_removing_leaves_a_trace_and_nothing_else(session):
    reader, found, text = make_member(), an_article(), a_material()
    run_unit(sharing.mark_read, reader.id, found.id, now=NOON)

    run_unit(sharing.remove_article, found.id, actor=ADMIN, now=NOON)
    run_unit(sharing.remove_material, text.id, actor=ADMIN, now=NOON)

    assert (count(Article), count(ArticleRead), count(Material)) == (0, 0, 0)
    actions = [row.action for row in db.session.scalars(sa.select(AuditEntry))]
    assert actions[-2:] == ["article.remove", "material.remove"]


def test_who_leaves_read_nothing(session):
    reader, found = make_member(), an_article()
    run_unit(sharing.mark_read, reader.id, found.id, now=NOON)
    [section] = [each for each in privacy.sections(reader.id) if each.key == "training"]
    assert section.rows == [{"article": "怎样分享", "read_at": NOON}]

    run_unit(privacy.erase, reader.id, actor=ADMIN, now=NOON)

    assert count(ArticleRead) == 0
