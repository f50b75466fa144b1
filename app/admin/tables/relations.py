"""The lists of what ties people to the shop: bindings, scans, levels, debts, oddities."""

from collections.abc import Sequence
from typing import Any

from app import aftersales, debts, distribution, members, orders
from app.admin import people, words
from app.admin.models import Permission
from app.admin.tables import asked
from app.admin.tables.kinds import Column, Facts, Given, Kind, Listing, Personal
from app.core import clock
from app.core.db import Rows
from app.core.money import format_yuan
from app.distribution import BindingAttempt, channels, levels
from app.distribution.channels import Scan, ScanSource
from app.distribution.levels import Cause, LevelChange
from app.ledger import Account
from app.orders import Oddity

AGES = ("30 天以内", "31–90 天", "91–180 天", "180 天以上")


def _called(facts: Facts, member_id: int | None) -> str:
    found = facts["members"].get(member_id)
    return found.display_name if found else ""


def attempt_facts(rows: Sequence[BindingAttempt]) -> Facts:
    """The people and channels that binding attempts name."""
    ids = {one for row in rows for one in (row.member_id, row.owner_id, row.upline_id) if one}
    return {
        "members": members.names_of(ids),
        "channels": channels.by_ids(row.channel_id for row in rows if row.channel_id),
        "called": people.names(row.actor for row in rows),
    }


def _by_code(row: BindingAttempt, facts: Facts) -> str:
    found = facts["channels"].get(row.channel_id)
    return found.name if found else row.code


BINDINGS = Listing(
    name="bindings",
    title="归属记录",
    endpoint="admin.bindings",
    permission=Permission.DISTRIBUTOR_VIEW,
    key=BindingAttempt.id,
    filters=("result",),
    query=lambda given: distribution.desk_attempts(given.get("result", "")),
    facts=attempt_facts,
    columns=(
        Column("at", "时间", lambda row, _: row.at, Kind.TIME, by=BindingAttempt.id),
        Column("member", "会员", lambda row, facts: _called(facts, row.member_id)),
        Column("source", "来源", lambda row, _: words.people.SOURCE[row.source]),
        Column("code", "渠道或推广码", _by_code, is_shown=False),
        Column("owner", "推广人", lambda row, facts: _called(facts, row.owner_id)),
        Column("upline", "原上级", lambda row, facts: _called(facts, row.upline_id)),
        Column("result", "结果", lambda row, _: words.word(words.people.ATTEMPT, row.result)[0]),
        Column("note", "说明", lambda row, _: row.note),
        Column(
            "actor",
            "操作人",
            lambda row, facts: facts["called"].get(row.actor, ""),
            is_shown=False,
        ),
    ),
)


def _scan_facts(rows: Sequence[Scan]) -> Facts:
    ids: set[int] = set()
    for row in rows:
        kept = row.attempt.upline_id if row.attempt else None
        ids |= {one for one in (row.member_id, _scan_owner(row), kept) if one}
    return {"members": members.names_of(ids)}


def _scan_owner(row: Scan) -> int | None:
    return row.attempt.owner_id if row.attempt else row.owner_id


def _scanned(row: Scan, _facts: Facts) -> str:
    if row.channel is not None:
        return row.channel.name
    return row.attempt.code if row.attempt else row.code


def _scans(given: Given) -> Rows:
    result = given.get("result", "")
    return channels.desk_scans(
        source=asked.one_of(ScanSource, given.get("source", "")),
        result=result if result in words.account.SCAN else "",
        channel=given.get("channel", ""),
        first=asked.day(given.get("from", "")),
        last=asked.day(given.get("to", "")),
    )


SCANS = Listing(
    name="scans",
    title="扫码记录",
    endpoint="admin.scans",
    permission=Permission.CHANNEL_VIEW,
    key=Scan.id,
    filters=("source", "result", "channel", "from", "to"),
    query=_scans,
    facts=_scan_facts,
    columns=(
        Column("at", "时间", lambda row, _: row.at, Kind.TIME, by=Scan.id),
        Column(
            "who",
            "谁",
            lambda row, facts: _called(facts, row.member_id) if row.member_id else "快照页访客",
        ),
        Column(
            "openid",
            "访客 openid",
            lambda row, _: row.openid,
            personal=Personal.OPENID,
            is_shown=False,
        ),
        Column("code", "渠道或推广码", _scanned),
        Column("source", "来源", lambda row, _: words.account.SCAN_SOURCE[row.source]),
        Column("owner", "推广人", lambda row, facts: _called(facts, _scan_owner(row))),
        Column("result", "结果", lambda row, _: words.word(words.account.SCAN, row.result)[0]),
    ),
)


def _change_facts(rows: Sequence[LevelChange]) -> Facts:
    owners = distribution.members_of(row.distributor_id for row in rows)
    return {
        "owners": owners,
        "members": members.names_of(owners.values()),
        "called": people.names(row.actor for row in rows),
        "levels": levels.names(),
    }


def _level(code: str, facts: Facts) -> str:
    return facts["levels"].get(code, code) or "—"


def _changes(given: Given) -> Rows:
    return levels.desk_changes(
        cause=asked.one_of(Cause, given.get("cause", "")),
        to_level=given.get("level", "")[:20],
        among=asked.people(given.get("wanted", "")),
        since=asked.start_of(given.get("from", "")),
        until=asked.start_of(given.get("to", ""), days=1),
    )


