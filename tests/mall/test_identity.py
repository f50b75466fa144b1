"""Real names and tax on the phone: asked once, shown before it is confirmed."""

import pytest

from app import tax, withdrawals
from app.core.db import db, transaction
from app.settings import change
from tests.factories import ADMIN, NOON, give_available
from tests.mall.pages import hidden_fields, text_of
from tests.tax.test_identity import NUMBER, identify
from tests.withdrawals.fakes import request

FORM = {"name": "欧阳娜娜", "number": NUMBER, "agreed": "1"}


@pytest.fixture
def taxed(me):
    with transaction():
        change("tax.method", "monthly", actor=ADMIN, now=NOON)
        change("withdraw.max_fen", 1_900_00, actor=ADMIN, now=NOON)
    give_available(me, 5_000_00)
    return me


def kept(member) -> tax.Identity | None:
    db.session.rollback()
    return tax.identity_of(member.id)


def test_whoever_is_unknown_is_asked_once_and_led_back(client, taxed):
    for answer in (
        client.get("/me/wallet/withdraw"),
        client.post("/me/wallet/withdraw", data={"amount": "50"}),
    ):
        assert (answer.status_code, answer.location) == (303, "/me/identity")
    assert "提现会代扣个人所得税，请先填写实名信息" in client.get("/me/identity").text

    answer = client.post("/me/identity", data=FORM)

    assert (answer.status_code, answer.location) == (303, "/me/wallet/withdraw")
    assert client.get("/me/wallet/withdraw").status_code == 200
    page = client.get("/me/identity")
    assert "1101**********002X" in page.text
    assert NUMBER not in page.text
    assert kept(taxed).name == "欧阳娜娜"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("number", "110105194912310021", "身份证号码不正确，请核对"),
        ("name", "x", "请填写与身份证一致的中文姓名"),
        ("agreed", "", "请先阅读并勾选同意"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(client, taxed, field, value, says):
    answer = client.post("/me/identity", data={**FORM, field: value})

    assert answer.status_code == 422
    assert says in answer.text
    assert kept(taxed) is None


def test_tax_is_explained_before_it_is_confirmed_and_afterwards(client, taxed):
    identify(taxed)

    page = client.post("/me/wallet/withdraw", data={"amount": "1500"})
    answer = client.post("/me/wallet/withdraw", data=hidden_fields(page.text))

    for words in (text_of(page), text_of(client.get(answer.location))):
        assert "应纳税所得额¥700.00" in words
        assert "本次代扣¥140.00应扣税额 − 此前已扣" in words
    assert "代扣个人所得税-¥140.00" in text_of(page)
    assert "实际到账¥1,360.00" in text_of(page)
    assert withdrawals.withdrawals_of(taxed.id).items[0].net_fen == 1_360_00


def test_it_is_deleted_until_tax_was_withheld(client, taxed):
    identify(taxed)
    client.post("/me/identity/delete")
    assert kept(taxed) is None

    identify(taxed)
    request(taxed, 100_00)
    answer = client.post("/me/identity/delete")

    assert answer.status_code == 409
    assert "依法需要保存，不能删除" in answer.text
    assert kept(taxed) is not None


def test_the_rules_are_said_before_the_amount(client, me):
    with transaction():
        for key, value in (("fee_bps", 60), ("fee_fen", 1_00), ("day_count", 2)):
            change(f"withdraw.{key}", value, actor=ADMIN, now=NOON)
        change("withdraw.open_days", "11,21", actor=ADMIN, now=NOON)

    words = text_of(client.get("/me/wallet/withdraw"))

    assert "微信零钱单笔 ¥1.00 到 ¥200.00，手续费 0.6% 加每笔 ¥1.00" in words
    assert "每天最多 2 次。" in words
    assert "每月 11、21 日可以申请。" in words
