"""Channel codes: the list with its figures, one channel's days, making and stopping."""

from collections.abc import Iterable
from datetime import date, timedelta

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import distribution, members, reports, wechat
from app.admin import auth, export, lists, people, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.relations import SCANS
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.money import plain_yuan
from app.distribution import channels, pictures
from app.distribution.channels import ChannelInput, ChannelKind, Scan
from app.reports import ChannelFigures
from app.wechat import scenes

_TABS = [("active", "使用中"), ("stopped", "已停用"), ("all", "全部")]
_STATES = {"active": True, "stopped": False, "all": None}
DAYS_USUAL = 30
DAYS_MAX = 366
# Earlier than any channel, and a date that every engine can reckon with.
EARLIEST = date(2020, 1, 1)
# Pixels a side: for the page, and for print (10 cm at 300 dpi).
PICTURE, PRINT = 320, 1200
# WeChat says so where the account's permanent scenes are all taken.
NONE_LEFT = 45029


@bp.get("/channels", endpoint="channels")
@requires(Permission.CHANNEL_VIEW)
def channels_list() -> ResponseReturnValue:
    state = lists.chosen(_TABS)
    query = request.args.get("q", "").strip()[:40]
    page = channels.channels_page(is_active=_STATES[state], name=query, before=web.page_before())
    counts = channels.counts_by_state()
    return render_template(
        "admin/channels.html",
        page=page,
        pager=lists.pager(page),
        tabs=lists.tabs(
            _TABS,
            state,
            {
                "active": counts.get(True, 0),
                "stopped": counts.get(False, 0),
                "all": sum(counts.values()),
            },
        ),
        state=state,
        q=query,
        figures=reports.channel_totals([row.id for row in page.items]),
        ration=channels.ration(),
        owners=members.names_of(row.owner_id for row in page.items if row.owner_id),
        now=clock.now(),
    )


@bp.get("/channels/new")
@requires(Permission.CHANNEL_CHANGE)
def channel_new() -> ResponseReturnValue:
    return _form({"kind": ChannelKind.CAMPAIGN, "owner": request.args.get("owner", "")[:16]})


@bp.post("/channels")
@requires(Permission.CHANNEL_CHANGE)
def channel_create() -> ResponseReturnValue:
    given = ChannelInput(
        name=web.form_text("name", channels.NAME_CHARS_MAX),
        kind=web.form_text("kind", 20),
        is_permanent=request.form.get("lasts") == "permanent",
        owner=web.form_text("owner", 16),
        note=web.form_text("note", channels.NOTE_CHARS_MAX),
    )
    try:
        made = run_unit(channels.create, given, actor=auth.actor(), now=clock.now())
    except (InvalidInput, channels.RationUsedUp) as error:
        return _form(request.form.to_dict(), error), error.status
    channel_id = made.id
    if _ask_wechat(channel_id):
        flash("渠道已建立，二维码可以使用了")
    return _back(channel_id)


@bp.get("/channels/<int:channel_id>")
@requires(Permission.CHANNEL_VIEW)
def channel(channel_id: int) -> ResponseReturnValue:
    return _page(channel_id)


