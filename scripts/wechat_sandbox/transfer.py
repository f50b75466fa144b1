"""Merchant transfers (商家转账), the way they work since January 2025.

ACCEPTED > PROCESSING > WAIT_USER_CONFIRM > TRANSFERING > SUCCESS | FAIL, and
CANCELING > CANCELLED before the person confirmed. Only SUCCESS moves money.
"""

import json
import secrets

from flask import Blueprint

from . import faults, money, notices, people, signing
from .v3 import (
    PayError,
    answer,
    box,
    check_appid,
    fen_field,
    notify_field,
    number,
    openid_field,
    param_error,
    payload,
    rfc3339,
    text_field,
)

bp = Blueprint("transfer", __name__, url_prefix="/v3/fund-app/mch-transfer/transfer-bills")

STEP_SECONDS = 0.5
CONFIRM_SECONDS = 24 * 3600
QUERY_SECONDS = 30 * 86400
LEAST_FEN = 10
MOST_FEN = 20_000_00  # As raised on request; the default of a new merchant is 200 yuan.
NAME_REQUIRED_FEN = 2000_00
NAME_ALLOWED_FEN = 30
GRANTED = {
    # scene: (types that must be reported, what the person may be shown)
    "1005": ({"岗位类型", "报酬说明"}, {"劳务报酬", "报销款", "企业补贴", "开工利是"}),
}
FINAL = ("SUCCESS", "FAIL", "CANCELLED")
OPEN = ("ACCEPTED", "PROCESSING", "WAIT_USER_CONFIRM")
REASONS = set(
    "ACCOUNT_FROZEN ACCOUNT_NOT_EXIST NAME_NOT_CORRECT REAL_NAME_CHECK_FAIL OPENID_INVALID "
    "TRANSFER_QUOTA_EXCEED DAY_RECEIVED_QUOTA_EXCEED REALNAME_ACCOUNT_RECEIVED_QUOTA_EXCEED "
    "MCH_CANCEL OTHER_FAIL_REASON_TYPE OVERDUE_CLOSE PAYEE_ACCOUNT_ABNORMAL PAYER_ACCOUNT_ABNORMAL "
    "PRODUCT_AUTH_CHECK_FAIL TRANSFER_RISK TRANSFER_SCENE_UNAVAILABLE TRANSFER_SCENE_INVALID".split()
)


class Unconfirmable(Exception):
    """The confirmation page does not open; the message is what the person sees."""


def _check_scene(data: dict) -> dict:
    scene = text_field(data, "transfer_scene_id", most=36)
    if scene not in GRANTED:
        raise PayError(403, "NO_AUTH", f"商户未开通转账场景 {scene}")
    wanted, perceptions = GRANTED[scene]
    infos = data.get("transfer_scene_report_infos")
    problem = param_error("未传入完整且对应的转账场景报备信息", "transfer_scene_report_infos")
    if not isinstance(infos, list) or not all(isinstance(i, dict) for i in infos):
        raise problem
    for info in infos:
        text_field(info, "info_type", most=15)
        text_field(info, "info_content", most=32)
    if sorted(i["info_type"] for i in infos) != sorted(wanted):
        raise problem
    perception = text_field(data, "user_recv_perception", most=32, required=False)
    if perception and perception not in perceptions:
        raise param_error("user_recv_perception 不在该场景允许的范围内", "user_recv_perception")
    return {
        "scene": scene,
        "perception": perception or "",
        "infos": sorted([i["info_type"], i["info_content"]] for i in infos),
    }


def _name(data: dict, amount_fen: int) -> str | None:
    encrypted = text_field(data, "user_name", most=2048, required=False)
    if encrypted is None:
        if amount_fen >= NAME_REQUIRED_FEN:
            raise param_error("转账金额大于等于 2000 元时，收款用户姓名必填", "user_name")
        return None
    if amount_fen < NAME_ALLOWED_FEN:
        raise param_error("转账金额小于 0.3 元时，不能填写收款用户姓名", "user_name")
    try:
        return signing.decrypt_name(box().config.platform_key, encrypted)
    except ValueError:
        raise param_error("收款用户姓名解密失败，请用微信支付公钥加密", "user_name") from None


