"""A notice goes to WeChat where it was mapped, once, and what came of it is kept."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import members, notices, outbox
from app.audit import AuditEntry
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput, NotFound
from app.notices import Channel, NoticeState, NoticeTemplate, TemplateUnfit
from app.outbox import OutboxRow
from tests.factories import ADMIN, NOON, make_member, make_sku, paid_order
from tests.notices.conftest import follow, map_kind, told
from tests.notices.fakes import FakeSender

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def buyer():
    member = make_member("王芳")
    follow(member)
    return member


def buy(member):
    order = paid_order(member, make_sku(price_fen=128_00))
    outbox.drain(NOON)
    return order


def test_a_mapped_kind_is_sent_with_its_fields(sender, buyer):
    map_kind(
        "order_paid", character_string1="number", thing2="goods", amount3="amount", time4="time"
    )

    order = buy(buyer)

    [message] = sender.sent
    assert (message.channel, message.openid) == (Channel.TEMPLATE, buyer.openid)
    assert message.template_id == "tmpl-order_paid"
    assert message.path == f"/orders/{order.number}"
    assert message.fields == {
        "character_string1": order.number,
        "thing2": "高山绿茶",
        "amount3": "¥128.00",
        "time4": "2026年11月21日 12:00",
    }
    [notice] = told("order_paid")
    assert (notice.state, notice.message_id, notice.sent_at) == (NoticeState.SENT, "901", NOON)
    assert notice.fields == message.fields


def test_fixed_text_is_sent_as_it_stands(sender, buyer):
    with transaction():
        notices.map_template(
            "order_paid",
            channel="template",
            template_id="t",
            title="",
            chosen={"thing1": {"text": "感谢购买"}},
            actor=ADMIN,
            now=NOON,
        )

    buy(buyer)

    assert sender.sent[0].fields == {"thing1": "感谢购买"}


def test_without_a_mapping_nothing_is_sent(sender, buyer):
    buy(buyer)

    assert sender.sent == []
    assert told("order_paid")[0].state is NoticeState.KEPT


def test_a_switched_off_template_is_not_used(sender, buyer):
    map_kind("order_paid", thing1="goods")
    run_unit(notices.switch_template, "order_paid", is_active=False, actor=ADMIN, now=NOON)

    buy(buyer)

    assert sender.sent == []
    assert told("order_paid")[0].state is NoticeState.KEPT


def test_template_messages_are_for_followers(sender):
    map_kind("order_paid", thing1="goods")
    stranger = make_member("赵磊")

    buy(stranger)

    assert sender.sent == []
    assert told("order_paid")[0].state is NoticeState.NOT_FOLLOWING


def test_subscription_notices_need_no_follow(sender):
    map_kind("order_paid", channel="subscription", thing1="goods")

    buy(make_member("赵磊"))

    assert [message.channel for message in sender.sent] == [Channel.SUBSCRIPTION]


def test_a_muted_kind_stays_out_of_the_chat(sender, buyer):
    map_kind("order_paid", thing1="goods")
    run_unit(notices.mute, buyer.id, "order_paid", is_muted=True)

    buy(buyer)

    assert sender.sent == []
    assert told("order_paid")[0].state is NoticeState.MUTED


def test_muting_twice_and_unmuting_once_is_unmuted(buyer):
    for is_muted in (True, True, False):
        run_unit(notices.mute, buyer.id, "order_paid", is_muted=is_muted)

    assert notices.muted_kinds(buyer.id) == set()


def test_what_waits_for_the_member_cannot_be_muted(buyer):
    with pytest.raises(InvalidInput) as refused:
        run_unit(notices.mute, buyer.id, "withdrawal_to_confirm", is_muted=True)

    assert refused.value.field == "kind"
    assert notices.muted_kinds(buyer.id) == set()


def test_silence_is_tried_again_later(sender, buyer):
    sender.fails = 1
    map_kind("order_paid", thing1="goods")

    buy(buyer)

    [notice] = told("order_paid")
    assert (notice.state, notice.error) == (NoticeState.QUEUED, "微信没有应答")
    row = db.session.execute(sa.select(OutboxRow).filter_by(topic="notice")).scalar_one()
    assert (row.state, row.attempts) == (outbox.State.WAITING, 1)
    assert row.due_at > NOON
    outbox.drain(NOON + timedelta(hours=1))
    [notice] = told("order_paid")
    assert (notice.state, notice.error) == (NoticeState.SENT, "")
    assert sender.sent[0].client_id == f"notice-{notice.id}"


def test_a_refusal_is_final_and_says_why(sender, buyer):
    sender.refuses = "用户拉黑了公众号（43019）"
    map_kind("order_paid", thing1="goods")

    buy(buyer)

    [notice] = told("order_paid")
    assert (notice.state, notice.error) == (NoticeState.REFUSED, "用户拉黑了公众号（43019）")
    assert outbox.waiting(calls=True) == 0


def test_a_sent_notice_is_not_sent_again(sender, buyer):
    map_kind("order_paid", thing1="goods")
    buy(buyer)

    notices.send(told("order_paid")[0].id, sender=sender, now=NOON)

    assert len(sender.sent) == 1


def test_the_books_do_not_wait_for_the_network(sender, buyer):
    map_kind("order_paid", thing1="goods")
    paid_order(buyer, make_sku())

    outbox.drain(NOON, calls=False)

    assert sender.sent == []
    assert outbox.waiting(calls=False) == 0
    assert outbox.waiting(calls=True) == 1
    assert outbox.is_due(NOON, calls=False) is False


def test_delivery_is_shown_beside_the_message_whichever_came_first(sender, buyer):
    run_unit(notices.keep_delivery, "901", "success", now=NOON)
    run_unit(notices.keep_delivery, "901", "failed:user block", now=NOON)
    map_kind("order_paid", thing1="goods")

    buy(buyer)

    told_of = db.session.scalars(notices.desk(kind="order_paid")).all()
    assert list(notices.deliveries(told_of).values()) == ["success"]


# --- a test message ----------------------------------------------------------------


def test_a_test_message_carries_the_example(buyer):
    map_kind("withdrawal_paid", amount1="net", phrase2="state")
    sender = FakeSender()

    notice = notices.send_test("withdrawal_paid", buyer.openid, sender=sender, now=NOON)

    assert notice.state is NoticeState.SENT
    assert sender.sent[0].fields == {"amount1": "¥200.00", "phrase2": "已到账"}


def test_a_test_message_is_not_tried_again(buyer):
    map_kind("withdrawal_paid", amount1="net")

    notice = notices.send_test(
        "withdrawal_paid", buyer.openid, sender=FakeSender(fails=1), now=NOON
    )

    assert (notice.state, notice.error) == (NoticeState.REFUSED, "微信没有应答")
    assert outbox.waiting() == 0


@pytest.mark.parametrize(("openid", "field"), [("oNobody", "openid"), ("", "openid")])
def test_a_test_message_to_nobody_is_refused(openid, field):
    map_kind("withdrawal_paid", amount1="net")

    with pytest.raises(InvalidInput) as refused:
        notices.send_test("withdrawal_paid", openid, sender=FakeSender(), now=NOON)

    assert refused.value.field == field
    assert told("withdrawal_paid") == []


def test_a_test_of_an_unmapped_kind_is_refused(buyer):
    with pytest.raises(InvalidInput) as refused:
        notices.send_test("withdrawal_paid", buyer.openid, sender=FakeSender(), now=NOON)

    assert refused.value.field == "kind"
    assert told("withdrawal_paid") == []


# --- mapping -----------------------------------------------------------------------


def _map(**changed):
    given = {
        "kind": "order_paid",
        "channel": "template",
        "template_id": "tmpl",
        "chosen": {"thing1": {"source": "goods"}},
        **changed,
    }
    return run_unit(notices.map_template, title="", actor=ADMIN, now=NOON, **given)


@pytest.mark.parametrize(
    ("changed", "error", "field"),
    [
        ({"channel": "sms"}, InvalidInput, "channel"),
        ({"template_id": " "}, InvalidInput, "template_id"),
        ({"template_id": "模板"}, InvalidInput, "template_id"),
        ({"template_id": "x" * 65}, InvalidInput, "template_id"),
        ({"chosen": {}}, InvalidInput, "template_id"),
        ({"chosen": {"amount1": {"source": "goods"}}}, TemplateUnfit, "field-amount1"),
        ({"chosen": {"thing1": {"source": "nothing"}}}, TemplateUnfit, "field-thing1"),
        ({"chosen": {"thing1": {}}}, TemplateUnfit, "field-thing1"),
        ({"chosen": {"odd": {"source": "goods"}}}, TemplateUnfit, "field-odd"),
    ],
)
def test_a_wrong_mapping_is_refused_and_the_old_one_stays(changed, error, field):
    _map()

    with pytest.raises(error) as refused:
        _map(**changed)

    assert refused.value.field == field
    [kept] = db.session.scalars(sa.select(NoticeTemplate)).all()
    assert (kept.template_id, kept.fields) == ("tmpl", {"thing1": {"source": "goods"}})


def test_an_unknown_kind_cannot_be_mapped():
    with pytest.raises(NotFound):
        _map(kind="nothing")

    assert notices.templates() == {}


def test_mapping_is_audited_with_before_and_after():
    _map()
    _map(template_id="other")

    first, second = db.session.scalars(
        sa.select(AuditEntry).filter_by(action="notice.map").order_by(AuditEntry.id)
    )
    assert first.before is None
    assert (second.before["template_id"], second.after["template_id"]) == ("tmpl", "other")


def test_reading_marks_only_ones_own_and_only_up_to_there(sender, buyer):
    other = make_member("赵磊")
    for member in (buyer, buyer, other):
        paid_order(member, make_sku())
    first, second, others = told("order_paid")

    run_unit(notices.mark_read, buyer.id, up_to=first.id, now=NOON)

    assert notices.unread_count(buyer.id) == 1
    assert notices.unread_count(other.id) == 1
    assert members.get(other.id).id == others.member_id
    assert second.read_at is None
