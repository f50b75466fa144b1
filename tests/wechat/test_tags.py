"""The distributors' tag at WeChat follows who may earn, in batches, and mends itself."""

import pytest

from app import distribution, members, wechat
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.distribution import levels
from app.wechat import WeChatUnavailable
from app.wechat.tags import BATCH, DISTRIBUTOR_TAG, repair, repair_all
from tests.factories import ADMIN, distributor, make_distributor_of, make_level
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


def level_member(openid: str, code: str) -> members.Member:
    """A distributor who follows, on a level that an admin gave."""
    member = follower(openid)
    make_distributor_of(member, now=clock.now())
    give_level(member, code)
    return member


def give_level(member: members.Member, code: str) -> None:
    given = {"reason": "测试", "until": None, "actor": ADMIN, "now": clock.now()}
    run_unit(levels.assign, distributor(member).id, code, **given)


def rename(code: str, rank: int, name: str) -> None:
    given = levels.LevelInput(name, rank)
    run_unit(levels.save, code, given, is_new=False, actor=ADMIN, now=clock.now())


def holding(name: str) -> set[str]:
    account = wechat.current().account
    return account.openids_with_tag(account.tags()[name])


def test_a_level_above_the_base_has_a_tag_beside_the_distributors_own(stack: Stack):
    make_level("senior", 10, "高级分销员")
    make_level("leader", 20, "团长")
    level_member(LIN, "senior")
    make_distributor_of(follower(CHEN), now=clock.now())

    result = stack.job("sync-tags")

    assert result == {"tagged": 3, "untagged": 0, "skipped": 0}
    assert tagged() == {LIN, CHEN}
    assert holding("高级分销员") == {LIN}
    # Nobody is one: the account's 100 tags are not wasted.
    assert "团长" not in wechat.current().account.tags()
    assert "普通分销员" not in wechat.current().account.tags()


def test_a_step_takes_one_tag_and_gives_the_other(stack: Stack):
    make_level("senior", 10, "高级分销员")
    make_level("leader", 20, "团长")
    member = level_member(LIN, "senior")
    stack.job("sync-tags")
    give_level(member, "leader")

    result = stack.job("sync-tags")

    assert result == {"tagged": 1, "untagged": 1, "skipped": 0}
    assert (holding("高级分销员"), holding("团长")) == (set(), {LIN})


def test_the_tag_of_a_renamed_or_switched_off_level_is_emptied(stack: Stack):
    make_level("senior", 10, "高级分销员")
    make_level("leader", 20, "团长")
    level_member(LIN, "senior")
    level_member(CHEN, "leader")
    stack.job("sync-tags")
    rename("senior", 10, "资深分销员")
    run_unit(levels.switch, "leader", is_active=False, actor=ADMIN, now=clock.now())

    result = stack.job("sync-tags")

    assert result == {"tagged": 1, "untagged": 2, "skipped": 0}
    assert (holding("高级分销员"), holding("团长")) == (set(), set())
    assert holding("资深分销员") == {LIN}


def test_tags_of_others_are_left_alone(stack: Stack):
    account = wechat.current().account
    follower(LIN)
    account.tag(account.tag_id("老顾客"), [LIN])

    stack.job("sync-tags")

    assert holding("老顾客") == {LIN}


def test_a_level_is_tagged_in_batches(stack: Stack):
    openids = {f"oBatch{n:022d}" for n in range(BATCH + 3)}
    for openid in openids:
        stack.control("/persons", openid=openid, nickname="批量", following=True)

    result = repair_all(wechat.current().account, {DISTRIBUTOR_TAG: set(), "团长": openids})

    calls = [c for c in stack.look("/calls")["calls"] if "batchtagging" in str(c)]
    assert result == {"tagged": BATCH + 3, "untagged": 0, "skipped": 0}
    assert len(calls) == 2
    assert holding("团长") == openids


def test_a_tag_that_wechat_refuses_does_not_stop_the_others(stack: Stack):
    account = wechat.current().account

    result = repair_all(account, {"团" * 11: {LIN}, "团长": {CHEN}})

    assert result == {"tagged": 1, "untagged": 0, "skipped": 0, "failed": 1}
    assert holding("团长") == {CHEN}
