"""Refunds (退款): accepted at once, done a little later, then told."""

import json

from flask import Blueprint

from . import money, notices
from .v3 import (
    PayError,
    answer,
    box,
    fen_field,
    notify_field,
    number,
    param_error,
    payload,
    rfc3339,
    text_field,
)

bp = Blueprint("refund", __name__, url_prefix="/v3/refund/domestic")

SECONDS_TO_SETTLE = 1
DAYS_MAX = 365
PARTS_MAX = 50
ACCOUNT = "支付用户零钱"
SUMMARIES = {"SUCCESS": "退款成功", "ABNORMAL": "退款异常", "CLOSED": "退款关闭"}


def _check(data: dict) -> dict:
    amount = data.get("amount")
    if not isinstance(amount, dict):
        raise param_error("缺少参数 amount", "amount")
    if amount.get("currency") != "CNY":
        raise param_error("amount.currency 只能是 CNY", "amount.currency")
    transaction_id = text_field(data, "transaction_id", most=32, required=False)
    out_trade_no = text_field(data, "out_trade_no", most=32, required=False)
    if not transaction_id and not out_trade_no:
        raise param_error("transaction_id 和 out_trade_no 须填一个", "transaction_id")
    if data.get("funds_account") not in (None, "AVAILABLE"):
        raise param_error("funds_account 只能是 AVAILABLE", "funds_account")
    return {
        "transaction_id": transaction_id,
        "out_trade_no": out_trade_no,
        "out_refund_no": text_field(data, "out_refund_no", most=64, pattern=r"[0-9A-Za-z_\-|*@]+"),
        "reason": text_field(data, "reason", most=80, required=False),
        "notify_url": notify_field(data, required=False),
        "refund": fen_field(amount, "refund"),
        "total": fen_field(amount, "total"),
    }


def _order(store, asked: dict) -> dict:
    if asked["transaction_id"]:
        row = store.one("SELECT * FROM orders WHERE transaction_id = ?", asked["transaction_id"])
    else:
        row = store.one("SELECT * FROM orders WHERE out_trade_no = ?", asked["out_trade_no"])
    if row is None:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "订单不存在")
    if asked["out_trade_no"] and row["out_trade_no"] != asked["out_trade_no"]:
        raise param_error("transaction_id 与 out_trade_no 不是同一订单")
    if row["state"] not in ("SUCCESS", "REFUND"):
        raise PayError(403, "TRADE_ERROR", "订单未支付，不能退款")
    return row


@bp.post("/refunds")
def create():
    asked = _check(payload())
    store = box().store
    with store.tx() as db:
        now = store.now()
        row = store.one("SELECT * FROM refunds WHERE out_refund_no = ?", asked["out_refund_no"])
        order = _order(store, asked)
        if row is not None:
            before = json.loads(row["request"])
            same = ("refund", "total")
            if row["out_trade_no"] != order["out_trade_no"] or any(
                before[k] != asked[k] for k in same
            ):
                raise PayError(
                    400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试"
                )
            if row["status"] == "CLOSED":
                _reserve(store, order, asked["refund"])
                db.execute(
                    "UPDATE refunds SET status = 'PROCESSING', due_at = ?, finished_at = NULL"
                    " WHERE out_refund_no = ?",
                    (_due(store, now), row["out_refund_no"]),
                )
            return answer(shown(store, asked["out_refund_no"]))
        if asked["total"] != order["total_fen"]:
            raise PayError(400, "INVALID_REQUEST", "订单金额不一致")
        if now - order["paid_at"] > DAYS_MAX * 86400:
            raise PayError(403, "TRADE_ERROR", "订单已超过一年，不能退款")
        parts = store.one(
            "SELECT COUNT(*) AS n FROM refunds WHERE out_trade_no = ?", order["out_trade_no"]
        )["n"]
        if parts >= PARTS_MAX:
            raise PayError(403, "RULE_LIMIT", "部分退款次数超限")
        _reserve(store, order, asked["refund"])
        store.insert(
            "refunds",
            out_refund_no=asked["out_refund_no"],
            refund_id=number("5030000", now, 29),
            out_trade_no=order["out_trade_no"],
            refund_fen=asked["refund"],
            status="PROCESSING",
            request=json.dumps(asked, ensure_ascii=False),
            created_at=now,
            due_at=_due(store, now),
        )
    box().worker.wake()
    return answer(shown(store, asked["out_refund_no"]))


def _due(store, now: float) -> float | None:
    return now + SECONDS_TO_SETTLE if store.get("auto_refunds", True) else None


