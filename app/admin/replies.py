"""Automatic replies: the rules, their form with a preview, and a place to try them."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import settings
from app.admin import auth, lists, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.wechat import replies
from app.wechat.replies import Event, Fills, ReplyRule, ReplyType, RuleInput, RuleKind

_TABS = [("", "全部"), *((kind.value, words.account.REPLY_KIND[kind]) for kind in RuleKind)]
_STATES = {"active": True, "inactive": False}
# What a person may type before a field says that it is too much.
_LONGEST = {"content": 2000, "keywords": 1000, "url": 600, "picture_url": 600}


@bp.get("/replies", endpoint="replies")
@requires(Permission.REPLY_VIEW)
def replies_list() -> ResponseReturnValue:
    kind = lists.chosen(_TABS, "kind")
    state = request.args.get("state", "")
    state = state if state in _STATES else ""
    query, said = (request.args.get(name, "").strip()[:100] for name in ("q", "try"))
    found = replies.rules(
        RuleKind(kind) if kind else None, is_active=_STATES.get(state), keyword=query
    )
    counts = {kind.value: count for kind, count in replies.counts_by_kind().items()}
    return render_template(
        "admin/replies.html",
        rules=found,
        tabs=lists.tabs(_TABS, kind, counts | {"": sum(counts.values())}, name="kind"),
        kind=kind,
        state=state,
        q=query,
        said=said,
        tried=replies.find_reply(Event.TEXT, said, fills=_fills()) if said else None,
        changers=people.names(rule.updated_by for rule in found),
    )


@bp.get("/replies/new")
@requires(Permission.REPLY_CHANGE)
def reply_new() -> ResponseReturnValue:
    kind = request.args.get("kind", "")
    chosen = RuleKind(kind) if kind in list(RuleKind) else RuleKind.EXACT
    return _page(_typed(RuleInput(chosen, ReplyType.TEXT)))


@bp.post("/replies")
@requires(Permission.REPLY_CHANGE)
def reply_create() -> ResponseReturnValue:
    try:
        run_unit(replies.create, _given(), actor=auth.actor(), now=clock.now())
    except InvalidInput as error:
        return _page(_form(), error=error), error.status
    flash("规则已添加，立即生效" if request.form.get("is_active") else "规则已添加，尚未启用")
    return redirect(url_for(".replies"))


@bp.get("/replies/<int:reply_id>")
@requires(Permission.REPLY_VIEW)
def reply(reply_id: int) -> ResponseReturnValue:
    rule = replies.get(reply_id)
    return _page(_typed(replies.input_of(rule)), rule=rule)


@bp.post("/replies/<int:reply_id>")
@requires(Permission.REPLY_CHANGE)
def reply_change(reply_id: int) -> ResponseReturnValue:
    try:
        run_unit(replies.change, reply_id, _given(), actor=auth.actor(), now=clock.now())
    except InvalidInput as error:
        return _page(_form(), rule=replies.get(reply_id), error=error), error.status
    flash("规则已保存，立即生效" if request.form.get("is_active") else "规则已保存，目前停用")
    return redirect(url_for(".replies"))


@bp.post("/replies/<int:reply_id>/remove")
@requires(Permission.REPLY_CHANGE)
def reply_remove(reply_id: int) -> ResponseReturnValue:
    run_unit(replies.remove, reply_id, actor=auth.actor(), now=clock.now())
    flash("规则已删除")
    return redirect(url_for(".replies"))


@bp.post("/replies/preview")
@requires(Permission.REPLY_CHANGE)
def reply_preview() -> ResponseReturnValue:
    """What is being typed, as the phone would show it. Writes nothing.

    A POST, because a long text would not fit into an address.
    """
    return render_template("admin/_reply_preview.html", **_preview(_form()))


def _page(
    typed: dict[str, str], *, rule: ReplyRule | None = None, error: InvalidInput | None = None
) -> str:
    return render_template(
        "admin/reply.html",
        rule=rule,
        typed=typed,
        errors={error.field: error.message} if error else {},
        changer=people.names([rule.updated_by]).get(rule.updated_by, "") if rule else "",
        may_change=auth.allowed(Permission.REPLY_CHANGE),
        **_preview(typed),
    )


def _preview(typed: dict[str, str]) -> dict[str, object]:
    """The reply that `typed` makes, complete or not, and what the person says first."""
    kind = typed["kind"] if typed["kind"] in list(RuleKind) else RuleKind.EXACT.value
    reply_type = typed["reply_type"] if typed["reply_type"] in list(ReplyType) else ReplyType.TEXT
    texts = {name: typed[name] for name in ("content", "title", "description")}
    # Never added to the session: it only lends its shape to what was typed.
    draft = ReplyRule(
        kind=RuleKind(kind),
        reply_type=ReplyType(reply_type),
        picture_url=typed["picture_url"],
        url=typed["url"],
        **texts,
    )
    first = next((line.strip() for line in typed["keywords"].splitlines() if line.strip()), "")
    return {
        "shown": replies.reply_of(draft, _fills()),
        "asked": (first or "关键词") if kind in ("exact", "contains") else "",
        "before": words.account.REPLY_BEFORE[kind],
    }


def _fills() -> Fills:
    """As for somebody whom another member invited."""
    return Fills(
        shop=settings.value(settings.registry.SHOP_NAME),
        mall=web.settings().public_base_url,
        inviter="邀请人昵称",
    )


def _given() -> RuleInput:
    """The form as the service takes it. Raises InvalidInput."""
    form = _form()
    sort = form["sort"].strip() or "100"
    if not (sort.isascii() and sort.isdigit() and len(sort) < 6):
        raise InvalidInput("sort", "排序应为 0 到 9999 的整数")
    return RuleInput(
        form["kind"],
        form["reply_type"],
        keywords=tuple(form["keywords"].splitlines()),
        content=form["content"],
        title=form["title"],
        description=form["description"],
        picture_url=form["picture_url"],
        url=form["url"],
        sort=int(sort),
        is_active=form["is_active"] == "1",
    )


def _form() -> dict[str, str]:
    """The fields as they came, to be shown again when one is refused."""
    return {
        name: web.form_text(name, _LONGEST.get(name, 200)) for name in _typed(RuleInput("", ""))
    }


def _typed(given: RuleInput) -> dict[str, str]:
    """A rule as the form's fields hold it."""
    return {
        "kind": str(given.kind),
        "reply_type": str(given.reply_type),
        "keywords": "\n".join(given.keywords),
        "content": given.content,
        "title": given.title,
        "description": given.description,
        "picture_url": given.picture_url,
        "url": given.url,
        "sort": str(given.sort),
        "is_active": "1" if given.is_active else "",
    }
