"""The automatic replies at the desk: the list, the form, who may what, trying and previewing."""

import pytest
import sqlalchemy as sa

from app.admin.models import Role
from app.core.db import db, transaction
from app.wechat import replies
from app.wechat.replies import ReplyKeyword, ReplyRule
from tests.admin.desk import acts, fresh, reply_rule
from tests.factories import ADMIN, NOON

FORM = {
    "kind": "exact",
    "reply_type": "text",
    "keywords": "退货\r\n退款",
    "content": "七天无理由\r\n运费自理",
    "sort": "10",
    "is_active": "1",
}


def stored() -> list[tuple[object, ...]]:
    db.session.rollback()
    return [
        *db.session.execute(sa.select(*ReplyRule.__table__.columns)).all(),
        *db.session.execute(sa.select(*ReplyKeyword.__table__.columns)).all(),
    ]


def only_rule() -> ReplyRule:
    return db.session.execute(sa.select(ReplyRule)).scalar_one()


def test_a_rule_is_made_and_answers_at_once(session, admin_client):
    client = admin_client("operations")

    answer = client.post("/admin/replies", data=FORM)

    rule = only_rule()
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/replies")
    assert [row.keyword for row in rule.keywords] == ["退货", "退款"]
    assert (rule.content, rule.sort, rule.is_active) == ("七天无理由\n运费自理", 10, True)
    assert len(acts("reply.create")) == 1
    page = client.get("/admin/replies?try=退款").text
    assert "七天无理由\n运费自理</div>" in page
    assert f'href="/admin/replies/{rule.id}"' in page
    assert "规则已添加，立即生效" in page


def test_a_rule_is_changed_and_switched_off(session, admin_client):
    rule = reply_rule("运费")
    client = admin_client("owner")

    client.post(
        f"/admin/replies/{rule.id}",
        data={**FORM, "reply_type": "service", "keywords": "人工", "is_active": ""},
    )

    assert (fresh(rule).reply_type, rule.content, rule.is_active) == ("service", "", False)
    assert [row.keyword for row in rule.keywords] == ["人工"]
    assert len(acts("reply.change")) == 1
    assert "停用" in client.get("/admin/replies?state=inactive").text


def test_an_article_is_shown_as_on_the_phone(session, admin_client):
    client = admin_client("owner")
    given = {"reply_type": "news", "title": "{shop}上新", "description": "来看看"}

    client.post("/admin/replies", data={**FORM, **given, "url": "{mall}/p/1"})

    page = client.get(f"/admin/replies/{only_rule().id}").text
    assert "<strong>云集好物上新</strong>" in page
    assert 'value="{mall}/p/1"' in page


def test_a_rule_is_removed(session, admin_client):
    rule = reply_rule("运费")
    client = admin_client("operations")

    assert "data-confirm" in client.get("/admin/replies").text
    answer = client.post(f"/admin/replies/{rule.id}/remove")

    assert answer.headers["Location"] == "/admin/replies"
    assert stored() == []
    assert [entry.subject_id for entry in acts("reply.remove")] == [rule.id]
    assert client.post(f"/admin/replies/{rule.id}/remove").status_code == 404
    assert client.get(f"/admin/replies/{rule.id}").status_code == 404


@pytest.mark.parametrize(
    ("changed", "field", "message"),
    [
        ({"kind": ""}, "kind", "请选择触发方式"),
        ({"reply_type": "x"}, "reply_type", "请选择回复类型"),
        ({"keywords": ""}, "keywords", "请填写至少一个关键词"),
        ({"keywords": "字" * 31}, "keywords", "每个关键词最多 30 个字"),
        ({"keywords": "\n".join("一二三四五六七八九十百")}, "keywords", "最多 10 个关键词"),
        ({"keywords": "ｙｆ"}, "keywords", "关键词“ｙｆ”已在规则"),
        ({"content": ""}, "content", "请填写回复内容"),
        ({"content": "字" * 601}, "content", "最多 600 个字"),
        ({"content": "你好{who}"}, "content", "不认识 {who}"),
        ({"sort": "很先"}, "sort", "排序应为 0 到 9999 的整数"),
        ({"sort": "10000"}, "sort", "排序应在 0 到 9999 之间"),
        ({"reply_type": "news", "title": "", "url": "https://a.example"}, "title", "请填写标题"),
        ({"reply_type": "news", "title": "一", "url": ""}, "url", "请填写跳转地址"),
        (
            {"reply_type": "news", "title": "一", "url": "https://a.b", "picture_url": "x"},
            "picture_url",
            "图片地址应以 https://",
        ),
        (
            {"reply_type": "news", "title": "一", "url": "https://a.b", "description": "字" * 121},
            "description",
            "摘要最多 120 个字",
        ),
        ({"kind": "follow", "reply_type": "service"}, "reply_type", "不能转给客服"),
    ],
)
@pytest.mark.parametrize("is_new", [True, False])
def test_a_refusal_stands_at_its_field_and_changes_nothing(
    session, admin_client, is_new, changed, field, message
):
    reply_rule("YF")
    mine = reply_rule("邮费")
    client = admin_client("operations")
    before = stored()
    address = "/admin/replies" if is_new else f"/admin/replies/{mine.id}"

    answer = client.post(address, data={**FORM, **changed})

    assert answer.status_code == 422
    assert message in answer.text.split('<div class="field-error"')[1][:200]
    assert answer.text.count('class="field-error"') == 1
    assert f'id="e-{field}"' in answer.text or field in ("kind", "reply_type")
    # What was typed is still there.
    assert str({**FORM, **changed}["content"]).splitlines()[:1] == [] or (
        str({**FORM, **changed}["content"]).splitlines()[0] in answer.text
    )
    assert stored() == before
    assert acts("reply.change") == []


