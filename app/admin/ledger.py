"""The books: postings with their entries, and the check of every invariant."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app import ledger, members, outbox
from app.admin import lists, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import db


@bp.get("/ledger", endpoint="ledger")
@requires(Permission.LEDGER_VIEW)
def postings() -> ResponseReturnValue:
    event = request.args.get("event", "")
    event = event if event in words.EVENT else ""
    page = ledger.postings_page(event, before=web.page_before(), size=15)
    return render_template(
        "admin/ledger.html",
        page=page,
        pager=lists.pager(page),
        event=event,
        events=[("", "全部"), *words.EVENT.items()],
        owners=members.names_of(
            entry.account.owner_id
            for row in page.items
            for entry in row.entries
            if entry.account.owner_id
        ),
    )


@bp.get("/ledger/<int:posting_id>")
@requires(Permission.LEDGER_VIEW)
def posting(posting_id: int) -> ResponseReturnValue:
    row, entries, count = ledger.posting(posting_id)
    return render_template(
        "admin/posting.html",
        row=row,
        entries=entries,
        count=count,
        owners=members.names_of(e.account.owner_id for e in entries if e.account.owner_id),
        about=people.subjects([(row.subject, row.subject_id)]).get((row.subject, row.subject_id)),
    )


@bp.get("/ledger/verify")
@requires(Permission.LEDGER_VIEW)
def ledger_verify() -> ResponseReturnValue:
    return render_template("admin/ledger_verify.html", results=None)


@bp.post("/ledger/verify")
@requires(Permission.LEDGER_VIEW)
def ledger_verify_run() -> ResponseReturnValue:
    """Check everything now. It only reads; a POST, because it is work."""
    now = clock.now()
    results = ledger.verify()
    waiting, since = outbox.backlog()
    db.session.rollback()
    return render_template(
        "admin/ledger_verify.html",
        results=results,
        broken=sum(1 for row in results if row.offending),
        waiting=waiting,
        since=since,
        now=now,
    )
