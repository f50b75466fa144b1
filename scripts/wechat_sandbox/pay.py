"""JSAPI orders (JSAPI 下单): prepay, query, close, and what the phone does with them."""

import json
import secrets
from datetime import datetime
from urllib.parse import urlsplit

from flask import Blueprint, request

from . import money, notices, people, signing
from .v3 import (
    BEIJING,
    PayError,
    answer,
    box,
    check_appid,
    check_mchid,
    fen_field,
    notify_field,
    number,
    openid_field,
    param_error,
    parse_time,
    payload,
    rfc3339,
    text_field,
)

bp = Blueprint("pay", __name__, url_prefix="/v3/pay/transactions")

PREPAY_SECONDS = 2 * 3600
EXPIRE_SECONDS_DEFAULT = 7 * 86400
EXPIRE_SECONDS_MIN = 60
EXPIRE_SECONDS_MAX = 90 * 86400
TRADE_NO = r"[0-9A-Za-z_\-|*]+"
STATES = {
    "SUCCESS": "支付成功",
    "REFUND": "转入退款",
    "NOTPAY": "订单未支付",
    "CLOSED": "订单已关闭",
}


class Unpayable(Exception):
    """The pay sheet does not open; the message is what WeChat shows."""


def by_number(store, out_trade_no: str) -> dict | None:
    expire(store)
    return store.one("SELECT * FROM orders WHERE out_trade_no = ?", out_trade_no)


def expire(store) -> None:
    """Orders past their time_expire close by themselves."""
    now = store.now()
    if store.one("SELECT 1 FROM orders WHERE state = 'NOTPAY' AND expires_at <= ?", now):
        store.run(
            "UPDATE orders SET state = 'CLOSED' WHERE state = 'NOTPAY' AND expires_at <= ?", now
        )


def _check(data: dict) -> dict:
    """The order as it will be compared when the same number comes again."""
    check_appid(data)
    check_mchid(data.get("mchid"))
    amount, payer = data.get("amount"), data.get("payer")
    if not isinstance(amount, dict):
        raise param_error("缺少参数 amount", "amount")
    if not isinstance(payer, dict):
        raise param_error("缺少参数 payer", "payer")
    if amount.get("currency", "CNY") != "CNY":
        raise param_error("amount.currency 只能是 CNY", "amount.currency")
    scene = data.get("scene_info")
    if scene is not None:
        if not isinstance(scene, dict):
            raise param_error("scene_info 应为对象", "scene_info")
        text_field(scene, "payer_client_ip", most=45)
    return {
        "description": text_field(data, "description", most=127),
        "out_trade_no": text_field(data, "out_trade_no", least=6, most=32, pattern=TRADE_NO),
        "time_expire": text_field(data, "time_expire", most=64, required=False),
        "attach": text_field(data, "attach", most=128, required=False) or "",
        "notify_url": notify_field(data),
        "goods_tag": text_field(data, "goods_tag", most=32, required=False),
        "total": fen_field(amount, "total"),
        "openid": openid_field(payer),
    }


def _expiry(order: dict, now: float) -> float:
    if order["time_expire"] is None:
        return now + EXPIRE_SECONDS_DEFAULT
    at = parse_time(order["time_expire"], "time_expire")
    if not EXPIRE_SECONDS_MIN <= at - now <= EXPIRE_SECONDS_MAX:
        raise param_error("time_expire 应在 1 分钟之后、90 天之内", "time_expire")
    return at


def _new_prepay(now: float) -> str:
    stamp = datetime.fromtimestamp(now, BEIJING).strftime("%d%H%M%S")
    return "wx" + stamp + secrets.token_hex(13)


@bp.post("/jsapi")
def prepay():
    order = _check(payload())
    store = box().store
    with store.tx() as db:
        now = store.now()
        row = by_number(store, order["out_trade_no"])
        if row is not None:
            if row["state"] in ("SUCCESS", "REFUND"):
                raise PayError(400, "ORDERPAID", "该订单已支付")
            if row["state"] == "CLOSED":
                raise PayError(400, "ORDER_CLOSED", "该订单已关闭")
            if json.loads(row["request"]) != order:
                raise PayError(403, "OUT_TRADE_NO_USED", "商户订单号重复：参数与首次下单不一致")
            prepay_id = row["prepay_id"]
            if now - row["prepay_at"] >= PREPAY_SECONDS:
                prepay_id = _new_prepay(now)
            db.execute(
                "UPDATE orders SET prepay_id = ?, prepay_at = ? WHERE out_trade_no = ?",
                (prepay_id, now, row["out_trade_no"]),
            )
            return answer({"prepay_id": prepay_id})
        prepay_id = _new_prepay(now)
        store.insert(
            "orders",
            out_trade_no=order["out_trade_no"],
            prepay_id=prepay_id,
            prepay_at=now,
            state="NOTPAY",
            openid=order["openid"],
            total_fen=order["total"],
            request=json.dumps(order, ensure_ascii=False),
            created_at=now,
            expires_at=_expiry(order, now),
        )
    return answer({"prepay_id": prepay_id})


