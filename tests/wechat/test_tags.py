"""The distributors' tag at WeChat follows who may earn, in batches, and mends itself."""

import pytest

from app import distribution, members, wechat
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.wechat import WeChatUnavailable
from app.wechat.tags import BATCH, DISTRIBUTOR_TAG, repair
from tests.factories import ADMIN, make_distributor_of
from tests.stack import Stack

LIN = "oSandbox_linjie_000000000001"
CHEN = "oSandbox_chenmei_00000000002"
WANG = "oSandbox_wangfang_0000000003"


def follower(openid: str, *, is_subscribed: bool = True) -> members.Member:
    member = run_unit(members.enter, openid, now=clock.now())
    with transaction():
        members.mark_subscribed(member.id, is_subscribed)
    return member


def tagged() -> set[str]:
    account = wechat.current().account
    return account.openids_with_tag(account.tag_id(DISTRIBUTOR_TAG))


def test_active_distributors_who_follow_have_the_tag(stack: Stack):
    make_distributor_of(follower(LIN), now=clock.now())
    make_distributor_of(follower(CHEN), now=clock.now())
    make_distributor_of(follower(WANG, is_subscribed=False), now=clock.now())

    result = stack.job("sync-tags")

    assert result == {"tagged": 2, "untagged": 0, "skipped": 0}
    assert tagged() == {LIN, CHEN}
    assert stack.job("sync-tags") == {"tagged": 0, "untagged": 0, "skipped": 0}


def test_a_suspended_distributor_loses_the_tag(stack: Stack):
    member = follower(LIN)
    make_distributor_of(member, now=clock.now())
    stack.job("sync-tags")
    found = distribution.distributor_of(member.id)
    assert found is not None
    run_unit(distribution.suspend, found.id, reason="核查", actor=ADMIN, now=clock.now())

    result = stack.job("sync-tags")

    assert result == {"tagged": 0, "untagged": 1, "skipped": 0}
    assert tagged() == set()


def test_somebody_who_left_unnoticed_does_not_stop_the_others(stack: Stack):
    account = wechat.current().account

    result = repair(account, {LIN, CHEN, WANG})

    # 王芳 does not follow: WeChat refuses every batch that names her.
    assert result == {"tagged": 2, "untagged": 0, "skipped": 1}
    assert tagged() == {LIN, CHEN}


def test_many_are_tagged_in_batches(stack: Stack):
    openids = {f"oBatch{n:022d}" for n in range(BATCH + 3)}
    for openid in openids:
        stack.control("/persons", openid=openid, nickname="批量", following=True)

    result = repair(wechat.current().account, openids)

    calls = [c for c in stack.look("/calls")["calls"] if "batchtagging" in str(c)]
    assert result["tagged"] == BATCH + 3
    assert len(calls) == 2
    assert tagged() == openids


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 500}, {"kind": "html", "status": 200}]
)
def test_a_wechat_that_falls_silent_is_not_asked_about_each_person(stack: Stack, fault):
    stack.control("/faults", target="/cgi-bin/tags/members/batchtagging", times=99, **fault)

    with pytest.raises(WeChatUnavailable):
        repair(wechat.current().account, {LIN, CHEN})

    calls = [c for c in stack.look("/calls")["calls"] if "batchtagging" in str(c)]
    assert len(calls) == 1
    assert tagged() == set()


def test_a_wechat_that_does_not_answer_fails_the_run_and_is_mended_by_the_next(stack: Stack):
    make_distributor_of(follower(LIN), now=clock.now())
    stack.control("/faults", target="/cgi-bin/tags/get", kind="status", status=500, times=2)

    with pytest.raises(WeChatUnavailable):
        repair(wechat.current().account, distribution.following_openids())
    db.session.rollback()

    assert stack.app.test_cli_runner().invoke(args=["jobs", "run", "sync-tags"]).exit_code == 1
    assert stack.job("sync-tags") == {"tagged": 1, "untagged": 0, "skipped": 0}
