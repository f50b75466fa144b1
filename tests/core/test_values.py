"""Time, money, numbers and pages."""

import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.core import clock, ids, pages
from app.core.db import UTCDateTime, db, transaction
from app.core.errors import InvalidInput
from app.core.money import (
    AMOUNT_FEN_MAX,
    format_yuan,
    parse_yuan,
    plain_yuan,
    share_fen,
    split_fen,
)
from app.members import Member
from tests.factories import NOON, make_member

# --- time ------------------------------------------------------------------------


def test_a_column_refuses_a_naive_time(session):
    member = make_member()
    member_id = member.id

    with pytest.raises(sa.exc.StatementError, match="naive datetime refused"):
        with transaction():
            db.session.get_one(Member, member_id).bound_at = datetime(2026, 11, 21)  # noqa: DTZ001

    assert db.session.get_one(Member, member_id).bound_at is None


def test_a_column_keeps_microseconds_and_answers_in_utc(session):
    member = make_member()
    moment = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=clock.SHANGHAI)

    with transaction():
        db.session.get_one(Member, member.id).bound_at = moment

    db.session.expire_all()
    found = db.session.get_one(Member, member.id).bound_at
    assert found == moment
    assert (found.tzinfo, found.hour, found.microsecond) == (UTC, 4, 123456)


def test_a_condition_with_a_naive_time_is_refused(session):
    query = sa.select(Member).where(Member.created_at < datetime(2026, 1, 1))  # noqa: DTZ001

    with pytest.raises(sa.exc.StatementError, match="naive datetime refused"):
        db.session.execute(query)


def test_a_column_without_a_time_is_none():
    assert UTCDateTime().process_bind_param(None, None) is None
    assert UTCDateTime().process_result_value(None, None) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T12:00:00", NOON),
        ("2026-11-21 12:00", NOON),
        ("2026-11-21T04:00:00+00:00", NOON),
        ("2026-11-21T04:00:00Z", NOON),
        ("2026-11-21T13:00:00+09:00", NOON),
        ("2026-11-21", NOON - timedelta(hours=12)),
    ],
)
def test_a_time_without_an_offset_is_meant_in_shanghai(text, moment):
    assert clock.parse(text) == moment
    assert clock.parse(text).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "now", "2026-13-01", "21.11.2026", "12:00"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        clock.parse(text)


def test_a_naive_moment_has_no_utc():
    with pytest.raises(ValueError, match="naive datetime refused"):
        clock.as_utc(datetime(2026, 11, 21))  # noqa: DTZ001


def test_the_clock_can_be_moved_inside_a_block():
    with clock.fixed(datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=8)))):
        inside = clock.now()

    assert inside == datetime(2029, 12, 31, 16, tzinfo=UTC)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_wall_clock_is_shanghais():
    assert clock.local(NOON).isoformat() == "2026-11-21T12:00:00+08:00"


# --- money -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("0", 0),
        ("0.01", 1),
        ("12", 12_00),
        ("12.5", 12_50),
        ("12.50", 12_50),
        (" 12 ", 12_00),
        ("0.00", 0),
        ("1000000000", AMOUNT_FEN_MAX),
        ("1000000000.00", AMOUNT_FEN_MAX),
    ],
)
def test_what_a_person_types_as_yuan_is_read_as_fen(text, fen):
    assert parse_yuan(text, field="amount") == fen


FORMAT = "金额格式不正确，请输入最多两位小数的数字，例如 12.50"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "请填写金额"),
        ("   ", "请填写金额"),
        ("01", FORMAT),
        ("-1", FORMAT),
        ("+1", FORMAT),
        ("1e9", FORMAT),
        ("1.234", FORMAT),
        ("1.", FORMAT),
        (".5", FORMAT),
        ("NaN", FORMAT),
        ("Infinity", FORMAT),
        ("１２", FORMAT),
        ("١٢", FORMAT),
        ("1,000", FORMAT),
        ("1 000", FORMAT),
        ("12元", FORMAT),
        ("0x10", FORMAT),
        ("1_0", FORMAT),
        ("12\n13", FORMAT),
        ("1000000000.01", "金额过大"),
        ("9999999999", "金额过大"),
        ("9" * 5000, FORMAT),
    ],
)
def test_what_is_no_amount_is_refused_with_its_field(text, message):
    with pytest.raises(InvalidInput) as refused:
        parse_yuan(text, field="amount")

    assert (refused.value.message, refused.value.field) == (message, "amount")
    assert (refused.value.code, refused.value.status) == ("invalid_input", 422)


