"""Plans at the desk: drafting in tables, comparing, publishing by somebody else, trying."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import commission
from app.commission import Commission, PlanStatus, PlanVersion
from app.core import clock
from app.core.db import db, run_unit
from tests.admin.desk import acts, draft_plan, make_admin, sign_in
from tests.factories import (
    ADMIN,
    ADMIN2,
    PLAN,
    bind,
    make_category,
    make_distributor,
    make_level,
    make_member,
    make_plan,
    make_product,
    make_sku,
    paid_order,
)
from tests.mall.pages import text_of

FORM = {
    "act": "save",
    "name": "秋季方案",
    "depth_cap": "2",
    "base": "profit",
    "mode": "fixed",
    "self_purchase": "off",
    "inactive_upline": "compress",
    "line_cap_bps": "25.5",
    "depths": "2",
    "default.1.kind": "bps",
    "default.1.value": "12.25",
    "default.2.kind": "",
}
DOCUMENT = {
    "depth_cap": 2,
    "base": "profit",
    "mode": "fixed",
    "self_purchase": "off",
    "inactive_upline": "compress",
    "line_cap_bps": 2550,
    "default": {"1": {"bps": 1225}},
}


def stored() -> list[tuple]:
    db.session.rollback()
    columns = PlanVersion.__table__.columns
    return [tuple(row) for row in db.session.execute(sa.select(*columns).order_by("id"))]


def newest() -> PlanVersion:
    db.session.rollback()
    return db.session.scalars(sa.select(PlanVersion).order_by(PlanVersion.id.desc())).first()


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


@pytest.mark.parametrize("role", ["operations", "auditor"])
def test_drafting_is_not_publishing(session, admin_client, role):
    plan = draft_plan()
    before = stored()
    client = admin_client(role)

    assert client.get(f"/admin/plans/{plan.id}/publish").status_code == 403
    assert client.post(f"/admin/plans/{plan.id}/publish").status_code == 403

    assert stored() == before


def test_an_auditor_drafts_nothing(session, admin_client):
    client = admin_client("auditor")
    plan = draft_plan()
    before = stored()

    for address in ("/admin/plan-new", edit(plan), f"/admin/plans/{plan.id}/remove"):
        assert client.post(address, data=FORM).status_code == 403

    assert stored() == before


def test_what_changes_is_marked_before_it_is_published(session, admin_client):
    make_plan(now=clock.now() - timedelta(hours=1))
    plan = draft_plan()

    answer = admin_client("finance").get(f"/admin/plans/{plan.id}/publish")

    page = text_of(answer)
    assert answer.text.count('class="is-changed"') == 1
    assert "将改变 1 处" in page
    assert "默认费率（全部商品）：一级 10%、二级 5% → 一级 12%、二级 5%" in page
    assert "发布后不能修改；生效前可以撤回" in page


def test_a_second_person_publishes_what_was_compared(session, admin_client):
    plan = draft_plan()
    client = admin_client("finance")

    answer = client.post(
        f"/admin/plans/{plan.id}/publish", data={"effective_from": "2099-01-01T00:00", "seen": "1"}
    )

    assert answer.status_code == 303
    made = newest()
    assert (made.status, str(made.effective_from)) == (
        PlanStatus.PUBLISHED,
        "2098-12-31 16:00:00+00:00",
    )
    assert len(acts("plan.publish")) == 1


def test_one_person_withdraws_what_is_not_in_force_yet(session, admin_client):
    now = clock.now()
    current = make_plan(now=now - timedelta(hours=1))
    plan = run_unit(
        commission.publish_plan,
        draft_plan(by=ADMIN).id,
        effective_from=now + timedelta(days=1),
        actor=ADMIN2,
        now=now,
    )
    path, client = f"/admin/plans/{plan.id}", admin_client("finance")

    assert "已发布，还没有生效" in text_of(client.get(path))
    assert f"仍按“测试方案”（版本 {current.id}）计算" in text_of(client.get(path))
    assert "“秋季方案”（版本" in text_of(client.get("/admin/plans"))
    assert admin_client("operations").post(f"{path}/withdraw").status_code == 403
    assert client.post(f"{path}/withdraw", data={"reason": ""}).status_code == 422
    client.post(f"{path}/withdraw", data={"reason": "费率写错了"})
    refused = client.post(
        f"/admin/plans/{current.id}/withdraw", data={"reason": "试试"}, follow_redirects=True
    )

    page = text_of(client.get(path))
    assert "在生效前撤回：费率写错了。这个版本不会生效，没有订单按它计算。" in page
    assert "已撤回" in text_of(client.get("/admin/plans"))
    assert "方案已经生效或马上生效，不能再撤回" in refused.text
    assert len(acts("plan.withdraw")) == 1


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        ({"effective_from": "2020-01-01T00:00", "seen": "1"}, 422, "生效时间不能早于现在"),
        ({"effective_from": "", "seen": "1"}, 422, "请填写生效时间"),
        ({"effective_from": "明天", "seen": "1"}, 422, "生效时间的格式不正确"),
        ({"effective_from": "2099-01-01T00:00", "seen": "7"}, 409, "请先看过新的内容"),
        ({"effective_from": "2099-01-01T00:00"}, 409, "请先看过新的内容"),
    ],
)
def test_what_cannot_be_published_stays_a_draft(session, admin_client, data, status, says):
    plan = draft_plan()
    before = stored()

    answer = admin_client("finance").post(f"/admin/plans/{plan.id}/publish", data=data)

    assert answer.status_code == status
    assert says in answer.text
    assert stored() == before
    assert acts("plan.publish") == []


def test_nobody_publishes_what_they_saved_themselves(session, admin_client):
    client = admin_client("owner")
    client.post("/admin/plan-new", data=FORM)
    plan = newest()
    before = stored()

    page = client.get(f"/admin/plans/{plan.id}/publish")
    answer = client.post(
        f"/admin/plans/{plan.id}/publish", data={"effective_from": "2099-01-01T00:00", "seen": "1"}
    )

    assert "请另一位管理员核对并发布" in page.text
    assert 'name="effective_from"' not in page.text
    assert answer.status_code == 409
    assert "不能发布自己起草的方案" in answer.text
    assert stored() == before


def test_one_sale_is_told_step_by_step_beside_the_plan_in_force(session, admin_client):
    make_plan(now=clock.now() - timedelta(hours=1))
    sku = make_sku(price_fen=100_00)
    plan = draft_plan({**PLAN, "base": "profit", "mode": "differential", "line_cap_bps": 500})

    page = text_of(
        admin_client("auditor").get(
            f"/admin/plans/{plan.id}/try?product={sku.product_id}&sku={sku.id}&quantity=2"
            "&level0=none&level1=normal&level2=normal&level3=none"
        )
    )

    assert "计佣基数：利润，实付减成本 ¥40.00 × 2，不足零按零¥120.00" in page
    assert "各级合计最多：实付的 5%¥10.00" in page
    assert "默认费率 10%，得 ¥12.00，上限只剩 ¥10.00¥10.00" in page
    assert "级差减去更近的 ¥12.00，剩 ¥0.00" in page
    assert "佣金合计¥10.00" in page
    assert "佣金合计¥30.00" in page


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("&quantity=0", "数量应为 1 到 999 的整数"),
        ("&quantity=1000", "数量应为 1 到 999 的整数"),
        ("&quantity=1&paid=1e3&priced={sku}x1", "实付金额格式不正确"),
    ],
)
def test_a_sale_that_cannot_be_read_is_said_at_its_field(session, admin_client, query, says):
    plan, sku = draft_plan(), make_sku()

    answer = admin_client("auditor").get(
        f"/admin/plans/{plan.id}/try?product={sku.product_id}{query.format(sku=sku.id)}"
    )

    assert answer.status_code == 200
    assert says in answer.text
    assert "佣金合计" not in answer.text


def test_real_orders_are_computed_under_both_plans(session, admin_client):
    now = clock.now()
    make_plan(now=now - timedelta(hours=1))
    near, buyer = make_distributor("陈梅"), make_member()
    bind(buyer, near)
    paid_order(buyer, make_sku(price_fen=100_00), now=now)
    plan = draft_plan()
    booked = [row.amount_fen for row in db.session.scalars(sa.select(Commission))]

    page = text_of(admin_client("auditor").get(f"/admin/plans/{plan.id}/replay?days=7"))

    assert booked == [10_00]
    assert "共 1 单，全部计入" in page
    assert "这个方案的佣金¥12.00占销售额12%" in page
    assert "现行方案的佣金¥10.00占销售额10%相差+¥2.00" in page
    assert "陈梅¥12.00¥10.00+¥2.00" in page
    last_month = admin_client("auditor").get(f"/admin/plans/{plan.id}/replay?days=month").text
    assert "这段时间没有付款的订单" in last_month


@pytest.mark.browser
def test_drafted_compared_published_by_another_and_earned_by(stack, chromium):
    now = clock.now()
    make_plan(now=now - timedelta(days=2))
    make_level("senior", 10, "高级分销员")
    near, buyer = make_distributor("陈梅"), make_member()
    bind(buyer, near)
    sku = make_sku(price_fen=100_00, title="明前龙井")
    make_admin("drafts")
    make_admin("checks")
    problems: list[str] = []

    def desk(username: str):
        context = chromium.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda m: problems.append(m.text) if "Content Security Policy" in m.text else None,
        )
        client = stack.app.test_client()
        client.environ_base["HTTP_ORIGIN"] = stack.url
        sign_in(client, username)
        cookie = client.get_cookie("mall_admin", path="/admin")
        context.add_cookies(
            [{"name": "mall_admin", "value": cookie.value, "domain": "127.0.0.1", "path": "/admin"}]
        )
        return page

    page = desk("drafts")
    page.goto(f"{stack.url}/admin/plan-new")
    page.fill("[name=name]", "秋季方案")
    page.fill('[name="default.1.value"]', "12")
    page.select_option("#new-levels", "senior")
    page.click("button[value=add-levels]")
    page.wait_for_selector('[name="levels.senior.1.kind"]')
    page.select_option('[name="levels.senior.1.kind"]', "tiers")
    page.locator('[name="levels.senior.1.from"]').nth(1).fill("1000")
    page.locator('[name="levels.senior.1.get"]').nth(0).fill("13")
    page.locator('[name="levels.senior.1.get"]').nth(1).fill("15.5")
    page.fill("#product-q", "龙井")
    page.press("#product-q", "Enter")
    page.click("button:has-text('添加'):right-of(:text('明前龙井'))")
    row = f"products.{sku.product_id}"
    page.fill(f'[name="{row}.1.value"]', "8.88")
    page.select_option(f'[name="{row}.1.kind"]', "fen")
    with page.expect_navigation():
        page.click(".form-foot button[value=save]")
    draft = newest()
    assert draft.document["products"] == {str(sku.product_id): {"1": {"fen": 8_88}}}
    assert draft.document["levels"]["senior"]["1"]["tiers"]["steps"] == [
        {"from": 0, "bps": 1300},
        {"from": 1000_00, "bps": 1550},
    ]

    other = desk("checks")
    other.goto(f"{stack.url}/admin/plans/{draft.id}")
    other.click("text=核对并发布")
    assert other.locator("tr.is-changed").count() == 3
    other.click("button:has-text('发布')")
    assert "将" not in other.inner_text(".confirm-title")
    assert "商品费率（明前龙井）：没有 → 一级 每件 ¥8.88" in other.inner_text(".confirm-text")
    other.click(".modal [data-bs-dismiss]")
    other.wait_for_selector(".modal", state="detached")
    with other.expect_navigation():
        # An answer while the dialog begins to fade in is not lost.
        other.locator("button:has-text('发布')").first.evaluate(
            "button => { button.click();"
            " document.querySelector('.modal .modal-footer button:last-child').click(); }"
        )
    starts = newest().effective_from
    assert starts is not None

    order = paid_order(buyer, sku, now=starts)
    rows = db.session.scalars(sa.select(Commission).filter_by(order_id=order.id)).all()
    assert [(row.plan_id, row.source, row.amount_fen) for row in rows] == [
        (draft.id, f"product:{sku.product_id}", 8_88)
    ]
    assert problems == []
