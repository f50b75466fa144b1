"""Notices of WeChat Pay: made with the fact, delivered by the worker, tried again.

WeChat tries for a day (15s/15s/30s/3m/…); here the pauses are seconds so that a
person sees the idea. State is in SQLite: a restart goes on where it was.
"""

import json
import secrets
import time
from urllib.parse import urlsplit

import requests

from . import faults, signing, wire
from .v3 import number, rfc3339

PAUSES_SECONDS = (1, 2, 4, 8, 15, 30, 60)
TIMEOUT_SECONDS = 5
NAMES = {
    "TRANSACTION.SUCCESS": "支付通知",
    "REFUND.SUCCESS": "退款通知",
    "REFUND.ABNORMAL": "退款异常通知",
    "REFUND.CLOSED": "退款关闭通知",
    "MCHTRANSFER.BILL.FINISHED": "转账结果通知",
    "MCHTRANSFER.AUTHORIZATION.CONFIRMED": "免确认授权通知",
    "MCHTRANSFER.AUTHORIZATION.CLOSED": "免确认授权关闭通知",
}


def create(box, *, event_type, summary, resource_type, resource, url, reference) -> int | None:
    """Write the notice in the caller's unit. Without an address there is none."""
    if not url:
        return None
    store = box.store
    fault = faults.take(store, f"notice:{event_type}") or {}
    kind = fault.get("kind")
    now = time.time()
    state, due_at = "queued", now + store.get("notice_delay_seconds", 0)
    if store.get("notices_held", False):
        state = "held"
    elif kind == "lose":
        state = "lost"
    elif kind == "reorder":
        state = "after_next"
    elif kind == "delay":
        due_at = now + float(fault.get("seconds", 5))
    row = {
        "event_type": event_type,
        "reference": reference,
        "url": url,
        "resource_type": resource_type,
        "resource": json.dumps(resource, ensure_ascii=False),
        "summary": summary,
        "event_id": "EV-" + number("", now, 24),
        "state": state,
        "mangle": json.dumps(fault),
        "due_at": due_at,
        "created_at": store.now(),
    }
    notice_id = store.insert("notices", **row)
    if kind == "double":
        store.insert("notices", **row)
    return notice_id


def message(config, row: dict, mangle: dict) -> tuple[bytes, dict]:
    """Body and headers of one delivery; `mangle` makes it wrong on purpose."""
    resource = json.loads(row["resource"])
    kind = mangle.get("kind")
    if kind == "amount":
        if isinstance(resource.get("amount"), dict):
            field = "refund" if row["event_type"].startswith("REFUND") else "total"
            resource["amount"][field] = int(mangle.get("fen", resource["amount"][field] + 1))
        else:
            resource["transfer_amount"] = int(mangle.get("fen", resource["transfer_amount"] + 1))
    elif kind == "mchid":
        name = "mch_id" if "mch_id" in resource else "mchid"
        resource[name] = str(mangle.get("mchid", "1999999999"))
    elif kind == "appid":
        resource["appid"] = str(mangle.get("appid", "wx0000000000000000"))
    nonce = secrets.token_hex(6)
    plaintext = json.dumps(resource, ensure_ascii=False, separators=(",", ":"))
    body = json.dumps(
        {
            "id": row["event_id"],
            "create_time": rfc3339(row["created_at"]),
            "resource_type": "encrypt-resource",
            "event_type": row["event_type"],
            "summary": row["summary"],
            "resource": {
                "original_type": row["resource_type"],
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": signing.seal(
                    config.apiv3_key,
                    nonce=nonce,
                    plaintext=plaintext,
                    associated_data=row["resource_type"],
                ),
                "associated_data": row["resource_type"],
                "nonce": nonce,
            },
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()
    stamp = int(time.time())
    if kind == "stale":
        stamp -= int(mangle.get("seconds", 3600))
    headers = signing.answer_headers(
        config.platform_key, config.public_key_id, body, timestamp=str(stamp)
    )
    if kind == "bad_signature":
        headers["Wechatpay-Signature"] = signing.rsa_sign(config.platform_key, body + b" ")
    elif kind == "signtest":
        headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + secrets.token_urlsafe(192)
    headers |= {
        "Content-Type": "application/json",
        "Accept": "*/*",
        "User-Agent": "Mozilla/4.0",
        "Request-ID": secrets.token_hex(12).upper(),
    }
    return body, headers


def post(box, row: dict, mangle: dict) -> dict:
    """One delivery over the wire. Returns {"ok", "status", "error", "body"}."""
    body, headers = message(box.config, row, mangle)
    started = time.monotonic()
    status, error, text = 0, "", ""
    try:
        response = wire.send(
            "POST", row["url"], data=body, headers=headers, timeout=TIMEOUT_SECONDS
        )
        status, text = response.status_code, response.content.decode("utf-8", "replace")[:2000]
    except requests.RequestException as failure:
        error = "超时" if isinstance(failure, requests.Timeout) else "连接失败"
    accepted = status in (200, 204)
    result = error or str(status)
    if mangle.get("kind"):
        result += f"（故障：{mangle['kind']}）"
    box.store.log_call(
        direction="out",
        name=NAMES.get(row["event_type"], row["event_type"]),
        method="POST",
        path=urlsplit(row["url"]).path,
        status=status,
        is_ok=int(accepted),
        duration_ms=int((time.monotonic() - started) * 1000),
        result=result,
        request=f"{row['event_type']}\n{row['resource']}",
        response=text,
    )
    return {"ok": accepted, "status": status, "error": error, "body": text}


def attempt(box, row: dict) -> None:
    """One scheduled try of a notice that the worker has claimed."""
    store = box.store
    mangle = json.loads(row["mangle"])
    outcome = post(box, row, mangle)
    attempts = row["attempts"] + 1
    state, due_at = "delivered", time.time()
    if mangle.get("kind") in ("bad_signature", "stale", "signtest"):
        # The spoilt one was a probe: whatever came back, the true notice follows.
        state = "queued" if mangle.get("then_true", True) else "done"
        mangle = {}
    elif not outcome["ok"]:
        if attempts > len(PAUSES_SECONDS):
            state = "given_up"
        else:
            state, due_at = "queued", time.time() + PAUSES_SECONDS[attempts - 1]
    with store.tx() as db:
        db.execute(
            "UPDATE notices SET state = ?, attempts = ?, due_at = ?, last_status = ?,"
            " last_error = ?, mangle = ? WHERE id = ?",
            (
                state,
                attempts,
                due_at,
                outcome["status"],
                outcome["error"],
                json.dumps(mangle),
                row["id"],
            ),
        )
        db.execute(
            "UPDATE notices SET state = 'queued', due_at = ? WHERE state = 'after_next' AND id <> ?",
            (time.time(), row["id"]),
        )


def claim(store) -> dict | None:
    """Take the notice that is due the longest, so that no other worker sends it."""
    with store.tx() as db:
        row = store.one(
            "SELECT * FROM notices WHERE state = 'queued' AND due_at <= ? ORDER BY due_at, id LIMIT 1",
            time.time(),
        )
        if row:
            db.execute("UPDATE notices SET state = 'sending' WHERE id = ?", (row["id"],))
    return row


def recover(store) -> None:
    """What was being sent when the sandbox stopped may or may not have arrived."""
    store.run("UPDATE notices SET state = 'queued' WHERE state = 'sending'")