def _receiver(data: dict) -> dict:
    """Who is paid on the strength of a grant, which takes the place of the openid."""
    if data.get("openid"):
        raise param_error("不支持传入openid参数，请检查", "openid")
    named = [n for n in ("authorization_id", "out_authorization_no") if data.get(n)]
    if len(named) != 1:
        raise PayError(
            400,
            "INVALID_REQUEST",
            "微信免确认收款授权单号和商户授权单号须且只能传入一个",
        )
    value = text_field(data, named[0], least=5, most=64)
    row = box().store.one(f"SELECT * FROM authorizations WHERE {named[0]} = ?", value)  # noqa: S608 - one of two names
    if row is None:
        raise PayError(404, "NOT_FOUND", "免确认收款授权单不存在")
    return {"openid": row["openid"], "authorization": row["out_authorization_no"]}


def _check(data: dict, *, with_grant: bool = False) -> dict:
    check_appid(data)
    bill_no = text_field(data, "out_bill_no", most=32, pattern=r"[0-9A-Za-z]+")
    amount_fen = fen_field(data, "transfer_amount")
    if not LEAST_FEN <= amount_fen <= MOST_FEN:
        raise PayError(400, "INVALID_REQUEST", "超过单笔转账上下限")
    style = data.get("user_recv_style")
    if style is not None and (
        not isinstance(style, dict) or style.get("type") not in ("CONFIRM_PAGE", "RED_PACKET")
    ):
        raise param_error("user_recv_style 不合法", "user_recv_style")
    return {
        "out_bill_no": bill_no,
        **(_receiver(data) if with_grant else {"openid": openid_field(data)}),
        "amount": amount_fen,
        "remark": text_field(data, "transfer_remark", most=32),
        "notify_url": notify_field(data, required=False),
        "user_name": _name(data, amount_fen),
        **_check_scene(data),
    }


@bp.post("")
def create():
    return _make(_check(payload()))


@bp.post("/transfer")
def create_with_grant():
    """After the person's grant: paid without a confirmation (用户授权后转账)."""
    return _make(_check(payload(), with_grant=True))


def _make(asked: dict):
    store = box().store
    with store.tx():
        now = store.now()
        row = by_number(store, asked["out_bill_no"])
        if row is not None:
            # Encrypted names differ every time; what they say is compared.
            if json.loads(row["request"]) != asked:
                raise PayError(400, "ALREADY_EXISTS", "商户单号已存在，且转账信息与首次请求不一致")
            return answer(_created(row))
        if asked["amount"] > money.available_fen(store):
            raise PayError(403, "NOT_ENOUGH", "运营账户资金不足")
        if "authorization" in asked:
            _require_effect(asked["authorization"])
        fault = faults.take(store, "transfer") or {}
        row = _insert(asked, fault, now)
        if "authorization" in asked and row["state"] == "TRANSFERING":
            failed = _failure(row) if not row["next_reason"] else row["next_reason"]
            _end(box(), row, "FAIL" if failed else "SUCCESS", failed)
            row = by_number(store, asked["out_bill_no"])
        elif fault.get("kind") == "fail" and fault.get("at") == "create":
            _end(box(), row, "FAIL", row["next_reason"])
            row = by_number(store, asked["out_bill_no"])
        elif row["state"] == "WAIT_USER_CONFIRM":
            store.say(
                asked["openid"],
                "system",
                "transfer",
                {
                    "title": "商家转账待确认",
                    "amount_fen": asked["amount"],
                    "remark": asked["remark"],
                    "shop": box().config.merchant_name,
                },
            )
    box().worker.wake()
    return answer(_created(row))


def _require_effect(out_authorization_no: str) -> None:
    row = box().store.one(
        "SELECT state FROM authorizations WHERE out_authorization_no = ?", out_authorization_no
    )
    if row["state"] != "TAKING_EFFECT":
        raise PayError(400, "INVALID_REQUEST", "免确认收款授权未生效或已关闭")


def _lost_its_grant(store, row: dict) -> bool:
    """Whether a bill that was taken on the strength of a grant outlived it."""
    named = json.loads(row["request"]).get("authorization")
    if named is None or row["next_state"] != "SUCCESS":
        return False
    found = store.one("SELECT state FROM authorizations WHERE out_authorization_no = ?", named)
    return found["state"] != "TAKING_EFFECT"


