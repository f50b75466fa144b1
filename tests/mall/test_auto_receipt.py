"""以后提现自动到账 over HTTP: offered, asked for, ended, and said on the pages."""

import pytest

from app import withdrawals
from app.core.db import db, run_unit, transaction
from app.settings import change
from app.withdrawals import GrantRefused, GrantStatus, grants
from tests.factories import ADMIN, APPID, NOON, broken_invariants, give_available
from tests.mall.pages import text_of
from tests.withdrawals.fakes import approve, request

PAGE = "/me/wallet/auto"


@pytest.fixture
def offered(session):
    with transaction():
        change("withdraw.wechat_grant_on", True, actor=ADMIN, now=NOON)


def grant_of(member):
    db.session.rollback()
    return grants.newest_of(member.id)


def agree(weixin, me):
    answer = weixin.transfers.grants.agree(grant_of(me).out_authorization_no)
    run_unit(grants.report, answer, appid=APPID, now=NOON)


def test_it_is_asked_for_confirmed_used_and_ended(client, me, weixin, offered):
    give_available(me, 50_00)

    before = client.get("/me/wallet/withdraw")
    client.post(PAGE)
    waiting = client.get(PAGE)
    agree(weixin, me)
    state = client.get(PAGE + "/state")
    withdraw = client.get("/me/wallet/withdraw")
    row = request(me, 50_00)
    approve(row)
    told = client.get(f"/me/wallet/withdrawals/{row.number}")
    withdrawals.pay(row.id, gateway=weixin.transfers, now=NOON)
    paid = client.get(f"/me/wallet/withdrawals/{row.number}")
    client.post(PAGE + "/end")
    closed = client.get(PAGE)

    assert "以后提现自动到账未开通" in text_of(before)
    assert f'data-package="page-{grant_of(me).out_authorization_no}"' in waiting.text
    assert "等待确认" in text_of(waiting)
    assert state.json == {"waits": False}
    assert "自动存入你的零钱，不用确认" in text_of(withdraw)
    assert "24 小时" not in text_of(withdraw)
    assert "钱会自动转入你的微信零钱，不用确认" in text_of(told)
    assert "微信零钱 · 免确认" in text_of(paid)
    assert "已到账" in text_of(paid)
    assert "确认收款" not in text_of(told) + text_of(paid)
    assert "你已在商城关闭" in text_of(closed)
    assert broken_invariants() == {}


def test_who_is_not_offered_it_sees_and_changes_nothing(client, me, weixin):
    page, asked, ended = (
        client.get("/me/wallet/withdraw"),
        client.post(PAGE),
        client.post(PAGE + "/end"),
    )

    assert "以后提现自动到账" not in page.text
    assert (asked.status_code, ended.status_code) == (409, 409)
    assert grant_of(me) is None
    assert weixin.transfers.grants.sent == []


def test_a_refusal_of_wechats_is_said(client, me, weixin, offered):
    weixin.transfers.grants.on_start = [GrantRefused("NO_AUTH")]

    client.post(PAGE)

    assert "微信支付没有接受这次开通" in text_of(client.get(PAGE))
    assert grant_of(me).status is GrantStatus.CLOSED
