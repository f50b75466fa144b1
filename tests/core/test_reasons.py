import pytest

from app.core import reasons
from app.core.errors import InvalidInput


def test_a_reason_of_the_greatest_length_is_kept_whole():
    assert reasons.given(f"  {'字' * 200} \n", "请填写原因") == "字" * 200


@pytest.mark.parametrize(("text", "says"), [(" \n ", "请填写原因"), ("字" * 201, "最多 200 个字")])
def test_no_reason_and_one_too_long_are_refused_by_the_name_of_the_field(text, says):
    with pytest.raises(InvalidInput, match=says) as refused:
        reasons.given(text, "请填写原因", field="note")

    assert refused.value.field == "note"


def test_what_need_not_be_said_may_be_nothing_but_not_too_long():
    assert reasons.if_any(" \n ") == ""
    with pytest.raises(InvalidInput, match="最多 200 个字"):
        reasons.if_any("字" * 201)
