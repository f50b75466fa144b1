"""A notice as a member reads it in the mall."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.core import clock
from app.core.money import format_yuan
from app.notices.kinds import KINDS, ValueType
from app.notices.models import Notice

# Known to everybody who reads it in this shop.
_LEFT_OUT = ("shop", "state")


@dataclass(frozen=True)
class Line:
    label: str
    text: str


def lines_of(notice: Notice) -> list[Line]:
    """The values of a notice with their labels, in the kind's order."""
    kind = KINDS.get(notice.kind)
    if kind is None:
        return []
    return [
        Line(source.label, said(source.type, notice.values[name]))
        for name, source in kind.sources.items()
        if name in notice.values and name not in _LEFT_OUT and notice.values[name] != ""
    ]


def said(value_type: ValueType, value: str | int) -> str:
    """A value in words."""
    if value_type is ValueType.AMOUNT:
        return f"¥{format_yuan(int(value))}"
    if value_type is ValueType.TIME:
        return clock.local(clock.parse(str(value))).strftime("%Y-%m-%d %H:%M")
    return str(value)


def examples(kind: str) -> Mapping[str, str | int]:
    """Values for a test message."""
    return {name: source.example for name, source in KINDS[kind].sources.items()}
