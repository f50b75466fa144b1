"""Tax at the desk: masked until asked for, the quarter's file, every look written down."""

import io

import openpyxl
import pypdfium2
import pytest
import sqlalchemy as sa

from app import tax, withdrawals
from app.audit import AuditEntry
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.reports import tax_tables
from app.settings import change
from app.withdrawals import RemittanceState, TaxRemittance, vouchers
from tests.admin.desk import acts
from tests.factories import ADMIN, NOON, broken_invariants, give_available, make_member
from tests.mall.pages import text_of
from tests.tax.test_identity import NUMBER, identify
from tests.withdrawals.byhand import PDF
from tests.withdrawals.fakes import FakeTransfers, approve, request


def remitted() -> list[AuditEntry]:
    found = sa.select(AuditEntry).filter_by(subject="tax_remittance").order_by(AuditEntry.id)
    return list(db.session.scalars(found))


@pytest.fixture
def earners(session):
    """Two accounts of one person, each with a paid withdrawal; another asked for more."""
    run_unit(change, "withdraw.max_fen", 1_999_00, actor=ADMIN, now=NOON)
    run_unit(change, "withdraw.two_person_fen", 10_000_00, actor=ADMIN, now=NOON)
    run_unit(change, "tax.method", "monthly", actor=ADMIN, now=NOON)
    found = []
    for name in ("=欧阳", "王芳"):
        member = make_member(name)
        identify(member)
        give_available(member, 3_000_00)
        gateway = FakeTransfers()
        gateway.on_send = ["SUCCESS"]
        row = request(member, 1_500_00)
        approve(row)
        withdrawals.pay(row.id, gateway=gateway, now=NOON)
        found.append(member)
    request(found[0], 100_00, "open")
    with clock.fixed(NOON):
        yield found


def test_a_quarter_with_its_people_masked(earners, admin_client):
    page = admin_client("auditor").get("/admin/tax")

    words = text_of(page)
    assert "共 2 人，收入 ¥3,000.00，代扣个税 ¥440.00，实际支付 ¥2,560.00" in words
    assert "还有 1 笔提现在处理" in words
    assert "1101**********002X" in words
    assert NUMBER not in page.text
    assert "导出报送表" not in words
    assert "这个季度没有已到账的提现" in admin_client("auditor").get(
        "/admin/tax?quarter=2026-Q3"
    ).get_data(as_text=True)


def test_the_file_has_a_row_a_person_and_month_and_is_audited(earners, admin_client):
    answer = admin_client("finance").post("/admin/tax/export", data={"quarter": "2026-Q4"})

    rows = list(openpyxl.load_workbook(io.BytesIO(answer.data)).active.values)
    assert rows[1:] == [
        (
            "欧阳娜娜",
            "居民身份证",
            NUMBER,
            "2026-11",
            3000,
            440,
            0,
            0,
            2560,
            2,
            "、".join(member.public_id for member in earners),
        )
    ]
    assert [act.after for act in acts("tax.export")] == [{"quarter": "2026-Q4"}]


@pytest.mark.parametrize(
    "path", ["/admin/tax/export", "/admin/tax/members/{}/reveal", "/admin/tax/members/{}/reset"]
)
def test_names_in_full_are_not_for_everybody(earners, admin_client, path):
    answer = admin_client("auditor").post(
        path.format(earners[0].id), data={"quarter": "2026-Q4", "reason": "x"}
    )

    assert answer.status_code == 403
    assert [*acts("tax.export"), *acts("tax.reveal"), *acts("tax.forget")] == []
    assert tax.identity_of(earners[0].id) is not None


def test_a_quarter_that_is_none_is_not_found(earners, admin_client):
    answer = admin_client("finance").post("/admin/tax/export", data={"quarter": "2026-Q5"})

    assert answer.status_code == 404
    assert acts("tax.export") == []


def test_a_look_at_the_number_is_written_down(earners, admin_client):
    client, path = admin_client("finance"), f"/admin/tax/members/{earners[0].id}"
    assert NUMBER not in client.get(path).text

    assert NUMBER in client.post(f"{path}/reveal").text

    assert NUMBER not in client.get(path).text
    assert [act.subject_id for act in acts("tax.reveal")] == [earners[0].id]


def test_a_slip_is_cleared_with_a_reason_and_what_was_withheld_stays(earners, admin_client):
    client, path = admin_client("finance"), f"/admin/tax/members/{earners[0].id}/reset"
    assert client.post(path, data={"reason": " "}).status_code == 422
    db.session.rollback()
    assert tax.identity_of(earners[0].id) is not None

    client.post(path, data={"reason": "号码填错一位"})

    assert tax.identity_of(earners[0].id) is None
    assert [act.reason for act in acts("tax.forget")] == ["号码填错一位"]
    assert tax_tables.sums("2026-Q4").unknown == 1
    assert client.post(path, data={"reason": "再清一次"}).status_code == 404


