"""Who did what: the audit entries with what was before and after; searched, exported."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app import audit
from app.admin import auth, exports, frame, lists, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.log import AUDIT, search
from app.core import web


@bp.get("/audit")
@requires(Permission.AUDIT_VIEW)
def audit_log() -> ResponseReturnValue:
    given = AUDIT.given(request.args)
    page = audit.entries_page(search(given), before=web.page_before())
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
        actions=[("", "全部"), *words.audit.ACTION.items()],
        about=[("", "全部"), *words.audit.SUBJECT.items()],
        called=called,
        subjects=people.subjects((row.subject, row.subject_id) for row in page.items),
        changes={row.id: _changes(row) for row in page.items},
        may_export=auth.allowed(Permission.AUDIT_EXPORT),
    )


@bp.post("/audit/export")
@requires(Permission.AUDIT_EXPORT)
def audit_export() -> ResponseReturnValue:
    """What the search finds, as a file; that it was taken is written down."""
    return exports.deliver(AUDIT, action="audit.export")


def _changes(row: audit.AuditEntry) -> list[tuple[str, object, object]]:
    """Field, before, after, for every field that either side names."""
    before, after = row.before or {}, row.after or {}
    return [
        (
            words.fields.field(name),
            words.fields.shown(name, before.get(name), frame.level_name),
            words.fields.shown(name, after.get(name), frame.level_name),
        )
        for name in dict.fromkeys([*before, *after])
    ]
