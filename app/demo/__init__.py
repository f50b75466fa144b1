"""Demo data (演示数据): a small shop to play with, for development only.

The members are the people of the WeChat sandbox: 林杰 brought 陈梅; 王芳 and 赵磊
belong to nobody yet. Everything is made by the same services that pages call.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app import audit, catalog, commission, distribution, members, orders
from app.catalog import FreightBy, Product, ProductInput, Rate, RegionRate, SkuInput, Terms
from app.core.db import db, run_unit
from app.demo import home
from app.demo.goods import CATEGORIES, GOODS, Goods, draw
from app.distribution import BindingSource, channels, levels
from app.distribution.channels import ChannelInput, ChannelKind
from app.distribution.levels import LevelInput
from app.orders.pickups import ShopInput

LIN_JIE = ("oSandbox_linjie_000000000001", "林杰")
CHEN_MEI = ("oSandbox_chenmei_00000000002", "陈梅")

DEMO = audit.Actor.system("demo")

PLAN = {
    "depth_cap": 2,
    "base": "paid",
    "mode": "fixed",
    "self_purchase": "off",
    "inactive_upline": "skip",
    "line_cap_bps": 3000,
    "default": {"1": {"bps": 1000}, "2": {"bps": 500}},
    "levels": {
        "senior": {"1": {"bps": 1200}},
        "leader": {"1": {"bps": 1300}, "2": {"bps": 600}},
        "partner": {"1": {"bps": 1500}, "2": {"bps": 700}},
    },
    "categories": {},
    "products": {},
}

LEVELS = {
    "normal": LevelInput("普通分销员", benefits="直推佣金 10%，间接佣金 5%"),
    "senior": LevelInput(
        "高级分销员",
        10,
        "直推佣金提高到 12%",
        {"match": "any", "own_sales_fen": 1_000_00, "orders": 10},
    ),
    "leader": LevelInput(
        "团长",
        20,
        "直推佣金 13%，间接佣金 6%，新品优先试用",
        {"match": "all", "own_sales_fen": 5_000_00, "customers": 10},
        {"period": "month", "match": "any", "own_sales_fen": 500_00, "orders": 5},
    ),
    "partner": LevelInput(
        "城市合伙人",
        30,
        "直推佣金 15%，间接佣金 7%，专属客服，线下活动支持",
        {"match": "all", "own_sales_fen": 30_000_00, "customers": 50},
        {"period": "quarter", "match": "all", "own_sales_fen": 3_000_00},
    ),
}


def seed(now: datetime, media: Path) -> str:
    """Fill an empty shop; an already filled one is left alone. Returns what was done."""
    if db.session.scalar(sa.select(Product.id).limit(1)) is not None:
        db.session.rollback()
        return f"demo data is there already\n{_codes(now)}"
    draw_pictures(media)
    run_unit(_shop, now)
    run_unit(_people, now)
    run_unit(
        channels.create,
        ChannelInput("西湖店收银台", ChannelKind.SHOP, note="收银台左侧的立牌"),
        actor=audit.Actor.system("demo"),
        now=now,
    )
    return f"seeded {len(GOODS)} products, 2 distributors, 4 levels, a commission plan, a channel\n{_codes(now)}"


def draw_pictures(media: Path) -> None:
    """Draw what the shop shows; the same each time, and most of the time that seeding takes."""
    for number, goods in enumerate(GOODS, start=1):
        for view in (1, 2):
            catalog.media.save(draw(goods, view), media, f"demo-{number}-{view}")
    home.draw(media)


def _codes(now: datetime) -> str:
    """`name code` of the two distributors, a line each: what to scan in the sandbox."""
    found = []
    for openid, name in (LIN_JIE, CHEN_MEI):
        member = members.by_openid(openid)
        if member is not None:
            code = run_unit(distribution.referral_code, member.id, now=now).code
            found.append(f"{name} {code}")
    return "\n".join(found)


def _shop(now: datetime) -> None:
    by: dict[str, Any] = {"actor": DEMO, "now": now}
    orders.pickups.save_shop(
        None,
        ShopInput(
            "西湖文三路店",
            "浙江省 杭州市 西湖区",
            "文三路 199 号 1 楼",
            "每天 9:00–21:00",
            "0571-87654321",
            is_open=True,
        ),
        **by,
    )
    ids: dict[str, int] = {}
    for number, (name, parent) in enumerate(CATEGORIES):
        ids[name] = catalog.category_tree.save(
            None, name=name, parent_id=ids.get(parent), sort=number, **by
        ).id
    plain = Rate(1, 8_00, 1, 2_00, free_from_fen=99_00)
    far = RegionRate(("新疆", "西藏"), Rate(1, 20_00, 1, 10_00))
    freight = catalog.save_freight(
        None, name="普通快递", terms=Terms(FreightBy.PIECE, plain, (far,)), **by
    )
    for number, goods in enumerate(GOODS, start=1):
        product = catalog.products.save(None, _input(goods, number, ids, freight.id), **by)
        catalog.products.put_on_shelf([product.id], **by)
        catalog.count_sold(product.id, goods.sold)
    home.publish(ids, now, DEMO)


def _input(goods: Goods, number: int, ids: dict[str, int], freight_id: int) -> ProductInput:
    rows = tuple(
        SkuInput(
            values,
            price,
            listed,
            cost_fen=cost,
            code=f"DEMO-{number:02d}-{row}",
            weight_g=500,
            warn_below=5,
            opening_stock=stock,
        )
        for row, (values, price, listed, cost, stock) in enumerate(goods.skus, start=1)
    )
    return ProductInput(
        title=goods.title,
        skus=rows,
        subtitle=goods.subtitle,
        category_id=ids[goods.category],
        tags=goods.tags,
        pictures=tuple(f"{catalog.media.FOLDER}/demo-{number}-{view}.jpg" for view in (1, 2)),
        description=goods.text,
        specs=goods.specs,
        sort=number,
        freight_template_id=freight_id if goods.pays_freight else None,
    )


def _people(now: datetime) -> None:
    lin, chen = (_distributor(openid, name, now) for openid, name in (LIN_JIE, CHEN_MEI))
    code = distribution.referral_code(lin, now=now).code
    distribution.bind(chen, code=code, source=BindingSource.LINK, now=now)
    for level, given in LEVELS.items():
        levels.save(level, given, is_new=level != levels.BASE.code, actor=DEMO, now=now)
    plan = commission.draft_plan(
        PLAN, name="演示方案：直接 10%，间接 5%", actor=audit.Actor.system("demo"), now=now
    )
    commission.publish_plan(
        plan.id, effective_from=now, actor=audit.Actor.system("demo_review"), now=now
    )


def _distributor(openid: str, nickname: str, now: datetime) -> int:
    member = members.enter(openid, now=now)
    members.set_profile(member.id, nickname=nickname, avatar_url="")
    applied = distribution.apply(
        member.id,
        statement="喜欢这里的商品，想分享给朋友",
        agreed_version=distribution.CONTRACT_VERSION,
        now=now,
    )
    if applied.status is distribution.DistributorStatus.APPLIED:
        distribution.approve(applied.id, actor=audit.Actor.system("demo"), now=now)
    return member.id
