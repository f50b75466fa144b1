"""The books: postings with their entries, and the check of every invariant."""

from collections.abc import Iterable

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app import ledger, members, outbox
from app.admin import lists, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import db

# A posting in the list shows so many of its entries; its own page shows more.
ENTRIES_SHOWN = 6


@bp.get("/ledger", endpoint="ledger")
@requires(Permission.LEDGER_VIEW)
def postings() -> ResponseReturnValue:
    event = request.args.get("event", "")
    event = event if event in words.money.EVENT else ""
    page = ledger.postings_page(event, before=web.page_before(), size=15)
    entries = ledger.first_entries((row.id for row in page.items), most=ENTRIES_SHOWN)
    return render_template(
        "admin/ledger.html",
        page=page,
        pager=lists.pager(page),
        event=event,
        events=[("", "全部"), *words.money.EVENT.items()],
        entries=entries,
        owners=_owners(entry for shown, _ in entries.values() for entry in shown),
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
        owners=_owners(entries),
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


def _owners(entries: Iterable[ledger.Entry]) -> dict[int, members.Member]:
    return members.names_of(e.account.owner_id for e in entries if e.account.owner_id)
