"""The rules of the automatic replies: what fits, what goes first, what is refused."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.audit import AuditEntry
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput, NotFound
from app.wechat import replies
from app.wechat.replies import (
    Event,
    Fills,
    ReplyKeyword,
    ReplyRule,
    ReplyType,
    RuleInput,
    RuleKind,
    wording,
)
from tests.factories import ADMIN, ADMIN2, NOON
from tests.threads import behind

FILLS = Fills(shop="云集好物", mall="https://mall.example/")
INVITED = replace(FILLS, inviter="陈梅", is_invited=True)
DEFAULT = "你好，这里是云集好物。点击下方菜单可以逛商城、查订单；人工客服在工作时间内回复。"
WELCOME = "欢迎关注云集好物！点击下方菜单进入商城。"


def rule(kind: str, *keywords: str, content: str = "答", **given) -> ReplyRule:
    given = {"reply_type": "text", **given}
    text = content if given["reply_type"] == "text" else ""
    with transaction():
        return replies.create(
            RuleInput(kind, keywords=keywords, content=text, **given), actor=ADMIN, now=NOON
        )


def answer(text: str, event: Event = Event.TEXT, fills: Fills = FILLS) -> str:
    return replies.find_reply(event, text, fills=fills).text


def keep(rule_id: int | None, given: RuleInput) -> None:
    if rule_id is None:
        replies.create(given, actor=ADMIN2, now=NOON)
    else:
        replies.change(rule_id, given, actor=ADMIN2, now=NOON)


def stored() -> list[tuple[object, ...]]:
    """Everything about rules, to see that nothing changed."""
    db.session.expire_all()
    return [
        *db.session.execute(sa.select(*ReplyRule.__table__.columns).order_by(ReplyRule.id)).all(),
        *db.session.execute(
            sa.select(*ReplyKeyword.__table__.columns).order_by(ReplyKeyword.id)
        ).all(),
        *db.session.execute(
            sa.select(AuditEntry.id, AuditEntry.action).where(AuditEntry.subject == "reply")
        ).all(),
    ]


# --- matching ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "fills", "said"),
    [
        (Event.TEXT, FILLS, DEFAULT),
        (Event.OTHER, FILLS, DEFAULT),
        (Event.CLICK, FILLS, DEFAULT),
        (Event.FOLLOW, FILLS, WELCOME),
        (Event.FOLLOW_BY_CODE, FILLS, WELCOME),
        (Event.FOLLOW_BY_CODE, INVITED, f"你已接受陈梅的邀请。\n{WELCOME}"),
        (Event.SCAN, FILLS, "欢迎回来，点击下方菜单进入商城。"),
        (Event.SCAN, INVITED, "你已接受陈梅的邀请。\n欢迎回来，点击下方菜单进入商城。"),
    ],
)
def test_without_rules_the_built_in_words_answer(session, event, fills, said):
    reply = replies.find_reply(event, "运费", fills=fills)

    assert (reply.type, reply.text, reply.rule_id) == (ReplyType.TEXT, said, None)


def test_exact_goes_before_contains_and_contains_before_default(session):
    rule("default", content="默认", sort=0)
    rule("contains", "运费", content="包含", sort=0)
    rule("exact", "运费", content="一致", sort=9999)

    assert answer("运费") == "一致"
    assert answer("请问运费多少") == "包含"
    assert answer("发票") == "默认"


def test_the_smallest_sort_goes_first_and_then_the_oldest(session):
    rule("contains", "运", content="第三", sort=200)
    rule("contains", "运费", content="第二", sort=100)
    rule("contains", "费", content="又一个第二", sort=100)
    first = rule("contains", "运", content="第一", sort=50)

    assert answer("运费") == "第一"
    with transaction():
        replies.remove(first.id, actor=ADMIN, now=NOON)
    assert answer("运费") == "第二"


@pytest.mark.parametrize("said", ["vip", " VIP ", "ＶＩＰ", "ｖｉｐ\n", "Vip\u3000", "\u200bvip"])
def test_case_width_and_blanks_make_no_difference(session, said):
    rule("exact", "ＶiP", content="会员")

    assert answer(said) == "会员"


@pytest.mark.parametrize("said", ["我的 order 呢", "ＯＲＤＥＲ", "查ｏｒｄｅｒ"])
def test_contained_keywords_are_normalised_too(session, said):
    rule("contains", "Order", content="订单")

    assert answer(said) == "订单"


@pytest.mark.parametrize(("keyword", "said"), [("😀", "😁"), ("e", "é"), ("ß", "s"), ("a", "a b")])
def test_what_a_collation_takes_for_equal_is_not(session, keyword, said):
    rule("exact", keyword)

    assert answer(said) == DEFAULT


def test_every_keyword_of_a_rule_counts(session):
    rule("exact", "运费", "邮费", "快递费", content="满 99 元包邮")

    assert {answer(said) for said in ("运费", "邮费", "快递费")} == {"满 99 元包邮"}


def test_a_rule_that_is_switched_off_answers_nothing(session):
    rule("exact", "运费", is_active=False)
    rule("contains", "运费", is_active=False)
    rule("default", is_active=False)
    rule("follow", is_active=False)

    assert answer("运费") == DEFAULT
    assert answer("", Event.FOLLOW) == WELCOME


def test_a_menu_key_is_a_keyword(session):
    rule("exact", "CONTACT_US", content="请留言")

    assert answer("contact_us", Event.CLICK) == "请留言"


def test_other_messages_get_the_default_only(session):
    rule("contains", "图", content="包含")
    rule("default", content="默认")

    assert answer("图", Event.OTHER) == "默认"


def test_an_empty_text_fits_no_keyword(session):
    rule("contains", "a")

    assert answer("  \n") == DEFAULT


def test_a_follow_by_code_has_rules_of_its_own(session):
    rule("follow", content="普通关注")
    rule("follow_by_code", content="扫码关注")

    assert answer("", Event.FOLLOW) == "普通关注"
    assert answer("", Event.FOLLOW_BY_CODE) == "扫码关注"
    assert answer("", Event.SCAN) == "扫码关注"


def test_without_such_a_rule_the_invitation_is_still_said(session):
    rule("follow", content="普通关注")

    assert answer("", Event.FOLLOW_BY_CODE, INVITED) == f"你已接受陈梅的邀请。\n{WELCOME}"
    assert answer("", Event.FOLLOW_BY_CODE) == "普通关注"


# --- words ---------------------------------------------------------------------


def test_placeholders_are_filled(session):
    rule("exact", "你好", content="{shop} {mall}/orders {inviter}")

    assert answer("你好", fills=INVITED) == "云集好物 https://mall.example/orders 陈梅"


def test_a_rule_that_names_the_inviter_is_passed_over_without_one(session):
    rule("follow_by_code", content="{inviter}邀请了你", sort=1)
    rule("follow_by_code", content="谢谢扫码", sort=2)

    assert answer("", Event.FOLLOW_BY_CODE, INVITED) == "陈梅邀请了你"
    assert answer("", Event.FOLLOW_BY_CODE) == "谢谢扫码"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('<a href="weixin://x">领奖</a>', '＜a href="weixin://x"'),
        ("{shop}", "{shop}"),
        ("陈\n\x0b 梅", "陈 梅"),
        ("长" * 60, "长" * 20),
    ],
)
def test_a_name_brings_no_link_no_placeholder_and_no_flood(session, name, shown):
    rule("exact", "你好", content="{inviter}：{shop}")

    assert answer("你好", fills=replace(INVITED, inviter=name)) == f"{shown}：云集好物"


@pytest.mark.parametrize("text", ["{", "}", "(｡･{ ", "a}b{c"])
def test_single_braces_are_words(session, text):
    rule("exact", "你好", content=f"x{text}")

    assert answer("你好") == f"x{text}".strip()


def test_what_xml_cannot_carry_is_left_out(session):
    made = rule("exact", "你\x08好", content="一\x0b\r\n二\ud800\uffff")

    assert (made.content, made.keywords[0].keyword) == ("一\n二", "你好")


def test_the_longest_text_stays_within_what_wechat_takes(session):
    long = rule("exact", "长", content="字" * 589 + "{inviter}")

    said = answer("长", fills=replace(INVITED, inviter="𠮷" * 40))

    assert len(long.content) == 598
    assert len(said.encode()) == 589 * 3 + 80


def test_an_article_is_filled_too(session):
    rule(
        "exact",
        "新品",
        reply_type="news",
        title="{shop}上新",
        description="来看看",
        picture_url="https://img.example/1.jpg",
        url="{mall}/p/1",
    )

    reply = replies.find_reply(Event.TEXT, "新品", fills=FILLS)

    assert (reply.type, reply.title, reply.description) == (
        ReplyType.NEWS,
        "云集好物上新",
        "来看看",
    )
    assert (reply.picture_url, reply.url) == (
        "https://img.example/1.jpg",
        "https://mall.example/p/1",
    )


@pytest.mark.parametrize("kind", ["service", "none"])
def test_a_rule_may_hand_over_or_be_silent(session, kind):
    made = rule("exact", "人工", reply_type=kind)

    reply = replies.find_reply(Event.TEXT, "人工", fills=FILLS)

    assert (reply.type, reply.text, reply.rule_id) == (ReplyType(kind), "", made.id)


# --- keeping rules -------------------------------------------------------------

GOOD = RuleInput("exact", "text", keywords=("退货",), content="七天无理由")
NEWS = RuleInput("default", "news", title="标题", url="https://mall.example/")


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        (replace(GOOD, kind="often"), "kind", "请选择触发方式"),
        (replace(GOOD, reply_type="song"), "reply_type", "请选择回复类型"),
        (replace(GOOD, keywords=()), "keywords", "请填写至少一个关键词"),
        (replace(GOOD, keywords=(" ", "\u200b")), "keywords", "请填写至少一个关键词"),
        (replace(GOOD, keywords=("字" * 31,)), "keywords", "每个关键词最多 30 个字"),
        (replace(GOOD, keywords=tuple("一二三四五六七八九十百")), "keywords", "最多 10 个关键词"),
        (replace(GOOD, keywords=("ab", "ＡＢ")), "keywords", "关键词“ＡＢ”重复了"),
        (replace(GOOD, keywords=("退货", "ＶＩＰ")), "keywords", "关键词“ＶＩＰ”已在规则"),
        (replace(GOOD, content=" \n "), "content", "请填写回复内容"),
        (replace(GOOD, content="字" * 601), "content", "最多 600 个字"),
        (replace(GOOD, content="😀" * 513), "content", "2048 字节"),
        (replace(GOOD, content="😀" * 490 + "{mall}"), "content", "2048 字节"),
        (replace(GOOD, content="{name}，你好"), "content", "不认识 {name}"),
        (replace(GOOD, content="{}"), "content", "不认识 {}"),
        (replace(GOOD, sort=-1), "sort", "0 到 9999"),
        (replace(GOOD, sort=10000), "sort", "0 到 9999"),
        (replace(NEWS, title=""), "title", "请填写标题"),
        (replace(NEWS, title="字" * 65), "title", "标题最多 64 个字"),
        (replace(NEWS, title="{who}"), "title", "不认识 {who}"),
        (replace(NEWS, description="字" * 121), "description", "摘要最多 120 个字"),
        (replace(NEWS, url=""), "url", "请填写跳转地址"),
        (replace(NEWS, url="javascript:alert(1)"), "url", "https://"),
        (replace(NEWS, url="{mall}.evil.example/"), "url", "https://"),
        (replace(NEWS, url="{mall}@evil.example/"), "url", "https://"),
        (replace(NEWS, url="https://a.example/{shop}"), "url", "{mall}"),
        (replace(NEWS, url="https://[bad"), "url", "https://"),
        (replace(NEWS, url="https://a.example/" + "a" * 500), "url", "最多 500"),
        (replace(NEWS, picture_url="/1.jpg"), "picture_url", "https://"),
        (replace(NEWS, picture_url="https://a.example/1 2.jpg"), "picture_url", "https://"),
        (replace(GOOD, kind="follow", reply_type="service"), "reply_type", "不能转给客服"),
        (replace(GOOD, kind="follow_by_code", reply_type="service"), "reply_type", "不能转给客服"),
    ],
)
@pytest.mark.parametrize("is_new", [True, False])
def test_what_cannot_be_kept_is_refused_and_changes_nothing(session, is_new, given, field, message):
    rule("exact", "vip")
    mine = rule("exact", "运费").id
    before = stored()

    with pytest.raises(InvalidInput) as caught, transaction():
        keep(None if is_new else mine, given)

    assert caught.value.field == field
    assert message in caught.value.message
    assert stored() == before


def test_a_keyword_may_be_exact_once_and_contained_and_switched_off_often(session):
    rule("exact", "运费")
    rule("contains", "运费")
    rule("contains", "运费")
    off = rule("exact", "运费", is_active=False)
    before = stored()

    with pytest.raises(InvalidInput) as caught, transaction():
        replies.change(
            off.id, RuleInput("exact", "text", ("运费",), content="答"), actor=ADMIN, now=NOON
        )

    assert caught.value.field == "keywords"
    assert stored() == before


def test_the_database_has_the_last_word_on_exact_keywords(session, monkeypatch):
    rule("exact", "运费")
    before = stored()
    monkeypatch.setattr(replies.service, "_refuse_taken", lambda *_args, **_kwargs: None)

    with pytest.raises(InvalidInput) as caught, transaction():
        replies.create(replace(GOOD, keywords=("运费",)), actor=ADMIN, now=NOON)

    assert caught.value.field == "keywords"
    assert isinstance(caught.value.__cause__, IntegrityError)
    assert stored() == before


@pytest.mark.mariadb_only
def test_of_two_who_take_a_keyword_at_once_the_second_waits_and_is_refused(live):
    second = behind(
        live,
        lambda: replies.create(GOOD, actor=ADMIN, now=NOON),
        lambda: run_unit(replies.create, GOOD, actor=ADMIN2, now=NOON),
    )

    assert isinstance(second, InvalidInput)
    assert second.field == "keywords"
    db.session.rollback()
    assert [rule.updated_by for rule in replies.rules()] == [ADMIN.ref]


def test_more_than_200_rules_are_refused(session, monkeypatch):
    monkeypatch.setattr(replies.service, "RULES_MAX", 2)
    rule("default")
    rule("default")
    before = stored()

    with pytest.raises(InvalidInput, match="最多 2 条规则"), transaction():
        replies.create(GOOD, actor=ADMIN, now=NOON)

    assert stored() == before


def test_a_change_replaces_the_rule_and_tells_both_sides(session):
    made = rule("exact", "运费", "邮费", content="旧")

    with transaction():
        replies.change(
            made.id,
            RuleInput("exact", "text", ("邮费", "包邮"), content="新", sort=5),
            actor=ADMIN2,
            now=NOON,
        )

    entry = db.session.scalars(sa.select(AuditEntry).filter_by(action="reply.change")).one()
    assert [answer(said) for said in ("邮费", "包邮", "运费")] == ["新", "新", DEFAULT]
    assert (made.updated_by, made.sort) == (ADMIN2.ref, 5)
    assert (entry.before["keywords"], entry.after["keywords"]) == ("运费、邮费", "邮费、包邮")
    assert (entry.subject, entry.subject_id, entry.actor) == ("reply", made.id, ADMIN2.ref)


def test_what_a_rule_does_not_use_is_left_out(session):
    with transaction():
        made = replies.create(
            replace(GOOD, kind="default", title="标题", url="nonsense"), actor=ADMIN, now=NOON
        )

    assert (made.keywords, made.title, made.url, made.content) == ([], "", "", "七天无理由")


def test_saving_the_same_again_leaves_no_trace(session):
    made = rule("exact", "退货", content="七天无理由")
    before = stored()

    with transaction():
        replies.change(made.id, GOOD, actor=ADMIN2, now=NOON)

    assert stored() == before


def test_a_removed_rule_is_gone_and_its_keyword_free(session):
    made = rule("exact", "运费", content="旧")

    with transaction():
        replies.remove(made.id, actor=ADMIN2, now=NOON)
    rule("exact", "运费", content="新")

    entry = db.session.scalars(sa.select(AuditEntry).filter_by(action="reply.remove")).one()
    assert answer("运费") == "新"
    assert (entry.before["content"], entry.after) == ("旧", None)


@pytest.mark.parametrize(
    "act",
    [
        lambda: replies.change(404, GOOD, actor=ADMIN, now=NOON),
        lambda: replies.remove(404, actor=ADMIN, now=NOON),
        lambda: replies.get(404),
    ],
    ids=["change", "remove", "get"],
)
def test_a_rule_that_is_not_there_is_not_found(session, act):
    before = stored()

    with pytest.raises(NotFound, match="没有这条回复规则"), transaction():
        act()

    assert stored() == before


@pytest.mark.parametrize(
    "values",
    [
        {"reply_type": "text", "content": ""},
        {"reply_type": "none", "content": "x"},
        {"reply_type": "news", "title": "x", "url": ""},
        {"reply_type": "service", "kind": "follow"},
        {"reply_type": "none", "sort": 10000},
    ],
)
def test_the_database_refuses_rules_that_make_no_sense(session, values):
    row = ReplyRule(
        **{"kind": RuleKind.DEFAULT, "updated_by": ADMIN.ref, "updated_at": NOON, **values}
    )

    with pytest.raises(sa.exc.DBAPIError), transaction():
        db.session.add(row)

    assert stored() == []


def test_a_list_is_in_the_order_of_answering(session):
    follow = rule("follow")
    late = rule("contains", "运费", sort=200)
    early = rule("contains", "邮费", sort=1, is_active=False)
    exact = rule("exact", "Ｖip")

    def ids(*args, **kwargs):
        return [row.id for row in replies.rules(*args, **kwargs)]

    assert ids() == [exact.id, early.id, late.id, follow.id]
    assert ids(RuleKind.CONTAINS) == [early.id, late.id]
    assert ids(is_active=True) == [exact.id, late.id, follow.id]
    assert ids(keyword="费") == [early.id, late.id]
    assert ids(keyword="VIP") == [exact.id]
    assert replies.counts_by_kind() == {"exact": 1, "contains": 2, "follow": 1}


def test_a_text_is_cut_between_characters():
    assert wording.cut("字字字", 8) == "字字"
