"""The reply rules as a process keeps them for the chat: in one query, for a moment."""

import pytest

from app import settings
from app.core.db import db, run_unit, transaction
from app.wechat import replies
from app.wechat.replies import Event, Fills, KeptBook, RuleKind
from app.wechat.replies.book import KEPT_SECONDS
from tests.admin.desk import reply_rule
from tests.counting import counted
from tests.factories import ADMIN, NOON


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(clock: Clock) -> KeptBook:
    return KeptBook(clock=clock)


def said(book: replies.Book, text: str) -> str:
    fills = Fills(shop=book.shop, mall="https://mall.example")
    return replies.find_reply(Event.TEXT, text, fills=fills, book=book).text


def test_an_edit_is_in_the_answers_after_three_seconds(session, kept, clock):
    reply_rule("运费", content="包邮")
    assert said(kept.now(), "运费") == "包邮"
    reply_rule("退货", content="七天内可退")

    clock.now += KEPT_SECONDS - 0.1
    assert said(kept.now(), "退货") == said(kept.now(), "别的")

    clock.now += 0.1
    assert said(kept.now(), "退货") == "七天内可退"
    assert KEPT_SECONDS == 3


def test_a_new_name_of_the_shop_is_in_the_answers_after_three_seconds(session, kept, clock):
    assert kept.now().shop == "云集好物"
    with transaction():
        settings.change("shop.name", "山里茶铺", actor=ADMIN, now=NOON)

    clock.now += KEPT_SECONDS

    assert kept.now().shop == "山里茶铺"


def test_a_removed_rule_answers_no_longer_than_three_seconds(session, kept, clock):
    rule = reply_rule("运费", content="包邮")
    kept.now()
    run_unit(replies.remove, rule.id, actor=ADMIN, now=NOON)

    clock.now += KEPT_SECONDS

    assert said(kept.now(), "运费") != "包邮"


def test_an_edit_during_the_reading_waits_no_longer(session, kept, clock, monkeypatch):
    read = replies.book.read_book

    def slowly():
        found = read()
        clock.now += 2
        return found

    monkeypatch.setattr(replies.book, "read_book", slowly)
    kept.now()
    reply_rule("运费", content="包邮")

    clock.now += 1

    assert said(kept.now(), "运费") == "包邮"


def test_two_readings_within_three_seconds_are_one(session, kept, clock):
    first = kept.now()
    clock.now += 1

    assert kept.now() is first


def test_all_rules_are_read_by_one_query(session):
    for number in range(5):
        reply_rule(f"词{number}", kind="contains")

    with counted() as asked:
        book = replies.read_book()

    assert [statement.partition("FROM ")[2].split()[0] for statement in asked] == [
        "setting_changes",
        "reply_rules",
    ]
    assert len(book.of_kind[RuleKind.CONTAINS]) == 5


def test_an_inactive_rule_is_not_in_the_book(session):
    reply_rule("运费", is_active=False)

    book = replies.read_book()

    assert (book.of_kind, book.by_exact_key, book.within) == ({}, {}, [])


def test_only_rules_that_name_the_inviter_ask_for_one(session):
    reply_rule(kind="default", content="你好")
    assert replies.read_book().names_inviter is False

    reply_rule(kind="follow_by_code", content="{inviter}邀请你")

    assert replies.read_book().names_inviter is True
    db.session.rollback()
