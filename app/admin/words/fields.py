"""Words for the fields of audit entries and for their values (操作日志的字段)."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from app.admin.words import levels, reports
from app.admin.words.account import CHANNEL_KIND, REPLY_KIND, REPLY_TYPE
from app.admin.words.base import percent
from app.admin.words.commissions import DEPTH, plan_facts, rate
from app.admin.words.desk import PERSONAL, ROLE
from app.admin.words.entries import known
from app.admin.words.orders import ORDER
from app.admin.words.payouts import WITHDRAWAL
from app.admin.words.people import DISTRIBUTOR
from app.core import clock
from app.core.money import format_yuan
from app.settings.registry import ALL

# Fields of audit entries that hold one of a few stored words.
_SAID: Mapping[str, Mapping[Any, str]] = {
    "role": ROLE,
    "kind": REPLY_KIND,
    "reply_type": REPLY_TYPE,
    "channel_kind": CHANNEL_KIND,
    "counts": {"piece": "按件数", "weight": "按重量"},
    "period": reports.PERIOD,
    "compare": reports.COMPARE,
    "cadence": reports.CADENCE,
    "ways": {way: said for way, (said, _) in reports.WAY.items()},
}


# When something was or will be, as stored: ISO 8601.
_TIMES = frozenset(
    {
        *("at", "effective_from", "effective_at", "shown_from", "shown_until"),
        *("failing_since", "backup_of"),
    }
)


def field(name: str, subject: str = "") -> str:
    """A field of an entry about this subject, or a setting's key, by its title."""
    setting = ALL.get(name)
    return setting.title if setting else known(name, subject) or name


def _prices(prices: Mapping[str, int | None]) -> str:
    """The prices of a SKU in an audit entry; those that are not set are left out."""
    said = (f"{field(name)} {shown(name, fen)}" for name, fen in prices.items() if fen)
    return "，".join(said)


def shown(name: str, value: object, level_name: Callable[[str], str] = str) -> str:
    """A value of an audit entry as people read it; `level_name` names a level's code."""
    if value is None:
        return "—"
    if name.endswith("_fen") and isinstance(value, int):
        return f"¥{format_yuan(value)}"
    if name.endswith("_bps") and isinstance(value, int):
        return percent(value)
    if name in _SAID:
        several = value if isinstance(value, list) else [value]
        return "、".join(_SAID[name].get(str(one), str(one)) for one in several)
    said_of_level = levels.shown(name, value, level_name)
    if said_of_level is not None:
        return said_of_level
    if isinstance(value, bool):
        return "是" if value else "否"
    if name in _TIMES and isinstance(value, str):
        return _when(value)
    if name == "status":
        for said in (ORDER, DISTRIBUTOR, WITHDRAWAL):
            if value in said:
                return said[str(value)][0]
    if name == "skus" and isinstance(value, dict):
        return "；".join(f"{sku}：{_prices(prices)}" for sku, prices in value.items()) or "—"
    return _plainly(name, value)


def _when(text: str) -> str:
    """A moment in the shop's time; what is none as it stands."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if at.tzinfo is None else f"{clock.local(at):%Y-%m-%d %H:%M}"


def _plan(document: Mapping[str, Any]) -> str:
    """A plan in an audit entry: its rules, its default rates, and how many others."""
    said = [f"{label} {value}" for label, value in plan_facts(document)]
    rates = document.get("default", {}).items()
    said.append("默认 " + ("、".join(f"{DEPTH[int(at)]} {rate(of)}" for at, of in rates) or "无"))
    groups = {"levels": "等级", "categories": "分类", "products": "商品"}
    said += [f"{len(document[k])} 行{title}费率" for k, title in groups.items() if document.get(k)]
    return "；".join(said)


def _plainly(name: str, value: object) -> str:
    """A value that no rule of its own says."""
    if name == "personal" and isinstance(value, list):
        return "、".join(PERSONAL.get(str(kind), str(kind)) for kind in value) or "无"
    if name == "layout" and isinstance(value, dict):
        return f"{len(value.get('parts', []))} 个元素"
    if name == "document" and isinstance(value, dict) and "depth_cap" in value:
        return _plan(value)
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return "、".join(map(str, value)) or "无"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
