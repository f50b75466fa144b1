"""While WeChat is silent pages do not wait for it one after another."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app import wechat
from app.wechat import WeChatUnavailable, transport
from app.wechat.account import Account
from app.wechat.silence import SILENT_SECONDS, Silence
from tests.stack import Stack
from tests.wechat.test_faults import FAULTS, HASTY


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def silence(clock: Clock) -> Silence:
    return Silence(clock=clock)


def test_who_was_not_asked_may_be(silence):
    assert [silence.may_ask(), silence.may_ask()] == [True, True]


def test_after_a_silence_nobody_asks_for_ten_seconds(silence, clock):
    silence.begin()

    clock.now += SILENT_SECONDS - 0.1

    assert silence.may_ask() is False
    assert SILENT_SECONDS == 10


def test_then_one_of_many_tries(silence, clock):
    silence.begin()
    clock.now += SILENT_SECONDS

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: silence.may_ask(), range(8)))

    assert sorted(found) == [False] * 7 + [True]


def test_an_answer_lets_everybody_ask(silence, clock):
    silence.begin()
    clock.now += SILENT_SECONDS
    silence.may_ask()

    silence.end()

    assert [silence.may_ask(), silence.may_ask()] == [True, True]


def test_who_tried_and_heard_nothing_begins_it_anew(silence, clock):
    silence.begin()
    clock.now += SILENT_SECONDS
    silence.may_ask()
    clock.now += 3
    silence.begin()

    clock.now += SILENT_SECONDS - 0.1

    assert silence.may_ask() is False


def test_a_try_that_never_ends_is_followed_by_another(silence, clock):
    silence.begin()
    clock.now += SILENT_SECONDS
    assert silence.may_ask() is True

    clock.now += SILENT_SECONDS

    assert silence.may_ask() is True


# --- signing pages -----------------------------------------------------------------

TICKET = "/cgi-bin/ticket/getticket"


@pytest.fixture
def account(stack: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Account:
    account = wechat.current().account
    monkeypatch.setattr(account, "silence", Silence(clock=clock))
    monkeypatch.setattr(transport, "LIMITS", HASTY)
    return account


def sign(stack: Stack, account: Account) -> None:
    account.jssdk_config(f"{stack.url}/p/1")


def break_it(stack: Stack, fault: str) -> None:
    stack.control("/faults", target=TICKET, times="forever", **FAULTS[fault])


@pytest.mark.parametrize("fault", ["hang", "slow drip", "drop"])
def test_after_no_answer_pages_are_told_at_once(stack: Stack, account, clock, fault):
    break_it(stack, fault)
    with pytest.raises(WeChatUnavailable):
        sign(stack, account)
    stack.control_delete("/faults")

    with pytest.raises(WeChatUnavailable, match="silent a moment ago"):
        sign(stack, account)

    clock.now += SILENT_SECONDS
    sign(stack, account)


@pytest.mark.parametrize("fault", ["45009", "500", "html", "null"])
def test_a_bad_answer_is_no_silence(stack: Stack, account, fault):
    break_it(stack, fault)
    with pytest.raises(WeChatUnavailable):
        sign(stack, account)
    stack.control_delete("/faults")

    sign(stack, account)


def test_a_ticket_that_is_there_signs_during_a_silence(stack: Stack, account):
    sign(stack, account)
    account.silence.begin()

    sign(stack, account)


def test_jobs_and_money_ask_during_a_silence(stack: Stack, account):
    account.silence.begin()

    assert account.temporary_scene("CODE1").ticket
    assert wechat.current().pay.query("M20261121000009").state == "UNKNOWN_NUMBER"
