"""Messages (消息): what happened, and which of it WeChat's chat shall carry."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import notices
from app.core import clock, web
from app.core.db import run_unit
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp
from app.notices import GROUPS, KINDS, Channel


@bp.get("/me/messages")
@members_only
def messages() -> ResponseReturnValue:
    """The list; what is on it counts as read from now on."""
    member_id = current_member().id
    page = notices.notices_of(member_id, before=web.page_before())
    unread = {row.id for row in page.items if row.read_at is None}
    answer = render_template(
        "mall/messages.html",
        page=page,
        unread=unread,
        kinds=KINDS,
        lines_of=notices.lines_of,
    )
    if unread:
        run_unit(notices.mark_read, member_id, up_to=max(unread), now=clock.now())
    return answer


@bp.get("/me/messages/settings")
@members_only
def message_settings() -> ResponseReturnValue:
    mapped = {key: row for key, row in notices.templates().items() if row.is_active}
    groups = {
        title: [kind for key, kind in KINDS.items() if kind.group == group and key in mapped]
        for group, title in GROUPS.items()
        # Only admins get these.
        if group != "desk"
    }
    return render_template(
        "mall/message_settings.html",
        groups={title: kinds for title, kinds in groups.items() if kinds},
        muted=notices.muted_kinds(current_member().id),
        # One tap asks WeChat for consent to all of these.
        subscriptions=[
            row.template_id for row in mapped.values() if row.channel is Channel.SUBSCRIPTION
        ],
    )


@bp.post("/me/messages/settings/<kind>")
@members_only
def mute_messages(kind: str) -> ResponseReturnValue:
    run_unit(notices.mute, current_member().id, kind, is_muted=request.form.get("wanted") != "1")
    if web.wants_json():
        return {"ok": True}
    return redirect(url_for(".message_settings"), 303)
