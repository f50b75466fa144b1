"""Plans are drafted in tables."""

import re

import pytest

from app import commission
from app.commission import PlanStatus, PlanVersion
from app.core import clock
from app.core.db import run_unit
from tests.admin.desk import acts, draft_plan
from tests.admin.plans import FORM, newest, stored
from tests.factories import (
    ADMIN,
    PLAN,
    make_category,
    make_level,
    make_plan,
    make_product,
)
from tests.mall.pages import text_of

DOCUMENT = {
    "depth_cap": 2,
    "base": "profit",
    "mode": "fixed",
    "self_purchase": "off",
    "inactive_upline": "compress",
    "line_cap_bps": 2550,
    "default": {"1": {"bps": 1225}},
}


def edit(plan: PlanVersion) -> str:
    return f"/admin/plans/{plan.id}/edit"


def test_a_draft_is_stored_as_it_was_typed(session, admin_client):
    make_level("senior", 10, "高级分销员")
    tea, cup, tray = make_category(), make_product("茶杯"), make_product("茶盘")
    rows = ["levels.senior", f"categories.{tea.id}", f"products.{cup.id}", f"products.{tray.id}"]
    level, category, product, out = rows

    answer = admin_client("operations").post(
        "/admin/plan-new",
        data={
            **FORM,
            "row": rows,
            f"{level}.1.kind": "tiers",
            f"{level}.1.by": "order_paid",
            f"{level}.1.from": ["0", "1,000.50", ""],
            f"{level}.1.get": ["10", "3.5", ""],
            f"{level}.1.unit": ["bps", "fen", "bps"],
            f"{category}.2.kind": "tiers",
            f"{category}.2.by": "margin",
            f"{category}.2.from": ["-5", "20"],
            f"{category}.2.get": ["1", "2.05%"],
            f"{category}.2.unit": ["bps", "bps"],
            f"{product}.1.kind": "fen",
            f"{product}.1.value": "3.50",
            f"{out}.excluded": "1",
        },
    )

    made = newest()
    assert answer.headers["Location"] == f"/admin/plans/{made.id}"
    assert (made.name, made.status) == ("秋季方案", PlanStatus.DRAFT)
    assert made.document == {
        **DOCUMENT,
        "levels": {
            "senior": {
                "1": {
                    "tiers": {
                        "by": "order_paid",
                        "steps": [{"from": 0, "bps": 1000}, {"from": 1000_50, "fen": 350}],
                    }
                }
            }
        },
        "categories": {
            str(tea.id): {
                "2": {
                    "tiers": {
                        "by": "margin",
                        "steps": [{"from": -500, "bps": 100}, {"from": 2000, "bps": 205}],
                    }
                }
            }
        },
        "products": {str(cup.id): {"1": {"fen": 350}}, str(tray.id): {"excluded": True}},
    }
    assert len(acts("plan.draft")) == 1


def test_the_editor_gives_back_every_value_that_was_stored(session, admin_client):
    client = admin_client("owner")
    test_a_draft_is_stored_as_it_was_typed(session, lambda _role: client)
    made = newest()

    page = client.get(edit(made)).text
    answer = client.post(edit(made), data={**fields_of(page), "act": "save"})

    assert answer.status_code == 303
    assert newest().document == made.document
    # What did not change leaves no entry.
    assert acts("plan.change") == []


