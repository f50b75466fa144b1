"""Daily bills: trades and fund flow, in the format of the real files."""

import gzip
import hashlib
import json
import secrets
from datetime import date, datetime, timedelta

from flask import Blueprint, Response, request

from . import money
from .v3 import BEIJING, PayError, answer, box, param_error

bp = Blueprint("bills", __name__, url_prefix="/v3")

URL_SECONDS = 300
READY_HOUR = 10
MONTHS_DAYS = 92
TRADE_HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,"
    "货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,"
    "商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
TRADE_SUM = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
FLOW_HEAD = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号"
)
FLOW_SUM = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"


def _day() -> tuple[float, float]:
    """Start and end of the asked day, if its bill exists by now."""
    text = request.args.get("bill_date", "")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise param_error("bill_date 格式应为 YYYY-MM-DD", "bill_date") from None
    store = box().store
    now = datetime.fromtimestamp(store.now(), BEIJING)
    if not store.get("bills_at_once", False):
        if day >= now.date():
            raise PayError(400, "INVALID_REQUEST", "只能下载今天以前的账单")
        if day == now.date() - timedelta(days=1) and now.hour < READY_HOUR:
            raise PayError(400, "STATEMENT_CREATING", "账单生成中，请在上午 10 点后再试")
    if (now.date() - day).days > MONTHS_DAYS:
        raise PayError(400, "INVALID_REQUEST", "只能下载三个月内的账单")
    start = datetime(day.year, day.month, day.day, tzinfo=BEIJING)
    return start.timestamp(), (start + timedelta(days=1)).timestamp()


def _row(*cells) -> str:
    # The backtick keeps spreadsheets from turning numbers into something else.
    return ",".join("`" + str(c).replace(",", " ").replace("\n", " ") for c in cells)


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def _csv(head: str, rows: list[str], sum_head: str, sums: str) -> bytes:
    return ("\r\n".join([head, *rows, sum_head, sums]) + "\r\n").encode()


def _offer(content: bytes) -> Response:
    zipped = request.args.get("tar_type")
    if zipped not in (None, "GZIP"):
        raise param_error("tar_type 只能是 GZIP", "tar_type")
    store, token = box().store, secrets.token_urlsafe(32)
    store.insert(
        "bill_files",
        token=token,
        expires_at=store.now() + URL_SECONDS,
        content=gzip.compress(content) if zipped else content,
    )
    return answer(
        {
            "hash_type": "SHA1",
            # Of the file as it is before packing.
            "hash_value": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
            "download_url": f"{box().config.sandbox_url}/v3/billdownload/file?token={token}",
        }
    )


def _pay_row(row: dict) -> str:
    order, config = json.loads(row["request"]), box().config
    total = money.yuan(row["total_fen"])
    return _row(
        _clock(row["paid_at"]),
        config.appid,
        config.mchid,
        0,
        "",
        row["transaction_id"],
        row["out_trade_no"],
        row["openid"],
        "JSAPI",
        "SUCCESS",
        "OTHERS",
        "CNY",
        total,
        "0.00",
        0,
        0,
        "0.00",
        "0.00",
        "",
        "",
        order["description"],
        order["attach"],
        money.yuan(money.fee_fen(row["total_fen"])) + "000",
        "0.60%",
        total,
        "0.00",
        "",
    )


def _refund_row(row: dict) -> str:
    order, config = json.loads(row["order_request"]), box().config
    part = money.yuan(row["refund_fen"])
    fee = money.fee_fen(row["total_fen"]) * row["refund_fen"] // row["total_fen"]
    return _row(
        _clock(row["finished_at"]),
        config.appid,
        config.mchid,
        0,
        "",
        row["transaction_id"],
        row["out_trade_no"],
        row["openid"],
        "JSAPI",
        "REFUND",
        "OTHERS",
        "CNY",
        "0.00",
        "0.00",
        row["refund_id"],
        row["out_refund_no"],
        part,
        "0.00",
        "ORIGINAL",
        row["status"],
        order["description"],
        order["attach"],
        money.yuan(-fee) + "000",
        "0.60%",
        "0.00",
        part,
        "",
    )


@bp.get("/bill/tradebill")
def trade_bill():
    start, end = _day()
    kind = request.args.get("bill_type", "ALL")
    if kind not in ("ALL", "SUCCESS", "REFUND"):
        raise param_error("bill_type 不合法", "bill_type")
    store = box().store
    paid = refunds = []
    if kind != "REFUND":
        paid = store.all(
            "SELECT * FROM orders WHERE paid_at >= ? AND paid_at < ? ORDER BY paid_at", start, end
        )
    if kind != "SUCCESS":
        refunds = store.all(
            "SELECT r.*, o.request AS order_request, o.transaction_id, o.total_fen, o.openid"
            " FROM refunds r JOIN orders o USING (out_trade_no) WHERE r.status = 'SUCCESS'"
            " AND r.finished_at >= ? AND r.finished_at < ? ORDER BY r.finished_at",
            start,
            end,
        )
    if not paid and not refunds:
        raise PayError(400, "NO_STATEMENT_EXIST", "账单文件不存在，当日无交易")
    total = sum(r["total_fen"] for r in paid)
    back = sum(r["refund_fen"] for r in refunds)
    fees = sum(money.fee_fen(r["total_fen"]) for r in paid) - sum(
        money.fee_fen(r["total_fen"]) * r["refund_fen"] // r["total_fen"] for r in refunds
    )
    sums = _row(
        len(paid) + len(refunds),
        money.yuan(total),
        money.yuan(back),
        "0.00",
        money.yuan(fees) + "000",
        money.yuan(total),
        money.yuan(back),
    )
    rows = [_pay_row(r) for r in paid] + [_refund_row(r) for r in refunds]
    return _offer(_csv(TRADE_HEAD, rows, TRADE_SUM, sums))


@bp.get("/bill/fundflowbill")
def fund_flow_bill():
    start, end = _day()
    if request.args.get("account_type", "BASIC") not in ("BASIC", "OPERATION", "FEES"):
        raise param_error("account_type 不合法", "account_type")
    flow = box().store.all(
        "SELECT * FROM fund_flow WHERE at >= ? AND at < ? ORDER BY id", start, end
    )
    # This merchant has one account; the others had no movement.
    if not flow or request.args.get("account_type", "BASIC") != "BASIC":
        raise PayError(400, "NO_STATEMENT_EXIST", "账单文件不存在，当日无资金流水")
    rows = [
        _row(
            _clock(r["at"]),
            r["bill_no"],
            f"1000{r['id']:012d}",
            r["business"],
            r["kind"],
            "收入" if r["amount_fen"] > 0 else "支出",
            money.yuan(abs(r["amount_fen"])),
            money.yuan(r["balance_fen"]),
            "system",
            r["note"],
            r["voucher"],
        )
        for r in flow
    ]
    came = [r["amount_fen"] for r in flow if r["amount_fen"] > 0]
    went = [-r["amount_fen"] for r in flow if r["amount_fen"] < 0]
    sums = _row(len(flow), len(came), money.yuan(sum(came)), len(went), money.yuan(sum(went)))
    return _offer(_csv(FLOW_HEAD, rows, FLOW_SUM, sums))


@bp.get("/billdownload/file")
def download():
    store = box().store
    row = store.one("SELECT * FROM bill_files WHERE token = ?", request.args.get("token", ""))
    if row is None or row["expires_at"] <= store.now():
        raise PayError(404, "RESOURCE_NOT_EXISTS", "账单下载地址已失效")
    return Response(row["content"], content_type="application/octet-stream")
