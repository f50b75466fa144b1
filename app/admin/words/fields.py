"""Words for the fields of audit entries and for their values (操作日志的字段)."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from app.admin.words import aftersales, api, audit, levels, money, notices, payouts, reports, shop
from app.admin.words.account import CHANNEL_KIND, REPLY_KIND, REPLY_TYPE
from app.admin.words.base import percent
from app.admin.words.commissions import DEPTH, plan_facts, rate
from app.admin.words.desk import EXPORT, PERSONAL, ROLE
from app.admin.words.entries import known
from app.admin.words.orders import ORDER
from app.admin.words.people import APPEAL, DISTRIBUTOR, RISK
from app.audit.runs import TITLES
from app.commission import bonus
from app.commission.bonus.rules import read_program
from app.core import clock
from app.core.money import format_yuan
from app.notices import KINDS
from app.settings.registry import ALL

# The words of fields that hold one of a few stored ones, or several of them: by the name,
# or by `subject.field` where it means something of its own on that subject. What has more
# than a word, as a state has its tone, begins with it.
_SAID: Mapping[str, Mapping[Any, str | tuple[str, ...]]] = {
    "role": ROLE,
    "personal": PERSONAL,
    "job": TITLES,
    "reply_type": REPLY_TYPE,
    "channel_kind": CHANNEL_KIND,
    "block_kind": shop.HOME_KIND,
    "counts": {"piece": "按件数", "weight": "按重量"},
    "period": reports.PERIOD,
    "compare": reports.COMPARE,
    "cadence": reports.CADENCE,
    "format": reports.CONTENT,
    "ways": reports.WAY,
    "scopes": api.SCOPE,
    "events": api.EVENT,
    "api_key.what": api.READ,
    "aftersale.status": aftersales.STATE,
    "appeal.status": APPEAL,
    "distributor.status": DISTRIBUTOR,
    "order.status": ORDER,
    "review.status": shop.REVIEW,
    "withdrawal.status": payouts.WITHDRAWAL,
    "debt_write_off.state": money.WRITE_OFF,
    "export.action": audit.ACTION,
    "export.state": EXPORT,
    "export.subject": audit.SUBJECT,
    "member.channel": payouts.CHANNEL,
    "notice_template.channel": notices.CHANNEL,
    "notice_template.kind": {key: kind.title for key, kind in KINDS.items()},
    "payout_batch.channel": payouts.CHANNEL,
    "payout_lock.cause": payouts.LOCK_CAUSE,
    "reply.kind": REPLY_KIND,
    "report_subscription.content": reports.CONTENT,
    "risk.state": RISK,
    "tax_remittance.state": money.REMITTANCE,
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


def shown(
    name: str, value: object, level_name: Callable[[str], str] = str, *, subject: str = ""
) -> str:
    """A value of an entry about this subject as people read it.

    `level_name` names a level's code.
    """
    if value is None:
        return "—"
    if name.endswith("_fen") and isinstance(value, int):
        return f"¥{format_yuan(value)}"
    if name.endswith("_bps") and isinstance(value, int):
        return percent(value)
    said = _words(name, subject)
    if said is not None:
        if isinstance(value, list):
            return "、".join(_word(said, one) for one in value) or "无"
        return _word(said, value) or "—"
    said_of_level = levels.shown(name, value, level_name)
    if said_of_level is not None:
        return said_of_level
    if isinstance(value, bool):
        return "是" if value else "否"
    if name in _TIMES and isinstance(value, str):
        return _when(value)
    if (subject, name) == ("withdrawal", "said"):
        return payouts.told(str(value))
    if name == "skus" and isinstance(value, dict):
        return "；".join(f"{sku}：{_prices(prices)}" for sku, prices in value.items()) or "—"
    return _plainly(name, value)


def _words(name: str, subject: str) -> Mapping[Any, str | tuple[str, ...]] | None:
    """The words of a field's stored values; None where it holds something else."""
    setting = ALL.get(name)
    if setting is not None:
        return dict(setting.choices) if setting.choices else None
    return _SAID.get(f"{subject}.{name}") or _SAID.get(name)


def _word(said: Mapping[Any, str | tuple[str, ...]], value: object) -> str:
    found = said.get(str(value), str(value))
    return found if isinstance(found, str) else found[0]


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


def _bonus(document: Mapping[str, Any]) -> str:
    """A bonus's rules in an audit entry: what counts, how it is paid, and its steps."""
    program = read_program(document)
    said = [bonus.wording.summary(program), bonus.wording.MODE[program.tier_mode].split("：")[0]]
    return "；".join([*said, *(f"{start} {pays}" for start, pays in bonus.wording.steps(program))])


def _plainly(name: str, value: object) -> str:
    """A value that no rule of its own says."""
    if name == "layout" and isinstance(value, dict):
        return f"{len(value.get('parts', []))} 个元素"
    if name == "document" and isinstance(value, dict):
        return _plan(value) if "depth_cap" in value else _bonus(value)
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return "、".join(map(str, value)) or "无"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
