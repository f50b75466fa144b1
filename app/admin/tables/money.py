"""The lists of withdrawals and commissions."""

from collections.abc import Sequence
from typing import Any

from app import commission, members, orders, tax, withdrawals
from app.admin import people, words
from app.admin.models import Permission
from app.admin.tables.kinds import Column, Facts, Given, Kind, Listing, Personal
from app.commission import Commission, CommissionStatus
from app.core.db import Rows
from app.distribution import levels
from app.withdrawals import Withdrawal, WithdrawalStatus, payees
from app.withdrawals.models import Channel


def _withdrawals(given: Given) -> Rows:
    state = given.get("state", "")
    known = {str(status) for status in WithdrawalStatus}
    return withdrawals.desk_withdrawals([WithdrawalStatus(state)] if state in known else None)


def _withdrawal_facts(rows: Sequence[Withdrawal]) -> Facts:
    return {
        "members": members.names_of(row.member_id for row in rows),
        "payees": payees.of_withdrawals(row.id for row in rows),
        "granted": withdrawals.grants.paid_with(row.id for row in rows),
        "identities": tax.identity.identities_of(row.member_id for row in rows),
        "reviewers": people.names(
            ref for row in rows for ref in (row.first_reviewer, row.reviewer)
        ),
    }


def _way(row: Withdrawal, facts: Facts) -> str:
    said = words.payouts.CHANNEL[row.channel]
    return f"{said} · 免确认" if row.id in facts["granted"] else said


def _review(row: Withdrawal) -> str:
    if not row.needs_two:
        return "单人"
    return "双人 · 已初审" if row.first_reviewer else "双人"


def _named(row: Withdrawal, facts: Facts) -> str:
    payee = facts["payees"].get(row.id)
    if payee is not None and payee.holder:
        return str(payee.holder)
    found = facts["identities"].get(row.member_id)
    return found.name if found else ""


def _account(row: Withdrawal, facts: Facts) -> str:
    """Where the money goes: a card or account by hand, else the member's WeChat."""
    payee = facts["payees"].get(row.id)
    if payee is not None and payee.account:
        return str(payee.account)
    if row.channel is not Channel.WECHAT:
        return ""
    found = facts["members"].get(row.member_id)
    return found.openid if found and found.erased_at is None else ""


def _who(row: Any, facts: Facts) -> str:
    found = facts["members"].get(row.member_id)
    return found.display_name if found else ""


# One state at a time: its index has the amount behind it.
_STATES = frozenset(str(status) for status in WithdrawalStatus)
WITHDRAWALS = Listing(
    name="withdrawals",
    title="提现",
    endpoint="admin.withdrawals_list",
    permission=Permission.WITHDRAWAL_VIEW,
    key=Withdrawal.id,
    filters=("state",),
    query=_withdrawals,
    facts=_withdrawal_facts,
    columns=(
        Column("number", "提现单号", lambda row, _: row.number),
        Column("member", "申请人", _who),
        Column("payee", "收款人姓名", _named, personal=Personal.NAME, is_shown=False),
        Column("account", "收款账号", _account, personal=Personal.ACCOUNT, is_shown=False),
        Column(
            "gross",
            "申请金额",
            lambda row, _: row.gross_fen,
            Kind.MONEY,
            by=Withdrawal.gross_fen,
            sorts_in=_STATES,
        ),
        Column("tax", "个税", lambda row, _: row.tax_fen, Kind.MONEY, is_shown=False),
        Column("vat", "增值税", lambda row, _: row.vat_fen, Kind.MONEY, is_shown=False),
        Column("fee", "手续费", lambda row, _: row.fee_fen, Kind.MONEY, is_shown=False),
        Column("net", "实际到账", lambda row, _: row.net_fen, Kind.MONEY),
        Column("created", "申请时间", lambda row, _: row.created_at, Kind.TIME, by=Withdrawal.id),
        Column("reviewed", "审核时间", lambda row, _: row.reviewed_at, Kind.TIME, is_shown=False),
        Column("ended", "结束时间", lambda row, _: row.ended_at, Kind.TIME, is_shown=False),
        Column("channel", "到账方式", _way),
        Column("review", "审核", lambda row, _: _review(row)),
        Column(
            "reviewer",
            "审核人",
            lambda row, facts: facts["reviewers"].get(row.reviewer, ""),
            is_shown=False,
        ),
        Column(
            "status", "状态", lambda row, _: words.word(words.payouts.WITHDRAWAL, row.status)[0]
        ),
    ),
)


def _commissions(given: Given) -> Rows:
    state = given.get("state", "")
    known = {str(status) for status in CommissionStatus}
    return commission.desk_commissions(CommissionStatus(state) if state in known else None)


def _commission_facts(rows: Sequence[Commission]) -> Facts:
    return {
        "members": members.names_of(row.member_id for row in rows),
        "orders": orders.by_ids(row.order_id for row in rows),
        "levels": levels.names(),
        "rhythm": commission.cycles.in_force(),
    }


def _payday(row: Commission, facts: Facts) -> Any:
    """When it was settled, or will be; None before the goods are received."""
    if row.settled_at or row.expected_at is None:
        return row.settled_at
    return facts["rhythm"].payday(row.expected_at)


COMMISSIONS = Listing(
    name="commissions",
    title="佣金明细",
    endpoint="admin.commissions",
    permission=Permission.COMMISSION_VIEW,
    key=Commission.id,
    filters=("state",),
    query=_commissions,
    facts=_commission_facts,
    columns=(
        Column("member", "获得者", _who),
        Column("order", "订单", lambda row, facts: facts["orders"][row.order_id].number),
        Column("depth", "层级", lambda row, _: words.commissions.DEPTH[row.depth]),
        Column("rate", "费率", lambda row, _: words.commissions.rate(row.rate)),
        Column(
            "source",
            "依据",
            lambda row, facts: words.commissions.rate_source(
                row.source, lambda code: str(facts["levels"].get(code, code))
            ),
            is_shown=False,
        ),
        Column("base", "基数", lambda row, _: row.base_fen, Kind.MONEY),
        Column("standing", "佣金", lambda row, _: row.standing_fen, Kind.MONEY),
        Column("amount", "原佣金", lambda row, _: row.amount_fen, Kind.MONEY, is_shown=False),
        Column("reversed", "已追回", lambda row, _: row.reversed_fen, Kind.MONEY, is_shown=False),
        Column("created", "产生", lambda row, _: row.created_at, Kind.TIME, by=Commission.id),
        Column("payday", "结算 / 预计", _payday, Kind.TIME),
        Column(
            "status", "状态", lambda row, _: words.word(words.commissions.COMMISSION, row.status)[0]
        ),
    ),
)
