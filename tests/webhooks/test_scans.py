"""Scans that WeChat pushes: each kind of person, each kind of code, once each."""

import pytest
import sqlalchemy as sa

from app import distribution, members
from app.core.db import db, transaction
from app.distribution import BindingAttempt, channels
from app.distribution.channels import ChannelMember, Scan, ScanSource
from app.webhooks.models import InboxMessage
from tests.admin.desk import a_channel, reply_rule
from tests.factories import ADMIN, NOON, bind, code_of, make_distributor
from tests.webhooks.test_messages import (  # noqa: F401  (fixtures)
    OPENID,
    happened,
    rows,
    said,
    say,
)

BACK = "欢迎回来，点击下方菜单进入商城。"


def results() -> list[tuple[str, str]]:
    db.session.rollback()
    found = db.session.scalars(sa.select(Scan).order_by(Scan.id)).unique()
    return [(scan.source.value, scan.result) for scan in found]


def follow(say, code: str, created: int = 1):  # noqa: F811
    return say(happened("subscribe", f"qrscene_{code}", Ticket="g", CreateTime=created))


def scan(say, code: str, created: int = 2):  # noqa: F811
    return say(happened("SCAN", code, Ticket="g", CreateTime=created))


def test_following_by_a_channel_with_an_owner_is_an_invitation(session, say):  # noqa: F811
    reply_rule(kind="follow_by_code", content="{inviter}邀请你来{shop}")
    owner = make_distributor("陈梅")

    answer = follow(say, a_channel(owner=code_of(owner)).code)

    assert answer == said("陈梅邀请你来云集好物")
    assert members.by_openid(OPENID).upline1_id == owner.id
    assert results() == [("follow", "bound")]


@pytest.mark.parametrize(
    ("act", "answer", "result"),
    [
        (follow, "你好，云集好物欢迎你", ("follow", "counted")),
        (scan, BACK, ("scan", "counted")),
    ],
)
def test_a_channel_without_an_owner_names_nobody_as_inviter(session, say, act, answer, result):  # noqa: F811
    reply_rule(kind="follow", content="你好，{shop}欢迎你")
    reply_rule(kind="follow_by_code", content="{inviter}邀请你来{shop}")
    say(happened("subscribe", CreateTime=0))
    bind(members.by_openid(OPENID), make_distributor("陈梅"))

    assert act(say, a_channel().code) == said(answer)

    assert results() == [result]
    assert rows(ChannelMember) == 1


def test_somebody_already_bound_stays_and_it_is_said_to_whom(session, say):  # noqa: F811
    first, second = make_distributor("陈梅"), make_distributor("林杰")
    mine = a_channel("一店", owner=code_of(first)).code
    theirs = a_channel("二店", owner=code_of(second)).code

    follow(say, mine, 1)
    scan(say, mine, 2)
    scan(say, theirs, 3)

    assert members.by_openid(OPENID).upline1_id == first.id
    assert results() == [("follow", "bound"), ("scan", "bound_same"), ("scan", "already_bound")]


def test_an_owner_who_scans_the_own_channel_is_not_counted(session, say):  # noqa: F811
    say(happened("subscribe", CreateTime=0))
    member = members.by_openid(OPENID)
    with transaction():
        seat = distribution.apply(
            member.id, statement="", agreed_version=distribution.CONTRACT_VERSION, now=NOON
        )
        distribution.approve(seat.id, actor=ADMIN, now=NOON)

    scan(say, a_channel(owner=code_of(member)).code)

    assert members.by_openid(OPENID).upline1_id is None
    assert results() == [("scan", "own_code")]
    assert rows(ChannelMember) == 0


def test_a_stopped_channel_follows_only(session, say):  # noqa: F811
    reply_rule(kind="follow", content="你好")
    made = a_channel(owner=code_of(make_distributor("陈梅")))
    with transaction():
        channels.stop(made.id, actor=ADMIN, now=NOON)

    assert follow(say, made.code) == said("你好")

    member = members.by_openid(OPENID)
    assert (member.is_subscribed, member.upline1_id) == (True, None)
    assert results() == [("follow", "stopped")]
    assert rows(ChannelMember) == 0


def test_an_unknown_channel_follows_only(session, say):  # noqa: F811
    follow(say, "CH-NOSUCHCODE")

    member = members.by_openid(OPENID)
    assert (member.is_subscribed, member.upline1_id) == (True, None)
    assert results() == [("follow", "unknown_code")]


@pytest.mark.parametrize("mode", ["plain", "safe"])
def test_a_repeat_of_a_push_is_one_scan(session, say, mode):  # noqa: F811
    code = a_channel().code
    fields = happened("SCAN", code, Ticket="g")

    answers = [say(fields, mode=mode) for _ in range(3)]

    assert answers == [said(BACK)] * 3
    assert (rows(Scan), rows(InboxMessage)) == (1, 1)


def test_two_scans_are_two_rows(session, say):  # noqa: F811
    code = a_channel().code

    scan(say, code, 1)
    scan(say, code, 2)

    assert results() == [("scan", "counted")] * 2
    assert rows(ChannelMember) == 1


def test_a_referral_code_is_told_by_its_source(session, say):  # noqa: F811
    code = code_of(make_distributor())

    follow(say, code)
    scan(say, code)

    assert results() == [("follow", "bound"), ("scan", "bound_same")]
    assert rows(BindingAttempt) == 2
    assert {s.channel_id for s in channels.scans_page().items} == {None}
    assert channels.scans_page().items[1].source is ScanSource.FOLLOW
