"""Payee accounts over HTTP, and withdrawing to one of them."""

import pytest

from app import withdrawals
from app.core.db import db, transaction
from app.settings import change
from app.withdrawals import Channel
from tests.factories import ADMIN, NOON, broken_invariants, give_available, make_member
from tests.mall.pages import hidden_fields, text_of
from tests.withdrawals.byhand import CARD, add_account, open_channel

TYPED = {"channel": "bank", "holder": "欧阳娜娜", "bank_name": "招商银行", "account": CARD}


@pytest.fixture
def bank(session):
    open_channel(Channel.BANK, fee_fen=2_00)


def accounts(member):
    db.session.rollback()
    return withdrawals.payees.accounts_of(member.id)


def test_asking_to_a_card_shows_net_and_payee_before_confirming(client, me, bank):
    give_available(me, 800_00)

    saved = client.post("/me/wallet/payees", data=TYPED)
    (account,) = accounts(me)
    chosen = client.get(saved.headers["Location"])
    asked = {"amount": "300", "way": str(account.id)}
    confirm = client.post("/me/wallet/withdraw", data=asked)
    done = client.post("/me/wallet/withdraw", data=hidden_fields(confirm.text))
    page = client.get(done.headers["Location"])

    assert f'value="{account.id}" data-most="800.00" checked' in chosen.text
    words = text_of(confirm)
    assert "转到你的银行卡" in words
    assert "招商银行 6222 **** **** 0128" in words
    assert "手续费-¥2.00" in words
    assert "¥298.00" in words
    assert "到账方式银行卡" in text_of(page)
    assert CARD not in confirm.text + page.text + chosen.text
    assert withdrawals.withdrawals_of(me.id).items[0].channel is Channel.BANK
    assert broken_invariants() == {}


def test_what_is_no_card_comes_back_with_its_reason(client, me, bank):
    page = client.post("/me/wallet/payees", data=TYPED | {"account": CARD[:-1] + "9"})

    assert page.status_code == 422
    assert "银行卡号不正确，请核对" in text_of(page)
    assert 'value="招商银行"' in page.text
    assert accounts(me) == []


def test_anothers_account_is_neither_chosen_nor_deleted(client, me, bank):
    give_available(me, 800_00)
    other = make_member("别人")
    account = add_account(other)

    asked = client.post("/me/wallet/withdraw", data={"amount": "300", "way": str(account.id)})
    gone = client.post(f"/me/wallet/payees/{account.id}/delete")

    assert (asked.status_code, gone.status_code) == (422, 404)
    assert "请选择到账方式" in text_of(asked)
    assert len(accounts(other)) == 1
    assert withdrawals.withdrawals_of(me.id).items == []


def test_with_every_way_closed_the_page_says_so(client, me, session):
    with transaction():
        change("withdraw.wechat_on", False, actor=ADMIN, now=NOON)

    assert "商家暂时关闭了提现" in text_of(client.get("/me/wallet/withdraw"))
