"""Demo data (演示数据): a small shop to play with, for development only.

The members are the people of the WeChat sandbox: 林杰 brought 陈梅; 王芳 and 赵磊
belong to nobody yet. Everything is made by the same services that pages call.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from PIL import Image, ImageDraw, ImageFilter

from app import audit, catalog, commission, distribution, members, orders
from app.catalog import Category, Product, Sku
from app.core.db import db, run_unit
from app.distribution import BindingSource, channels
from app.distribution.channels import ChannelInput, ChannelKind
from app.orders.pickups import ShopInput

LIN_JIE = ("oSandbox_linjie_000000000001", "林杰")
CHEN_MEI = ("oSandbox_chenmei_00000000002", "陈梅")

PLAN = {
    "depth_cap": 2,
    "base": "paid",
    "mode": "fixed",
    "self_purchase": "off",
    "inactive_upline": "skip",
    "line_cap_bps": 3000,
    "default": {"1": {"bps": 1000}, "2": {"bps": 500}},
    "levels": {"gold": {"1": {"bps": 1200}}},
    "categories": {},
    "products": {},
}


@dataclass(frozen=True)
class _Goods:
    category: str
    title: str
    subtitle: str
    text: str
    colours: tuple[str, str, str]
    shape: str
    # name, price, list price, cost, stock
    skus: tuple[tuple[str, int, int | None, int, int], ...]


GOODS = (
    _Goods(
        "茶饮",
        "高山云雾绿茶 明前特级 250 克礼盒装",
        "清明前采摘，豆香明显，回甘持久",
        "产自海拔 900 米的高山茶园，只取清明前一芽一叶。\n"
        "每盒两罐，每罐 125 克，铝罐密封。\n冲泡：80℃ 水，3 克茶，首泡 40 秒。",
        ("#dfeadf", "#6f9d6a", "#3f6b45"),
        "tin",
        (("一盒", 128_00, 168_00, 62_00, 200), ("两盒装", 238_00, 336_00, 120_00, 80)),
    ),
    _Goods(
        "茶饮",
        "陈年熟普洱小沱 30 粒",
        "一粒一泡，办公室也能好好喝茶",
        "每粒约 5 克，独立棉纸包装，30 粒一罐。\n沸水冲泡，首泡 10 秒出汤，可泡 8 次以上。",
        ("#efe3d6", "#9c6b45", "#5b3a24"),
        "bowl",
        (("30 粒一罐", 69_00, None, 28_00, 300),),
    ),
    _Goods(
        "家居",
        "手工陶瓷马克杯 320 毫升 釉下彩",
        "景德镇手作，每一只花纹都不同",
        "釉下彩绘，无铅釉，可进微波炉与洗碗机。\n容量 320 毫升，口径 8.5 厘米。",
        ("#e3e9f2", "#6c8ebf", "#33507a"),
        "cup",
        (
            ("雾蓝", 59_00, 79_00, 24_00, 120),
            ("奶白", 59_00, 79_00, 24_00, 60),
            ("墨绿", 65_00, 85_00, 26_00, 0),
        ),
    ),
    _Goods(
        "家居",
        "天然乳胶枕 人体工学曲线 成人护颈枕头带可拆洗外套",
        "七区按摩颗粒，久睡不塌",
        "天然乳胶含量 93%，密度 65D，外套为可拆洗的天丝面料。\n尺寸 60 x 40 厘米，高 10/12 厘米。",
        ("#f1ece4", "#c9b79a", "#8a7657"),
        "pillow",
        (("低枕 10 厘米", 199_00, 299_00, 96_00, 90), ("高枕 12 厘米", 219_00, 319_00, 104_00, 70)),
    ),
    _Goods(
        "食品",
        "新疆吊干杏 无添加 500 克",
        "树上晒干，只有杏子本来的甜",
        "不加糖、不熏硫，果肉厚、核小。\n开袋后请冷藏，30 天内吃完。",
        ("#f8ead2", "#e5a24a", "#b4702a"),
        "fruit",
        (("500 克", 39_90, 49_90, 18_00, 500), ("500 克 x 3 袋", 109_00, 149_70, 52_00, 150)),
    ),
    _Goods(
        "食品",
        "东北五常大米 当季新米 5 公斤真空装",
        "稻花香二号，一年一季",
        "核心产区直供，现磨现发，真空包装。\n建议水米比 1.2 : 1，浸泡 20 分钟口感更佳。",
        ("#f3f1ea", "#d8cfae", "#9a8f66"),
        "bag",
        (("5 公斤", 89_00, 109_00, 51_00, 260),),
    ),
)


def seed(now: datetime, media: Path) -> str:
    """Fill an empty shop; an already filled one is left alone. Returns what was done."""
    if db.session.scalar(sa.select(Product.id).limit(1)) is not None:
        db.session.rollback()
        return f"demo data is there already\n{_codes(now)}"
    media.mkdir(parents=True, exist_ok=True)
    for number, goods in enumerate(GOODS, start=1):
        for view in (1, 2):
            _draw(goods, view).save(media / f"demo-{number}-{view}.jpg", quality=86)
    run_unit(_shop, now)
    run_unit(_people, now)
    run_unit(
        channels.create,
        ChannelInput("西湖店收银台", ChannelKind.SHOP, note="收银台左侧的立牌"),
        actor=audit.Actor.system("demo"),
        now=now,
    )
    return (
        f"seeded {len(GOODS)} products, 2 distributors, a commission plan, a channel\n{_codes(now)}"
    )


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
        actor=audit.Actor.system("demo"),
        now=now,
    )
    names = list(dict.fromkeys(goods.category for goods in GOODS))
    categories = {name: Category(name=name, sort=i) for i, name in enumerate(names)}
    db.session.add_all(categories.values())
    db.session.flush()
    for number, goods in enumerate(GOODS, start=1):
        product = Product(
            category_id=categories[goods.category].id,
            title=goods.title,
            subtitle=goods.subtitle,
            description=goods.text,
            pictures=[f"demo-{number}-{view}.jpg" for view in (1, 2)],
            is_on_shelf=True,
            sort=number,
            created_at=now,
        )
        product.skus = [
            Sku(name=name, price_fen=price, list_price_fen=listed, cost_fen=cost)
            for name, price, listed, cost, _ in goods.skus
        ]
        db.session.add(product)
        db.session.flush()
        for sku, (*_, stock) in zip(product.skus, goods.skus, strict=True):
            if stock:
                catalog.add_stock(sku.id, stock, key=f"demo:{sku.id}", reason="演示入库", now=now)


def _people(now: datetime) -> None:
    lin, chen = (_distributor(openid, name, now) for openid, name in (LIN_JIE, CHEN_MEI))
    code = distribution.referral_code(lin, now=now).code
    distribution.bind(chen, code=code, source=BindingSource.LINK, now=now)
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


def _draw(goods: _Goods, view: int) -> Image.Image:
    """A plain still life: a soft ground, a shadow, one drawn thing."""
    size = 750
    ground, body, dark = goods.colours
    picture = Image.new("RGB", (size, size), ground)
    shadow = Image.new("RGB", (size, size), ground)
    ImageDraw.Draw(shadow).ellipse((190, 560, 590, 640), fill=dark)
    picture = Image.blend(picture, shadow.filter(ImageFilter.GaussianBlur(28)), 0.45)
    pen = ImageDraw.Draw(picture)
    if view == 2:
        pen.ellipse((40, 40, 300, 300), fill=body)
        pen.ellipse((80, 80, 260, 260), fill=ground)
    match goods.shape:
        case "tin":
            pen.rounded_rectangle((250, 190, 500, 600), 28, fill=body)
            pen.rounded_rectangle((240, 170, 510, 250), 24, fill=dark)
            pen.rounded_rectangle((300, 330, 450, 500), 12, fill=ground)
        case "bowl":
            pen.pieslice((200, 230, 550, 620), 0, 180, fill=body)
            pen.ellipse((200, 370, 550, 480), fill=dark)
            pen.rounded_rectangle((310, 600, 440, 630), 10, fill=dark)
        case "cup":
            pen.ellipse((440, 310, 600, 500), outline=body, width=34)
            pen.rounded_rectangle((220, 250, 500, 610), 46, fill=body)
            pen.ellipse((220, 220, 500, 290), fill=dark)
            pen.rectangle((220, 420, 500, 452), fill=ground)
        case "pillow":
            pen.rounded_rectangle((140, 300, 610, 590), 120, fill=body)
            pen.rounded_rectangle((170, 330, 580, 480), 80, fill=ground)
            pen.line((180, 520, 570, 520), fill=dark, width=6)
        case "fruit":
            for x, y in ((220, 380), (370, 330), (330, 470), (470, 460)):
                pen.ellipse((x, y, x + 150, y + 150), fill=body, outline=dark, width=6)
                pen.arc((x + 40, y + 20, x + 110, y + 130), 90, 260, fill=dark, width=5)
        case _:
            pen.rounded_rectangle((230, 210, 520, 610), 36, fill=body)
            pen.rectangle((230, 250, 520, 275), fill=dark)
            pen.ellipse((300, 350, 450, 500), fill=ground)
    return picture
