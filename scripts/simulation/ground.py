"""What a shop needs before anybody comes, and short ways to people in it."""

from datetime import datetime
from typing import Any

from app import audit, catalog, commission, distribution, members
from app.catalog import ProductInput, SkuInput
from app.core.db import run_unit
from app.members import AddressInput

DESK = audit.Actor.admin(1, "10.0.0.1")
DESK2 = audit.Actor.admin(2, "10.0.0.2")
REGION = "浙江省杭州市西湖区"
# Odd prices: shares and refunds must leave a rest somewhere.
PRICES_FEN = (100_00, 39_99, 1_01, 7, 258_33, 999_97)
SHARES = ((1000, 500), (1333, 777), (250, 0))


def _plan(first: int, second: int) -> dict[str, Any]:
    shares = {"1": {"bps": first}} | ({"2": {"bps": second}} if second else {})
    return {
        "depth_cap": 2,
        "base": "paid",
        "mode": "fixed",
        "self_purchase": "off",
        "inactive_upline": "skip",
        "line_cap_bps": 3000,
        "default": shares,
    }


PLANS = [_plan(*shares) for shares in SHARES]


def open_shop(now: datetime) -> list[int]:
    """A plan in force and a product for each price; the SKUs' ids."""
    publish_plan(PLANS[0], now)
    return [make_sku(fen, now) for fen in PRICES_FEN]


def publish_plan(document: dict[str, Any], now: datetime) -> None:
    """One admin drafts it, another publishes it."""

    def publish() -> None:
        draft = commission.draft_plan(document, name="模拟方案", actor=DESK, now=now)
        commission.publish_plan(draft.id, effective_from=now, actor=DESK2, now=now)

    run_unit(publish)


def make_sku(price_fen: int, now: datetime, *, stock: int = 60) -> int:
    """A product on the shelf with one SKU; the SKU's id."""

    def make() -> int:
        made = catalog.products.save(
            None,
            ProductInput(
                title=f"高山绿茶 {price_fen}",
                skus=(SkuInput((), price_fen, opening_stock=stock),),
                pictures=("p/1.jpg",),
            ),
            actor=DESK,
            now=now,
        )
        catalog.products.put_on_shelf([made.id], actor=DESK, now=now)
        return made.skus[0].id

    return run_unit(make)


def join(number: int, now: datetime, *, story: str = "sim") -> int:
    """A new member with an address of their own; their id."""

    def enter() -> int:
        member = members.enter(f"o{story}{number:020d}", now=now)
        members.add_address(
            member.id,
            AddressInput("王芳", f"139{number:08d}", REGION, f"文三路 {number} 号"),
            now=now,
        )
        return member.id

    return run_unit(enter)


def appoint(member_id: int, now: datetime) -> str:
    """Let a member earn; their code. Raises AlreadyDistributor."""

    def appoint_them() -> str:
        applied = distribution.apply(
            member_id, statement="", agreed_version=distribution.CONTRACT_VERSION, now=now
        )
        distribution.approve(applied.id, actor=DESK, now=now)
        return distribution.referral_code(member_id, now=now).code

    return run_unit(appoint_them)
