"""My data (隐私与我的资料): the notice, what is kept, a copy of it, deleting the account."""

import io
import json
import secrets
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flask import Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from app import privacy, uploads
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import InvalidInput, NotFound
from app.core.money import format_yuan
from app.mall import words
from app.mall.auth import current_member, members_only, open_page
from app.mall.blueprint import bp
from app.mall.shop import file_view

# WeChat's own browser saves no files: the link works in any browser, for so long.
LINK_SECONDS = 600
# Where a reason against deleting is settled.
_SETTLED_AT = {
    "orders": "mall.order_list",
    "aftersales": "mall.order_list",
    "refunds": "mall.help_page",
    "invoices": "mall.order_list",
    "withdrawals": "mall.withdrawal_list",
    "pending": "mall.my_commissions",
    "available": "mall.withdraw",
    "frozen": "mall.withdrawal_list",
    "debt": "mall.help_page",
}


@bp.get("/privacy")
@open_page
def privacy_page() -> ResponseReturnValue:
    return render_template(
        "mall/privacy.html", paragraphs=privacy.PARAGRAPHS, version=privacy.VERSION
    )


@bp.get("/me/data")
@members_only
def my_data() -> ResponseReturnValue:
    """What is kept, why, and how long."""
    return render_template("mall/data.html", sections=privacy.sections(current_member().id))


@bp.get("/me/data/all")
@members_only
def my_data_all() -> ResponseReturnValue:
    """The same with every row, to read on the phone."""
    found = privacy.sections(current_member().id)
    return render_template("mall/data_all.html", sections=found, said=_said)


@bp.post("/me/data/export")
@members_only
def my_data_export() -> ResponseReturnValue:
    """Make a link to a copy; once an hour."""
    member_id = current_member().id
    actor = words.member_actor(member_id, web.remote_address())
    try:
        run_unit(privacy.claim_export, member_id, actor=actor, now=clock.now())
    except privacy.ExportedLately as error:
        flash(error.message)
        return redirect(url_for("mall.my_data"), 303)
    token = secrets.token_hex(24)
    web.cache().set(f"export:{token}", member_id, LINK_SECONDS)
    link = f"{web.settings().public_base_url}{url_for('mall.my_data_file', token=token)}"
    return render_template("mall/data_link.html", link=link, minutes=LINK_SECONDS // 60)


@bp.get("/data/<token>/my-data.zip")
@file_view
def my_data_file(token: str) -> ResponseReturnValue:
    """The copy itself: whoever has the link was given it by the member."""
    member_id = web.cache().get(f"export:{token}") if token.isalnum() else None
    if member_id is None:
        raise NotFound("链接已失效，请回到商城重新导出")
    content = _zipped(member_id)
    size = content.seek(0, io.SEEK_END)
    content.seek(0)
    response = Response(_pieces(content), mimetype="application/zip")
    response.content_length = size
    day = clock.local(clock.now()).strftime("%Y%m%d")
    response.headers["Content-Disposition"] = f'attachment; filename="my-data-{day}.zip"'
    return response


@bp.get("/me/data/close")
@members_only
def close_account() -> ResponseReturnValue:
    return _close_page(privacy.reasons_against(current_member().id))


@bp.post("/me/data/close")
@members_only
def close_account_now() -> ResponseReturnValue:
    member_id, now = current_member().id, clock.now()
    if request.form.get("sure") != "1":
        error = InvalidInput("sure", "请先勾选“我已了解”")
        return _close_page(privacy.reasons_against(member_id), error), error.status
    actor = words.member_actor(member_id, web.remote_address())
    try:
        run_unit(privacy.erase, member_id, actor=actor, now=now)
    except privacy.StillOpen as refused:
        return _close_page(refused.reasons), refused.status
    session.clear()
    # The files follow the rows; the nightly sweep would take them, too.
    uploads.sweep(web.settings().data_dir / "media", now=now)
    return render_template("mall/closed.html", me=None)


def _close_page(reasons: Any, error: InvalidInput | None = None) -> str:
    return render_template("mall/close.html", reasons=reasons, settled_at=_SETTLED_AT, error=error)


# --- the copy ----------------------------------------------------------------------


def _zipped(member_id: int) -> io.BytesIO:
    """`data.json` for machines and `我的资料.html` for people."""
    sections = privacy.sections(member_id)
    data = {
        section.key: {"title": section.title, "rows": [dict(row) for row in section.rows]}
        for section in sections
    }
    page = render_template(
        "mall/data_file.html", sections=sections, said=_said, made_at=clock.now()
    )
    db.session.rollback()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "data.json", json.dumps(data, ensure_ascii=False, indent=1, default=_plain)
        )
        archive.writestr("我的资料.html", page)
    return content


def _pieces(content: io.BytesIO) -> Iterator[bytes]:
    while piece := content.read(64 * 1024):
        yield piece


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _said(section: str, column: str, value: Any) -> str:
    """A stored value as a person reads it."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return "是" if value else "否"
    if column.endswith("_fen"):
        return f"¥{format_yuan(value)}"
    if isinstance(value, datetime):
        return web.full_time(value)
    if isinstance(value, dict):
        return "；".join(f"{text}" for text in value.values())
    return words.exported.EXPORTED.get((section, column), {}).get(value, str(value))
