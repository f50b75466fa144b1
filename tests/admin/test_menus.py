"""The menus of the official account at the desk, with WeChat over real HTTP."""

import re

import pytest
import sqlalchemy as sa

from app.admin.models import Role
from app.core.db import db, transaction
from app.wechat import current, menus
from app.wechat.menus import MenuVersion
from tests.admin.desk import acts, make_admin, sign_in

pytestmark = pytest.mark.engine_free

VIEW = {"type": "view", "name": "商城", "url": "{mall}/"}
ASK = {"type": "click", "name": "客服", "key": "help"}


@pytest.fixture
def desk(stack):
    """`desk(role)`: a browser with this role logged in."""

    def enter(role: str = "owner"):
        if role not in made:
            make_admin(role, Role(role))
            made.add(role)
        client = stack.app.test_client()
        client.environ_base["HTTP_ORIGIN"] = stack.url
        sign_in(client, role)
        return client

    made: set[str] = set()

    return enter


def typed(*columns, menu="default.json", seen=0, **more):
    """The form's fields: each column is its own row and the rows of its sub-menu."""
    data = {"menu": menu, "seen": str(seen), **more}
    for i, (own, *subs) in enumerate(columns):
        for prefix, row in [(f"b{i}", own), *((f"b{i}.s{j}", row) for j, row in enumerate(subs))]:
            data |= {f"{prefix}.{key}": value for key, value in row.items()}
    return data


def row(name="商城", value="/", kind="view", **more):
    return {"name": name, "type": kind, "value": value, **more}


def publish(client, *columns, **more):
    return client.post("/admin/menus/edit", data=typed(*columns, action="publish", **more))


def versions():
    db.session.rollback()
    return list(db.session.scalars(sa.select(MenuVersion).order_by(MenuVersion.id)))


def newest_id() -> int:
    found = versions()
    return found[-1].id if found else 0


def calls(stack, name: str) -> int:
    return sum(name in str(call) for call in stack.look("/calls")["calls"])


def field_with_error(page: str) -> list[str]:
    return re.findall(r'name="([^"]+)"[^>]*aria-invalid', page)


# --- editing and publishing --------------------------------------------------------


def test_an_account_without_a_menu_says_so(desk):
    page = desk().get("/admin/menus").text

    assert "微信上还没有菜单" in page
    assert "还没有发布过" in page


def test_what_is_typed_is_published_and_kept(stack, desk):
    client = desk("operations")

    answer = publish(
        client,
        [row()],
        [row("更多", ""), row("我的订单", "/orders"), row("客服", "help", "click")],
        [
            row(
                "小程序",
                "https://mp.weixin.qq.com/",
                "miniprogram",
                appid="wx0123456789abcdef",
                pagepath="pages/a",
            )
        ],
        note="开业",
    )

    assert answer.status_code == 302
    [version] = versions()
    assert version.documents == {
        "default.json": {
            "button": [
                VIEW,
                {
                    "name": "更多",
                    "sub_button": [
                        {"type": "view", "name": "我的订单", "url": "{mall}/orders"},
                        ASK,
                    ],
                },
                {
                    "type": "miniprogram",
                    "name": "小程序",
                    "url": "https://mp.weixin.qq.com/",
                    "appid": "wx0123456789abcdef",
                    "pagepath": "pages/a",
                },
            ]
        }
    }
    assert menus.at_wechat() == version.documents
    [entry] = acts("menu.publish")
    assert (entry.actor, entry.reason) == (version.published_by, "开业")
    page = client.get("/admin/menus").text
    assert "使用中" in page
    assert "开业" in page
    assert "发布公众号菜单" in desk("owner").get("/admin/audit").text


def test_what_was_published_comes_back_into_the_form(desk):
    client = desk()
    publish(client, [row()], [row("更多", ""), row("我的订单", "/orders")])

    page = client.get("/admin/menus/edit").text

    assert 'name="b0.value" value="/"' in page
    assert 'name="b1.s0.name" value="我的订单"' in page
    assert 'name="b1.s0.value" value="/orders"' in page


def test_blank_rows_are_left_out(desk):
    client = desk()

    publish(client, [row("", "")], [row("更多", ""), row("", ""), row("客服", "help", "click")])

    assert versions()[0].documents["default.json"] == {
        "button": [{"name": "更多", "sub_button": [ASK]}]
    }


def test_checking_publishes_nothing_and_needs_no_wechat(stack, desk):
    client = desk()
    stack.control("/faults", target="/cgi-bin/*", kind="status", status=500, times=50)

    answer = client.post("/admin/menus/edit", data=typed([row("新名字")], action="check"))

    assert answer.status_code == 200
    assert "检查通过" in answer.text
    assert '<div class="menu-phone-button">新名字</div>' in answer.text
    assert versions() == []
    assert calls(stack, "menu/") == 0


