"""The home page at the desk: forms, order, preview, publishing, going back."""

import io
import re

import pytest
import sqlalchemy as sa
from PIL import Image

from app import content
from app.content import Banner, HomeBlock, HomeVersion, Line, Notice, Picture, Products
from app.core import clock, preview, web
from app.core.db import db
from tests.admin.desk import acts, home_block
from tests.factories import make_category, make_product
from tests.mall.pages import text_of


def stored() -> list[tuple[object, ...]]:
    db.session.rollback()
    return [
        tuple(row)
        for cls in (HomeBlock, HomeVersion)
        for row in db.session.execute(sa.select(*cls.__table__.columns).order_by(cls.id))
    ]


def draft() -> list[HomeBlock]:
    db.session.rollback()
    return list(content.draft())


BANNER = {
    "kind": "banner",
    "title": "春季主推",
    "picture_path": ["p/a.jpg", "p/b.jpg"],
    "picture_size": ["960x410", "800x800"],
    "picture_alt": ["春茶", "杯壶"],
    "picture_link": ["http://mall.test/category?id=3", ""],
    "shown_from": "2026-11-22T08:00",
    "shown_until": "2026-11-23T08:00",
    "is_active": "1",
}


def test_a_banner_is_saved_with_its_times(session, admin_client):
    answer = admin_client("operations").post("/admin/home/blocks", data=BANNER)

    [block] = draft()
    assert answer.headers["Location"] == "/admin/home"
    assert block.typed == Banner(
        (
            Picture("p/a.jpg", 960, 410, "春茶", "/category?id=3"),
            Picture("p/b.jpg", 800, 800, "杯壶", ""),
        )
    )
    assert (block.title, block.is_active) == ("春季主推", True)
    assert str(block.shown_from) == "2026-11-22 00:00:00+00:00"
    assert [entry.action for entry in acts("home.block_save")] == ["home.block_save"]


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(session, admin_client):
    before = stored()

    answer = admin_client("operations").post(
        "/admin/home/blocks",
        data={
            **BANNER,
            "picture_link": ["/nowhere", "https://evil.test/x"],
            "shown_until": "2026-11-22T07:00",
        },
    )

    page = text_of(answer)
    assert answer.status_code == 422
    assert "第 1 张图片：商城里没有“/nowhere”这个页面" in page
    assert "第 2 张图片：不能指向 evil.test：只能是商城的页面或允许的域名" in page
    assert "结束时间应晚于开始时间" in page
    assert 'value="https://evil.test/x"' in answer.text
    assert 'value="春季主推"' in answer.text
    assert stored() == before


@pytest.mark.parametrize("field", ["shown_from", "limit"])
def test_what_cannot_be_read_is_refused(session, admin_client, field):
    data = {"kind": "products", "rule": "new", "look": "grid", "limit": "6", field: "明天"}
    message = {"shown_from": "开始展示的时间格式不正确", "limit": "展示数量应为整数"}[field]

    answer = admin_client("operations").post("/admin/home/blocks", data=data)

    assert answer.status_code == 422
    assert message in text_of(answer)
    assert stored() == []


def test_a_row_of_products_keeps_only_what_its_rule_needs(session, admin_client):
    product, category = make_product(), make_category()

    admin_client("operations").post(
        "/admin/home/blocks",
        data={
            "kind": "products",
            "rule": "hand",
            "look": "strip",
            "limit": "6",
            "product_ids": [str(product.id), str(product.id), "x"],
            "category_id": str(category.id),
            "tag": "送礼",
        },
    )

    assert draft()[0].typed == Products("hand", (product.id,), None, "", 6, "strip")


def test_empty_lines_of_a_notice_are_left_out(session, admin_client):
    admin_client("operations").post(
        "/admin/home/blocks",
        data={"kind": "notice", "line_text": ["包邮", ""], "line_link": ["/help", ""]},
    )

    assert draft()[0].typed == Notice((Line("包邮", "/help"),))


@pytest.mark.parametrize("link", ["/media/p/a.jpg", "/theme.css", "/preview/home", "/admin/home"])
def test_files_and_the_desk_are_no_places_to_lead_to(session, admin_client, link):
    answer = admin_client("operations").post(
        "/admin/home/blocks", data={"kind": "notice", "line_text": "看", "line_link": link}
    )

    assert f"第 1 条公告：商城里没有“{link}”这个页面" in text_of(answer)
    assert stored() == []


def test_an_unknown_kind_is_not_found(session, admin_client):
    client = admin_client("operations")

    assert client.get("/admin/home/blocks/new?kind=magic").status_code == 404
    assert client.post("/admin/home/blocks", data={"kind": "magic"}).status_code == 404
    assert stored() == []


def test_every_kind_has_a_form(session, admin_client):
    client = admin_client("operations")

    for kind in content.Kind:
        assert client.get(f"/admin/home/blocks/new?kind={kind.value}").status_code == 200


def test_a_block_is_changed_switched_off_moved_and_removed(session, admin_client):
    client = admin_client("operations")
    first, second = home_block("甲").id, home_block("乙").id

    client.post(
        f"/admin/home/blocks/{first}",
        data={"title": "丙", "line_text": "包邮", "line_link": "", "is_active": "1"},
    )
    client.post(f"/admin/home/blocks/{second}/move", data={"to": "up"})
    client.post(f"/admin/home/blocks/{second}/switch", data={"on": "0"})
    assert [(row.title, row.is_active) for row in draft()] == [("乙", False), ("丙", True)]

    client.post(f"/admin/home/blocks/{second}/remove")
    assert [row.title for row in draft()] == ["丙"]


