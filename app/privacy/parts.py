from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.members import Member


@dataclass(frozen=True)
class Section:
    """One kind of data of one member. A column's name ending in `_fen` is money in fen."""

    key: str
    title: str
    why: str
    kept: str
    # Name and Chinese label.
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Part:
    """Data that a package above this one keeps: how to list it and how to forget it."""

    section: Callable[[Member], Section]
    forget: Callable[[Member], None]


_parts: list[Part] = []


def register(part: Part) -> None:
    """Let a package's data be a part of exports and deletions; once is enough."""
    if part not in _parts:
        _parts.append(part)


def registered() -> Sequence[Part]:
    return tuple(_parts)