def _reserve(store, order: dict, refund_fen: int) -> None:
    if order["refunded_fen"] + refund_fen > order["total_fen"]:
        raise PayError(400, "INVALID_REQUEST", "申请退款金额大于订单可退金额")
    if refund_fen > money.available_fen(store):
        raise PayError(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起")
    store.run(
        "UPDATE orders SET refunded_fen = refunded_fen + ?, state = 'REFUND' WHERE out_trade_no = ?",
        refund_fen,
        order["out_trade_no"],
    )


def shown(store, out_refund_no: str) -> dict:
    row = store.one(
        "SELECT r.*, o.transaction_id, o.total_fen FROM refunds r JOIN orders o USING (out_trade_no)"
        " WHERE out_refund_no = ?",
        out_refund_no,
    )
    if row is None:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
    total, part = row["total_fen"], row["refund_fen"]
    data = {
        "refund_id": row["refund_id"],
        "out_refund_no": row["out_refund_no"],
        "transaction_id": row["transaction_id"],
        "out_trade_no": row["out_trade_no"],
        "channel": "ORIGINAL",
        "user_received_account": ACCOUNT,
        "create_time": rfc3339(row["created_at"]),
        "status": row["status"],
        "funds_account": "AVAILABLE",
        "amount": {
            "total": total,
            "refund": part,
            "from": [],
            "payer_total": total,
            "payer_refund": part,
            "settlement_refund": part,
            "settlement_total": total,
            "discount_refund": 0,
            "currency": "CNY",
            "refund_fee": 0,
        },
        "promotion_detail": [],
    }
    if row["status"] == "SUCCESS":
        data["success_time"] = rfc3339(row["finished_at"])
    return data


@bp.get("/refunds/<path:out_refund_no>")
def query(out_refund_no: str):
    return answer(shown(box().store, out_refund_no))


def settle_due(box) -> None:
    rows = box.store.all(
        "SELECT out_refund_no FROM refunds WHERE status = 'PROCESSING' AND due_at <= ?",
        box.store.now(),
    )
    for row in rows:
        finish(box, row["out_refund_no"], "SUCCESS")


def finish(box, out_refund_no: str, status: str) -> bool:
    """End a refund that is processing: SUCCESS, ABNORMAL or CLOSED. False if it is not."""
    store = box.store
    with store.tx() as db:
        row = store.one(
            "SELECT r.*, o.transaction_id, o.total_fen, o.openid FROM refunds r"
            " JOIN orders o USING (out_trade_no) WHERE out_refund_no = ?",
            out_refund_no,
        )
        if (
            row is None
            or row["status"] not in ("PROCESSING", "ABNORMAL")
            or status == row["status"]
        ):
            return False
        now = store.now()
        db.execute(
            "UPDATE refunds SET status = ?, finished_at = ?, due_at = NULL WHERE out_refund_no = ?",
            (status, now, out_refund_no),
        )
        part, total = row["refund_fen"], row["total_fen"]
        if status == "SUCCESS":
            flow = {"bill_no": row["refund_id"], "voucher": out_refund_no, "note": "退款"}
            money.move(store, amount_fen=-part, business="退款", kind="退款", **flow)
            back = money.fee_fen(total) * part // total
            if back:
                money.move(store, amount_fen=back, business="退还手续费", kind="退还手续费", **flow)
            store.say(
                row["openid"],
                "system",
                "receipt",
                {
                    "title": "退款到账通知",
                    "amount_fen": part,
                    "shop": box.config.merchant_name,
                    "description": "退回" + ACCOUNT,
                    "number": row["refund_id"],
                },
            )
        elif status == "CLOSED":
            db.execute(
                "UPDATE orders SET refunded_fen = refunded_fen - ?,"
                " state = CASE WHEN refunded_fen = ? THEN 'SUCCESS' ELSE 'REFUND' END"
                " WHERE out_trade_no = ?",
                (part, part, row["out_trade_no"]),
            )
        resource = {
            "mchid": box.config.mchid,
            "transaction_id": row["transaction_id"],
            "out_trade_no": row["out_trade_no"],
            "refund_id": row["refund_id"],
            "out_refund_no": out_refund_no,
            "refund_status": status,
            "user_received_account": ACCOUNT,
            "amount": {"total": total, "refund": part, "payer_total": total, "payer_refund": part},
        }
        if status == "SUCCESS":
            resource["success_time"] = rfc3339(now)
        notices.create(
            box,
            event_type=f"REFUND.{status}",
            summary=SUMMARIES[status],
            resource_type="refund",
            resource=resource,
            url=json.loads(row["request"])["notify_url"],
            reference=out_refund_no,
        )
    box.worker.wake()
    return True