def test_a_certificate_is_made_at_the_desk_and_audited(earners, admin_client):
    client, path = admin_client("finance"), f"/admin/tax/members/{earners[1].id}/certificates/"

    answer = client.post(path + "2026")

    with pypdfium2.PdfDocument(answer.data) as document:
        said = document[0].get_textpage().get_text_range()
    # Of the person, not of the account.
    assert "2026-11 2 3,000.00 440.00" in said
    assert all(member.public_id in said for member in earners)
    assert "同一身份证号码的 2 个账号合并列出" in said
    assert client.post(path + "2025").status_code == 404
    assert [act.after for act in acts("tax.certificate")] == [{"year": "2026"}]


def sent(**given) -> dict:
    facts = {"amount": "440.00", "paid_on": "2026-11-20", "serial": "TAX-2026-11", **given}
    return {**facts, "voucher": (io.BytesIO(PDF), "tax.pdf")}


def test_tax_is_paid_on_by_two_and_a_correction_opens_the_month_again(earners, admin_client):
    first, second = admin_client("finance"), admin_client("finance")
    form, listed = "/admin/tax/remittances/new/2026-11", "/admin/tax/remittances"

    assert "未缴 ¥440.00" in text_of(first.get(form))
    assert "多缴" not in text_of(first.get(form))
    assert first.post(form, data=sent()).headers["Location"] == listed
    waiting = text_of(second.get(listed))
    row_id = db.session.scalar(sa.select(TaxRemittance.id))
    refused = first.post(f"{listed}/{row_id}/confirm", follow_redirects=True).text
    second.post(f"{listed}/{row_id}/confirm")
    booked = text_of(second.get(listed))
    first.post(f"{listed}/{row_id}/reverse", data={"reason": "记错了月份"})
    back_id = db.session.scalar(sa.select(TaxRemittance.id).filter_by(reverses_id=row_id))
    second.post(f"{listed}/{back_id}/confirm")

    assert "2026-11 ¥440.000.00¥440.00 缴款待确认" in waiting
    assert "请由另一位管理员确认" in refused
    assert "2026-11 ¥440.00¥440.000.00 已缴清" in booked
    assert "2026-11 ¥440.000.00¥440.00 未缴清" in text_of(second.get(listed))
    assert [act.action.partition(".")[2] for act in remitted()] == [
        *("ask", "confirm", "ask_reversal", "confirm")
    ]
    assert broken_invariants() == {}


def test_what_is_overpaid_is_shown_as_a_credit_before_and_after(earners, admin_client):
    old = {"month": "2026-09", "amount_fen": 34_50, "paid_on": NOON.date(), "serial": "OLD-1"}
    who = {"asked_by": "admin:1", "asked_at": NOON, "decided_by": "admin:2", "decided_at": NOON}
    with transaction():
        kept = vouchers.keep(PDF, vouchers.PDF, actor=ADMIN, now=NOON)
        row = TaxRemittance(voucher_id=kept.id, state=RemittanceState.DONE, **old, **who)
        db.session.add(row)
    client, listed = admin_client("finance"), "/admin/tax/remittances"

    form = text_of(client.get(f"{listed}/new/2026-11"))
    client.post(f"{listed}/new/2026-11", data=sent())
    page = text_of(client.get(listed))

    assert "本月可缴¥440.002026-09 多缴−¥34.50缴清时实际付款¥405.50" in form
    assert "¥440.00付款 405.50" in page
    assert "2026-09 多缴抵减 34.50" in page
    assert "多缴，下次缴款时抵减" in page


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"amount": "440.01"}, "最多 ¥440.00：已代扣而未缴的税款"),
        ({"amount": "1e3"}, "缴款金额"),
        ({"paid_on": "2026-13-01"}, "请填写缴款日期"),
        ({"serial": "一"}, "请填写完税凭证号码"),
    ],
)
def test_a_payment_that_is_wrong_is_said_at_its_field(earners, admin_client, given, says):
    answer = admin_client("finance").post("/admin/tax/remittances/new/2026-11", data=sent(**given))

    assert answer.status_code == 422
    assert says in answer.text
    assert db.session.scalars(sa.select(TaxRemittance)).all() == []


def test_who_only_looks_books_no_payment(earners, admin_client):
    client = admin_client("auditor")

    assert "登记缴款" not in client.get("/admin/tax/remittances").text
    answer = client.post("/admin/tax/remittances/new/2026-11", data=sent())

    assert answer.status_code == 403
    assert db.session.scalars(sa.select(TaxRemittance)).all() == []


def test_quarters_are_shanghais():
    assert tax_tables.quarters(NOON)[:5] == [
        "2026-Q4",
        "2026-Q3",
        "2026-Q2",
        "2026-Q1",
        "2025-Q4",
    ]
    assert tax_tables.months_of("2026-Q1") == ("2026-01", "2026-03")
