"""Who did what: the audit entries with what was before and after; searched, exported."""

from flask import render_template
from flask.typing import ResponseReturnValue

from app import audit
from app.admin import exports, people, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.log import AUDIT, changes


@bp.get("/audit")
@requires(Permission.AUDIT_VIEW)
def audit_log() -> ResponseReturnValue:
    if (led := tables.opening(AUDIT)) is not None:
        return led
    table = tables.show(AUDIT)
    known = audit.known_actors()
    called = people.names(known)
    return render_template(
        "admin/audit_log.html",
        table=table,
        actors=[("", "全部"), *((ref, called[ref]) for ref in known)],
        actions=[("", "全部"), *words.audit.ACTION.items()],
        about=[("", "全部"), *words.audit.SUBJECT.items()],
        subjects=people.subjects((row.subject, row.subject_id) for row in table.page.items),
        changes=changes,
    )


@bp.post("/audit/export")
@requires(Permission.AUDIT_EXPORT)
def audit_export() -> ResponseReturnValue:
    """What the search finds, as a file; that it was taken is written down."""
    return exports.deliver(AUDIT, action="audit.export")
