"""How often an API may be called: a day (45009) and a minute (45011).

The figures are those of a verified service account with less than 100,000
followers; tests set others, and how much of a day is used.
"""

import time
from datetime import datetime

from flask import Blueprint, jsonify, request

from . import oa
from .v3 import BEIJING

bp = Blueprint("quotas", __name__, url_prefix="/cgi-bin")
bp.before_request(oa.check_token)

A_DAY = {
    "/cgi-bin/token": 2_000,
    "/cgi-bin/menu/create": 1_000,
    "/cgi-bin/menu/get": 10_000,
    "/cgi-bin/menu/delete": 1_000,
    "/cgi-bin/menu/addconditional": 2_000,
    "/cgi-bin/message/custom/send": 500_000,
    "/cgi-bin/message/template/send": 100_000,
    "/cgi-bin/qrcode/create": 100_000,
    "/cgi-bin/tags/get": 1_000,
    "/cgi-bin/ticket/getticket": 10_000_000,
    "/cgi-bin/user/info": 5_000_000,
}
A_MINUTE = {"/cgi-bin/stable_token": 10_000}
CLEARED_A_MONTH = 10


def count(box):
    """Count one call; the refusal once its quota is used up, else None."""
    path, store = request.path, box.store
    limits = _limits(store).get(path)
    if limits is None:
        return None
    now = store.now()
    with store.tx():
        used = _used(store, now)
        row = used["paths"].setdefault(path, {"today": 0, "minute": 0, "calls": 0})
        minute = int(now // 60)
        if row["minute"] != minute:
            row.update(minute=minute, calls=0)
        if row["today"] >= limits["a_day"]:
            return _refused(45009, "reach max api daily quota limit")
        if row["calls"] >= limits["a_minute"]:
            return _refused(45011, "api minute-quota reach limit, must slower, retry next minute")
        row["today"] += 1
        row["calls"] += 1
        store.put("quota_used", used)
    return None


def limit(store, path: str, *, a_day=None, a_minute=None, used_today=None) -> None:
    """Set what is given. Raises ValueError."""
    if not path.startswith("/cgi-bin/"):
        raise ValueError("api must be one of /cgi-bin")
    for value in (a_day, a_minute, used_today):
        if value is not None and (type(value) is not int or value < 0):
            raise ValueError("a_day, a_minute and used_today are whole numbers")
    with store.tx():
        given = store.get("quota_limits", {})
        old = _limits(store).get(path, {})
        given[path] = {
            "a_day": old.get("a_day", 10**9) if a_day is None else a_day,
            "a_minute": old.get("a_minute", 10**9) if a_minute is None else a_minute,
        }
        store.put("quota_limits", given)
        if used_today is not None:
            used = _used(store, store.now())
            used["paths"].setdefault(path, {"today": 0, "minute": 0, "calls": 0})
            used["paths"][path]["today"] = used_today
            store.put("quota_used", used)


def shown(store) -> dict:
    """Every quota with what is used of it today."""
    used = _used(store, store.now())["paths"]
    return {
        path: {**limits, "used_today": used.get(path, {}).get("today", 0)}
        for path, limits in _limits(store).items()
    }


@bp.post("/openapi/quota/get")
def get_quota():
    path = oa.payload().get("cgi_path")
    found = shown(oa.box().store).get(path if isinstance(path, str) else "")
    if found is None:
        raise oa.OAError(76021, "cgi_path not found")
    left = max(0, found["a_day"] - found["used_today"])
    return oa.ok(
        quota={"daily_limit": found["a_day"], "used": found["used_today"], "remain": left},
        rate_limit={"call_count": found["a_minute"], "refresh_second": 60},
    )


@bp.post("/clear_quota")
def clear_quota():
    """All of a day's counters, ten times a month."""
    if oa.payload().get("appid") != oa.box().config.appid:
        raise oa.OAError(40013, "invalid appid")
    store = oa.box().store
    month = datetime.fromtimestamp(store.now(), BEIJING).strftime("%Y-%m")
    with store.tx():
        cleared = store.get("quota_clears", {})
        if cleared.get(month, 0) >= CLEARED_A_MONTH:
            raise oa.OAError(48006, "forbid to clear quota because of reaching the limit")
        store.put("quota_clears", {month: cleared.get(month, 0) + 1})
        store.put("quota_used", {"day": _day(store.now()), "paths": {}})
    return oa.ok()


def _limits(store) -> dict:
    usual = {
        path: {"a_day": A_DAY.get(path, 10**9), "a_minute": A_MINUTE.get(path, 10**9)}
        for path in A_DAY.keys() | A_MINUTE.keys()
    }
    return usual | store.get("quota_limits", {})


def _used(store, now: float) -> dict:
    used = store.get("quota_used")
    return used if used and used["day"] == _day(now) else {"day": _day(now), "paths": {}}


def _day(now: float) -> str:
    # Quotas start anew at midnight in Beijing.
    return datetime.fromtimestamp(now, BEIJING).strftime("%Y-%m-%d")


def _refused(code: int, message: str):
    return jsonify(errcode=code, errmsg=f"{message} rid: {int(time.time()):x}")
