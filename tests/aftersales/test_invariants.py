"""Each invariant of refunds finds the wrong that it is there for."""

import pytest

from tests.aftersales.steps import sale
from tests.factories import broken_invariants
from tests.planting import plant, unchecked


@pytest.fixture
def under_way(session):
    """A refund of ¥30.00 that WeChat has under way."""
    sold = sale()
    row = sold.ask(fen=30_00)
    sold.agree(row)
    sold.send(row)
    assert broken_invariants() == {}
    return row


def test_r1_finds_a_line_that_its_after_sales_do_not_explain(under_way):
    plant("UPDATE aftersale_items SET quantity = 1")

    assert [*broken_invariants()] == ["R1"]


def test_r1_finds_freight_that_nobody_gave_back(under_way):
    with unchecked():
        plant("UPDATE orders SET freight_refunded_fen = 1")

        assert [*broken_invariants()] == ["R1"]


def test_r1_finds_a_wrong_count_of_open_after_sales(under_way):
    plant("UPDATE orders SET open_aftersales = 0")

    assert [*broken_invariants()] == ["R1"]


def test_r2_finds_money_that_is_owed_to_nobody(under_way):
    plant("UPDATE refunds SET amount_fen = 2999")

    assert [*broken_invariants()] == ["R2"]


def test_r2_finds_a_refund_and_an_after_sale_that_disagree(under_way):
    plant("UPDATE refunds SET status = 'ABNORMAL'")

    assert broken_invariants() == {
        "R2": [f"aftersale={under_way.id}, status=refunding, refund=ABNORMAL"]
    }


def test_r2_finds_an_after_sale_whose_refund_is_missing(under_way):
    plant("UPDATE aftersales SET status = 'approved'")

    assert {"R1", "R2", "S1"} <= {*broken_invariants()}


def test_s1_finds_a_state_that_no_move_led_to(under_way):
    plant("UPDATE aftersales SET status = 'returned'")

    assert broken_invariants()["S1"] == [
        f"aftersale={under_way.id}, status=returned, to_state=refunding"
    ]