def _insert(asked: dict, fault: dict, now: float) -> dict:
    store, kind = box().store, fault.get("kind")
    granted = "authorization" in asked
    state = {"accepted": "ACCEPTED", "stuck": "PROCESSING"}.get(kind, "WAIT_USER_CONFIRM")
    if granted and state == "WAIT_USER_CONFIRM":
        state = "TRANSFERING"
    store.insert(
        "transfers",
        out_bill_no=asked["out_bill_no"],
        transfer_bill_no=number("1330000071100", now, 40),
        package_info="affffddafdfafddffda==" + secrets.token_urlsafe(32),
        state=state,
        openid=asked["openid"],
        amount_fen=asked["amount"],
        request=json.dumps(asked, ensure_ascii=False),
        user_name=asked["user_name"],
        next_state=("SUCCESS" if granted else "WAIT_USER_CONFIRM") if kind == "accepted" else None,
        next_reason=fault.get("reason", "ACCOUNT_FROZEN") if kind == "fail" else "",
        due_at=now + STEP_SECONDS if kind == "accepted" else None,
        created_at=now,
        updated_at=now,
        expires_at=now if kind == "expire" else now + CONFIRM_SECONDS,
    )
    return store.one("SELECT * FROM transfers WHERE out_bill_no = ?", asked["out_bill_no"])


def _failure(row: dict) -> str:
    """Why the person's own account does not take it, empty if it does."""
    person = people.get(box().store, row["openid"])
    if row["user_name"] and person["real_name"] and row["user_name"] != person["real_name"]:
        return "NAME_NOT_CORRECT"
    return ""


def by_number(store, out_bill_no: str) -> dict | None:
    return store.one("SELECT * FROM transfers WHERE out_bill_no = ?", out_bill_no)


def _created(row: dict) -> dict:
    data = {
        "out_bill_no": row["out_bill_no"],
        "transfer_bill_no": row["transfer_bill_no"],
        "create_time": rfc3339(row["created_at"]),
        "state": row["state"],
    }
    # Only this answer ever carries the package; a query does not repeat it.
    if row["state"] == "WAIT_USER_CONFIRM":
        data["package_info"] = row["package_info"]
    if row["fail_reason"]:
        data["fail_reason"] = row["fail_reason"]
    return data


def _found(row: dict | None, now: float) -> dict:
    if row is None or now - row["created_at"] > QUERY_SECONDS:
        raise PayError(404, "NOT_FOUND", "记录不存在")
    return row


def _shown(row: dict) -> dict:
    request = json.loads(row["request"])
    data = {
        "mch_id": box().config.mchid,
        "out_bill_no": row["out_bill_no"],
        "transfer_bill_no": row["transfer_bill_no"],
        "appid": box().config.appid,
        "state": row["state"],
        "transfer_amount": row["amount_fen"],
        "transfer_remark": request["remark"],
        "openid": row["openid"],
        "create_time": rfc3339(row["created_at"]),
        "update_time": rfc3339(row["updated_at"]),
    }
    return data | ({"fail_reason": row["fail_reason"]} if row["fail_reason"] else {})


@bp.get("/out-bill-no/<out_bill_no>")
def query(out_bill_no: str):
    advance_due(box())
    return answer(_shown(_found(by_number(box().store, out_bill_no), box().store.now())))


@bp.get("/transfer-bill-no/<transfer_bill_no>")
def query_by_platform_number(transfer_bill_no: str):
    advance_due(box())
    row = box().store.one("SELECT * FROM transfers WHERE transfer_bill_no = ?", transfer_bill_no)
    return answer(_shown(_found(row, box().store.now())))


@bp.post("/out-bill-no/<out_bill_no>/cancel")
def cancel(out_bill_no: str):
    store = box().store
    advance_due(box())
    with store.tx() as db:
        now = store.now()
        row = _found(by_number(store, out_bill_no), now)
        if row["state"] in OPEN:
            db.execute(
                "UPDATE transfers SET state = 'CANCELING', next_state = 'CANCELLED',"
                " next_reason = 'MCH_CANCEL', due_at = ?, updated_at = ? WHERE out_bill_no = ?",
                (now + STEP_SECONDS, now, out_bill_no),
            )
        elif row["state"] not in ("CANCELING", "CANCELLED"):
            raise PayError(400, "INVALID_REQUEST", "当前状态不能撤销转账")
        row = by_number(store, out_bill_no)
    box().worker.wake()
    return answer(
        {
            "out_bill_no": out_bill_no,
            "transfer_bill_no": row["transfer_bill_no"],
            "state": row["state"],
            "update_time": rfc3339(row["updated_at"]),
        }
    )


# What time and people do


