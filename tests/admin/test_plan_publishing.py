"""Plans are compared and published by somebody else, and may be withdrawn."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import commission
from app.commission import Commission, PlanStatus
from app.core import clock
from app.core.db import db, run_unit
from tests.admin.desk import acts, draft_plan, make_admin, sign_in
from tests.admin.plans import FORM, newest, stored
from tests.factories import (
    ADMIN,
    ADMIN2,
    bind,
    make_distributor,
    make_level,
    make_member,
    make_plan,
    make_sku,
    paid_order,
)
from tests.mall.pages import text_of


@pytest.mark.parametrize("role", ["operations", "auditor"])
def test_drafting_is_not_publishing(session, admin_client, role):
    plan = draft_plan()
    before = stored()
    client = admin_client(role)

    assert client.get(f"/admin/plans/{plan.id}/publish").status_code == 403
    assert client.post(f"/admin/plans/{plan.id}/publish").status_code == 403

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
