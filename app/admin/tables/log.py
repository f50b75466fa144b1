"""The audit log: its page newest first, its files evidence: every column, as it is stored."""

import json
from collections.abc import Mapping, Sequence

from app import audit
from app.admin import people, words
from app.admin.models import Permission
from app.admin.tables import asked
from app.admin.tables.kinds import Column, Facts, Given, Kind, Listing
from app.audit import AuditEntry
from app.core.db import Rows
from app.distribution import levels


def search(given: Given) -> audit.Search:
    """What the filters of the log's page ask for."""
    return audit.Search(
        actor=given.get("actor", ""),
        action=given.get("action", ""),
        subject=given.get("subject", ""),
        text=given.get("q", ""),
        since=asked.start_of(given.get("from", "")),
        until=asked.start_of(given.get("to", ""), days=1),
    )


def _query(given: Given) -> Rows:
    return search(given).query()


def _facts(rows: Sequence[AuditEntry]) -> Facts:
    acted_on = (f"admin:{row.subject_id}" for row in rows if row.subject == "admin")
    return {
        "called": people.names([*(row.actor for row in rows), *acted_on]),
        "levels": levels.names(),
    }


def changes(row: AuditEntry, facts: Facts) -> list[tuple[str, object, object]]:
    """Field, before, after, for every field that either side names."""
    before, after = row.before or {}, row.after or {}

    def level(code: str) -> str:
        return str(facts["levels"].get(code, code)) or "—"

    return [
        (
            words.fields.field(name, row.subject),
            words.fields.shown(name, before.get(name), level, subject=row.subject),
            words.fields.shown(name, after.get(name), level, subject=row.subject),
        )
        for name in dict.fromkeys([*before, *after])
    ]


def _changes(row: AuditEntry, facts: Facts) -> str:
    return "；".join(
        f"{name} {f'{before} → ' if before != '—' else ''}{after}"
        for name, before, after in changes(row, facts)
    )


def _plain(values: Mapping[str, object] | None) -> str:
    return json.dumps(values, ensure_ascii=False, sort_keys=True) if values else ""


AUDIT = Listing(
    name="audit",
    title="操作日志",
    endpoint="admin.audit_log",
    permission=Permission.AUDIT_VIEW,
    key=AuditEntry.id,
    filters=("actor", "action", "subject", "q", "from", "to"),
    query=_query,
    facts=_facts,
    is_descending=False,
    opens="-at",
    exported_with=Permission.AUDIT_EXPORT,
    export_endpoint="admin.audit_export",
    columns=(
        Column("id", "编号", lambda row, _: row.id, Kind.NUMBER, is_shown=False),
        Column("at", "时间", lambda row, _: row.at, Kind.TIME, by=AuditEntry.id),
        Column("actor", "操作人", lambda row, facts: facts["called"].get(row.actor, row.actor)),
        Column("action", "操作", lambda row, _: words.audit.ACTION.get(row.action, row.action)),
        Column("subject", "对象", lambda row, _: words.audit.SUBJECT.get(row.subject, row.subject)),
        Column(
            "subject_id", "对象编号", lambda row, _: row.subject_id, Kind.NUMBER, is_shown=False
        ),
        Column("changes", "改动", _changes),
        Column("before", "改动前", lambda row, _: _plain(row.before), is_shown=False),
        Column("after", "改动后", lambda row, _: _plain(row.after), is_shown=False),
        Column("reason", "原因", lambda row, _: row.reason, is_shown=False),
        Column("address", "地址", lambda row, _: row.address),
    ),
)
