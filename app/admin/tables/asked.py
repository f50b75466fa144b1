"""What a filter of an address asks for, as queries take it; nonsense asks for nothing."""

import enum
from datetime import date, datetime, timedelta
from typing import TypeVar

from app import members
from app.admin.tables.people import named
from app.core import clock, web
from app.core.db import Rows

Choice = TypeVar("Choice", bound=enum.StrEnum)


def one_of(kind: type[Choice], text: str) -> Choice | None:
    return kind(text) if text in {str(known) for known in kind} else None


def day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def start_of(text: str, *, days: int = 0) -> datetime | None:
    """When a day begins in the shop's time, or so many days later; None for no day."""
    try:
        return clock.parse((date.fromisoformat(text) + timedelta(days=days)).isoformat())
    except (ValueError, OverflowError):
        return None


def key(text: str) -> int | None:
    """The id of something that a choice names."""
    return web.whole_number(text) or None


def people(text: str) -> Rows | None:
    """Who is meant by a number, a code or a part of a nickname; None where nobody is asked for."""
    if not text:
        return None
    return members.desk_members(nickname=text[:40], member_id=named(text[:40]))
