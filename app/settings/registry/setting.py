"""What a setting is: a key, a default, its words, and what is allowed."""

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.core.errors import InvalidInput

V = TypeVar("V", int, str, bool)


@dataclass(frozen=True)
class Setting(Generic[V]):
    """`key` with its default, its Chinese title and help, and what is allowed."""

    key: str
    default: V
    title: str
    help: str = ""
    unit: str = ""
    least: int | None = None
    most: int | None = None
    choices: tuple[tuple[str, str], ...] = ()
    pattern: str = ""
    # One admin proposes a value, another puts it in force: it decides how much money may
    # leave, when, and who may let it.
    two_people: bool = False

    def check(self, value: object) -> V:
        """`value` if it may be stored. Raises InvalidInput naming this key."""
        # bool is an int to Python, but never to a person who typed a number.
        if type(value) is not type(self.default):
            raise InvalidInput(self.key, f"{self.title}的格式不正确")
        if isinstance(value, int) and not isinstance(value, bool):
            if self.least is not None and value < self.least:
                raise InvalidInput(
                    self.key, f"{self.title}不能小于 {self.least} {self.unit}".strip()
                )
            if self.most is not None and value > self.most:
                raise InvalidInput(
                    self.key, f"{self.title}不能大于 {self.most} {self.unit}".strip()
                )
        if isinstance(value, str):
            if self.choices and value not in dict(self.choices):
                raise InvalidInput(self.key, f"{self.title}不在可选范围内")
            if self.pattern and not re.fullmatch(self.pattern, value):
                raise InvalidInput(self.key, f"{self.title}的格式不正确")
        return value
