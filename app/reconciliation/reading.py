"""Reading a bill file: whole, or not at all. Pure; formats in wechat.md, "Bills"."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from typing import NoReturn

from app.core import clock
from app.reconciliation.errors import BillRefused
from app.reconciliation.models import BillKind, Sort
from app.reconciliation.ports import RawBill

TRADE_HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,"
    "货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,"
    "商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
).split(",")
TRADE_SUM = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
).split(",")
FLOW_HEAD = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号"
).split(",")
FLOW_SUM = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额".split(",")
_HEADS = {BillKind.TRADE: (TRADE_HEAD, TRADE_SUM), BillKind.FLOW: (FLOW_HEAD, FLOW_SUM)}

# The columns that are summed at the foot of a trade bill.
_TRADE_TOTALS = (
    ("应结订单金额", "应结订单总金额"),
    ("退款金额", "退款总金额"),
    ("充值券退款金额", "充值券退款总金额"),
    ("手续费", "手续费总金额"),
    ("订单金额", "订单总金额"),
    ("申请退款金额", "申请退款总金额"),
)
_FEES = ("扣除交易手续费", "退还手续费", "手续费", "服务费")


@dataclass(frozen=True)
class Row:
    line: int
    sort: Sort
    at: datetime
    number: str
    wx_number: str
    amount_fen: int


@dataclass(frozen=True)
class Bill:
    """The rows of a file, amounts in fen; balances only of a flow bill."""

    sha1: str
    rows: list[Row] = field(repr=False)
    opening_fen: int | None = None
    closing_fen: int | None = None


def read(kind: BillKind, day: date, raw: RawBill, *, mchid: str) -> Bill:
    """Check a file against its hash, its foot and itself. Raises BillRefused."""
    sha1 = hashlib.sha1(raw.content, usedforsecurity=False).hexdigest()
    if raw.hash_type != "SHA1":
        _refuse(f"不认识的摘要算法 {raw.hash_type[:20]}")
    if sha1 != raw.hash_value.lower():
        _refuse("摘要与微信给出的不一致，文件可能被截断或改动")
    try:
        text = raw.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        _refuse("不是 UTF-8 编码")
    # Not splitlines(): a name of goods may hold one of the stranger line ends.
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    head, foot = _HEADS[kind]
    if not lines or lines[0].split(",") != head:
        _refuse("表头与约定的不同")
    if len(lines) < 3 or lines[-2].split(",") != foot:
        _refuse("缺少结尾的合计，文件可能被截断")
    sums = dict(zip(foot, _cells(lines[-1], len(lines), len(foot)), strict=True))
    rows = _read_cells(lines[1:-2], len(head))
    made = _trade(rows, sums, mchid) if kind is BillKind.TRADE else _flow(rows, sums)
    for row in made.rows:
        if clock.local(row.at).date() != day:
            _refuse(f"第 {row.line} 行不是 {day} 的记录")
    return Bill(sha1, made.rows, made.opening_fen, made.closing_fen)


def _trade(rows: Iterator[tuple[int, list[str]]], sums: dict[str, str], mchid: str) -> Bill:
    place = {name: index for index, name in enumerate(TRADE_HEAD)}
    totals = dict.fromkeys((foot for _, foot in _TRADE_TOTALS), 0)
    found: list[Row] = []
    seen: set[tuple[Sort, str]] = set()
    count = 0
    for line, cells in rows:
        count += 1
        if cells[place["商户号"]] != mchid:
            _refuse(f"第 {line} 行不是本商户号的记录")
        for name, foot in _TRADE_TOTALS:
            totals[foot] += _thousandths(cells[place[name]], line)
        at = _moment(cells[place["交易时间"]], line)
        match cells[place["交易状态"]]:
            case "SUCCESS":
                row = Row(
                    line,
                    Sort.PAYMENT,
                    at,
                    cells[place["商户订单号"]],
                    cells[place["微信订单号"]],
                    _fen(cells[place["订单金额"]], line),
                )
            case "REFUND":
                row = Row(
                    line,
                    Sort.REFUND,
                    at,
                    cells[place["商户退款单号"]],
                    cells[place["微信退款单号"]],
                    -_fen(cells[place["申请退款金额"]], line),
                )
            case state:
                _refuse(f"第 {line} 行的交易状态 {state[:20]} 不认识")
        if (row.sort, row.wx_number) in seen:
            _refuse(f"第 {line} 行的单号 {row.wx_number[:32]} 出现了两次")
        seen.add((row.sort, row.wx_number))
        found.append(row)
    _same("总交易单数", count, _count(sums["总交易单数"]))
    for foot, total in totals.items():
        _same(foot, total, _thousandths(sums[foot], None))
    return Bill("", found)


def _flow(rows: Iterator[tuple[int, list[str]]], sums: dict[str, str]) -> Bill:
    place = {name: index for index, name in enumerate(FLOW_HEAD)}
    found: list[Row] = []
    balances: list[int] = []
    came: list[int] = []
    went: list[int] = []
    seen: set[str] = set()
    for line, cells in rows:
        fen = _fen(cells[place["收支金额(元)"]], line)
        match cells[place["收支类型"]]:
            case "收入":
                came.append(fen)
            case "支出":
                went.append(fen)
                fen = -fen
            case side:
                _refuse(f"第 {line} 行的收支类型 {side[:20]} 不认识")
        flow_number = cells[place["资金流水单号"]]
        if flow_number in seen:
            _refuse(f"第 {line} 行的流水单号 {flow_number[:32]} 出现了两次")
        seen.add(flow_number)
        balances.append(_fen(cells[place["账户结余(元)"]], line))
        found.append(
            Row(
                line,
                _sort(cells[place["业务类型"]]),
                _moment(cells[place["记账时间"]], line),
                cells[place["业务凭证号"]],
                cells[place["微信支付业务单号"]],
                fen,
            )
        )
    for (before, after), row in zip(pairwise(balances), found[1:], strict=True):
        if before + row.amount_fen != after:
            _refuse(f"第 {row.line} 行的结余接不上前一行，中间可能缺了记录")
    _same("资金流水总笔数", len(found), _count(sums["资金流水总笔数"]))
    _same("收入笔数", len(came), _count(sums["收入笔数"]))
    _same("支出笔数", len(went), _count(sums["支出笔数"]))
    _same("收入金额", sum(came), _fen(sums["收入金额"], None))
    _same("支出金额", sum(went), _fen(sums["支出金额"], None))
    if not found:
        return Bill("", [])
    return Bill("", found, balances[0] - found[0].amount_fen, balances[-1])


def _sort(kind: str) -> Sort:
    """What a move is about, by the name WeChat gives its business."""
    if any(name in kind for name in _FEES):
        return Sort.FEE
    if "退款" in kind and "转账" not in kind:
        return Sort.REFUND
    if "转账" in kind:
        return Sort.TRANSFER
    return Sort.PAYMENT if kind == "交易" else Sort.OTHER


def _read_cells(lines: Sequence[str], width: int) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, start=2):
        yield number, _cells(line, number, width)


def _cells(line: str, number: int, width: int) -> list[str]:
    """The cells of a row, each of which starts with a backtick.

    Nothing is quoted, so a comma within a cell cannot be told from one between
    two: such a row has too many, and the file is refused rather than guessed at.
    """
    cells = line.split(",")
    if len(cells) != width:
        _refuse(f"第 {number} 行有 {len(cells)} 格，应为 {width} 格，可能有一格里含逗号")
    if not all(cell.startswith("`") for cell in cells):
        _refuse(f"第 {number} 行有一格没有以 ` 开头")
    return [cell[1:].strip() for cell in cells]


def _thousandths(text: str, line: int | None) -> int:
    """Yuan with up to five decimals, in thousandths of a fen."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, rest = digits.partition(".")
    if not (
        whole.isascii() and whole.isdigit() and len(whole) < 13 and 2 <= len(rest) <= 5
    ) or not (rest.isascii() and rest.isdigit()):
        where = "合计" if line is None else f"第 {line} 行"
        _refuse(f"{where}的金额 {text[:20]} 读不懂")
    return sign * (int(whole) * 100_000 + int(rest.ljust(5, "0")))


def _fen(text: str, line: int | None) -> int:
    found = _thousandths(text, line)
    if found % 1000:
        where = "合计" if line is None else f"第 {line} 行"
        _refuse(f"{where}的金额 {text[:20]} 不是整分")
    return found // 1000


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        _refuse(f"合计的笔数 {text[:20]} 读不懂")
    return int(text)


def _moment(text: str, line: int) -> datetime:
    try:
        return clock.as_utc(datetime.fromisoformat(text).replace(tzinfo=clock.SHANGHAI))
    except ValueError:
        _refuse(f"第 {line} 行的时间 {text[:20]} 读不懂")


def _same(what: str, ours: int, theirs: int) -> None:
    if ours != theirs:
        _refuse(f"{what}与各行之和不符，文件可能被截断")


def _refuse(why: str) -> NoReturn:
    raise BillRefused(why)