def test_dragging_sends_the_whole_order(session, admin_client):
    client = admin_client("operations")
    first, second = home_block("甲").id, home_block("乙").id

    answer = client.post("/admin/home/order", data={"ids": [second, first]})
    assert answer.json == {"has_changes": True}
    assert [row.title for row in draft()] == ["乙", "甲"]

    refused = client.post("/admin/home/order", data={"ids": [first]})
    assert refused.status_code == 422
    assert refused.json["message"] == "模块已被别人增删过，请刷新页面后再排序"
    assert [row.title for row in draft()] == ["乙", "甲"]


def test_publishing_and_bringing_a_version_back(session, admin_client):
    client = admin_client("operations")
    block = home_block("甲").id

    client.post("/admin/home/publish", data={"note": "开业"})
    client.post(f"/admin/home/blocks/{block}/remove")
    [version] = db.session.scalars(sa.select(HomeVersion)).all()
    client.post(f"/admin/home/versions/{version.id}/restore")

    assert version.note == "开业"
    assert [row.title for row in draft()] == ["甲"]
    assert [row.title for row in content.shown(clock.now())] == ["甲"]
    assert "顾客看到的" in text_of(client.get("/admin/home"))


def test_what_cannot_be_published_is_said_on_the_page(session, admin_client):
    client = admin_client("operations")

    answer = client.post("/admin/home/publish", follow_redirects=True)

    assert "首页还没有启用的模块，请先添加" in text_of(answer)
    assert stored() == []


def test_the_picker_finds_what_is_on_the_shelf(session, admin_client):
    tea, cup = make_product("高山绿茶"), make_product("马克杯")
    make_product("下架的绿茶", is_on_shelf=False)
    client = admin_client("operations")

    def offered(query: str) -> list[str]:
        return re.findall(r'data-pick="(\d+)"', client.get(f"/admin/home/products{query}").text)

    assert offered("") == [str(cup.id), str(tea.id)]
    assert offered("?q=绿茶") == [str(tea.id)]


def test_a_picture_is_kept_with_its_size(session, admin_client):
    data = io.BytesIO()
    Image.new("RGB", (1200, 600), "#abc").save(data, "PNG")
    data.seek(0)

    answer = admin_client("operations").post("/admin/home/pictures", data={"file": (data, "a.png")})

    assert (answer.json["width"], answer.json["height"]) == (960, 480)
    assert (web.settings().data_dir / "media" / answer.json["path"]).is_file()


def test_what_is_no_picture_is_refused(session, admin_client):
    answer = admin_client("operations").post(
        "/admin/home/pictures", data={"file": (io.BytesIO(b"<svg/>"), "a.png")}
    )

    assert answer.status_code == 422
    assert answer.json["message"] == "这不是可用的图片，请上传 JPG、PNG 或 WebP"


def test_who_may_only_look_is_offered_no_change(session, admin_client):
    home_block("甲")

    page = admin_client("auditor").get("/admin/home").text

    assert "编辑" not in page
    assert "/remove" not in page
    assert 'id="publish"' not in page


# --- the preview -------------------------------------------------------------------


def test_the_desk_sees_the_draft_before_others_do(session, admin_client):
    home_block("甲")
    client = admin_client("auditor")
    assert client.get("/preview/home").status_code == 404

    client.get("/admin/home")
    shown = client.get("/preview/home")

    assert "满 99 元包邮" in shown.text
    assert "满 99 元包邮" not in client.get("/").text
    assert shown.headers["Cache-Control"] == "no-store"


def test_only_the_preview_may_stand_in_a_frame_of_ours(session, admin_client):
    client = admin_client("auditor")
    client.get("/admin/home")

    def framing(path: str) -> str:
        policy = client.get(path).headers["Content-Security-Policy"]
        return re.findall(r"frame-ancestors ([^;]+)", policy)[0]

    assert framing("/preview/home") == "'self'"
    assert framing("/admin/home") == "'none'"
    assert framing("/") != "'self'"


def test_the_pass_is_for_the_preview_alone_and_ends(session, admin_client, monkeypatch):
    client = admin_client("auditor")
    cookie = next(
        value
        for value in client.get("/admin/home").headers.getlist("Set-Cookie")
        if value.startswith(preview.COOKIE)
    )
    assert "Path=/preview/home" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie

    monkeypatch.setattr(preview, "LASTS_SECONDS", -1)
    assert client.get("/preview/home").status_code == 404


def test_a_forged_pass_shows_nothing(session, client):
    client.set_cookie(preview.COOKIE, "ImhvbWUi.aAAAAA.forged", path="/preview/home")

    assert client.get("/preview/home").status_code == 404


def test_the_preview_looks_ahead_and_back(session, admin_client):
    client = admin_client("operations")
    client.post("/admin/home/blocks", data={**BANNER, "picture_link": ["", ""]})
    client.post("/admin/home/publish")
    [version] = db.session.scalars(sa.select(HomeVersion)).all()
    client.get("/admin/home")

    def shows(query: str) -> bool:
        return "春茶" in client.get(f"/preview/home?{query}").text

    assert shows("at=2026-11-22T08:00")
    assert not shows("at=2026-11-23T08:00")
    assert shows(f"at=2026-11-22T08:00&version={version.id}")
    assert not shows("at=2026-11-22T08:00&version=987654")
