"""Statements and certificates on the phone, and as files that any browser opens."""

import re

import pypdfium2
import pytest

from app import withdrawals
from app.core import clock
from app.core.db import run_unit, transaction
from app.settings import change
from tests.commission.ground import matured, settle
from tests.factories import ADMIN, NOON, days, give_available, make_member
from tests.mall.pages import text_of
from tests.tax.test_identity import identify
from tests.withdrawals.fakes import approve, request

MONTH = "/me/wallet/statements/2026-11"


@pytest.fixture
def paid(client, me, weixin):
    """A bonus, and a taxed withdrawal that was paid."""
    with transaction():
        for key, value in (("max_fen", 1_999_00), ("two_person_fen", 10_000_00), ("fee_fen", 200)):
            change(f"withdraw.{key}", value, actor=ADMIN, now=NOON)
        change("tax.method", "monthly", actor=ADMIN, now=NOON)
    identify(me)
    give_available(me, 1_600_00)
    weixin.transfers.on_send = ["SUCCESS"]
    row = request(me, 1_500_00)
    approve(row)
    withdrawals.pay(row.id, gateway=weixin.transfers, now=NOON)
    return row


def links(page: str) -> list[str]:
    return re.findall(r'data-copy="http://[^/]+(/data/\w+/\w+\.\w+)"', page)


def pdf_text(content: bytes) -> str:
    with pypdfium2.PdfDocument(content) as document:
        return " ".join(page.get_textpage().get_text_range() for page in document)


def test_a_month_with_its_sums_and_reasons(client, paid):
    assert MONTH in client.get("/me/wallet/statements").text

    page = client.get(MONTH)

    words = text_of(page)
    assert "期初余额¥0.00" in words
    assert "入账+¥1,600.00" in words
    assert "提现到账-¥1,358.00" in words
    assert "代扣税-¥140.00" in words
    assert "手续费-¥2.00" in words
    assert "期末余额¥100.00" in words
    assert "到账 ¥1,358.00 · 税 ¥140.00 · 手续费 ¥2.00" in words
    assert f'href="/me/wallet/withdrawals/{paid.number}"' in page.text
    assert "测试奖励" in words


def test_an_empty_month_says_so(client, me):
    assert "这个月没有收支" in client.get(MONTH).text


def test_its_files_are_had_without_a_login_by_who_has_the_link(app, client, paid):
    pdf, csv = links(client.post(f"{MONTH}/link").text)
    anyone = app.test_client()

    made = anyone.get(pdf)
    said = pdf_text(made.data)
    assert made.mimetype == "application/pdf"
    assert "2026 年 11 月对账单" in said
    assert "-1,358.00" in said
    assert paid.number in re.sub(r"\s", "", said)

    rows = anyone.get(csv).data.decode("utf-8-sig").splitlines()
    assert rows[0] == "时间,事项,说明,入账,收回,余额支付,提现到账,代扣税,手续费,变动,余额"
    assert rows[1] == "2026-11 期初,期初余额,,,,,,,,,0.00"
    assert rows[3] == (
        f"2026-11-21 12:00:00,提现到账,提现单 {paid.number},"
        "0.00,0.00,0.00,-1358.00,-140.00,-2.00,-1500.00,100.00"
    )
    assert rows[4] == (
        "2026-11 期末,合计与期末余额,,1600.00,0.00,0.00,-1358.00,-140.00,-2.00,100.00,100.00"
    )


def test_a_certificate_says_what_was_withheld_in_a_year(app, client, paid):
    assert "收入 ¥1,500.00 · 代扣 ¥140.00 · 1 笔" in text_of(client.get("/me/wallet/statements"))

    (pdf,) = links(client.post("/me/wallet/tax/2026/link").text)
    said = pdf_text(app.test_client().get(pdf).data)

    assert "2026 年佣金收入与代扣税款凭证" in said
    assert "欧阳娜娜" in said
    assert "1101**********002X" in said
    assert "2026-11 1 1,500.00 140.00" in said


def test_who_only_typed_a_number_sees_nothing_of_its_other_accounts(app, client, me, weixin):
    """Paid before tax was withheld, then named as somebody who was taxed elsewhere."""
    weixin.transfers.on_send = ["SUCCESS"] * 2
    for member, method in ((me, "none"), (other := make_member("别的账号"), "monthly")):
        run_unit(change, "tax.method", method, actor=ADMIN, now=NOON)
        if member is other:
            identify(member)
        give_available(member, 90_00)
        row = request(member, 90_00)
        approve(row)
        withdrawals.pay(row.id, gateway=weixin.transfers, now=NOON)
    identify(me)

    (pdf,) = links(client.post("/me/wallet/tax/2026/link").text)
    said = pdf_text(app.test_client().get(pdf).data)

    assert "2026-11 1 90.00" in said
    assert me.public_id in said
    assert other.public_id not in said


def test_links_are_of_one_kind_and_end(client, me, paid):
    pdf, _ = links(client.post(f"{MONTH}/link").text)

    assert client.get(pdf.replace("statement.pdf", "certificate.pdf")).status_code == 404
    assert client.get("/data/nothing/statement.csv").status_code == 404
    assert client.post("/me/wallet/tax/2025/link").status_code == 404
    assert client.post("/me/wallet/statements/2026-12/link").status_code == 404


def test_a_settlement_lists_its_commissions_to_their_owner_only(client, session, log_in, weixin):
    with clock.fixed(NOON + days(15)):
        owner = matured(count=2)
        settle(NOON + days(15))
        log_in(client, owner)
        link = re.search(r"/me/wallet/settlements/\d+", client.get(f"{MONTH[:-2]}12").text)[0]

        page = client.get(link)
        log_in(client, make_member())
        other = client.get(link)

    assert len(set(re.findall(r"/me/distribution/commissions/\d+", page.text))) == 2
    assert other.status_code == 404