def transaction(config, row: dict) -> dict:
    """The order as queries and notices show it."""
    order = json.loads(row["request"])
    shown = {
        "mchid": config.mchid,
        "appid": config.appid,
        "out_trade_no": row["out_trade_no"],
        "trade_type": "JSAPI",
        "trade_state": row["state"],
        "trade_state_desc": STATES[row["state"]],
        "attach": order["attach"],
        "payer": {"openid": row["openid"]},
        "amount": {"total": row["total_fen"], "currency": "CNY"},
        "scene_info": {"device_id": ""},
        "promotion_detail": [],
    }
    if row["transaction_id"]:
        shown |= {
            "transaction_id": row["transaction_id"],
            "bank_type": "OTHERS",
            "success_time": rfc3339(row["paid_at"]),
        }
        shown["amount"] |= {"payer_total": row["total_fen"], "payer_currency": "CNY"}
    return shown


def _found(row: dict | None) -> dict:
    if row is None:
        raise PayError(404, "ORDER_NOT_EXIST", "订单不存在")
    return row


@bp.get("/out-trade-no/<path:out_trade_no>")
def query(out_trade_no: str):
    check_mchid(request.args.get("mchid"))
    return answer(transaction(box().config, _found(by_number(box().store, out_trade_no))))


@bp.get("/id/<transaction_id>")
def query_by_id(transaction_id: str):
    check_mchid(request.args.get("mchid"))
    row = box().store.one("SELECT * FROM orders WHERE transaction_id = ?", transaction_id)
    return answer(transaction(box().config, _found(row)))


@bp.post("/out-trade-no/<path:out_trade_no>/close")
def close(out_trade_no: str):
    check_mchid(payload().get("mchid"))
    store = box().store
    with store.tx() as db:
        row = _found(by_number(store, out_trade_no))
        if row["state"] in ("SUCCESS", "REFUND"):
            raise PayError(400, "ORDERPAID", "该订单已支付，不能关闭")
        db.execute("UPDATE orders SET state = 'CLOSED' WHERE out_trade_no = ?", (out_trade_no,))
    return answer(None, 204)


# The phone


def payable(store, openid: str, prepay_id: str) -> dict:
    """The order behind a prepay_id that this person may pay now. Raises Unpayable."""
    expire(store)
    row = store.one("SELECT * FROM orders WHERE prepay_id = ?", prepay_id)
    if row is None:
        raise Unpayable("支付验证失败：prepay_id 无效")
    if row["openid"] != openid:
        raise Unpayable("下单账号与支付账号不一致")
    if row["state"] in ("SUCCESS", "REFUND"):
        raise Unpayable("该订单已支付")
    if row["state"] == "CLOSED":
        raise Unpayable("该订单已关闭")
    if store.now() - row["prepay_at"] >= PREPAY_SECONDS:
        raise Unpayable("支付会话已过期，请重新下单")
    return row


def check_request(box, openid: str, params: dict, page_url: str) -> dict:
    """What `getBrandWCPayRequest` is given, checked as the phone would."""
    config = box.config
    values = {
        k: params.get(k)
        for k in ("appId", "timeStamp", "nonceStr", "package", "signType", "paySign")
    }
    missing = [k for k, v in values.items() if not isinstance(v, str) or not v]
    if missing:
        raise Unpayable(f"调用支付JSAPI缺少参数：{missing[0]}")
    page = urlsplit(page_url)
    if f"{page.scheme}://{page.netloc}" != config.mall_url:
        raise Unpayable(f"当前页面的URL未注册：{page_url}")
    if values["appId"] != config.appid:
        raise Unpayable("appId 与公众号不符")
    if (
        values["signType"] != "RSA"
        or len(values["nonceStr"]) > 32
        or not values["timeStamp"].isdigit()
    ):
        raise Unpayable("支付验证签名失败")
    text = signing.pay_sign_text(
        values["appId"], values["timeStamp"], values["nonceStr"], values["package"]
    )
    if not signing.rsa_verify(config.merchant_public_key, values["paySign"], text):
        raise Unpayable("支付验证签名失败")
    name, _, prepay_id = values["package"].partition("=")
    if name != "prepay_id":
        raise Unpayable("支付验证失败：package 格式不对")
    return payable(box.store, openid, prepay_id)


def pay(box, openid: str, prepay_id: str) -> dict:
    """The person pays. Money and notice follow in the same unit."""
    store, config = box.store, box.config
    with store.tx() as db:
        row = payable(store, openid, prepay_id)
        now = store.now()
        transaction_id = number("4200002", now, 28)
        db.execute(
            "UPDATE orders SET state = 'SUCCESS', transaction_id = ?, paid_at = ? WHERE out_trade_no = ?",
            (transaction_id, now, row["out_trade_no"]),
        )
        flow = {"bill_no": transaction_id, "voucher": row["out_trade_no"], "note": "支付"}
        money.move(store, amount_fen=row["total_fen"], business="交易", kind="交易", **flow)
        fee = money.fee_fen(row["total_fen"])
        if fee:
            money.move(
                store, amount_fen=-fee, business="扣除交易手续费", kind="扣除交易手续费", **flow
            )
        people.open_window(store, openid, "pay")
        order = json.loads(row["request"])
        store.say(
            openid,
            "system",
            "receipt",
            {
                "title": "微信支付",
                "amount_fen": row["total_fen"],
                "shop": config.merchant_name,
                "description": order["description"],
                "number": transaction_id,
            },
        )
        paid = store.one("SELECT * FROM orders WHERE out_trade_no = ?", row["out_trade_no"])
        notices.create(
            box,
            event_type="TRANSACTION.SUCCESS",
            summary="支付成功",
            resource_type="transaction",
            resource=transaction(config, paid),
            url=order["notify_url"],
            reference=row["out_trade_no"],
        )
    box.worker.wake()
    return paid


def description(row: dict) -> str:
    return json.loads(row["request"])["description"]
