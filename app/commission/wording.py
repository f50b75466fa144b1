"""Why a commission is what it is, said to the distributor who earns it."""

from typing import Any

from app.core.money import format_yuan


def percent(bps: int) -> str:
    """`1050` as `10.5%`."""
    whole, rest = divmod(bps, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"


def rate(document: dict[str, Any]) -> str:
    """A commission's rate in words."""
    if "bps" in document:
        return percent(document["bps"])
    if "fen" in document:
        return f"每件 ¥{format_yuan(document['fen'])}"
    tiers = document.get("tiers", {})
    of = "订单金额" if tiers.get("by") == "order_paid" else "毛利率"
    steps = []
    for step in tiers.get("steps", []):
        start = (
            f"¥{format_yuan(step['from'])}"
            if tiers.get("by") == "order_paid"
            else percent(step["from"])
        )
        given = percent(step["bps"]) if "bps" in step else f"每件 ¥{format_yuan(step['fen'])}"
        steps.append(f"满 {start} {given}")
    return f"按{of}分档（{'，'.join(steps)}）"


def rate_source(source: str) -> str:
    """Which table of the plan the rate comes from."""
    kind = source.partition(":")[0]
    return {
        "product": "这件商品的专属佣金",
        "category": "这个商品分类的佣金",
        "level": "你的分销等级的佣金",
    }.get(kind, "默认佣金")
