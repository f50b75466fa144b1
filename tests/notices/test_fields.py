"""A value is cut to what WeChat's typed field takes, or refused before it is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notices import KINDS, TemplateUnfit
from app.notices.fields import FIELDS, check_fixed, fit
from app.notices.kinds import ValueType

TIME = "2026-11-21T10:05:00+00:00"  # 18:05 in Shanghai


@pytest.mark.parametrize(
    ("key", "value_type", "value", "sent"),
    [
        ("thing1", ValueType.TEXT, "高山绿茶", "高山绿茶"),
        (
            "thing1",
            ValueType.TEXT,
            "一二三四五六七八九十一二三四五六七八九十",
            "一二三四五六七八九十一二三四五六七八九十",
        ),
        (
            "thing1",
            ValueType.TEXT,
            "一二三四五六七八九十一二三四五六七八九十多",
            "一二三四五六七八九十一二三四五六七八九…",
        ),
        ("thing2", ValueType.TEXT, "  两行\n合成一行 ", "两行 合成一行"),
        ("thing3", ValueType.TEXT, "", "无"),
        ("thing4", ValueType.AMOUNT, 1234_50, "¥1234.50"),
        ("amount1", ValueType.AMOUNT, 12345678_09, "¥12345678.09"),
        ("amount1", ValueType.AMOUNT, 5, "¥0.05"),
        ("number1", ValueType.AMOUNT, 12_80, "12.80"),
        ("number2", ValueType.COUNT, 5, "5"),
        ("time1", ValueType.TIME, TIME, "2026年11月21日 18:05"),
        ("date1", ValueType.TIME, TIME, "2026年11月21日 18:05"),
        ("character_string1", ValueType.TIME, TIME, "2026-11-21 18:05"),
        ("character_string1", ValueType.CODE, "M20261121K7Q2M8XZ", "M20261121K7Q2M8XZ"),
        ("character_string1", ValueType.CODE, "顺丰", "-"),
        ("phrase1", ValueType.PHRASE, "待发货", "待发货"),
        ("name1", ValueType.TEXT, "一二三四五六七八九十一", "一二三四五六七八九…"),
        ("const1", ValueType.PHRASE, "已到账", "已到账"),
    ],
)
def test_value_in_field(key, value_type, value, sent):
    assert fit(key, value_type, value) == sent


@pytest.mark.parametrize(
    ("key", "value_type"),
    [
        ("amount1", ValueType.TEXT),
        ("phrase1", ValueType.TEXT),
        ("time1", ValueType.AMOUNT),
        ("letter1", ValueType.CODE),
        ("phone_number1", ValueType.CODE),
        ("mystery1", ValueType.TEXT),
        ("thing", ValueType.TEXT),
    ],
)
def test_field_that_takes_no_such_value(key, value_type):
    with pytest.raises(TemplateUnfit) as refused:
        fit(key, value_type, "1")

    assert refused.value.field == f"field-{key}"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("thing1", ""),
        ("thing1", "一二三四五六七八九十一二三四五六七八九十多"),
        ("phrase1", "abc"),
        ("phrase1", "一二三四五六"),
        ("letter1", "a1"),
        ("character_string1", "汉字"),
        ("phone_number1", "电话"),
        ("amount1", "十元"),
    ],
)
def test_fixed_text_that_a_field_refuses(key, text):
    with pytest.raises(TemplateUnfit) as refused:
        check_fixed(key, text)

    assert refused.value.field == f"field-{key}"


def test_every_example_fits_every_field_that_takes_it():
    for kind in KINDS.values():
        for source in kind.sources.values():
            for name, field in FIELDS.items():
                if source.type in field.takes:
                    sent = fit(f"{name}1", source.type, source.example)
                    assert 1 <= len(sent) <= field.longest, (kind.key, name)


@given(st.text())
def test_any_text_fits_a_thing(text):
    assert 1 <= len(fit("thing1", ValueType.TEXT, text)) <= 20


def test_every_kind_names_where_the_matter_stands_in_five_characters():
    for kind in KINDS.values():
        state = kind.sources["state"]
        assert state.type is ValueType.PHRASE
        assert fit("phrase1", state.type, state.example) == state.example
