"""Posters that come with the product (内置海报): in use at once, and to start from."""

from app.distribution.posters.layout import Audience, Layout, Part, PartKind

_INK, _GREY, _RED = "#1A1A1A", "#7A7A7A", "#E6432D"


def _foot(colour: str = "#FFFFFF") -> tuple[Part, ...]:
    """A light foot with the code at the left and who invites at the right."""
    return (
        Part(PartKind.PANEL, 0, 974, 750, 360, colour=colour),
        Part(PartKind.QR, 48, 1012, 284, 284),
        Part(PartKind.AVATAR, 372, 1040, 88, 88),
        Part(
            PartKind.NAME, 476, 1044, 226, 80, size=30, text="{name}", is_bold=True, lines=2,
        ),
        Part(PartKind.TEXT, 372, 1160, 330, 40, size=28, colour=_INK, text="邀你一起逛{shop}"),
        Part(PartKind.TEXT, 372, 1214, 330, 36, size=24, colour=_GREY, text="长按或扫码，微信里打开"),
    )  # fmt: skip


CLASSIC = Layout(
    Audience.MEMBER,
    "#E6432D",
    (
        Part(PartKind.PANEL, 470, 0, 280, 280, colour="#EC5A45", radius=140),
        Part(PartKind.PANEL, 590, 210, 130, 130, colour="#F0705C", radius=65),
        Part(PartKind.PANEL, 48, 176, 10, 196, colour="#FFD9B8", radius=5),
        Part(PartKind.TEXT, 88, 156, 614, 110, size=88, colour="#FFFFFF", text="好物", is_bold=True),
        Part(
            PartKind.TEXT, 88, 276, 614, 110, size=88, colour="#FFFFFF", text="分享给你",
            is_bold=True,
        ),
        Part(
            PartKind.TEXT, 48, 440, 654, 50, size=34, colour="#FFE9D9",
            text="我常在这里买，东西好、价格实在，",
        ),
        Part(PartKind.TEXT, 48, 496, 654, 50, size=34, colour="#FFE9D9", text="也想让你试试。"),
        Part(PartKind.PANEL, 48, 640, 654, 250, colour="#F2624E", radius=28),
        Part(PartKind.TEXT, 88, 678, 574, 50, size=34, colour="#FFFFFF", text="七天无理由退货"),
        Part(PartKind.TEXT, 88, 744, 574, 50, size=34, colour="#FFFFFF", text="微信支付，下单放心"),
        Part(PartKind.TEXT, 88, 810, 574, 50, size=34, colour="#FFFFFF", text="售后有人管，退款原路回"),
        *_foot(),
    ),
)  # fmt: skip

PAPER = Layout(
    Audience.MEMBER,
    "#F4EFE6",
    (
        Part(PartKind.PANEL, 40, 40, 670, 1254, colour="#FFFDF8", radius=36),
        Part(PartKind.AVATAR, 303, 120, 144, 144),
        Part(
            PartKind.NAME, 90, 292, 570, 52, size=38, colour="#3B2F23", align="center",
            text="{name}", is_bold=True,
        ),
        Part(
            PartKind.TEXT, 90, 360, 570, 44, size=30, colour="#8A7A66", align="center",
            text="邀你来{shop}看看",
        ),
        Part(PartKind.PANEL, 335, 444, 80, 4, colour="#C9A66B"),
        Part(PartKind.QR, 185, 500, 380, 380),
        Part(
            PartKind.TEXT, 90, 916, 570, 40, size=28, colour="#8A7A66", align="center",
            text="长按或扫码，微信里打开",
        ),
        Part(
            PartKind.TEXT, 90, 1040, 570, 64, size=46, colour="#3B2F23", align="center",
            text="好东西，慢慢挑", is_bold=True,
        ),
        Part(
            PartKind.TEXT, 90, 1124, 570, 90, size=28, colour="#8A7A66", align="center",
            text="每一件都用心选过，七天无理由退货", lines=2,
        ),
    ),
)  # fmt: skip

NIGHT = Layout(
    Audience.MEMBER,
    "#16302B",
    (
        Part(PartKind.PANEL, 0, 0, 750, 12, colour="#D9B36C"),
        Part(PartKind.TEXT, 60, 120, 630, 60, size=40, colour="#D9B36C", text="{shop}"),
        Part(
            PartKind.TEXT, 60, 210, 630, 200, size=78, colour="#FFFFFF",
            text="发现身边的好东西", is_bold=True, lines=1,
        ),
        Part(PartKind.PANEL, 60, 470, 630, 760, colour="#FFFFFF", radius=32),
        Part(PartKind.QR, 175, 520, 400, 400),
        Part(PartKind.AVATAR, 108, 982, 104, 104),
        Part(PartKind.NAME, 236, 984, 406, 48, size=34, text="{name}", is_bold=True),
        Part(PartKind.TEXT, 236, 1040, 406, 44, size=28, colour=_GREY, text="邀你一起逛，长按或扫码"),
        Part(
            PartKind.TEXT, 108, 1136, 534, 44, size=28, colour="#16302B",
            text="正品好物 · 七天无理由 · 售后无忧",
        ),
    ),
)  # fmt: skip

PICTURE = Layout(
    Audience.PRODUCT,
    "#FFFFFF",
    (
        Part(PartKind.PICTURE, 0, 0, 750, 750),
        Part(PartKind.PRICE, 48, 786, 654, 76, size=64, colour=_RED, is_bold=True),
        Part(PartKind.TITLE, 48, 872, 654, 92, size=34, colour=_INK, lines=2),
        *_foot("#FAFAFA"),
    ),
)

CARD = Layout(
    Audience.PRODUCT,
    "#E6432D",
    (
        Part(PartKind.AVATAR, 48, 56, 96, 96),
        Part(
            PartKind.NAME, 164, 58, 538, 48, size=34, colour="#FFFFFF", text="{name}", is_bold=True,
        ),
        Part(PartKind.TEXT, 164, 112, 538, 40, size=28, colour="#FFE9D9", text="向你推荐一件好物"),
        Part(PartKind.PANEL, 32, 196, 686, 1090, colour="#FFFFFF", radius=32),
        Part(PartKind.PICTURE, 64, 228, 622, 622, radius=20),
        Part(PartKind.TITLE, 64, 880, 622, 92, size=34, colour=_INK, lines=2),
        Part(PartKind.PRICE, 64, 1060, 340, 76, size=60, colour=_RED, is_bold=True),
        Part(PartKind.TEXT, 64, 1160, 340, 80, size=26, colour=_GREY, text="长按或扫码，到{shop}购买", lines=2),
        Part(PartKind.QR, 416, 990, 270, 270),
    ),
)  # fmt: skip

STARTERS: dict[str, tuple[str, Layout]] = {
    "classic": ("红色热情", CLASSIC),
    "paper": ("米白雅致", PAPER),
    "night": ("墨绿质感", NIGHT),
    "picture": ("大图商品", PICTURE),
    "card": ("推荐卡片", CARD),
}
