"""Grants to receive transfers without confirming each (免确认收款授权).

WAIT_USER_CONFIRM > TAKING_EFFECT > CLOSED; nobody confirmed for a day: CLOSED. A
transfer that names a grant in effect is paid at once, without the person.
"""

import json
import secrets

from flask import Blueprint, request

from . import notices, people
from .transfer import GRANTED, Unconfirmable
from .v3 import (
    PayError,
    answer,
    box,
    check_appid,
    number,
    openid_field,
    param_error,
    payload,
    rfc3339,
    text_field,
    url_field,
)

bp = Blueprint(
    "authorization", __name__, url_prefix="/v3/fund-app/mch-transfer/user-confirm-authorization"
)

CONFIRM_SECONDS = 24 * 3600
# What nobody confirmed is forgotten then.
KEPT_SECONDS = 30 * 86400
OPEN_MOST = 5
CLOSE_REASONS = {
    "CLOSE_VIA_MCH_API",
    "USER_CLOSE",
    "USER_OVERDUE_UNCONFIRMED",
    "TRANSFER_RISK",
    "USER_ACCOUNT_ABNORMAL",
}


def _check(data: dict) -> dict:
    check_appid(data)
    scene = text_field(data, "transfer_scene_id", most=36)
    if scene not in GRANTED:
        raise PayError(403, "NO_AUTH", f"商户未开通转账场景 {scene}")
    name = text_field(data, "user_display_name", most=32)
    if any(ord(c) > 0xFFFF for c in name):
        raise param_error("user_display_name 含有不支持的字符", "user_display_name")
    perception = text_field(data, "user_recv_perception", most=256, required=False)
    if perception and perception not in GRANTED[scene][1]:
        raise param_error("user_recv_perception 不在该场景允许的范围内", "user_recv_perception")
    return {
        "out_authorization_no": text_field(
            data, "out_authorization_no", least=5, most=32, pattern=r"[0-9A-Za-z]+"
        ),
        "openid": openid_field(data),
        "scene": scene,
        "display_name": name,
        "perception": perception or "",
        "notify_url": url_field(data, "authorization_notify_url"),
    }


@bp.post("")
def create():
    asked = _check(payload())
    store = box().store
    if not store.get("authorizations_allowed", True):
        raise PayError(403, "NO_AUTH", "商户未开通用户授权免确认产品权限")
    with store.tx():
        now = store.now()
        row = by_number(store, asked["out_authorization_no"])
        if row is not None:
            if json.loads(row["request"]) != asked:
                raise PayError(400, "ALREADY_EXISTS", "授权单号已存在，且信息与首次请求不一致")
            return answer(_created(row))
        held = store.one(
            "SELECT COUNT(*) AS n FROM authorizations WHERE openid = ? AND state <> 'CLOSED'",
            asked["openid"],
        )
        if held["n"] >= OPEN_MOST:
            raise PayError(400, "INVALID_REQUEST", "该用户待确认和生效中的授权单已达上限")
        store.insert(
            "authorizations",
            out_authorization_no=asked["out_authorization_no"],
            authorization_id="",
            package_info="authaffffddafdfafddffda==" + secrets.token_urlsafe(32),
            state="WAIT_USER_CONFIRM",
            openid=asked["openid"],
            request=json.dumps(asked, ensure_ascii=False),
            created_at=now,
            expires_at=now + CONFIRM_SECONDS,
        )
        row = by_number(store, asked["out_authorization_no"])
    return answer(_created(row))


def by_number(store, out_authorization_no: str) -> dict | None:
    return store.one(
        "SELECT * FROM authorizations WHERE out_authorization_no = ?", out_authorization_no
    )


def _created(row: dict) -> dict:
    data = {
        "out_authorization_no": row["out_authorization_no"],
        "state": row["state"],
        "create_time": rfc3339(row["created_at"]),
    }
    if row["state"] == "WAIT_USER_CONFIRM":
        data["package_info"] = row["package_info"]
    return data


def _found(out_authorization_no: str) -> dict:
    advance_due(box())
    store = box().store
    row = by_number(store, out_authorization_no)
    if row is None or (
        row["close_reason"] == "USER_OVERDUE_UNCONFIRMED"
        and store.now() - row["closed_at"] > KEPT_SECONDS
    ):
        raise PayError(404, "NOT_FOUND", "记录不存在")
    return row


