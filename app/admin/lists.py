"""Tabs and paging of lists, from the address of the page at hand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from app.core import web
from app.core.pages import Page

# How many pages back the address remembers.
_TRAIL = 40


@dataclass(frozen=True)
class Pager:
    """The links at the foot of a list."""

    prev_url: str | None
    next_url: str | None


def pager(page: Page[Any]) -> Pager:
    """Links to the neighbours of a keyed page.

    A key only leads forwards; the way back is kept in the address (`back`).
    """
    before = web.page_before()
    trail = [key for key in request.args.get("back", "").split(",") if _is_key(key)][-_TRAIL:]
    next_url = prev_url = None
    if page.next_before is not None:
        forward = ",".join([*trail, str(before or 0)][-_TRAIL:])
        next_url = here(before=page.next_before, back=forward)
    if before is not None:
        last = trail[-1] if trail else "0"
        prev_url = here(before=None if last == "0" else last, back=",".join(trail[:-1]))
    return Pager(prev_url, next_url)


def here(**changes: object) -> str:
    """The address of this page with some arguments changed; None or "" drops one."""
    args: dict[str, Any] = {**(request.view_args or {}), **request.args.to_dict()}
    args.update(changes)
    kept = {name: value for name, value in args.items() if value not in (None, "")}
    return url_for(request.endpoint or "admin.dashboard", **kept)


def tabs(
    choices: Iterable[tuple[str, str]],
    active: str,
    counts: Mapping[str, int],
    *,
    alerts: Iterable[str] = (),
    name: str = "state",
) -> list[dict[str, Any]]:
    """State tabs: `(value, label)` each; the empty value is "all"."""
    loud = set(alerts)
    return [
        {
            "label": label,
            "url": _tab_url(name, value),
            "count": counts.get(value),
            "active": value == active,
            "alert": value in loud,
        }
        for value, label in choices
    ]


def chosen(choices: Iterable[tuple[str, str]], name: str = "state") -> str:
    """The tab that the address names, the first one for nonsense."""
    values = [value for value, _ in choices]
    asked = request.args.get(name, values[0])
    return asked if asked in values else values[0]


# What a tab keeps of the address: the view one is in and the order.
_KEPT = ("view", "sort")


def _tab_url(name: str, value: str) -> str:
    args: dict[str, Any] = {**(request.view_args or {}), **({name: value} if value else {})}
    args |= {kept: request.args[kept] for kept in _KEPT if request.args.get(kept)}
    return url_for(request.endpoint or "admin.dashboard", **args)


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
