"""Payouts by hand at the desk: batch, file, voucher, return."""

import hashlib
import io
from datetime import timedelta

import openpyxl
import pytest
import sqlalchemy as sa

from app.admin.models import Role
from app.audit import AuditEntry
from app.core.db import db
from app.withdrawals import Channel, PayoutLine, Withdrawal, WithdrawalStatus, batches
from tests.admin.desk import browser_of, with_factor
from tests.factories import broken_invariants
from tests.withdrawals.byhand import CARD, PDF, batch_of, open_channel, to_pay

S = WithdrawalStatus


@pytest.fixture
def batch(session):
    open_channel(Channel.BANK)
    to_pay(500_00)
    return batch_of()[0]


def browser(app, name="cai", **given):
    return browser_of(app, with_factor(name, Role.FINANCE), **given)


def statuses() -> list[WithdrawalStatus]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(Withdrawal.status)))


def record(client, batch, **given):
    form = {
        "lines": [str(item.line.id) for item in batches.items(batch.id)],
        "outcome": "paid",
        "serial": "ICBC20261121",
        "voucher": (io.BytesIO(PDF), "回单.pdf"),
    }
    return client.post(f"/admin/payout-batches/{batch.number}/record", data=form | given)


def test_the_file_has_full_numbers_as_text_and_its_hash_is_kept(app, batch):
    client = browser(app, proved=timedelta(0))
    url = f"/admin/payout-batches/{batch.number}/file"

    book, sheet = (client.post(f"{url}/{kind}").data for kind in ("xlsx", "csv"))
    again = client.post(f"{url}/xlsx").data

    row = next(openpyxl.load_workbook(io.BytesIO(book)).active.iter_rows(min_row=2))
    assert [cell.value for cell in row[:5]] == ["1", "欧阳娜娜", CARD, "招商银行", 500]
    assert row[2].data_type == "s"
    assert f"欧阳娜娜,{CARD}\t,招商银行,500.00" in sheet.decode("utf-8-sig")
    assert again == book
    db.session.rollback()
    assert batches.by_number(batch.number).file_sha256 == hashlib.sha256(book).hexdigest()
    assert (
        db.session.scalar(
            sa.select(sa.func.count()).select_from(AuditEntry).filter_by(action="payout_batch.file")
        )
        == 3
    )


def test_without_a_fresh_code_or_a_second_factor_no_file_is_handed_out(app, batch, admin_client):
    url = f"/admin/payout-batches/{batch.number}/file/xlsx"

    stale = browser(app, proved=timedelta(days=1)).post(url)
    answers = [admin_client(role).post(url) for role in ("finance", "auditor", "support")]

    assert [stale.status_code, *(answer.status_code for answer in answers)] == [403] * 4
    assert CARD not in stale.text
    assert "请先在“账号与安全”开启两步验证" in answers[0].text
    db.session.rollback()
    assert batches.by_number(batch.number).file_sha256 == ""


def test_a_batch_is_recorded_with_its_voucher_and_returned_by_another(app, batch):
    client, other = browser(app, proved=timedelta(0)), browser(app, "qian", proved=timedelta(0))

    assert record(client, batch, voucher=(io.BytesIO(b"<html>"), "x.pdf")).status_code == 422
    assert record(client, batch, serial="").status_code == 422
    assert statuses() == [S.SENDING]
    assert record(client, batch).status_code == 303
    assert statuses() == [S.PAID]
    line = db.session.scalars(sa.select(PayoutLine)).one()
    url = f"/admin/payout-batches/{batch.number}/lines/{line.id}/return"
    voucher = client.get(f"/admin/payout-vouchers/{line.voucher_id}")
    assert (voucher.data, voucher.mimetype) == (PDF, "application/pdf")
    assert voucher.headers["Content-Disposition"].startswith("attachment")
    assert client.post(url, data={"reason": "银行退票"}).status_code == 403
    assert other.post(url, data={"reason": ""}).status_code == 422
    assert statuses() == [S.PAID]

    assert other.post(url, data={"reason": "银行退票"}).status_code == 303
    assert statuses() == [S.RETURNED]
    assert broken_invariants() == {}


def test_a_line_is_taken_out_at_the_desk_for_a_reason(app, batch):
    client = browser(app, proved=timedelta(0))
    (line,) = [item.line.id for item in batches.items(batch.id)]
    url = f"/admin/payout-batches/{batch.number}/lines/{line}/take-out"

    assert "移出批次" in client.get(f"/admin/payout-batches/{batch.number}").text
    assert client.post(url, data={"reason": ""}).status_code == 422
    assert client.post(url.replace(str(line), "0"), data={"reason": "x"}).status_code == 404
    assert statuses() == [S.SENDING]
    assert client.post(url, data={"reason": "账号要改"}).status_code == 303

    assert statuses() == [S.APPROVED]
    assert "已移出" in client.get(f"/admin/payout-batches/{batch.number}").text
    assert broken_invariants() == {}


def test_a_batch_is_made_at_the_desk_and_a_line_failed(app, session):
    open_channel(Channel.ALIPAY)
    to_pay(300_00, Channel.ALIPAY)
    client = browser(app, proved=timedelta(0))

    made = client.post("/admin/payout-batches", data={"channel": "alipay"})
    again = client.post("/admin/payout-batches", data={"channel": "alipay"})
    number = made.headers["Location"].rsplit("/", 1)[1]
    failed = record(client, batches.by_number(number), outcome="failed", reason="账号不存在")

    assert (made.status_code, again.status_code, failed.status_code) == (303, 409, 303)
    assert statuses() == [S.FAILED]
    assert "账号不存在" in client.get(f"/admin/payout-batches/{number}").text
    assert broken_invariants() == {}
