"""Notices to members: which template each kind uses, a test message, and the log."""

from datetime import timedelta

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import notices, wechat
from app.admin import auth, lists, people, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.running import NOTICES
from app.admin.words.notices import CHANNEL, STATE
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import InvalidInput, NotFound
from app.notices import KINDS, Channel, Kind, NoticeState, NoticeTemplate
from app.wechat import WeChatUnavailable
from app.wechat.notifier import AccountTemplate

_TABS = [("", "全部"), *((state.value, STATE[state][0]) for state in NoticeState)]
_COUNTED = timedelta(days=7)
# The choice of a fixed text in the form.
_TEXT = "text"


@bp.get("/notices", endpoint="notices")
@requires(Permission.NOTICE_VIEW)
def notices_list() -> ResponseReturnValue:
    counts = notices.counts_by_kind(clock.now() - _COUNTED)
    mapped = notices.templates()
    rows = [
        {
            "kind": kind,
            "template": mapped.get(key),
            "told": sum(counts.get((key, state), 0) for state in NoticeState),
            "sent": counts.get((key, NoticeState.SENT), 0),
            "refused": counts.get((key, NoticeState.REFUSED), 0),
        }
        for key, kind in KINDS.items()
    ]
    groups = {
        title: [row for row in rows if row["kind"].group == group]  # type: ignore[union-attr]
        for group, title in notices.GROUPS.items()
    }
    return render_template("admin/notices.html", groups=groups, channels=CHANNEL)


@bp.get("/notices/<kind>")
@requires(Permission.NOTICE_VIEW)
def notice_template(kind: str) -> ResponseReturnValue:
    return _page(_kind(kind))


@bp.post("/notices/<kind>")
@requires(Permission.NOTICE_CHANGE)
def notice_map(kind: str) -> ResponseReturnValue:
    found = _kind(kind)
    keys = request.form.getlist("keys")[:20]
    try:
        run_unit(
            notices.map_template,
            kind,
            channel=web.form_text("channel", 20),
            template_id=web.form_text("template_id", 100),
            title=web.form_text("title", 60),
            chosen={key[:40]: _choice(key) for key in keys},
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(found, error=error), error.status
    flash("已保存，之后的通知按这个模板发送")
    return redirect(url_for(".notice_template", kind=kind))


@bp.post("/notices/<kind>/switch")
@requires(Permission.NOTICE_CHANGE)
def notice_switch(kind: str) -> ResponseReturnValue:
    _kind(kind)
    is_active = request.form.get("active") == "1"
    run_unit(
        notices.switch_template, kind, is_active=is_active, actor=auth.actor(), now=clock.now()
    )
    flash("已启用" if is_active else "已停用，之后的通知只在商城的消息里显示")
    return redirect(url_for(".notice_template", kind=kind))


@bp.post("/notices/<kind>/test")
@requires(Permission.NOTICE_CHANGE)
def notice_test(kind: str) -> ResponseReturnValue:
    """Send the kind's example to one member and say what came of it."""
    found = _kind(kind)
    openid = web.form_text("openid", 64)
    try:
        sent = notices.send_test(kind, openid, sender=wechat.current().notifier, now=clock.now())
    except InvalidInput as error:
        return _page(found, error=error), error.status
    if sent.state is NoticeState.SENT:
        flash("测试消息已发出，请在手机上查看")
    else:
        flash(f"测试消息没有发出：{sent.error or STATE[sent.state][0]}", "error")
    return redirect(url_for(".notice_template", kind=kind))


@bp.get("/notices/log")
@requires(Permission.NOTICE_VIEW)
def notice_log() -> ResponseReturnValue:
    if (led := tables.opening(NOTICES)) is not None:
        return led
    state = lists.chosen(_TABS)
    kind = request.args.get("kind", "")
    kind = kind if kind in KINDS else ""
    return render_template(
        "admin/notice_log.html",
        table=tables.show(NOTICES, state=state, kind=kind),
        tabs=lists.tabs(_TABS, state, {}),
        kinds=[("", "全部"), *((key, item.title) for key, item in KINDS.items())],
        said=STATE,
        delivery=words.notices.delivery,
        lines_of=notices.lines_of,
    )


def _kind(key: str) -> Kind:
    if key not in KINDS:
        raise NotFound("没有这种通知")
    return KINDS[key]


def _page(kind: Kind, *, error: InvalidInput | None = None) -> str:
    """The mapping of one kind, with WeChat's list of templates where it answers."""
    kept = notices.template_of(kind.key)
    offered, trouble = _offered()
    asked = request.values.get("template_id", "").strip() or (kept.template_id if kept else "")
    template = next((row for row in offered if row.template_id == asked), None)
    return render_template(
        "admin/notice.html",
        kind=kind,
        kept=kept,
        templates=offered,
        trouble=trouble,
        chosen_id=asked,
        template=template,
        rows=_rows(kind, kept, template, asked),
        channel=request.values.get("channel", "") or (kept.channel.value if kept else "template"),
        channels=[(value.value, CHANNEL[value], _CHANNEL_HINT[value]) for value in Channel],
        openid=web.form_text("openid", 64),
        errors={error.field: error.message} if error else {},
        may_change=auth.allowed(Permission.NOTICE_CHANGE),
        changer=people.names([kept.updated_by]).get(kept.updated_by, "") if kept else "",
    )


_CHANNEL_HINT = {
    Channel.TEMPLATE: "发给已关注公众号的会员",
    Channel.SUBSCRIPTION: "会员每同意一次可发一条",
}


def _offered() -> tuple[list[AccountTemplate], str]:
    """The account's templates, or why they cannot be listed."""
    db.session.rollback()
    try:
        return wechat.current().notifier.templates(), ""
    except WeChatUnavailable:
        return [], "微信暂时没有应答，读不到模板列表；可以稍后再试，已保存的配置不受影响"


def _rows(
    kind: Kind, kept: NoticeTemplate | None, template: AccountTemplate | None, asked: str
) -> list[dict[str, object]]:
    """A row of the form for each field: what may stand in it, what does."""
    keys = list(template.fields) if template else []
    if not keys and kept and asked == kept.template_id:
        keys = list(kept.fields)
    rows: list[dict[str, object]] = []
    for key in keys:
        field = notices.field_kind(key)
        options = [
            (name, source.label)
            for name, source in kind.sources.items()
            if field and source.type in field.takes
        ]
        held = (kept.fields.get(key) or {}) if kept and asked == kept.template_id else {}
        source = request.form.get(f"source-{key}") or held.get("source", "")
        text = request.form.get(f"text-{key}") or held.get("text", "")
        rows.append(
            {
                "key": key,
                "title": field.title if field else "未知类型",
                "hint": field.hint if field else "",
                "options": [*options, (_TEXT, "固定文字")],
                "source": source or (_TEXT if text else (options[0][0] if options else _TEXT)),
                "text": text,
            }
        )
    return rows


def _choice(key: str) -> dict[str, str]:
    source = web.form_text(f"source-{key}", 40)
    if source == _TEXT:
        return {"text": web.form_text(f"text-{key}", 60)}
    return {"source": source or "-"}
