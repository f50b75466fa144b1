"""The desk's pages of who belongs to whom: finding, looking first, moving, answering."""

import pytest
import sqlalchemy as sa

from app.admin.models import Role
from app.core import clock
from app.core.db import db, run_unit
from app.distribution import appeals
from app.distribution.models import AppealStatus, BindingAppeal
from app.members import Member
from tests.factories import bind, code_of, make_distributor, make_member


def upline(member: Member) -> int | None:
    db.session.rollback()
    return db.session.scalar(sa.select(Member.upline1_id).filter_by(id=member.id))


@pytest.fixture
def three(session):
    old, new = make_distributor("陈梅"), make_distributor("林杰")
    member = make_distributor("王小芳")
    bind(member, old)
    bind(make_member("李四"), member)
    return old, new, member


def test_a_member_is_found_by_name_number_and_code(client, admin_client, three):
    get = admin_client(Role.OPERATIONS).get
    _, _, member = three

    for said in ("小芳", member.public_id, code_of(member)):
        page = get("/admin/bindings", query_string={"q": said})
        assert "王小芳" in page.text
        assert f"/admin/bindings/{member.id}" in page.text
    assert "没有找到会员" in get("/admin/bindings?q=查无此人").text


def test_the_preview_says_what_would_happen_and_does_nothing(client, admin_client, three):
    old, new, member = three

    page = admin_client(Role.OPERATIONS).get(
        f"/admin/bindings/{member.id}/move",
        query_string={"to": "member", "upline": code_of(new), "with_team": "1"},
    )

    assert "本人和团队 1 人一起调整" in page.text
    assert "2 人" in page.text
    assert upline(member) == old.id


def test_a_confirmed_move_is_made(client, admin_client, three):
    old, new, member = three

    answer = admin_client(Role.OPERATIONS).post(
        f"/admin/bindings/{member.id}/move",
        data={
            "to": "member",
            "upline": new.public_id,
            "with_team": "1",
            "expected": str(old.id),
            "reason": "登记错误",
        },
    )

    assert (answer.status_code, upline(member)) == (302, new.id)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"reason": ""}, "请填写调整原因"),
        ({"expected": ""}, "刚刚有变化"),
    ],
)
def test_a_move_that_is_refused_says_why(client, admin_client, three, changed, says):
    old, new, member = three
    data = {"to": "member", "upline": code_of(new), "expected": str(old.id), "reason": "试"}

    answer = admin_client(Role.OPERATIONS).post(
        f"/admin/bindings/{member.id}/move", data={**data, **changed}
    )

    assert answer.status_code == 422
    assert says in answer.text
    assert upline(member) == old.id


@pytest.mark.parametrize(
    ("said", "says"), [("", "请填写新上级"), ("NOSUCHCODE", "没有这个推广码或会员编号")]
)
def test_an_unknown_upline_is_said_before_anything_is_shown(
    client, admin_client, three, said, says
):
    answer = admin_client(Role.OPERATIONS).get(
        f"/admin/bindings/{three[2].id}/move", query_string={"to": "member", "upline": said}
    )

    assert answer.status_code == 422
    assert says in answer.text


def test_finance_may_look_and_not_move(client, admin_client, three):
    old, _, member = three
    desk = admin_client(Role.FINANCE)

    assert desk.get(f"/admin/bindings/{member.id}").status_code == 200
    assert desk.get(f"/admin/bindings/{member.id}/move").status_code == 403
    answer = desk.post(
        f"/admin/bindings/{member.id}/move",
        data={"to": "nobody", "expected": str(old.id), "reason": "试"},
    )

    assert (answer.status_code, upline(member)) == (403, old.id)


def test_an_appeal_is_granted_by_the_move(client, admin_client, three):
    old, new, member = three
    row = run_unit(appeals.ask, member.id, "是林杰", now=clock.now())
    desk = admin_client(Role.OPERATIONS)
    assert "是林杰" in desk.get("/admin/appeals").text

    desk.post(
        f"/admin/bindings/{member.id}/move",
        data={
            "to": "member",
            "upline": code_of(new),
            "expected": str(old.id),
            "reason": "核实",
            "appeal": str(row.id),
        },
    )

    assert upline(member) == new.id
    assert db.session.get_one(BindingAppeal, row.id).status is AppealStatus.ACCEPTED


def test_an_appeal_is_refused_with_words(client, admin_client, three):
    old, _, member = three
    row = run_unit(appeals.ask, member.id, "是林杰", now=clock.now())
    desk = admin_client(Role.OPERATIONS)

    wrong = desk.post(f"/admin/appeals/{row.id}/refuse", data={"reason": ""}, follow_redirects=True)
    assert "请填写原因" in wrong.text
    assert "待处理" in desk.get("/admin/appeals").text

    answer = desk.post(f"/admin/appeals/{row.id}/refuse", data={"reason": "记录无误"})

    assert (answer.status_code, upline(member)) == (302, old.id)
    assert "记录无误" in desk.get("/admin/appeals?state=refused").text
