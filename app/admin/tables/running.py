"""The lists of what happened by itself: runs of jobs, notices to members, moves of stock."""

from collections.abc import Sequence
from typing import Any

from app import catalog, members, notices
from app.admin import people, words
from app.admin.models import Permission
from app.admin.tables.kinds import Column, Facts, Given, Kind, Listing
from app.audit import runs
from app.audit.runs import JobRun
from app.catalog import StockMove
from app.core import web
from app.core.db import Rows
from app.core.money import format_yuan
from app.notices import KINDS, Notice, NoticeState


def figures_of(row: JobRun) -> list[tuple[str, Any, bool]]:
    """Word, value, whether it is money, for each figure of a run."""
    return [
        (words.desk.figure(row.job, name), value, name.endswith("_fen"))
        for name, value in row.result.items()
        if value
    ]


def _figures(row: JobRun, _facts: Facts) -> str:
    return "，".join(
        f"{word} {f'¥{format_yuan(value)}' if is_money else value}"
        for word, value, is_money in figures_of(row)
    )


def took(row: JobRun) -> str:
    if row.ended_at is None:
        return ""
    return f"{max(0.0, (row.ended_at - row.started_at).total_seconds()):.1f} 秒"


def _starter(row: JobRun, facts: Facts) -> str:
    if row.started_by == "cli":
        return "命令行"
    return facts["called"].get(row.started_by, "定时") if ":" in row.started_by else "定时"


def _job(row: JobRun, _facts: Facts) -> str:
    return f"{runs.TITLES.get(row.job, row.job)}{'（试运行）' if row.is_dry_run else ''}"


JOB_RUNS = Listing(
    name="job-runs",
    title="任务执行记录",
    endpoint="admin.jobs",
    permission=Permission.JOB_VIEW,
    key=JobRun.id,
    filters=("job", "idle"),
    query=lambda given: runs.desk(given.get("job", ""), with_idle=given.get("idle") == "1"),
    facts=lambda rows: {"called": people.names(row.started_by for row in rows)},
    columns=(
        Column("at", "时间", lambda row, _: row.started_at, Kind.TIME, by=JobRun.id),
        Column("job", "任务", _job),
        Column("status", "状态", lambda row, _: words.word(words.desk.RUN, row.status)[0]),
        Column("result", "数量与金额", _figures),
        Column("error", "错误", lambda row, _: row.error, is_shown=False),
        Column("took", "用时", lambda row, _: took(row)),
        Column("as_of", "截至", lambda row, _: row.as_of, Kind.TIME, is_shown=False),
        Column("ended", "结束时间", lambda row, _: row.ended_at, Kind.TIME, is_shown=False),
        Column("starter", "发起", _starter),
    ),
)


def _notices(given: Given) -> Rows:
    state, openid = given.get("state", ""), given.get("openid", "")
    member = members.by_openid(openid) if openid else None
    return notices.desk(
        kind=given.get("kind", ""),
        states=[NoticeState(state)] if state in set(NoticeState) else (),
        # Nobody has the id 0: an unknown openid finds nothing.
        member_id=(member.id if member else 0) if openid else None,
    )


def _notice_facts(rows: Sequence[Notice]) -> Facts:
    return {
        "members": members.names_of(row.member_id for row in rows),
        "delivered": notices.deliveries(rows),
    }


def _who(row: Notice, facts: Facts) -> str:
    found = facts["members"].get(row.member_id)
    return found.display_name if found else ""


def _delivered(row: Notice, facts: Facts) -> str:
    if row.state is not NoticeState.SENT:
        return ""
    return words.notices.delivery(facts["delivered"].get(row.message_id, ""))[0]


NOTICES = Listing(
    name="notice-log",
    title="通知发送记录",
    endpoint="admin.notice_log",
    permission=Permission.NOTICE_VIEW,
    key=Notice.id,
    filters=("state", "kind", "openid"),
    query=_notices,
    facts=_notice_facts,
    columns=(
        Column("at", "时间", lambda row, _: row.created_at, Kind.TIME, by=Notice.id),
        Column("member", "会员", _who),
        Column(
            "kind",
            "通知",
            lambda row, _: KINDS[row.kind].title if row.kind in KINDS else row.kind,
        ),
        Column(
            "lines",
            "内容",
            lambda row, _: "；".join(f"{x.label} {x.text}" for x in notices.lines_of(row)),
        ),
        Column("state", "状态", lambda row, _: words.word(words.notices.STATE, row.state)[0]),
        Column("error", "没有发出的原因", lambda row, _: row.error, is_shown=False),
        Column("delivered", "送达", _delivered),
        Column("sent", "发送时间", lambda row, _: row.sent_at, Kind.TIME, is_shown=False),
        Column("read", "阅读时间", lambda row, _: row.read_at, Kind.TIME, is_shown=False),
    ),
)


def _moves(given: Given) -> Rows:
    product = given.get("product", "")
    return catalog.desk_moves(
        product_id=web.whole_number(product) or 0 if product else None,
        code=given.get("code", ""),
    )


def _move_facts(rows: Sequence[StockMove]) -> Facts:
    return {
        "skus": catalog.skus_by_id(row.sku_id for row in rows),
        "called": people.names(row.actor for row in rows),
    }


STOCK_MOVES = Listing(
    name="stock-moves",
    title="库存流水",
    endpoint="admin.stock_moves",
    permission=Permission.PRODUCT_VIEW,
    key=StockMove.id,
    filters=("product", "code"),
    query=_moves,
    facts=_move_facts,
    columns=(
        Column("at", "时间", lambda row, _: row.at, Kind.TIME, by=StockMove.id),
        Column("product", "商品", lambda row, facts: facts["skus"][row.sku_id].product.title),
        Column("sku", "规格", lambda row, facts: facts["skus"][row.sku_id].name),
        Column("code", "货号", lambda row, facts: facts["skus"][row.sku_id].code or ""),
        Column("delta", "变化", lambda row, _: row.delta, Kind.NUMBER),
        Column("reason", "原因", lambda row, _: row.reason),
        Column("actor", "经手人", lambda row, facts: facts["called"].get(row.actor, "")),
    ),
)
