"""The control API's part about notices: hold, release, deliver by hand."""

import json
import time

from flask import Blueprint, jsonify

from . import faults, notices
from .control import Refused, args, box
from .jssdk import own_origin_only

bp = Blueprint("control_notices", __name__, url_prefix="/_control/notices")
bp.before_request(own_origin_only)


def _notice(row: dict) -> dict:
    return row | {"resource": json.loads(row["resource"]), "mangle": json.loads(row["mangle"])}


@bp.get("")
def list_notices():
    return jsonify(
        notices=[_notice(r) for r in box().store.all("SELECT * FROM notices ORDER BY id")]
    )


@bp.post("/hold")
def hold_notices():
    box().store.put("notices_held", True)
    return jsonify(held=True)


@bp.post("/release")
def release_notices():
    with box().store.tx() as db:
        box().store.put("notices_held", False)
        db.execute(
            "UPDATE notices SET state = 'queued', due_at = ? WHERE state = 'held'", (time.time(),)
        )
    box().worker.wake()
    return jsonify(held=False)


@bp.post("/<int:notice_id>/deliver")
def deliver_notice(notice_id: int):
    row = box().store.one("SELECT * FROM notices WHERE id = ?", notice_id)
    if row is None:
        raise Refused("no such notice", 404)
    data = args()
    mangle = data.get("mangle") or {}
    if mangle and mangle.get("kind") not in faults.NOTICE_KINDS:
        raise Refused(f"mangle.kind must be one of {sorted(faults.NOTICE_KINDS)}")
    outcomes = [notices.post(box(), row, mangle) for _ in range(int(data.get("times", 1)))]
    if outcomes and outcomes[-1]["ok"] and not mangle:
        box().store.run(
            "UPDATE notices SET state = 'delivered', attempts = attempts + ?, last_status = ?"
            " WHERE id = ?",
            len(outcomes),
            outcomes[-1]["status"],
            notice_id,
        )
    return jsonify(outcomes=outcomes)
