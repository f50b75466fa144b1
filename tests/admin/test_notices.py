"""The panel's notices: mapping a template, trying it, and the log."""

import pytest
import sqlalchemy as sa

from app import notices
from app.core.db import db, run_unit, transaction
from app.notices import NoticeState, NoticeTemplate
from app.wechat import WeChatUnavailable
from app.wechat.notifier import AccountTemplate, Notifier
from tests.factories import NOON, make_member, make_sku, paid_order
from tests.mall.pages import text_of
from tests.notices.conftest import follow, map_kind, told

PAID = AccountTemplate(
    "tmpl-paid",
    "订单支付成功通知",
    ["character_string1", "thing2", "amount3"],
    "订单编号：{{character_string1.DATA}}\n商品：{{thing2.DATA}}\n金额：{{amount3.DATA}}",
)
FORM = {
    "channel": "template",
    "template_id": "tmpl-paid",
    "title": "订单支付成功通知",
    "keys": ["character_string1", "thing2", "amount3"],
    "source-character_string1": "number",
    "source-thing2": "goods",
    "source-amount3": "amount",
}


@pytest.fixture
def account(monkeypatch):
    """What WeChat has and takes: it cannot be had without a network."""
    sent = []
    monkeypatch.setattr(Notifier, "templates", lambda _self: [PAID])
    monkeypatch.setattr(Notifier, "send", lambda _self, message: sent.append(message) or "901")
    return sent


def mapped() -> NoticeTemplate | None:
    return db.session.scalar(sa.select(NoticeTemplate).filter_by(kind="order_paid"))


def test_every_kind_is_listed_with_what_it_uses(session, admin_client):
    map_kind("order_paid", thing1="goods")

    page = text_of(admin_client("operations").get("/admin/notices"))

    assert "付款成功" in page
    assert "测试模板" in page
    assert page.count("仅站内") == len(notices.KINDS) - 1


def test_a_template_offers_for_each_field_what_fits(session, admin_client, account):
    page = admin_client("owner").get("/admin/notices/order_paid?template_id=tmpl-paid").text

    amount = page[page.index("source-amount3") :]
    assert '<option value="amount" selected>实付金额</option>' in amount
    assert '<option value="goods"' not in amount
    assert "{{amount3.DATA}}" in page


def test_a_mapping_is_saved(session, admin_client, account):
    answer = admin_client("operations").post("/admin/notices/order_paid", data=FORM)

    assert answer.status_code == 302
    row = mapped()
    assert row.template_id == "tmpl-paid"
    assert row.fields == {
        "character_string1": {"source": "number"},
        "thing2": {"source": "goods"},
        "amount3": {"source": "amount"},
    }


def test_a_wrong_field_is_named_and_nothing_saved(session, admin_client, account):
    answer = admin_client("owner").post(
        "/admin/notices/order_paid", data={**FORM, "source-amount3": "goods"}
    )

    assert answer.status_code == 422
    assert "amount3 是金额字段，放不下这一项，请另选" in answer.text
    assert '<option value="number" selected>' in answer.text
    assert mapped() is None


def test_a_fixed_text_that_is_too_long_is_refused_and_kept_in_the_form(
    session, admin_client, account
):
    long = "一二三四五六七八九十一二三四五六七八九十多"

    answer = admin_client("owner").post(
        "/admin/notices/order_paid", data={**FORM, "source-thing2": "text", "text-thing2": long}
    )

    assert answer.status_code == 422
    assert "thing2 的固定文字不合要求：最多 20 个字" in answer.text
    assert f'value="{long}"' in answer.text
    assert mapped() is None


def test_a_page_without_wechat_says_so_and_keeps_the_mapping(session, admin_client, monkeypatch):
    def silent(_self):
        raise WeChatUnavailable("silence")

    monkeypatch.setattr(Notifier, "templates", silent)
    map_kind("order_paid", thing1="goods")

    page = admin_client("owner").get("/admin/notices/order_paid").text

    assert "微信暂时没有应答，读不到模板列表" in page
    assert '<option value="goods" selected>商品</option>' in page


def test_switching_off_and_on(session, admin_client, account):
    map_kind("order_paid", thing1="goods")
    client = admin_client("owner")

    client.post("/admin/notices/order_paid/switch", data={"active": ""})
    off = mapped().is_active
    client.post("/admin/notices/order_paid/switch", data={"active": "1"})

    assert (off, mapped().is_active) == (False, True)


def test_a_test_message_is_sent_and_logged(session, admin_client, account):
    map_kind("order_paid", thing1="goods")
    member = make_member("王芳")

    answer = admin_client("owner").post(
        "/admin/notices/order_paid/test", data={"openid": member.openid}, follow_redirects=True
    )

    assert "测试消息已发出，请在手机上查看" in answer.text
    assert [message.openid for message in account] == [member.openid]
    assert told("order_paid")[0].state is NoticeState.SENT


def test_a_test_message_to_nobody_names_the_field(session, admin_client, account):
    map_kind("order_paid", thing1="goods")

    answer = admin_client("owner").post(
        "/admin/notices/order_paid/test", data={"openid": "oNobody"}
    )

    assert answer.status_code == 422
    assert "没有这个 openid 的会员" in answer.text
    assert account == []


def test_finance_may_look_but_not_change(session, admin_client, account):
    client = admin_client("finance")

    assert client.get("/admin/notices/order_paid").status_code == 200
    assert client.post("/admin/notices/order_paid", data=FORM).status_code == 403
    assert mapped() is None


def test_an_unknown_kind_is_not_found(session, admin_client, account):
    client = admin_client("owner")

    assert client.get("/admin/notices/nothing").status_code == 404
    assert client.post("/admin/notices/nothing", data=FORM).status_code == 404


def test_the_log_tells_what_became_of_each_message(session, admin_client, account):
    buyer, other = make_member("王芳"), make_member("赵磊")
    follow(buyer)
    paid_order(other, make_sku())
    map_kind("order_paid", thing1="goods")
    order = paid_order(buyer, make_sku())
    with transaction():
        notice = told("order_paid")[1]
        notice.state, notice.message_id = NoticeState.SENT, "77"
    run_unit(notices.keep_delivery, "77", "failed:user block", now=NOON)
    client = admin_client("owner")

    everyone = text_of(client.get("/admin/notices/log"))
    hers = text_of(client.get(f"/admin/notices/log?openid={buyer.openid}"))
    nobody = text_of(client.get("/admin/notices/log?openid=oNobody&kind=order_paid"))

    assert "被用户屏蔽" in everyone
    assert "赵磊" in everyone
    assert order.number in hers
    assert "赵磊" not in hers
    assert "没有符合条件的记录" in nobody
