"""The lists of what is computed and compared: bonuses of periods, days and breaks with WeChat."""

from collections.abc import Callable, Sequence
from typing import Any

from app import reconciliation
from app.admin import people, words
from app.admin.models import Permission
from app.admin.tables import asked
from app.admin.tables.kinds import Column, Facts, Given, Kind, Listing
from app.commission import bonus
from app.commission.bonus import BonusRun, ResultState
from app.commission.bonus.queries import Tally
from app.core.db import Rows
from app.reconciliation import Break, BreakKind, DayState, FileState, ReconciledDay, Sort

# What a run waits for, as its filter says it.
PROGRESS = {
    ResultState.COMPUTED.value: "待审核",
    ResultState.APPROVED.value: "待发放",
    "done": "已处理完",
}


def _runs(given: Given) -> Rows:
    progress = given.get("progress", "")
    return bonus.queries.desk_runs(
        program_id=asked.key(given.get("bonus", "")),
        waits_for=ResultState(progress) if progress in PROGRESS and progress != "done" else None,
        is_done=progress == "done",
    )


def _run_facts(rows: Sequence[BonusRun]) -> Facts:
    return {
        "tallies": bonus.queries.tallies(row.id for row in rows),
        "versions": bonus.queries.versions(row.version_id for row in rows),
        "rules": {row.id: bonus.runs.program_of(row) for row in rows},
    }


def tally(row: BonusRun, facts: Facts, state: ResultState) -> Tally:
    found: Tally = facts["tallies"][row.id].get(state, Tally())
    return found


def _amount(row: BonusRun, facts: Facts, state: ResultState) -> str:
    found = tally(row, facts, state)
    reward = facts["rules"][row.id].reward
    return bonus.wording.amount(reward, found.amount_fen) if found.rows else ""


def _counted(state: ResultState) -> tuple[Column, Column]:
    """How many results stand in a state, and how much they are."""
    said = words.commissions.BONUS[state][0]

    def count(row: BonusRun, facts: Facts) -> int:
        return tally(row, facts, state).rows

    def amount(row: BonusRun, facts: Facts) -> str:
        return _amount(row, facts, state)

    return (
        Column(state.value, f"{said}人数", count, Kind.NUMBER),
        Column(f"{state.value}_amount", f"{said}金额", amount, is_shown=False),
    )


BONUS_RUNS = Listing(
    name="bonus-runs",
    title="返利核算",
    endpoint="admin.bonus_runs",
    permission=Permission.COMMISSION_VIEW,
    key=BonusRun.id,
    filters=("bonus", "progress"),
    query=_runs,
    facts=_run_facts,
    columns=(
        Column(
            "period",
            "周期",
            lambda row, _: bonus.wording.span(bonus.runs.span_of(row)),
            by=BonusRun.ends_at,
        ),
        Column("bonus", "返利", lambda row, facts: facts["versions"][row.version_id].name),
        Column(
            "metric",
            "业绩",
            lambda row, facts: bonus.wording.METRIC[facts["rules"][row.id].metric],
            is_shown=False,
        ),
        Column(
            "reward",
            "发放方式",
            lambda row, facts: bonus.wording.REWARD[facts["rules"][row.id].reward],
            is_shown=False,
        ),
        *(column for state in ResultState for column in _counted(state)),
        Column("at", "核算时间", lambda row, _: row.computed_at, Kind.TIME),
    ),
)


def _breaks(given: Given) -> Rows:
    return reconciliation.desk_breaks(
        is_closed=given.get("state") == "closed",
        kind=asked.one_of(BreakKind, given.get("kind", "")),
        day=asked.day(given.get("day", "")),
        number=given.get("number", ""),
    )


def break_meaning(row: Break) -> str:
    return words.money.break_meaning(row.kind, row.ledger_fen, row.request_fen, row.bill_fen)


def _break_facts(rows: Sequence[Break]) -> dict[str, Any]:
    return {"called": people.names(row.closed_by for row in rows)}