def advance_due(box) -> None:
    """Carry out the steps that are due and close what nobody confirmed in 24 hours."""
    store = box.store
    now = store.now()
    rows = store.all(
        "SELECT out_bill_no FROM transfers WHERE state NOT IN ('SUCCESS', 'FAIL', 'CANCELLED')"
        " AND (due_at <= ? OR (expires_at <= ? AND state IN ('ACCEPTED', 'PROCESSING',"
        " 'WAIT_USER_CONFIRM')))",
        now,
        now,
    )
    for found in rows:
        with store.tx() as db:
            row = by_number(store, found["out_bill_no"])
            if row["state"] in FINAL:
                continue
            if row["state"] in OPEN and row["expires_at"] <= now:
                _end(box, row, "FAIL", "OVERDUE_CLOSE")
            elif row["next_state"] == "WAIT_USER_CONFIRM":
                db.execute(
                    "UPDATE transfers SET state = 'WAIT_USER_CONFIRM', next_state = NULL, due_at = NULL,"
                    " updated_at = ? WHERE out_bill_no = ?",
                    (now, row["out_bill_no"]),
                )
            elif row["next_state"] and store.get("auto_transfers", True):
                if _lost_its_grant(store, row):
                    # WeChat has no reason of its own for it.
                    _end(box, row, "FAIL", "OTHER_FAIL_REASON_TYPE")
                else:
                    _end(box, row, row["next_state"], row["next_reason"])
    if rows:
        box.worker.wake()


def _end(box, row: dict, state: str, reason: str) -> None:
    store = box.store
    now = store.now()
    reason = "" if state == "SUCCESS" else reason
    store.run(
        "UPDATE transfers SET state = ?, fail_reason = ?, next_state = NULL, due_at = NULL,"
        " updated_at = ? WHERE out_bill_no = ?",
        state,
        reason,
        now,
        row["out_bill_no"],
    )
    request = json.loads(row["request"])
    if state == "SUCCESS":
        money.move(
            store,
            amount_fen=-row["amount_fen"],
            bill_no=row["transfer_bill_no"],
            business="商家转账",
            kind="商家转账",
            note=request["remark"],
            voucher=row["out_bill_no"],
        )
        store.say(
            row["openid"],
            "system",
            "receipt",
            {
                "title": "微信支付收款",
                "amount_fen": row["amount_fen"],
                "shop": box.config.merchant_name,
                "description": request["remark"],
                "number": row["transfer_bill_no"],
            },
        )
    notices.create(
        box,
        event_type="MCHTRANSFER.BILL.FINISHED",
        summary="商家转账单据终态通知",
        resource_type="mch_payment",
        url=request["notify_url"],
        reference=row["out_bill_no"],
        resource={
            "out_bill_no": row["out_bill_no"],
            "transfer_bill_no": row["transfer_bill_no"],
            "state": state,
            "mch_id": box.config.mchid,
            "transfer_amount": row["amount_fen"],
            "openid": row["openid"],
            "fail_reason": reason,
            "create_time": rfc3339(row["created_at"]),
            "update_time": rfc3339(now),
        },
    )


def end_now(box, out_bill_no: str, state: str, reason: str) -> bool:
    """A test decides how a transfer that is not final ends."""
    with box.store.tx():
        row = by_number(box.store, out_bill_no)
        if row is None or row["state"] in FINAL:
            return False
        _end(box, row, state, reason)
    box.worker.wake()
    return True


def confirmable(box, openid: str, package: str, *, mchid: str, appid: str) -> dict:
    """The transfer behind a package that this person may confirm. Raises Unconfirmable."""
    advance_due(box)
    row = box.store.one("SELECT * FROM transfers WHERE package_info = ?", package)
    if mchid != box.config.mchid or appid != box.config.appid:
        raise Unconfirmable("商户号或 AppID 不符")
    if row is None:
        raise Unconfirmable("收款信息有误，package 无效")
    if row["openid"] != openid:
        raise Unconfirmable("收款人与当前微信用户不一致")
    if row["state"] in ("TRANSFERING", "SUCCESS"):
        raise Unconfirmable("该笔转账已确认收款")
    if row["state"] != "WAIT_USER_CONFIRM":
        raise Unconfirmable("该笔转账已关闭")
    return row


def confirm(box, row: dict) -> None:
    store = box.store
    with store.tx() as db:
        row = by_number(store, row["out_bill_no"])
        if row["state"] != "WAIT_USER_CONFIRM":
            raise Unconfirmable("该笔转账已处理")
        reason = _failure(row) or row["next_reason"]
        now = store.now()
        db.execute(
            "UPDATE transfers SET state = 'TRANSFERING', next_state = ?, next_reason = ?, due_at = ?,"
            " updated_at = ? WHERE out_bill_no = ?",
            ("FAIL" if reason else "SUCCESS", reason, now + STEP_SECONDS, now, row["out_bill_no"]),
        )
    box.worker.wake()


def remark(row: dict) -> str:
    return json.loads(row["request"])["remark"]
