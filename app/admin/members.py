"""Members (会员): finding one, and everything about one on a page (会员 360°)."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import aftersales, debts, distribution, ledger, members, notices, orders, risk
from app.admin import auth, lists, people, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.debts import AGES
from app.admin.models import Permission
from app.admin.tables.people import MEMBERS
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.members import MemberKind

_TABS = [
    ("", "全部"),
    (MemberKind.FOLLOWER.value, "关注中"),
    (MemberKind.STRANGER.value, "未关注"),
    (MemberKind.GONE.value, "已注销"),
]


@bp.get("/members", endpoint="members")
@requires(Permission.MEMBER_VIEW)
def members_list() -> ResponseReturnValue:
    """Newest first. What is typed is a number, a code, an order or a part of a nickname."""
    if (led := tables.opening(MEMBERS)) is not None:
        return led
    state = lists.chosen(_TABS)
    table = tables.show(MEMBERS, state=state)
    return render_template(
        "admin/members.html",
        table=table,
        tabs=lists.tabs(_TABS, state, {}),
        state=state,
        wanted=table.given["wanted"],
        tag=table.given["tag"],
        tags=[("", "全部"), *((name, name) for name in members.tags.known())],
    )


@bp.get("/members/<int:member_id>")
@requires(Permission.MEMBER_VIEW)
def member(member_id: int) -> ResponseReturnValue:
    return _page(member_id)


@bp.post("/members/<int:member_id>/note")
@requires(Permission.MEMBER_NOTE)
def member_note(member_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            members.notes.add,
            member_id,
            web.form_text("note", members.notes.TEXT_CHARS_MAX + 1),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(member_id, {"note": error.message}), error.status
    flash("备注已保存")
    return redirect(url_for(".member", member_id=member_id))


@bp.post("/members/<int:member_id>/tags")
@requires(Permission.MEMBER_NOTE)
def member_tag(member_id: int) -> ResponseReturnValue:
    """Add a tag, or take one away."""
    removed = web.form_text("remove", members.tags.NAME_CHARS_MAX)
    name = removed or web.form_text("tag", members.tags.NAME_CHARS_MAX + 1)
    work = members.tags.remove if removed else members.tags.add
    try:
        run_unit(work, member_id, name, actor=auth.actor(), now=clock.now())
    except InvalidInput as error:
        return _page(member_id, {"tag": error.message}), error.status
    flash("标签已去掉" if removed else "标签已加上")
    return redirect(url_for(".member", member_id=member_id), 303)


def _page(member_id: int, errors: dict[str, str] | None = None) -> str:
    found = members.get(member_id)
    uplines = [u for u in (found.upline1_id, found.upline2_id, found.upline3_id) if u]
    seats = {row.member_id: row for row in distribution.distributors_of([found.id, *uplines])}
    notes = members.notes.of_member(found.id)
    sees_orders = auth.allowed(Permission.ORDER_VIEW)
    return render_template(
        "admin/member.html",
        member=found,
        seat=seats.get(found.id),
        said=words.aftersales,
        kinds=notices.KINDS,
        uplines=uplines,
        people=members.names_of(uplines),
        addresses=members.addresses_of(found.id) if sees_orders else [],
        bought=orders.bought_by([found.id]).get(found.id),
        bought_last=orders.orders_page(member_id=found.id, size=10).items if sees_orders else [],
        aftersales=aftersales.aftersales_of(found.id, size=5).items
        if auth.allowed(Permission.AFTERSALE_VIEW)
        else [],
        wallet=ledger.wallet_of(found.id),
        told=notices.notices_of(found.id, size=10).items
        if auth.allowed(Permission.NOTICE_VIEW)
        else [],
        bindings=distribution.binding_history(found.id)[:5],
        flags=risk.of_member(found.id),
        consents=members.consents_of(found.id)[::-1],
        notes=notes,
        tags=members.tags.of_member(found.id),
        known_tags=members.tags.known(),
        aged=debts.ageing(clock.now(), member_ids=[found.id]).get(found.id)
        if auth.allowed(Permission.LEDGER_VIEW)
        else None,
        ages=AGES,
        authors=people.names(note.author for note in notes),
        may_note=auth.allowed(Permission.MEMBER_NOTE) and found.erased_at is None,
        sees_orders=sees_orders,
        typed=request.form,
        errors=errors or {},
    )
