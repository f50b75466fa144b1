"""Who did what: the audit entries with what was before and after; searched, exported."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app import audit
from app.admin import auth, export, frame, lists, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import run_unit

_NARROWS = ("actor", "action", "subject", "q", "from", "to")
_HEAD = ("编号", "时间", "操作人", "操作", "对象", "对象编号", "改动前", "改动后", "原因", "地址")


@bp.get("/audit")
@requires(Permission.AUDIT_VIEW)
def audit_log() -> ResponseReturnValue:
    given = _given(request.args)
    page = audit.entries_page(_search(given), before=web.page_before())
    known = audit.known_actors()
    called = people.names(
        [*known, *(f"admin:{row.subject_id}" for row in page.items if row.subject == "admin")]
    )
    return render_template(
        "admin/audit_log.html",
        page=page,
        pager=lists.pager(page),
        given=given,
        actors=[("", "全部"), *((ref, called[ref]) for ref in known)],
        actions=[("", "全部"), *words.ACTION.items()],
        about=[("", "全部"), *words.SUBJECT.items()],
        called=called,
        subjects=people.subjects((row.subject, row.subject_id) for row in page.items),
        changes={row.id: _changes(row) for row in page.items},
        may_export=auth.allowed(Permission.AUDIT_EXPORT),
    )


@bp.post("/audit/export")
@requires(Permission.AUDIT_EXPORT)
def audit_export() -> ResponseReturnValue:
    """What the search finds, as a file; that it was taken is written down."""
    given, now = _given(request.form), clock.now()
    run_unit(
        audit.record,
        "audit.export",
        subject="audit",
        subject_id=0,
        actor=auth.actor(),
        now=now,
        after={name: value for name, value in given.items() if value},
    )
    name = f"操作日志-{clock.local(now):%Y-%m-%d}.csv"
    return export.csv_stream(name, _HEAD, _lines(_search(given)))


def _lines(search: audit.Search) -> Iterator[Sequence[object]]:
    for rows in audit.entries_by_parts(search):
        called = people.names(row.actor for row in rows)
        for row in rows:
            yield [
                row.id,
                f"{clock.local(row.at):%Y-%m-%d %H:%M:%S}",
                called.get(row.actor, row.actor),
                words.ACTION.get(row.action, row.action),
                words.SUBJECT.get(row.subject, row.subject),
                row.subject_id,
                _plain(row.before),
                _plain(row.after),
                row.reason,
                row.address,
            ]


def _plain(values: Mapping[str, object] | None) -> str:
    """As it is stored: an export is evidence."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True) if values else ""


def _given(source: Mapping[str, str]) -> dict[str, str]:
    return {name: source.get(name, "").strip()[:64].replace("\x00", "") for name in _NARROWS}


def _search(given: Mapping[str, str]) -> audit.Search:
    return audit.Search(
        actor=given["actor"],
        action=given["action"],
        subject=given["subject"],
        text=given["q"],
        since=_start_of(given["from"]),
        until=_start_of(given["to"], days=1),
    )


def _start_of(text: str, *, days: int = 0) -> datetime | None:
    """When a day begins in the shop's time, or so many days later; None for no day."""
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        return clock.parse(day.isoformat())
    except (ValueError, OverflowError):
        return None


def _changes(row: audit.AuditEntry) -> list[tuple[str, object, object]]:
    """Field, before, after, for every field that either side names."""
    before, after = row.before or {}, row.after or {}
    return [
        (
            words.field(name),
            words.shown(name, before.get(name), frame.level_name),
            words.shown(name, after.get(name), frame.level_name),
        )
        for name in dict.fromkeys([*before, *after])
    ]