LEVEL_CHANGES = Listing(
    name="level-changes",
    title="等级变动记录",
    endpoint="admin.level_changes",
    permission=Permission.DISTRIBUTOR_VIEW,
    key=LevelChange.id,
    filters=("wanted", "cause", "level", "from", "to"),
    query=_changes,
    facts=_change_facts,
    columns=(
        Column("at", "时间", lambda row, _: row.at, Kind.TIME, by=LevelChange.id),
        Column(
            "who",
            "分销员",
            lambda row, facts: _called(facts, facts["owners"].get(row.distributor_id)),
        ),
        Column(
            "step",
            "变动",
            lambda row, facts: f"{_level(row.from_level, facts)} → {_level(row.to_level, facts)}",
        ),
        Column("cause", "原因", lambda row, _: words.word(words.levels.CAUSE, row.cause)[0]),
        Column("period", "考核周期", lambda row, _: row.period or "", is_shown=False),
        Column(
            "why", "依据", lambda row, _: str(row.reason or words.levels.figures(row.figures) or "")
        ),
        Column("kept", "保级至", lambda row, _: row.kept_until, Kind.TIME, is_shown=False),
        Column("actor", "操作人", lambda row, facts: facts["called"].get(row.actor, "")),
    ),
)


def _debt_facts(rows: Sequence[Account]) -> Facts:
    who = [row.owner_id for row in rows]
    requests = debts.open_requests(who)
    return {
        "members": members.names_of(who),
        "aged": debts.ageing(clock.now(), member_ids=who),
        "asked": requests,
        "called": people.names(row.asked_by for row in requests.values()),
    }


def _age(at: int) -> Column:
    def value(row: Account, facts: Facts) -> int:
        found = facts["aged"].get(row.owner_id)
        return found.by_age[at] if found else 0

    return Column(f"age{at}", AGES[at], value, Kind.MONEY)


def _asked(row: Account, facts: Facts) -> str:
    found = facts["asked"].get(row.owner_id)
    if found is None:
        return ""
    who = facts["called"].get(found.asked_by, "")
    return f"{who} 申请核销 ¥{format_yuan(found.amount_fen)}：{found.reason}"


# By what was asked about a debt.
ASKED = {"yes": "已申请核销", "no": "没有申请"}


def _debts(given: Given) -> Rows:
    choice = given.get("asked", "")
    return debts.desk(
        among=asked.people(given.get("wanted", "")),
        is_asked=choice == "yes" if choice in ASKED else None,
    )


DEBTS = Listing(
    name="debts",
    title="待追回",
    endpoint="admin.debts",
    permission=Permission.LEDGER_VIEW,
    key=Account.id,
    filters=("wanted", "asked"),
    query=_debts,
    facts=_debt_facts,
    columns=(
        Column("member", "会员", lambda row, facts: _called(facts, row.owner_id), by=Account.id),
        Column("debt", "待追回", lambda row, _: -row.balance_fen, Kind.MONEY),
        *(_age(at) for at in range(len(AGES))),
        Column("asked", "核销申请", _asked),
    ),
)


def oddity_facts_of(row: Oddity) -> list[tuple[str, Any, bool]]:
    """Label, value, and whether the value is an amount."""
    return [
        (words.orders.FACT.get(name, name), value, name.endswith("_fen"))
        for name, value in row.facts.items()
    ]


def _told(row: Oddity, _facts: Facts) -> str:
    return "；".join(
        f"{label} {f'¥{format_yuan(value)}' if is_money and value is not None else value}"
        for label, value, is_money in oddity_facts_of(row)
        if value is not None
    )


def _oddity_facts(rows: Sequence[Oddity]) -> Facts:
    return {
        "orders": orders.by_ids(row.order_id for row in rows if row.order_id),
        "called": people.names(row.resolved_by for row in rows),
        "refunds": aftersales.refunds_of_oddities(row.id for row in rows),
    }


def _order(row: Oddity, facts: Facts) -> str:
    found = facts["orders"].get(row.order_id)
    return found.number if found else ""


def _refund(row: Oddity, facts: Facts) -> str:
    found = facts["refunds"].get(row.id)
    if found is None:
        return ""
    said = words.word(words.aftersales.REFUND, found.status)[0]
    return f"{said} ¥{format_yuan(found.amount_fen)} {found.out_refund_no}"


def _oddities(given: Given) -> Rows:
    return orders.desk_oddities(is_resolved=given.get("state") == "resolved")


ODDITIES = Listing(
    name="oddities",
    title="支付异常",
    endpoint="admin.oddities",
    permission=Permission.LEDGER_VIEW,
    key=Oddity.id,
    filters=("state",),
    query=_oddities,
    facts=_oddity_facts,
    columns=(
        Column("kind", "异常", lambda row, _: words.orders.ODDITY[row.kind]["title"]),
        Column("at", "时间", lambda row, _: row.at, Kind.TIME, by=Oddity.id),
        Column("order", "订单", _order),
        Column("reference", "微信单号", lambda row, _: row.reference, is_shown=False),
        Column("facts", "经过", _told),
        Column("refund", "退款", _refund),
        Column(
            "resolution",
            "处理结果",
            lambda row, _: row.resolution,
            filled_in=frozenset({"resolved"}),
        ),
        Column(
            "resolver",
            "处理人",
            lambda row, facts: facts["called"].get(row.resolved_by, ""),
            is_shown=False,
        ),
        Column("resolved", "处理时间", lambda row, _: row.resolved_at, Kind.TIME, is_shown=False),
    ),
)
