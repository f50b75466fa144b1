"""Invoices, and where parcels are."""

import pytest
from stdnum.cn import uscc

from app import audit
from app.core.db import db, run_unit
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.orders import EnteredTraces, InvoiceStatus, Order, invoices, ship, traces
from app.orders.invoices import InvoiceInput
from tests.factories import (
    ADMIN,
    NOON,
    SYSTEM,
    broken_invariants,
    days,
    make_member,
    make_sku,
    paid_order,
    place_order,
)

# A code whose check digit is right by GB 32100-2015.
TAX = "91330106MA27XL0P0"
PERSON = InvoiceInput("personal", "王芳", "", "wang@example.com")


@pytest.fixture(autouse=True)
def _database(session):
    return session


def company(**changed) -> InvoiceInput:
    return InvoiceInput(
        **{
            "title_kind": "company",
            "title": "杭州云集好物有限公司",
            "tax_number": good_tax(),
            "email": "fin@example.com",
            **changed,
        }
    )


def good_tax() -> str:
    return TAX + uscc.calc_check_digit(TAX)


def ask(order, given=PERSON):
    return run_unit(invoices.request, order.id, given, actor=SYSTEM, now=NOON)


def paid():
    return paid_order(make_member(), make_sku(price_fen=128_00))


def test_a_person_needs_no_tax_number_and_it_is_not_kept():
    row = ask(paid(), InvoiceInput("personal", " 王芳 ", good_tax(), "wang@example.com"))

    assert (row.title, row.tax_number, row.amount_fen) == ("王芳", "", 128_00)
    assert row.status is InvoiceStatus.REQUESTED
    assert broken_invariants() == {}


def test_a_companys_number_is_kept_in_capitals_without_spaces():
    spaced = f"{good_tax()[:4].lower()} {good_tax()[4:]}"

    assert ask(paid(), company(tax_number=spaced)).tax_number == good_tax()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (company(title_kind="x"), "title_kind"),
        (company(title=" "), "title"),
        (company(title="长" * 61), "title"),
        (company(tax_number=""), "tax_number"),
        (company(tax_number="123456789012345"), "tax_number"),
        (company(tax_number="9133010600000000"), "tax_number"),
        (company(email="nobody"), "email"),
        (company(email="a@b"), "email"),
        (company(email="a b@example.com"), "email"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(given, field):
    order = paid()

    with pytest.raises(InvalidInput) as refused:
        ask(order, given)

    assert refused.value.field == field
    assert invoices.of_order(order.id) is None


def test_one_wrong_character_breaks_the_check_digit():
    order, number = paid(), good_tax()
    wrong = number[:9] + ("Y" if number[9] != "Y" else "X") + number[10:]

    with pytest.raises(InvalidInput, match="税号不正确"):
        ask(order, company(tax_number=wrong))

    assert invoices.of_order(order.id) is None


def test_an_unpaid_order_has_no_invoice():
    order = place_order(make_member(), make_sku())

    with pytest.raises(IllegalMove, match="付款后"):
        ask(order)

    assert invoices.of_order(order.id) is None


def test_it_is_asked_for_once():
    order = paid()
    ask(order)

    with pytest.raises(IllegalMove, match="已经申请"):
        ask(order, company())

    assert invoices.of_order(order.id).title == "王芳"


def test_it_is_issued_with_its_number():
    row = ask(paid())

    run_unit(invoices.issue, row.id, number="25332000000012345678", actor=ADMIN, now=NOON)

    row = invoices.invoice(row.id)
    assert (row.status, row.invoice_number) == (InvoiceStatus.ISSUED, "25332000000012345678")
    assert audit.entries_of("invoice", row.id, ["invoice.issue"])[0].actor == "admin:1"


@pytest.mark.parametrize("number", ["", "1234567", "2533200000001234567x", "<b>12345678"])
def test_a_number_that_cannot_be_is_refused(number):
    row = ask(paid())

    with pytest.raises(InvalidInput, match="发票号码"):
        run_unit(invoices.issue, row.id, number=number, actor=ADMIN, now=NOON)

    assert invoices.invoice(row.id).status is InvoiceStatus.REQUESTED


def test_after_a_refusal_it_may_be_asked_for_again():
    order = paid()
    row = ask(order)
    run_unit(invoices.refuse, row.id, note="抬头不完整", actor=ADMIN, now=NOON)

    ask(order, company())

    row = invoices.of_order(order.id)
    assert (row.status, row.title, row.note) == (
        InvoiceStatus.REQUESTED,
        "杭州云集好物有限公司",
        "",
    )
    assert broken_invariants() == {}


def test_what_is_issued_stays():
    row = ask(paid())
    run_unit(invoices.issue, row.id, number="12345678", actor=ADMIN, now=NOON)

    with pytest.raises(IllegalMove):
        run_unit(invoices.refuse, row.id, note="不开了", actor=ADMIN, now=NOON)

    assert invoices.invoice(row.id).status is InvoiceStatus.ISSUED


def test_a_refusal_needs_a_reason():
    row = ask(paid())

    with pytest.raises(InvalidInput, match="原因"):
        run_unit(invoices.refuse, row.id, note=" ", actor=ADMIN, now=NOON)

    assert invoices.invoice(row.id).status is InvoiceStatus.REQUESTED


# --- traces -------------------------------------------------------------------------


def shipped():
    order = paid()
    run_unit(
        ship,
        order.id,
        carrier="顺丰速运",
        tracking_number="SF1234567890",
        actor=ADMIN,
        now=NOON,
    )
    return order


def trace(order, text="已揽收", at=NOON):
    return run_unit(traces.add_trace, order.id, at=at, text=text, actor=ADMIN, now=NOON + days(1))


def told(order) -> list[str]:
    return [row.text for row in EnteredTraces().traces(db.session.get_one(Order, order.id))]


def test_traces_are_told_the_newest_first():
    order = shipped()
    trace(order, "已揽收", NOON)
    trace(order, "派送中", NOON + days(1))
    trace(order, "到达杭州转运中心", NOON)

    assert told(order) == ["派送中", "到达杭州转运中心", "已揽收"]


@pytest.mark.parametrize(
    ("text", "at", "field"),
    [
        ("", NOON, "text"),
        ("长" * 121, NOON, "text"),
        ("已揽收", NOON + days(2), "at"),
        ("已揽收", NOON - days(1), "at"),
    ],
)
def test_a_trace_that_cannot_be_is_refused(text, at, field):
    order = shipped()

    with pytest.raises(InvalidInput) as refused:
        trace(order, text, at)

    assert refused.value.field == field
    assert told(order) == []


def test_what_is_not_shipped_has_no_traces():
    order = paid()

    with pytest.raises(IllegalMove, match="还没有发货"):
        trace(order)

    assert told(order) == []


def test_a_mistyped_trace_is_taken_back_with_a_record():
    order = shipped()
    row = trace(order, "打错了")

    run_unit(traces.delete_trace, order.id, row.id, actor=ADMIN, now=NOON)

    assert told(order) == []
    [entry] = audit.entries_of("order", order.id, ["order.trace_delete"])
    assert entry.before["text"] == "打错了"


def test_a_trace_of_another_order_is_not_found():
    order, other = shipped(), shipped()
    row = trace(other)

    with pytest.raises(NotFound):
        run_unit(traces.delete_trace, order.id, row.id, actor=ADMIN, now=NOON)

    assert told(other) == ["已揽收"]