def fields_of(page: str) -> dict[str, list[str]]:
    """What a browser would send of the page's form."""
    form = page[page.index('id="plan-form"') :]
    sent: dict[str, list[str]] = {}
    for tag in re.finditer(r"<input [^>]*>|<select .*?</select>", form, re.DOTALL):
        text = tag.group()
        name = re.search(r'name="([^"]+)"', text)
        if name is None or (("radio" in text or "checkbox" in text) and " checked" not in text):
            continue
        value = re.search(r'value="([^"]*)"', text)
        if text.startswith("<select"):
            value = re.search(r'<option value="([^"]*)" selected', text) or re.search(
                r'<option value="([^"]*)"', text
            )
        sent.setdefault(name[1], []).append(value[1] if value else "")
    return sent


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"name": ""}, "方案名称应为 1 到 60 个字"),
        ({"line_cap_bps": "100.01"}, "单行佣金上限应在 0% 到 100% 之间"),
        ({"line_cap_bps": ""}, "请填写单行佣金上限"),
        ({"depth_cap": "3"}, "分佣层级不能超过 2 级"),
        ({"default.1.value": "12.345"}, "比例格式不正确，请输入最多两位小数的百分数"),
        ({"default.1.value": "1e1"}, "比例格式不正确"),
        ({"default.1.value": "100.5"}, "比例应在 0% 到 100% 之间"),
        ({"default.1.value": "-1"}, "比例应在 0% 到 100% 之间"),
        ({"default.1.kind": "fen", "default.1.value": "-1"}, "每件金额格式不正确"),
        ({"default.1.kind": ""}, "填写了数值，请选择按比例还是按每件"),
        (
            {
                "default.1.kind": "tiers",
                "default.1.from": ["100", "50"],
                "default.1.get": ["1", "2"],
                "default.1.unit": ["bps", "bps"],
            },
            "阶梯的起点应从小到大且不重复",
        ),
        (
            {
                "default.1.kind": "tiers",
                "default.1.from": "",
                "default.1.get": "",
                "default.1.unit": "bps",
            },
            "阶梯费率至少要有一档",
        ),
        (
            {"row": "levels.gold", "levels.gold.1.kind": "bps", "levels.gold.1.value": "1"},
            "没有标识为 gold 的分销等级",
        ),
        ({"row": "products.404", "products.404.excluded": "1"}, "没有编号为 404 的商品"),
        ({"row": "categories.404"}, "这一行还没有填写费率；不需要请移除"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_kept(
    session, admin_client, changed, says
):
    before = stored()

    answer = admin_client("operations").post("/admin/plan-new", data={**FORM, **changed})

    page = text_of(answer)
    assert answer.status_code == 422
    assert says in page
    assert "还没有保存，请先改正标红的 1 处" in page
    if "name" not in changed:
        assert 'value="秋季方案"' in answer.text
    assert stored() == before
    assert acts("plan.draft") == []


def test_buttons_of_the_tables_work_without_a_script_and_keep_nothing(session, admin_client):
    make_level("senior", 10, "高级分销员")
    cup = make_product("茶杯")
    client = admin_client("operations")

    def press(act: str, **more) -> str:
        answer = client.post("/admin/plan-new", data={**FORM, **more, "act": act})
        assert answer.status_code == 200
        return answer.text

    added = press("add-levels", new_levels="senior")
    found = press("enter", product_q="茶杯")
    chosen = press(f"add:products.{cup.id}")
    dropped = press("drop:levels.senior", row="levels.senior")
    tiers = press("show", **{"default.1.kind": "tiers"})
    one_more = press("step:default.1", **{"default.1.kind": "tiers"})
    one_less = press("unstep:default.1", **{"default.1.kind": "tiers"})
    nonsense = press("add:somewhere.else")

    assert 'name="row" value="levels.senior"' in added
    assert f'value="add:products.{cup.id}"' in found
    assert f'name="row" value="products.{cup.id}"' in chosen
    assert 'name="row"' not in dropped
    assert [page.count('name="default.1.from"') for page in (tiers, one_more, one_less)] == [
        2,
        3,
        1,
    ]
    assert 'name="row"' not in nonsense
    assert all('value="12.25"' in page for page in (added, found, chosen, dropped, nonsense))
    assert stored() == []


def test_a_new_draft_starts_from_the_plan_in_force_or_any_version(session, admin_client):
    client = admin_client("operations")
    blank = client.get("/admin/plan-new").text
    first = make_plan()
    make_plan({**PLAN, "default": {"1": {"bps": 777}}})

    assert 'id="v-default.1" name="default.1.value" value=""' in blank
    assert 'name="default.1.value" value="7.77"' in client.get("/admin/plan-new").text
    copied = client.get(f"/admin/plan-new?from={first.id}").text
    assert 'name="default.1.value" value="10"' in copied
    assert 'value="测试方案（副本）"' in copied


def test_a_stale_form_is_refused_and_nothing_that_was_typed_is_lost(session, admin_client):
    plan = draft_plan()
    other, own = admin_client("finance"), admin_client("operations")
    other.post(edit(plan), data={**FORM, "seen": "1", "name": "财务改过的"})
    before = stored()

    answer = own.post(edit(plan), data={**FORM, "seen": "1", "name": "运营改过的"})

    page = text_of(answer)
    assert answer.status_code == 409
    assert "没有保存：方案刚刚被别人改过" in page
    assert 'value="运营改过的"' in answer.text
    assert 'value="12.25"' in answer.text
    assert stored() == before
    # The same form again is refused again; as a draft of its own it is kept.
    assert own.post(edit(plan), data={**FORM, "seen": "1"}).status_code == 409
    assert own.post("/admin/plan-new", data={**FORM, "name": "运营改过的"}).status_code == 303
    assert newest().document == DOCUMENT


def test_a_draft_that_is_gone_or_published_keeps_what_was_typed(session, admin_client):
    client = admin_client("operations")
    published = make_plan()
    gone = draft_plan()
    run_unit(commission.throw_away, gone.id, actor=ADMIN, now=clock.now())
    before = stored()

    answers = [client.post(edit(row), data={**FORM, "seen": "1"}) for row in (published, gone)]

    assert [answer.status_code for answer in answers] == [409, 404]
    for answer in answers:
        assert "可以另存为一份新草稿" in answer.text
        assert 'value="秋季方案"' in answer.text
    assert client.get(edit(published)).status_code == 409
    assert stored() == before


def test_a_draft_is_thrown_away_and_a_published_one_is_not(session, admin_client):
    client = admin_client("operations")
    published, draft_id = make_plan(), draft_plan().id

    client.post(f"/admin/plans/{draft_id}/remove")
    client.post(f"/admin/plans/{published.id}/remove")

    assert [row[0] for row in stored()] == [published.id]
    assert len(acts("plan.remove")) == 1
    assert "方案已经发布，不能再修改" in client.get("/admin/plans").text


def test_an_auditor_drafts_nothing(session, admin_client):
    client = admin_client("auditor")
    plan = draft_plan()
    before = stored()

    for address in ("/admin/plan-new", edit(plan), f"/admin/plans/{plan.id}/remove"):
        assert client.post(address, data=FORM).status_code == 403

    assert stored() == before