def test_a_refused_amount_is_called_by_its_label():
    with pytest.raises(InvalidInput, match="请填写售价"):
        parse_yuan("", field="price", label="售价")


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "0.00"),
        (1, "0.01"),
        (-1, "-0.01"),
        (10, "0.10"),
        (100, "1.00"),
        (123456, "1,234.56"),
        (-123456, "-1,234.56"),
        (AMOUNT_FEN_MAX, "1,000,000,000.00"),
    ],
)
def test_an_amount_is_shown_with_two_decimals(fen, text):
    assert format_yuan(fen) == text


@given(st.integers(0, AMOUNT_FEN_MAX))
def test_what_is_shown_is_read_again(fen):
    assert parse_yuan(plain_yuan(fen), field="amount") == fen


def test_a_share_rounds_down():
    assert [share_fen(fen, 1000) for fen in (0, 9, 10, 99, 101)] == [0, 0, 1, 9, 10]


WEIGHTS = st.lists(st.integers(0, 1_000_000), min_size=1, max_size=20)


@given(total=st.integers(0, AMOUNT_FEN_MAX), weights=WEIGHTS.filter(any))
def test_a_split_loses_no_fen_and_stays_next_to_the_exact_part(total, weights):
    parts = split_fen(total, weights)

    assert sum(parts) == total
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert total * weight // whole <= part <= -(-total * weight // whole)
        assert part == 0 or weight > 0


@given(total=st.integers(0, AMOUNT_FEN_MAX), weights=WEIGHTS.filter(any))
def test_a_larger_weight_never_gets_less(total, weights):
    parts = split_fen(total, weights)

    ranked = sorted(zip(weights, parts, strict=True))
    for (low, less), (high, more) in pairwise(ranked):
        assert low == high or less <= more


def test_a_split_gives_what_is_left_to_the_largest_remainder_then_to_the_first():
    assert split_fen(100, [1, 1, 1]) == [34, 33, 33]
    assert split_fen(100, [1, 2, 3]) == [17, 33, 50]
    assert split_fen(1, [1, 1]) == [1, 0]
    assert split_fen(0, [3, 0]) == [0, 0]
    assert split_fen(0, [0, 0]) == [0, 0]


@pytest.mark.parametrize(("total", "weights"), [(1, [0, 0]), (1, []), (-1, [1]), (1, [2, -1])])
def test_what_cannot_be_split_is_refused(total, weights):
    with pytest.raises(ValueError, match=r"nothing to divide by|must not be negative"):
        split_fen(total, weights)


# --- numbers ---------------------------------------------------------------------


def test_a_public_number_fits_wechat_and_begins_with_its_day():
    numbers = {ids.public_number("M", NOON) for _ in range(1000)}

    assert len(numbers) == 1000
    assert all(
        re.fullmatch(r"M261121[23456789A-HJKMNP-Z]{14}", number) and len(number) <= 32
        for number in numbers
    )


def test_a_public_numbers_day_is_shanghais():
    late = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)

    assert ids.public_number("W", late).startswith("W261122")


def test_a_code_has_no_character_that_looks_like_another():
    assert set(ids.ALPHABET) & set("01OIL") == set()
    assert len(ids.ALPHABET) == len(set(ids.ALPHABET)) == 31
    assert re.fullmatch(f"[{ids.ALPHABET}]{{8}}", ids.random_code(8))


# --- pages -----------------------------------------------------------------------


def page(before: int | None = None, size: int = 2) -> tuple[list[int], int | None]:
    found = pages.newest_first(sa.select(Member), Member.id, before=before, size=size)
    return [member.id for member in found.items], found.next_before


def test_pages_go_back_from_the_newest_without_gap_or_repeat(session):
    made = [make_member().id for _ in range(5)]

    assert page() == ([made[4], made[3]], made[3])
    assert page(made[3]) == ([made[2], made[1]], made[1])
    assert page(made[1]) == ([made[0]], None)


def test_a_page_stays_where_it_was_while_rows_arrive(session):
    made = [make_member().id for _ in range(3)]
    _, before = page()

    make_member()

    assert page(before) == ([made[0]], None)


def test_a_last_page_that_is_just_full_has_no_next(session):
    made = [make_member().id for _ in range(2)]

    assert page() == ([made[1], made[0]], None)


def test_a_list_without_rows_is_one_empty_page(session):
    assert page() == ([], None)