BREAKS = Listing(
    name="breaks",
    title="对账差异",
    endpoint="admin.reconciliation_list",
    permission=Permission.LEDGER_VIEW,
    key=Break.id,
    filters=("state", "kind", "day", "number"),
    query=_breaks,
    facts=_break_facts,
    columns=(
        Column("kind", "差异", lambda row, _: words.money.BREAK[row.kind]),
        Column("meaning", "说明", lambda row, _: break_meaning(row), is_shown=False),
        Column("day", "账单日期", lambda row, _: row.day.isoformat(), is_shown=False),
        Column("reference", "单号", lambda row, _: row.reference),
        Column("wx", "微信单号", lambda row, _: row.wx_number, is_shown=False),
        Column("ledger", "账本", lambda row, _: row.ledger_fen, Kind.MONEY),
        Column("request", "商城单据", lambda row, _: row.request_fen, Kind.MONEY),
        Column("bill", "微信账单", lambda row, _: row.bill_fen, Kind.MONEY),
        Column("found", "发现时间", lambda row, _: row.found_at, Kind.TIME, by=Break.id),
        Column(
            "result",
            "处理结果",
            lambda row, _: row.reason,
            filled_in=frozenset({"closed"}),
        ),
        Column(
            "closer",
            "处理人",
            lambda row, facts: facts["called"].get(row.closed_by, ""),
            is_shown=False,
        ),
        Column("closed", "处理时间", lambda row, _: row.closed_at, Kind.TIME, is_shown=False),
    ),
)


# What the three sides of a day's matching hold.
_MATCHED = (Sort.PAYMENT, Sort.REFUND, Sort.TRANSFER)


def _days(given: Given) -> Rows:
    return reconciliation.desk_days(
        state=asked.one_of(DayState, given.get("result", "")),
        since=asked.day(given.get("from", "")),
        until=asked.day(given.get("to", "")),
    )


def day_sum(row: ReconciledDay, side: str, *sorts: Sort) -> int | None:
    """A side of these sorts of a day, in fen; None of a day that could not be matched."""
    if row.state is DayState.REFUSED:
        return None
    return sum(row.sums.get(sort, {}).get(side, 0) for sort in sorts)


def _side(side: str, *sorts: Sort) -> Callable[[ReconciledDay, Facts], int | None]:
    return lambda row, _: day_sum(row, side, *sorts)


def day_counts(row: ReconciledDay) -> dict[Sort, int]:
    """How many of each sort were matched, without those of which there were none."""
    counts = {sort: row.sums.get(sort, {}).get("count", 0) for sort in _MATCHED}
    return {sort: count for sort, count in counts.items() if count}


def _day_facts(rows: Sequence[ReconciledDay]) -> Facts:
    return {"files": reconciliation.files_of([row.day for row in rows])}


def day_faults(row: ReconciledDay, facts: Facts) -> list[str]:
    """Why a bill of the day does not count."""
    return [
        f"{words.money.BILL_FILE[file.kind]}：{file.reason}"
        for file in facts["files"][row.day]
        if file.state is FileState.REFUSED
    ]


DAYS = Listing(
    name="reconciled-days",
    title="每日核对",
    endpoint="admin.reconciliation_days",
    permission=Permission.LEDGER_VIEW,
    key=ReconciledDay.id,
    filters=("result", "from", "to"),
    query=_days,
    facts=_day_facts,
    # A day that was missed is looked at later: the last row is not the last day.
    opens="-day",
    columns=(
        Column("day", "账单日期", lambda row, _: row.day.isoformat(), by=ReconciledDay.day),
        Column("count", "笔数", lambda row, _: sum(day_counts(row).values()), Kind.NUMBER),
        Column("paid", "收款", _side("bill_fen", Sort.PAYMENT), Kind.MONEY),
        Column("refunded", "退款", _side("bill_fen", Sort.REFUND), Kind.MONEY),
        Column("transferred", "提现打款", _side("bill_fen", Sort.TRANSFER), Kind.MONEY),
        Column("bill", "微信账单净额", _side("bill_fen", *_MATCHED), Kind.MONEY),
        Column(
            "request", "商城单据净额", _side("request_fen", *_MATCHED), Kind.MONEY, is_shown=False
        ),
        Column("ledger", "账本净额", _side("ledger_fen", *_MATCHED), Kind.MONEY, is_shown=False),
        Column("fee", "手续费", _side("bill_fen", Sort.FEE), Kind.MONEY),
        Column("other", "充值等其他", _side("bill_fen", Sort.OTHER), Kind.MONEY),
        Column("result", "结果", lambda row, _: words.money.RECONCILED[row.state][0]),
        Column("breaks", "差异数", lambda row, _: row.break_count, Kind.NUMBER, is_shown=False),
        Column("flight", "在途笔数", lambda row, _: row.in_flight, Kind.NUMBER, is_shown=False),
        Column(
            "faults",
            "账单问题",
            lambda row, facts: "；".join(day_faults(row, facts)),
            is_shown=False,
        ),
        Column("checked", "核对时间", lambda row, _: row.checked_at, Kind.TIME, is_shown=False),
    ),
)