def _shown(row: dict) -> dict:
    asked = json.loads(row["request"])
    data = {
        "out_authorization_no": row["out_authorization_no"],
        "appid": box().config.appid,
        "openid": row["openid"],
        "user_display_name": asked["display_name"],
        "state": row["state"],
        "transfer_scene_id": asked["scene"],
        "create_time": rfc3339(row["created_at"]),
    }
    if row["authorized_at"]:
        data |= {
            "authorization_id": row["authorization_id"],
            "authorize_time": rfc3339(row["authorized_at"]),
        }
    if row["state"] == "CLOSED":
        data["close_info"] = {
            "close_time": rfc3339(row["closed_at"]),
            "close_reason": row["close_reason"],
        }
    return data


@bp.get("/out-authorization-no/<out_authorization_no>")
def query(out_authorization_no: str):
    row = _found(out_authorization_no)
    data = _shown(row)
    wants_page = request.args.get("is_display_authorization") == "true"
    if wants_page and row["state"] == "WAIT_USER_CONFIRM":
        data["package_info"] = row["package_info"]
    return answer(data)


@bp.post("/out-authorization-no/<out_authorization_no>/close")
def close(out_authorization_no: str):
    row = _found(out_authorization_no)
    end(box(), row["out_authorization_no"], "CLOSE_VIA_MCH_API")
    return answer(_shown(by_number(box().store, out_authorization_no)))


# What time and people do


def advance_due(box) -> None:
    """Close what nobody confirmed for a day."""
    rows = box.store.all(
        "SELECT out_authorization_no FROM authorizations WHERE state = 'WAIT_USER_CONFIRM'"
        " AND expires_at <= ?",
        box.store.now(),
    )
    for row in rows:
        end(box, row["out_authorization_no"], "USER_OVERDUE_UNCONFIRMED")


def confirmable(box, openid: str, package: str, *, mchid: str, appid: str) -> dict | None:
    """The grant behind a package, None if it is none of these. Raises Unconfirmable."""
    advance_due(box)
    row = box.store.one("SELECT * FROM authorizations WHERE package_info = ?", package)
    if row is None:
        return None
    if mchid != box.config.mchid or appid != box.config.appid:
        raise Unconfirmable("商户号或 AppID 不符")
    if row["openid"] != openid:
        raise Unconfirmable("授权人与当前微信用户不一致")
    if row["state"] == "TAKING_EFFECT":
        raise Unconfirmable("已授权，无需重复操作")
    if row["state"] != "WAIT_USER_CONFIRM":
        raise Unconfirmable("授权已关闭")
    return row


def confirm(box, out_authorization_no: str) -> None:
    """The person agrees. Raises Unconfirmable."""
    store = box.store
    with store.tx():
        row = by_number(store, out_authorization_no)
        if row["state"] != "WAIT_USER_CONFIRM":
            raise Unconfirmable("授权已处理")
        now = store.now()
        store.run(
            "UPDATE authorizations SET state = 'TAKING_EFFECT', authorization_id = ?,"
            " authorized_at = ? WHERE out_authorization_no = ?",
            number("1330000071200", now, 40),
            now,
            out_authorization_no,
        )
        _tell(box, out_authorization_no, "CONFIRMED", "用户确认免确认收款授权通知")
    box.worker.wake()


def end(box, out_authorization_no: str, reason: str) -> bool:
    """Close a grant; False if it was closed before."""
    store = box.store
    with store.tx():
        row = by_number(store, out_authorization_no)
        if row["state"] == "CLOSED":
            return False
        store.run(
            "UPDATE authorizations SET state = 'CLOSED', close_reason = ?, closed_at = ?"
            " WHERE out_authorization_no = ?",
            reason,
            store.now(),
            out_authorization_no,
        )
        # WeChat tells of what was in effect; what nobody confirmed ends in silence.
        if row["authorized_at"]:
            _tell(box, out_authorization_no, "CLOSED", "免确认收款授权关闭通知")
    box.worker.wake()
    return True


def _tell(box, out_authorization_no: str, what: str, summary: str) -> None:
    row = by_number(box.store, out_authorization_no)
    shown = {k: v for k, v in _shown(row).items() if k not in ("transfer_scene_id", "create_time")}
    notices.create(
        box,
        event_type=f"MCHTRANSFER.AUTHORIZATION.{what}",
        summary=summary,
        resource_type="mch_payment",
        url=json.loads(row["request"])["notify_url"],
        reference=out_authorization_no,
        resource={"mchid": box.config.mchid, **shown},
    )


def shown_to(box, row: dict) -> dict:
    """What the person reads on WeChat's page."""
    asked = json.loads(row["request"])
    return {
        "is_grant": True,
        "shop": box.config.merchant_name,
        "remark": asked["perception"] or "佣金报酬",
        "payee": people.get(box.store, row["openid"])["nickname"],
        "account": asked["display_name"],
    }
