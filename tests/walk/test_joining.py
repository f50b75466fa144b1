"""From an application on one phone to a bound friend on another, in real browsers."""

from typing import Any

import pytest

from app import distribution, members
from app.core import clock
from app.core.db import db, run_unit
from app.distribution import AttemptResult, DistributorStatus
from app.distribution.joining import form
from app.distribution.joining.form import Field, FieldKind
from tests.admin.desk import PASSWORD, make_admin
from tests.factories import ADMIN, broken_invariants
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WANG = "oSandbox_wangfang_0000000003"
LIN = "oSandbox_linjie_000000000001"


def phone(chromium: Any, stack: Stack, openid: str) -> Any:
    context = chromium.new_context(
        viewport={"width": 375, "height": 812},
        user_agent="Mozilla/5.0 (iPhone) MicroMessenger/8.0.50",
        has_touch=True,
    )
    context.add_cookies(
        [{"name": "sandbox_person", "value": openid, "domain": "127.0.0.1", "path": "/"}]
    )
    page = context.new_page()
    page.set_default_timeout(40_000)
    page.goto(stack.url)
    return page


def test_applied_reviewed_shared_visited_bound(stack, chromium):
    """The desk refuses once, with a ready reason; the second application passes."""
    with stack.app.app_context():
        make_admin("boss")
        fields = [
            Field("f1", "手机号", FieldKind.PHONE),
            Field("f2", "推广渠道", FieldKind.CHOICE, choices=("朋友圈", "社群")),
        ]
        run_unit(form.save, fields, actor=ADMIN, now=clock.now())

        lin = phone(chromium, stack, LIN)
        apply(stack, lin)
        desk = chromium.new_page(viewport={"width": 1280, "height": 800})
        desk.set_default_timeout(40_000)
        desk.goto(f"{stack.url}/admin/login")
        desk.fill("input[name=username]", "boss")
        desk.fill("input[type=password]", PASSWORD)
        desk.click("button[type=submit]")
        desk.wait_for_url(f"{stack.url}/admin/")
        seat = distribution.distributor_of(members.by_openid(LIN).id)
        desk.goto(f"{stack.url}/admin/distributors/{seat.id}")
        assert "13812345678" in desk.content()
        desk.get_by_role("button", name="拒绝").first.click()
        desk.select_option("select[name=quick]", "与已有分销员重复")
        desk.locator("#reject button[type=submit]").click()
        desk.wait_for_selector("text=已拒绝，申请人可以看到原因")

        lin.goto(f"{stack.url}/me/distribution")
        assert "原因：与已有分销员重复" in lin.content()
        apply(stack, lin)
        desk.goto(f"{stack.url}/admin/distributors/{seat.id}")
        desk.get_by_role("button", name="通过").first.click()
        desk.locator(".modal.show .btn-primary").click()
        desk.wait_for_selector("text=已通过，对方现在可以推广")
        desk.close()

        lin.goto(f"{stack.url}/me/distribution/code")
        db.session.rollback()
        code = distribution.sharing_code(members.by_openid(LIN).id).code
        assert code in lin.content()
        wang = phone(chromium, stack, WANG)
        wang.goto(f"{stack.url}/r/{code}")
        wang.goto(f"{stack.url}/me/inviter")
        assert "推广链接" in wang.content()

        db.session.rollback()
        friend = members.by_openid(WANG)
        assert distribution.distributor_by_id(seat.id).status is DistributorStatus.APPROVED
        assert friend.upline1_id == members.by_openid(LIN).id
        assert [row.result for row in distribution.binding_history(friend.id)] == [
            AttemptResult.BOUND
        ]
        assert broken_invariants() == {}
        for page in (lin, wang):
            page.context.close()


def apply(stack: Stack, page: Any) -> None:
    page.goto(f"{stack.url}/me/distribution")
    page.fill("input[name='answer.f1']", "13812345678")
    page.select_option("select[name='answer.f2']", "社群")
    page.check("input[name=agreed]")
    page.click("form[data-once] button[type=submit]")
    page.wait_for_selector("text=申请正在审核")