@bp.post("/channels/<int:channel_id>")
@requires(Permission.CHANNEL_CHANGE)
def channel_change(channel_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            channels.change,
            channel_id,
            name=web.form_text("name", channels.NAME_CHARS_MAX),
            note=web.form_text("note", channels.NOTE_CHARS_MAX),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(channel_id, error), error.status
    flash("已保存")
    return _back(channel_id)


@bp.post("/channels/<int:channel_id>/stop")
@requires(Permission.CHANNEL_CHANGE)
def channel_stop(channel_id: int) -> ResponseReturnValue:
    run_unit(channels.stop, channel_id, actor=auth.actor(), now=clock.now())
    flash("渠道已停用，扫码仍可关注公众号，但不再绑定和统计")
    return _back(channel_id)


@bp.post("/channels/<int:channel_id>/start")
@requires(Permission.CHANNEL_CHANGE)
def channel_start(channel_id: int) -> ResponseReturnValue:
    now = clock.now()
    run_unit(channels.start, channel_id, actor=auth.actor(), now=now)
    if channels.get(channel_id).works_at(now) or _ask_wechat(channel_id):
        flash("渠道已重新启用")
    return _back(channel_id)


@bp.post("/channels/<int:channel_id>/make")
@requires(Permission.CHANNEL_CHANGE)
def channel_make(channel_id: int) -> ResponseReturnValue:
    """Ask WeChat again for a code that it did not give at first."""
    if _ask_wechat(channel_id):
        flash("二维码已生成")
    return _back(channel_id)


@bp.get("/channels/<int:channel_id>/code.png")
@requires(Permission.CHANNEL_VIEW)
def channel_picture(channel_id: int) -> ResponseReturnValue:
    row = channels.get(channel_id)
    if not row.qr_url:
        raise NotFound("二维码还没有生成")
    is_print = request.args.get("size") == "print"
    response = Response(
        pictures.qr_png(row.qr_url, size=PRINT if is_print else PICTURE), mimetype="image/png"
    )
    if is_print:
        response.headers["Content-Disposition"] = f"attachment; filename={row.code}.png"
    return response


@bp.get("/channels/<int:channel_id>/days.csv")
@requires(Permission.CHANNEL_VIEW)
def channel_export(channel_id: int) -> ResponseReturnValue:
    row = channels.get(channel_id)
    first, last = _span()
    days = reports.channel_days(row.id, first, last)
    return export.csv_file(
        f"渠道-{row.name}-{first}-{last}.csv",
        ["渠道", "日期", "扫码", "关注", "带来会员", "订单", "成交额（元）"],
        (
            [row.name, day.isoformat(), *_counts(found), _plain_yuan(found.sales_fen)]
            for day, found in days.items()
        ),
    )


@bp.get("/scans")
@requires(Permission.CHANNEL_VIEW)
def scans() -> ResponseReturnValue:
    """Every scan and visit by any code, the newest first."""
    if (led := tables.opening(SCANS)) is not None:
        return led
    return render_template(
        "admin/scans.html",
        table=tables.show(SCANS),
        sources=[("", "全部"), *words.account.SCAN_SOURCE.items()],
        results=[("", "全部"), *((key, said) for key, (said, _) in words.account.SCAN.items())],
    )


def _page(channel_id: int, error: InvalidInput | None = None) -> str:
    row = channels.get(channel_id)
    first, last = _span()
    days = reports.channel_days(row.id, first, last)
    newest = channels.scans_page(row.id, size=20).items
    owner = distribution.distributor_of(row.owner_id) if row.owner_id else None
    return render_template(
        "admin/channel.html",
        row=row,
        days=days,
        total=sum(days.values(), ChannelFigures()),
        ever=reports.channel_totals([row.id])[row.id],
        first=first,
        last=last,
        today=clock.local(clock.now()).date(),
        scans=newest,
        people=_people(newest, row.owner_id),
        owner=owner,
        link=f"{web.settings().public_base_url}{url_for('mall.referral', code=row.code)}",
        maker=people.names([row.created_by]).get(row.created_by, ""),
        works=row.works_at(clock.now()),
        typed=request.form if error else {"name": row.name, "note": row.note},
        errors={error.field: error.message} if error else {},
    )


def _form(typed: dict[str, str], error: DomainError | None = None) -> str:
    field = error.field if isinstance(error, InvalidInput) else "lasts"
    return render_template(
        "admin/channel_new.html",
        typed=typed,
        errors={field: error.message} if error else {},
        kinds=words.account.channel_kinds(),
        lasting=words.account.channel_lasting(channels.ration()),
    )


def _ask_wechat(channel_id: int) -> bool:
    """Have the code made; say so and return False where WeChat does not."""
    db.session.rollback()
    try:
        scenes.make(wechat.current().account, channel_id, now=clock.now())
    except wechat.WeChatUnavailable as error:
        flash(
            "微信拒绝了：公众号的永久二维码已用完，这个渠道请改建为临时二维码"
            if error.errcode == NONE_LEFT
            else "微信暂时没有答复，二维码还没有生成；稍后会自动重试，也可以点“生成二维码”",
            "warning",
        )
        return False
    return True


def _span() -> tuple[date, date]:
    """The days that the address asks for, both included; the last 30 for nonsense."""
    today = clock.local(clock.now()).date()
    last = min(_day("to") or today, today)
    first = _day("from") or last - timedelta(days=DAYS_USUAL - 1)
    first, last = min(first, last), max(first, last)
    last = min(max(last, EARLIEST), today)
    return max(first, EARLIEST, last - timedelta(days=DAYS_MAX - 1)), last


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def _counts(found: ChannelFigures) -> tuple[int, int, int, int]:
    return found.scans, found.follows, found.members, found.orders


def _plain_yuan(fen: int) -> str:
    """Without thousands separators, so that a spreadsheet reads a number."""
    return plain_yuan(fen)


def _people(rows: Iterable[Scan], owner_id: int | None = None) -> dict[int, members.Member]:
    ids = {owner_id} if owner_id else set()
    for row in rows:
        owner = row.attempt.owner_id if row.attempt else row.owner_id
        kept = row.attempt.upline_id if row.attempt else None
        ids |= {found for found in (row.member_id, owner, kept) if found}
    return members.names_of(ids)


def _back(channel_id: int) -> ResponseReturnValue:
    return redirect(url_for(".channel", channel_id=channel_id))