@pytest.mark.parametrize("role", [Role.FINANCE, Role.AUDITOR])
def test_who_may_only_look_sees_no_form_and_changes_nothing(session, admin_client, role):
    rule = reply_rule("运费")
    client = admin_client(role.value)
    before = stored()

    page = client.get(f"/admin/replies/{rule.id}").text
    refused = [
        client.get("/admin/replies/new").status_code,
        client.post("/admin/replies", data=FORM).status_code,
        client.post("/admin/replies/preview", data=FORM).status_code,
        client.post(f"/admin/replies/{rule.id}", data=FORM).status_code,
        client.post(f"/admin/replies/{rule.id}/remove").status_code,
    ]

    assert refused == [403] * 5
    assert "满 99 元包邮" in page
    assert "<textarea" not in page
    assert "/admin/replies/new" not in client.get("/admin/replies").text
    assert stored() == before


def test_the_left_bar_leads_there(session, admin_client):
    page = admin_client("operations").get("/admin/").text

    assert 'href="/admin/replies"' in page


def test_the_list_is_narrowed_by_kind_state_and_keyword(session, admin_client):
    client = admin_client("owner")
    exact = reply_rule("ＶＩＰ", content="甲甲")
    contains = reply_rule("运费", kind="contains", content="乙乙", is_active=False)
    reply_rule(kind="follow", content="丙丙")

    def shown(query: str) -> list[str]:
        page = client.get(f"/admin/replies?{query}").text
        return [text for text in ("甲甲", "乙乙", "丙丙") if f"<td>{text}" in page]

    assert shown("") == ["甲甲", "乙乙", "丙丙"]
    assert shown("kind=contains") == ["乙乙"]
    assert shown("state=inactive") == ["乙乙"]
    assert shown("state=active") == ["甲甲", "丙丙"]
    assert shown("q=vip") == ["甲甲"]
    assert shown("kind=nonsense&state=nonsense") == ["甲甲", "乙乙", "丙丙"]
    assert shown("q=没有的") == []
    assert "没有找到规则" in client.get("/admin/replies?q=没有的").text
    assert (exact.id, contains.id) != (0, 0)


def test_the_empty_list_says_what_to_do(session, admin_client):
    assert "添加规则后立即生效" in admin_client("owner").get("/admin/replies").text
    assert "新建规则" not in admin_client("auditor").get("/admin/replies").text


def test_trying_a_sentence_writes_nothing(session, admin_client):
    reply_rule("你好", kind="contains", content="{inviter}欢迎你来{shop}")
    client = admin_client("auditor")
    before = stored()

    assert "邀请人昵称欢迎你来云集好物" in client.get("/admin/replies?try=你好呀").text
    own_words = client.get("/admin/replies?try=发票").text
    assert "没有规则适用，这是系统自带的话" in own_words
    assert "你好，这里是云集好物。" in own_words
    escaped = client.get("/admin/replies?try=<b>x</b>").text
    assert "<b>x</b>" not in escaped
    assert stored() == before


def test_the_preview_follows_what_is_typed_and_keeps_nothing(session, admin_client):
    client = admin_client("operations")

    def preview(**changed: str) -> str:
        return client.post("/admin/replies/preview", data={**FORM, **changed}).text

    assert "七天无理由" in preview()
    assert ">退货</div>" in preview()
    assert "到{who}" in preview(content="到{who}")
    assert "有人关注了公众号" in preview(kind="follow")
    assert "<strong>标题</strong>" in preview(reply_type="news", title="")
    assert "转给人工客服" in preview(reply_type="service")
    assert "不回复" in preview(reply_type="none")
    assert "&lt;script&gt;" in preview(content="<script>")
    assert preview(kind="x", reply_type="x").strip().startswith('<div id="reply-preview">')
    assert stored() == []


def test_the_log_tells_of_rules_in_words(session, admin_client):
    client = admin_client("owner")
    gone = reply_rule("运费")
    stays = reply_rule("人工", reply_type="service", content="")
    with transaction():
        replies.remove(gone.id, actor=ADMIN, now=NOON)

    page = client.get("/admin/audit").text

    assert "新建自动回复" in page
    assert "删除自动回复" in page
    assert "转人工客服" in page
    assert f'href="/admin/replies/{stays.id}"' in page
    assert f'href="/admin/replies/{gone.id}"' not in page
