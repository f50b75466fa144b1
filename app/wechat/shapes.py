"""Reads fields of WeChat's answers, which may be of any type when something is broken."""

from typing import Any


class NotAnAnswer(ValueError):
    """What WeChat said cannot be what it means: another type, or a field is missing."""


def an_object(answer: Any) -> dict[str, Any]:
    """`answer` if it is a JSON object. Raises NotAnAnswer."""
    if not isinstance(answer, dict):
        raise NotAnAnswer(f"{type(answer).__name__} and not an object")
    return answer


def text(answer: Any, name: str) -> str:
    """A field that is text and not empty. Raises NotAnAnswer."""
    value = an_object(answer).get(name)
    if not isinstance(value, str) or not value:
        raise NotAnAnswer(name)
    return value


def optional_text(answer: Any, name: str) -> str:
    """A text that may be empty, null or absent. Raises NotAnAnswer."""
    value = an_object(answer).get(name)
    if value is None or value == "":
        return ""
    return text(answer, name)


def whole(answer: Any, name: str) -> int:
    """A whole number. Raises NotAnAnswer."""
    value = an_object(answer).get(name)
    # A bool is an int to Python.
    if type(value) is not int:
        raise NotAnAnswer(name)
    return value
