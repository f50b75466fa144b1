"""Joining and leaving from the phone."""

from app import distribution, settings
from app.core.db import db, run_unit
from app.distribution import DistributorStatus as S
from app.distribution.joining import contract, form
from app.distribution.joining.form import Field, FieldKind
from app.settings import registry
from tests.factories import ADMIN, NOON, give_available, make_distributor_of
from tests.mall.pages import text_of

CENTRE = "/me/distribution"
LEAVE = "/me/distribution/leave"


def standing(me):
    db.session.rollback()
    return distribution.distributor_of(me.id)


def test_the_form_is_shown_kept_and_refused_by_name(client, me):
    fields = [
        Field("f1", "手机号", FieldKind.PHONE),
        Field("f2", "推广渠道", FieldKind.CHOICE, choices=("朋友圈", "社群")),
    ]
    run_unit(form.save, fields, actor=ADMIN, now=NOON)
    data = {"version": contract.BUILT_IN_VERSION, "agreed": "1", "answer.f2": "社群"}
    assert 'name="answer.f1"' in client.get(CENTRE).text

    wrong = client.post(CENTRE, data={**data, "answer.f1": "123"})
    assert wrong.status_code == 422
    assert "手机号应为 11 位手机号码" in wrong.text
    assert "<option selected>社群</option>" in wrong.text
    assert standing(me) is None

    assert client.post(CENTRE, data={**data, "answer.f1": "13812345678"}).status_code == 303
    assert standing(me).answers == {"f1": "13812345678", "f2": "社群"}


def test_where_only_invited_people_join_the_page_says_so(client, me):
    run_unit(settings.change, registry.JOIN_MODE.key, "invited", actor=ADMIN, now=NOON)

    page = client.get(CENTRE)
    assert "目前只接受商家邀请加入" in page.text
    assert "申请成为分销员" not in page.text

    data = {"version": contract.BUILT_IN_VERSION, "agreed": "1"}
    assert client.post(CENTRE, data=data).status_code == 409
    assert standing(me) is None


def test_an_invitation_is_accepted_by_agreeing(client, me):
    run_unit(distribution.invite, me.id, reason="老顾客", actor=ADMIN, now=NOON)

    page = text_of(client.get(CENTRE))
    assert "商家邀请你成为分销员" in page
    assert "老顾客" in page
    assert "同意并加入" in page

    client.post(CENTRE, data={"version": contract.BUILT_IN_VERSION, "agreed": "1"})
    assert standing(me).status is S.APPROVED


def test_leaving_says_what_is_open(client, me):
    make_distributor_of(me)
    give_available(me, 12_34)

    page = text_of(client.get(LEAVE))
    assert "还不能退出" in page
    assert "可提现的 ¥12.34，请先提现" in page

    answer = client.post(LEAVE, data={"sure": "1"})
    assert answer.status_code == 409
    assert standing(me).status is S.APPROVED


def test_leaving_wants_a_tick_and_then_ends_it(client, me):
    make_distributor_of(me)

    assert client.post(LEAVE, data={}).status_code == 422
    assert standing(me).status is S.APPROVED

    assert client.post(LEAVE, data={"sure": "1"}).status_code == 303
    assert standing(me).status is S.CLOSED
    assert "已退出分销" in text_of(client.get(CENTRE))


def test_whoever_is_no_distributor_has_nothing_to_leave(client, me):
    assert client.get(LEAVE).location == CENTRE
    assert client.post(LEAVE, data={"sure": "1"}).location == CENTRE
