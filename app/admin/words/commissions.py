"""Words for commissions, bonuses and plans (佣金与返利)."""

from collections.abc import Callable, Mapping
from typing import Any

from app.admin.words.base import Word, percent
from app.commission import CommissionStatus
from app.commission.bonus import ResultState
from app.core.money import format_yuan

COMMISSION: Mapping[str, Word] = {
    CommissionStatus.PENDING: ("待结算", "wait"),
    CommissionStatus.HELD: ("售后冻结", "go"),
    CommissionStatus.SETTLED: ("已结算", "good"),
    CommissionStatus.VOID: ("已取消", "off"),
    CommissionStatus.CLAWED: ("已追回", "bad"),
}
SEAT = ("买家", "直接上级", "间接上级", "第三级上级")
DEPTH = ("自购", "一级", "二级", "三级")
BONUS: Mapping[str, Word] = {
    ResultState.COMPUTED: ("待审核", "wait"),
    ResultState.APPROVED: ("待发放", "go"),
    ResultState.REFUSED: ("不发放", "off"),
    ResultState.POSTED: ("已发放", "good"),
}


def quarter(code: str) -> str:
    """`2026-Q4` as `2026 年第 4 季度`."""
    return f"{code[:4]} 年第 {code[-1]} 季度"


def rate(document: Mapping[str, Any]) -> str:
    """A rate's document as a person would say it: `10%`, `每件 ¥5.00`."""
    if document.get("bps") is not None:
        return percent(document["bps"])
    if document.get("fen") is not None:
        return f"每件 ¥{format_yuan(document['fen'])}"
    tiers = document.get("tiers") or {}
    by_order = tiers.get("by") == "order_paid"
    steps = []
    for step in tiers.get("steps", []):
        start = f"¥{format_yuan(step['from'])}" if by_order else percent(step["from"])
        steps.append(f"{start} 起 {rate(step)}")
    return ("按订单实付：" if by_order else "按毛利率：") + "，".join(steps)


def rate_source(source: str, level_name: Callable[[str], str]) -> str:
    """Where a commission's rate came from, in words; `level_name` names a level's code."""
    kind, _, rest = source.partition(":")
    names = {
        "product": "商品专属费率",
        "category": "分类费率",
        "level": "等级费率",
        "default": "方案默认费率",
    }
    text = names.get(kind, source)
    if not rest:
        return text
    return f"{text}（{level_name(rest) if kind == 'level' else rest}）"


def plan_facts(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A plan's rules besides its rates, as labels and words."""
    said = {
        "base": {"paid": "按实付金额", "profit": "按利润（实付减成本）"},
        "mode": {"fixed": "固定：每级各有费率", "differential": "级差：只得超出下级的部分"},
        "self_purchase": {"off": "自购不返佣", "first_level": "自购按一级返佣"},
        "inactive_upline": {"skip": "保留位置、不发佣金", "compress": "跳过，由更上级递补"},
    }
    labels = {
        "base": "计佣基数",
        "mode": "计佣方式",
        "self_purchase": "自购",
        "inactive_upline": "无效上级",
    }
    facts = [("分佣层级", f"{document.get('depth_cap')} 级")]
    facts += [
        (label, said[name].get(str(document.get(name)), str(document.get(name))))
        for name, label in labels.items()
    ]
    facts.append(("单行佣金上限", f"实付的 {percent(int(document.get('line_cap_bps', 0)))}"))
    return facts