REFUSED = {
    "long name": ([[row("商城商城商城")]], "b0.name", "最多 16 字节"),
    "no name": ([[row("")]], "b0.name", "请填写名称"),
    "foreign": (
        [
            [
                row(),
            ],
            [row(value="https://evil.example/")],
        ],
        "b1.value",
        "不能指向",
    ),
    "no value": ([[row("更多", ""), row(), row("空", "")]], "b0.s1.value", "请填写网址"),
    "after a gap": ([[row("", "")], [row("客服", "", "click")]], "b0.value", "请填写 KEY"),
    "gap in subs": (
        [[row("更多", ""), row("", ""), row("长" * 21)]],
        "b0.s0.name",
        "最多 60 字节",
    ),
    "appid": (
        [[row(kind="miniprogram", appid="x", pagepath="p")]],
        "b0.appid",
        "18 位",
    ),
    "two slashes": ([[row(value="//evil.example")]], "b0.value", "https://"),
    "note": ([[row()]], "note", "最多 200 个字"),
}


@pytest.mark.parametrize(("columns", "field", "says"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_stands_at_its_field_and_nothing_is_sent(stack, desk, columns, field, says):
    client = desk()

    answer = publish(client, *columns, note="字" * 201 if field == "note" else "")

    assert answer.status_code == 422
    assert says in answer.text
    assert field_with_error(answer.text) == [field]
    assert versions() == []
    assert calls(stack, "menu/create") == 0
    assert acts("menu.publish") == []


def test_a_type_that_does_not_exist_is_refused(stack, desk):
    answer = publish(desk(), [row(kind="news")])

    assert answer.status_code == 422
    assert "按钮类型不正确" in answer.text
    assert versions() == []


def test_an_empty_menu_is_refused(desk):
    answer = publish(desk())

    assert answer.status_code == 422
    assert "一级菜单应为 1 到 3 个" in answer.text
    assert versions() == []


def test_what_was_typed_is_text_and_no_markup(desk):
    answer = publish(desk(), [row("<b>", "<script>")])

    assert answer.status_code == 422
    assert "<script>" not in answer.text
    assert 'value="&lt;b&gt;"' in answer.text


def test_work_of_another_admin_is_not_overwritten(desk):
    client = desk()
    publish(client, [row("先")])

    answer = publish(client, [row("后")], seen=0)

    assert answer.status_code == 409
    assert "已被别人发布过" in answer.text
    assert 'value="后"' in answer.text
    assert [v.documents["default.json"]["button"][0]["name"] for v in versions()] == ["先"]


# --- conditional menus ---------------------------------------------------------------


def test_a_conditional_menu_is_made_changed_and_taken_away(desk):
    client = desk()
    publish(client, [row()])

    publish(client, [row("贵宾")], menu="new", tag="VIP", seen=newest_id())
    assert list(menus.at_wechat()) == ["default.json", "tag-VIP.json"]
    assert "标签“VIP”" in client.get("/admin/menus").text
    assert 'value="VIP"' in client.get("/admin/menus/edit?menu=tag-VIP.json").text

    publish(client, [row("贵宾二")], menu="tag-VIP.json", tag="VIP", seen=newest_id())
    assert menus.at_wechat()["tag-VIP.json"]["button"][0]["name"] == "贵宾二"

    assert client.post("/admin/menus/remove", data={"menu": "tag-VIP.json"}).status_code == 302
    assert list(menus.at_wechat()) == ["default.json"]
    assert versions()[-1].note == "删除个性化菜单：标签“VIP”"
    assert client.get("/admin/menus/edit?menu=tag-VIP.json").status_code == 404


@pytest.mark.parametrize(("tag", "says"), [("", "请填写标签名"), ("VIP", "已有个性化菜单")])
def test_a_conditional_menu_needs_a_tag_of_its_own(desk, tag, says):
    client = desk()
    publish(client, [row()])
    publish(client, [row()], menu="new", tag="VIP", seen=newest_id())

    answer = publish(client, [row("又")], menu="new", tag=tag, seen=newest_id())

    assert answer.status_code == 422
    assert says in answer.text
    assert field_with_error(answer.text) == ["tag"]
    assert len(versions()) == 2


def test_a_conditional_menu_comes_after_the_default_one(desk):
    answer = publish(desk(), [row()], menu="new", tag="VIP")

    assert answer.status_code == 422
    assert "缺少默认菜单" in answer.text
    assert versions() == []


@pytest.mark.parametrize("menu", ["default.json", "nothing.json", ""])
def test_only_a_conditional_menu_that_is_there_can_be_removed(desk, menu):
    client = desk()
    publish(client, [row()])

    answer = client.post("/admin/menus/remove", data={"menu": menu})

    assert answer.status_code == 404
    assert "没有这个个性化菜单" in answer.text
    assert len(versions()) == 1


# --- versions ------------------------------------------------------------------------


def test_going_back_publishes_the_old_menus_as_a_new_version(desk):
    client = desk()
    publish(client, [row("旧")])
    publish(client, [row()], menu="new", tag="VIP", seen=newest_id())
    old = versions()[0]
    page = client.get(f"/admin/menus?version={old.id}").text
    assert "恢复此版本" in page
    assert "旧" in page

    answer = client.post("/admin/menus/restore", data={"version_id": str(old.id)})

    assert answer.status_code == 302
    assert menus.at_wechat() == {"default.json": {"button": [{**VIEW, "name": "旧"}]}}
    last = versions()[-1]
    assert (len(versions()), last.note) == (3, f"恢复版本 {versions()[0].id}")
    assert len(acts("menu.publish")) == 3


@pytest.mark.parametrize("version_id", ["", "999999", "x", "-1", "9" * 30])
def test_a_version_that_is_not_there_is_not_found(desk, version_id):
    client = desk()

    answer = client.post("/admin/menus/restore", data={"version_id": version_id})

    assert answer.status_code == 404
    assert "没有这个菜单版本" in answer.text
    assert client.get("/admin/menus?version=999").status_code == 404


def test_an_old_version_is_checked_by_the_rules_of_today(stack, desk):
    client = desk()
    publish(client, [row()])
    with transaction():
        versions_now = db.session.scalars(sa.select(MenuVersion)).one()
        versions_now.documents = {
            "default.json": {"button": [{**VIEW, "url": "https://former.example/"}]}
        }
    before = menus.at_wechat()

    answer = client.post("/admin/menus/restore", data={"version_id": str(newest_id())})

    assert answer.status_code == 422
    assert "不能指向 former.example" in answer.text
    assert menus.at_wechat() == before


def test_a_change_made_elsewhere_is_pointed_out(stack, desk):
    client = desk()
    publish(client, [row()])
    assert "与最后一次发布的版本" not in client.get("/admin/menus").text

    current().account.client.menu.create({"button": [ASK]})

    page = client.get("/admin/menus").text
    assert "与最后一次发布的版本" in page
    assert "使用中" not in page
    assert "客服" in page


# --- WeChat away -----------------------------------------------------------------------


def test_without_wechat_the_page_says_so_and_shows_the_last_version(stack, desk):
    client = desk()
    publish(client, [row("上次")])
    stack.control("/faults", target="/cgi-bin/menu/get", kind="status", status=500, times=50)

    page = client.get("/admin/menus")
    edit = client.get("/admin/menus/edit")

    assert page.status_code == 200
    assert "查不到微信上现在的菜单" in page.text
    assert "上次" in page.text
    assert 'name="b0.name" value="上次"' in edit.text


@pytest.mark.parametrize(
    ("target", "says"),
    [("/cgi-bin/menu/get", "错误码 48001"), ("/cgi-bin/menu/create", "已认证的公众号")],
    ids=["looking", "sending"],
)
def test_a_refusal_of_wechat_keeps_what_was_typed(stack, desk, target, says):
    stack.control("/faults", target=target, kind="errcode", errcode=48001, times=1)

    answer = publish(desk(), [row("新")])

    assert answer.status_code == 502
    assert says in answer.text
    assert 'value="新"' in answer.text
    assert versions() == []


# --- roles -----------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["finance", "auditor"])
def test_who_only_looks_changes_nothing(stack, desk, role):
    publish(desk("owner"), [row()])
    client = desk(role)

    page = client.get("/admin/menus").text
    answers = [
        client.get("/admin/menus/edit"),
        publish(client, [row("坏")], seen=newest_id()),
        client.post("/admin/menus/remove", data={"menu": "tag-VIP.json"}),
        client.post("/admin/menus/restore", data={"version_id": str(newest_id())}),
    ]

    assert "商城" in page
    assert "恢复此版本" not in page
    assert "/admin/menus/edit" not in page
    assert [answer.status_code for answer in answers] == [403] * 4
    assert len(versions()) == 1


@pytest.mark.browser
def test_rows_are_added_moved_and_removed_in_a_browser(stack, desk, chromium):
    token = desk().get_cookie("mall_admin", path="/admin").value
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies(
        [{"name": "mall_admin", "value": token, "domain": "127.0.0.1", "path": "/admin"}]
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.goto(f"{stack.url}/admin/menus/edit")

    page.fill("[name='b0.name']", "更多")
    for index, name in enumerate(["甲", "乙", "丙"]):
        page.click("[data-menu-column]:visible >> text=添加子菜单")
        page.fill(f"[name='b0.s{index}.name']", name)
        page.fill(f"[name='b0.s{index}.value']", f"/p/{index}")
    assert page.is_hidden("[name='b0.value']")
    rows = page.locator("[data-menu-sub]:visible")
    rows.nth(2).locator("text=上移").click()
    rows.nth(0).locator("text=删除").click()
    page.click("text=添加一级菜单")
    page.fill("[name='b1.name']", "商城")
    page.fill("[name='b1.value']", "/")
    page.locator("[data-menu-column]:visible").nth(1).locator("[data-menu-move]").first.click()
    preview = page.locator("[data-menu-preview]").inner_text().split()
    page.click("button[value=publish]")
    page.click(".modal.show button:has-text('发布')")
    page.wait_for_url(f"{stack.url}/admin/menus")
    context.close()

    assert preview == ["商城", "丙", "乙", "更多"]
    assert menus.at_wechat()["default.json"]["button"] == [
        VIEW,
        {
            "name": "更多",
            "sub_button": [
                {"type": "view", "name": "丙", "url": "{mall}/p/2"},
                {"type": "view", "name": "乙", "url": "{mall}/p/1"},
            ],
        },
    ]
    assert problems == []
