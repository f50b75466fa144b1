"""Who follows the account is WeChat's word, also where no event told us."""

from app import members, wechat
from app.core.db import db, run_unit
from tests.stack import Stack
from tests.wechat.test_tags import CHEN, LIN, WANG, follower


def following(openid: str) -> bool:
    db.session.rollback()
    found = members.by_openid(openid)
    assert found is not None
    return found.is_subscribed


def test_followers_from_before_the_mall_are_found_and_lost_ones_dropped(stack: Stack):
    follower(LIN, is_subscribed=False)
    follower(WANG)

    first = stack.job("sync-followers")
    second = stack.job("sync-followers")

    assert first == {"came": 1, "left": 1}
    assert second == {"came": 0, "left": 0}
    assert (following(LIN), following(WANG)) == (True, False)


def test_who_came_or_left_while_the_list_was_fetched_stays_so(stack: Stack):
    known = members.followers()
    listed = wechat.current().account.followers()
    follower(WANG)
    run_unit(members.mark_subscribed, follower(CHEN).id, False)

    run_unit(members.correct_followers, {**known, CHEN: 1}, listed)

    assert (following(WANG), following(CHEN)) == (True, False)


def test_no_answer_changes_nothing(stack: Stack):
    follower(WANG)
    stack.control("/faults", target="/cgi-bin/user/get", kind="errcode", errcode=45009)

    run = stack.app.test_cli_runner().invoke(args=["jobs", "run", "sync-followers"])

    assert run.exit_code == 1
    assert following(WANG) is True
