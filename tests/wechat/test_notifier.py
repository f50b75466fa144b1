"""Notices over real HTTP: sent, refused in words, delivered, and never twice."""

import pytest
import sqlalchemy as sa

from app import notices, outbox, wechat
from app.core import clock
from app.core.db import db, transaction
from app.demo_notices import use_templates
from app.notices import (
    Channel,
    NoticeDelivery,
    NoticeState,
    Outgoing,
    SendFailed,
    SendRefused,
)
from tests.factories import ADMIN, make_sku, paid_order
from tests.notices.conftest import told
from tests.stack import Stack, wait_for
from tests.wechat.test_tags import LIN, WANG, follower

FIELDS = {
    "character_string1": "number",
    "thing2": "goods",
    "amount3": "amount",
    "time4": "time",
}


def template_called(title: str) -> str:
    offered = wechat.current().notifier.templates()
    return next(row.template_id for row in offered if row.title == title)


def message(openid: str = LIN, **changed) -> Outgoing:
    return Outgoing(
        **{
            "channel": Channel.TEMPLATE,
            "openid": openid,
            "template_id": template_called("订单支付成功通知"),
            "path": "/orders/M1",
            "fields": {
                "character_string1": "M1",
                "thing2": "高山绿茶",
                "amount3": "¥128.00",
                "time4": "2026年11月21日 12:00",
            },
            "client_id": "notice-1",
            **changed,
        }
    )


def chat(stack: Stack, openid: str) -> list[dict]:
    return [m for m in stack.look(f"/persons/{openid}/chat")["chat"] if m["kind"] == "template"]


def delivered() -> dict[str, str]:
    """WeChat's word by message id, read afresh."""
    db.session.rollback()
    rows = db.session.scalars(sa.select(NoticeDelivery))
    return {row.message_id: row.status for row in rows}


def test_the_accounts_templates_are_read_with_their_fields(stack: Stack):
    offered = {row.title: row.fields for row in wechat.current().notifier.templates()}

    assert offered["订单支付成功通知"] == ["character_string1", "thing2", "amount3", "time4"]
    assert offered["提现结果通知"] == ["amount1", "phrase2", "time3", "thing4"]


def test_a_paid_order_reaches_the_phone_and_is_reported_delivered(stack: Stack):
    buyer = follower(LIN)
    template_id = template_called("订单支付成功通知")
    with transaction():
        notices.map_template(
            "order_paid",
            channel="template",
            template_id=template_id,
            title="订单支付成功通知",
            chosen={key: {"source": name} for key, name in FIELDS.items()},
            actor=ADMIN,
            now=clock.now(),
        )

    order = paid_order(buyer, make_sku(price_fen=128_00), now=clock.now())
    outbox.drain(clock.now())
    [shown] = chat(stack, LIN)
    assert shown["body"]["values"]["amount3"] == "¥128.00"
    assert shown["body"]["values"]["character_string1"] == order.number
    assert shown["body"]["url"] == f"{stack.url}/orders/{order.number}"
    assert told("order_paid")[0].state is NoticeState.SENT
    wait_for(delivered)
    told_of = db.session.scalars(notices.desk(kind="order_paid")).all()
    assert list(notices.deliveries(told_of).values()) == ["success"]


def test_a_lost_answer_does_not_show_the_message_twice(stack: Stack):
    stack.control("/faults", target="/cgi-bin/message/template/send", kind="drop")
    notifier = wechat.current().notifier

    with pytest.raises(SendFailed):
        notifier.send(message())
    again = notifier.send(message())

    assert again == ""
    assert len(chat(stack, LIN)) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"openid": WANG}, "用户没有关注公众号（43004）"),
        ({"openid": "oNobody"}, "openid 不属于这个公众号（40003）"),
        ({"template_id": "gone"}, "模板不存在或已被删除，请重新选择模板（40037）"),
        (
            {"fields": {"thing2": "绿茶"}},
            "字段内容不合微信的要求，请检查模板配置（47003）",
        ),
        ({"channel": Channel.SUBSCRIPTION}, "用户没有订阅，或订阅次数已用完（43101）"),
    ],
)
def test_what_wechat_refuses_for_good_is_said_in_words(stack: Stack, changed, words):
    with pytest.raises(SendRefused) as refused:
        wechat.current().notifier.send(message(**changed))

    assert refused.value.words == words
    assert chat(stack, LIN) == []


@pytest.mark.parametrize("errcode", [-1, 45009, 45011])
def test_what_may_pass_is_tried_again(stack: Stack, errcode):
    stack.control(
        "/faults", target="/cgi-bin/message/template/send", kind="errcode", errcode=errcode
    )

    with pytest.raises(SendFailed):
        wechat.current().notifier.send(message())

    assert chat(stack, LIN) == []


def test_one_consent_carries_one_subscription_notice(stack: Stack):
    template_id = template_called("订单支付成功通知")
    stack.control(f"/persons/{WANG}/consent", template_id=template_id, times=1)
    notifier = wechat.current().notifier
    once = message(WANG, channel=Channel.SUBSCRIPTION)

    notifier.send(once)

    with pytest.raises(SendRefused):
        notifier.send(once)
    assert len(chat(stack, WANG)) == 1


def test_two_messages_delivered_in_one_second_are_two_events(stack: Stack):
    """The person and the second are the same; only the message's id tells them apart."""
    notifier = wechat.current().notifier

    ids = {notifier.send(message(client_id=f"notice-{n}")) for n in (1, 2)}

    assert len(ids) == 2
    wait_for(lambda: delivered() == dict.fromkeys(ids, "success"))


def test_the_demo_uses_the_sandboxes_templates_once(stack: Stack):
    first, second = use_templates(clock.now()), use_templates(clock.now())

    assert (first, second) == (len(notices.templates()), 0)
    assert {"order_paid", "commission_earned", "withdrawal_paid"} <= {*notices.templates()}
    assert notices.templates()["withdrawal_to_confirm"].fields["time3"] == {"source": "deadline"}
