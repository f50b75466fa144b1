"""Materials and training over HTTP, on the phone and at the desk."""

import io

import pytest
import sqlalchemy as sa

from app.content import sharing
from app.content.sharing import Article, ArticleRead, Material
from app.core.db import db
from tests.admin.desk import a_material, acts, an_article
from tests.factories import code_of, make_distributor_of, make_sku
from tests.uploads.test_uploads import photo

MATERIALS, TRAINING = "/me/distribution/materials", "/me/distribution/training"


@pytest.fixture
def earner(me):
    make_distributor_of(me)
    return me


@pytest.fixture
def owner(session, admin_client):
    return admin_client("owner")


def stored(model):
    db.session.rollback()
    return list(db.session.scalars(sa.select(model).order_by(model.id)))


# --- on the phone --------------------------------------------------------------------


def test_what_is_copied_ends_with_ones_own_link(client, earner):
    sku = make_sku()
    a_material("喝<茶>", product_id=sku.product_id)
    a_material("逛逛")

    page = client.get(MATERIALS).text

    link = f"http://mall.test/r/{code_of(earner)}"
    assert f'data-copy="喝&lt;茶&gt;\n{link}?to=/p/{sku.product_id}"' in page
    assert f'data-copy="逛逛\n{link}"' in page


def test_an_article_is_ticked_when_it_was_read(client, earner):
    found = an_article(is_required=True)
    assert "还有 1 篇必读" in client.get("/me/distribution").text
    assert "我读完了" in client.get(f"{TRAINING}/{found.id}").text

    assert client.post(f"{TRAINING}/{found.id}").location == TRAINING

    assert "已读" in client.get(TRAINING).text
    assert "还有 1 篇必读" not in client.get("/me/distribution").text


def test_who_is_no_distributor_reads_nothing(client, me):
    found = an_article()

    for path in (MATERIALS, TRAINING, f"{TRAINING}/{found.id}"):
        assert client.get(path).location == "/me/distribution"
    assert client.post(f"{TRAINING}/{found.id}").status_code == 404
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ArticleRead)) == 0


def test_what_is_switched_off_is_not_found(client, earner):
    assert client.get(f"{TRAINING}/{an_article(is_active=False).id}").status_code == 404


# --- at the desk ---------------------------------------------------------------------


def test_a_material_is_written_with_pictures_and_changed(owner):
    form = {"text": "上新\r\n快来", "category": "朋友圈", "is_active": "1"}
    files = [(io.BytesIO(photo()), "a.jpg"), (io.BytesIO(photo()), "b.jpg")]
    owner.post("/admin/materials/new", data={**form, "files": files})
    [row] = stored(Material)
    assert (row.text, row.category, len(row.pictures)) == ("上新\n快来", "朋友圈", 2)

    kept = row.pictures[1]
    owner.post(f"/admin/materials/{row.id}", data={**form, "pictures": [kept, "p/not-ours.jpg"]})

    assert [row.pictures for row in stored(Material)] == [[kept]]
    assert len(acts("material.save")) == 2


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"text": ""}, "请填写文案"),
        ({"text": "好", "product_id": "茶"}, "请从搜索结果里选择商品"),
        ({"text": "好", "files": (io.BytesIO(b"<svg/>"), "a.svg")}, "这不是可用的图片"),
    ],
)
def test_a_material_that_cannot_be_is_said_so(owner, form, said):
    answer = owner.post("/admin/materials/new", data=form)

    assert answer.status_code == 422
    assert said in answer.text
    assert stored(Material) == []


def test_too_many_pictures_are_refused(owner):
    files = [(io.BytesIO(photo()), f"{n}.jpg") for n in range(sharing.PICTURES_MAX + 1)]

    answer = owner.post("/admin/materials/new", data={"text": "好", "files": files})

    assert "最多 9 张图片" in answer.text
    assert stored(Material) == []


def test_an_article_is_written_changed_and_removed(owner):
    form = {"title": "怎样分享", "body": "<p>点分享赚</p>", "position": "3", "is_required": "1"}
    owner.post("/admin/articles/new", data=form)
    [row] = stored(Article)
    assert (row.title, row.body, row.position, row.is_required, row.is_active) == (
        "怎样分享",
        "<p>点分享赚</p>",
        3,
        True,
        False,
    )

    owner.post(f"/admin/articles/{row.id}", data={**form, "title": "怎么分享", "is_active": "1"})
    assert [(each.title, each.is_active) for each in stored(Article)] == [("怎么分享", True)]

    owner.post(f"/admin/articles/{row.id}/remove")
    assert stored(Article) == []
    assert [len(acts(f"article.{verb}")) for verb in ("save", "remove")] == [2, 1]


def test_an_article_that_cannot_be_is_said_so(owner):
    answer = owner.post("/admin/articles/new", data={"title": "好", "body": "", "position": "x"})

    assert answer.status_code == 422
    assert "请填写正文" in answer.text
    assert "排序应为 0 到 9999" in answer.text
    assert stored(Article) == []


def test_a_picture_for_an_article(owner):
    good = owner.post("/admin/articles/pictures", data={"file": (io.BytesIO(photo()), "a.jpg")})
    bad = owner.post("/admin/articles/pictures", data={"file": (io.BytesIO(b"x"), "a.jpg")})

    assert (good.status_code, good.json["width"]) == (200, 40)
    assert bad.status_code == 422
