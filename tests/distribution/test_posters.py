"""Posters: what may be laid out, and that what is drawn can be scanned and read."""

import io
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from app.audit import AuditEntry
from app.core.db import db, run_unit, transaction
from app.core.errors import DomainError, NotFound
from app.distribution import posters
from app.distribution.posters import (
    STARTERS,
    Audience,
    Facts,
    InvalidLayout,
    Layout,
    Part,
    PartKind,
    Person,
    Product,
    TemplateInput,
    files,
    fonts,
)
from app.distribution.posters.drawing import code_image
from app.settings import change
from tests.factories import ADMIN, NOON
from tests.uploads.test_uploads import photo

LINK = "https://mall.example.com/r/ABCD2345?to=/p/1234"
LONG = "欧阳慕容·西湖边卖茶的老林 Lin Jie 和他的朋友们"


def facts(layout: Layout, name: str = "林小梅", *, price_fen: int = 128_00, **given) -> Facts:
    product = Product("明前龙井", price_fen, given.pop("picture", None))
    return Facts(
        "云集好物",
        LINK,
        Person(name, given.get("avatar")),
        product if layout.audience is Audience.PRODUCT else None,
    )


def drawn(layout: Layout, tmp_path: Path, *args, **given) -> Image.Image:
    data = posters.compose(layout, facts(layout, *args, **given), media=tmp_path)
    return Image.open(io.BytesIO(data))


def read_at_phone_width(picture: Image.Image) -> list[str]:
    """What an independent reader finds in it at 375 pixels."""
    small = picture.resize((375, 667), Image.Resampling.BILINEAR)
    return [found.text for found in zxingcpp.read_barcodes(small)]


def minimal(*parts: Part, audience: Audience = Audience.MEMBER) -> Layout:
    return Layout(audience, "#FFFFFF", (Part(PartKind.QR, 20, 20, 240, 240), *parts))


# --- drawing -------------------------------------------------------------------------


@pytest.mark.parametrize("key", STARTERS)
@pytest.mark.parametrize("name", [LONG, "😀👍🏽❤️", "A"])
def test_every_starter_is_read_from_the_jpeg_at_phone_width(key, name, tmp_path):
    layout = STARTERS[key][1]

    picture = drawn(layout, tmp_path, name, price_fen=10_000_00)

    assert (picture.format, picture.size, picture.mode) == ("JPEG", (750, 1334), "RGB")
    assert read_at_phone_width(picture) == [LINK]


@pytest.mark.parametrize("key", STARTERS)
def test_every_starter_may_be_saved(key):
    assert posters.faults(STARTERS[key][1]) == {}


def test_the_smallest_code_is_read_upon_a_wild_ground(tmp_path):
    (tmp_path / "p").mkdir()
    path = f"p/{'a' * 24}.jpg"
    Image.effect_noise((750, 1334), 200).convert("RGB").save(tmp_path / path)

    picture = drawn(replace(minimal(), picture=path), tmp_path)

    assert read_at_phone_width(picture) == [LINK]


def test_the_quiet_zone_is_kept():
    code = code_image(LINK, 240)
    modules = 33 + 8  # version 4, four light modules at each side
    module = 240 // modules
    edge = (240 - module * modules) // 2 + 4 * module

    assert code.size == (240, 240)
    assert code.crop((0, 0, 240, edge)).getextrema() == (255, 255)
    assert code.crop((0, 0, edge, 240)).getextrema() == (255, 255)
    assert code.getpixel((edge, edge)) == 0


def test_a_broken_picture_is_left_grey(tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff not a picture")
    layout = STARTERS["picture"][1]

    picture = drawn(layout, tmp_path, picture=broken)

    red, green, blue = picture.getpixel((375, 375))
    assert max(abs(red - 0xEF), abs(green - 0xEF), abs(blue - 0xEF)) <= 2
    assert read_at_phone_width(picture) == [LINK]


def test_the_product_is_in_its_place(tmp_path):
    path = tmp_path / "tea.jpg"
    Image.new("RGB", (960, 640), "teal").save(path)

    picture = drawn(STARTERS["picture"][1], tmp_path, picture=path)

    red, green, blue = picture.getpixel((375, 375))
    assert (red < 10, 120 < green < 136, 120 < blue < 136) == (True, True, True)


def test_without_an_avatar_the_first_letter_stands_in(tmp_path):
    layout = minimal(Part(PartKind.AVATAR, 400, 400, 100, 100))

    named = drawn(layout, tmp_path, "林小梅").crop((400, 400, 500, 500))
    nameless = drawn(layout, tmp_path, "😀").crop((400, 400, 500, 500))

    assert len(named.convert("L").histogram()) == 256
    # White letters on a colour; a head on a colour for who has no letters.
    assert named.getextrema()[1][1] > 240
    assert nameless.getextrema()[1][1] > 240


def test_a_name_too_long_is_cut_and_stays_in_its_place(tmp_path):
    part = Part(PartKind.NAME, 300, 600, 200, 40, size=32, text="{name} 推荐给你", lines=1)

    picture = drawn(minimal(part), tmp_path, LONG)

    white = (250, 250, 250)
    beyond = picture.crop((512, 590, 750, 660)).getextrema()
    assert all(low > white[0] for low, _ in beyond)
    assert picture.crop((300, 600, 500, 640)).getextrema()[0][0] < 90


def test_a_price_too_wide_is_drawn_smaller(tmp_path):
    part = Part(PartKind.PRICE, 300, 600, 160, 60, size=60, colour="#000000")

    picture = drawn(minimal(part, audience=Audience.PRODUCT), tmp_path, price_fen=1_234_567_00)

    assert all(low > 250 for low, _ in picture.crop((470, 590, 750, 680)).getextrema())


def test_a_product_poster_without_its_product_is_a_mistake(tmp_path):
    layout = STARTERS["card"][1]
    bare = Facts("店", LINK, Person("林"))

    with pytest.raises(ValueError, match="wants its product"):
        posters.compose(layout, bare, media=tmp_path)


def test_one_poster_leaves_nothing_on_the_next(tmp_path):
    layout = STARTERS["paper"][1]
    first = posters.compose(layout, facts(layout, "甲"), media=tmp_path)

    posters.compose(layout, facts(layout, LONG), media=tmp_path)

    assert posters.compose(layout, facts(layout, "甲"), media=tmp_path) == first


# --- fonts ---------------------------------------------------------------------------


def test_what_the_font_has_not_is_left_out():
    assert fonts.clean("😀欧阳👍🏽  Lin\u200bJie ❤️龘") == "欧阳 LinJie 龘"


def test_without_a_chinese_font_no_box_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "_KNOWN", ())
    fonts.configure("")
    try:
        assert not fonts.has_chinese()
        part = Part(PartKind.TEXT, 300, 600, 400, 60, size=40, text="邀你一起逛 Mall")
        picture = drawn(minimal(part), tmp_path)
        assert all(low > 250 for low, _ in picture.crop((300, 590, 750, 680)).getextrema())
        assert read_at_phone_width(picture) == [LINK]
    finally:
        monkeypatch.undo()
        fonts.configure("")


# --- templates -------------------------------------------------------------------------

FAULTS = [
    ({"parts": ()}, "parts", "海报上要有且只有一个二维码"),
    (
        {"parts": (Part(PartKind.QR, 0, 0, 239, 239),)},
        "part-0",
        "二维码：不能小于 240×240，否则手机可能扫不出",
    ),
    (
        {"parts": (Part(PartKind.QR, 600, 0, 240, 240),)},
        "part-0",
        "二维码：超出了海报（750×1334）",
    ),
    (
        {"parts": (*minimal().parts, Part(PartKind.PRICE, 0, 300, 200, 60))},
        "part-1",
        "价格：个人海报上没有商品，请删除",
    ),
    (
        {"parts": (*minimal().parts, Part(PartKind.TEXT, 0, 300, 200, 60, text=" "))},
        "part-1",
        "文字：请填写文字",
    ),
    (
        {"parts": (*minimal().parts, Part(PartKind.TEXT, 0, 300, 200, 60, text="字", size=15))},
        "part-1",
        "文字：字号应为 16 到 120",
    ),
    ({"colour": "red"}, "colour", "背景色应为 #RRGGBB，例如 #FFFFFF"),
    ({"picture": "../../secret.jpg"}, "picture", "背景图无效，请重新上传"),
    (
        {"parts": (*minimal().parts, Part(PartKind.AVATAR, 200, 200, 90, 90))},
        "parts",
        "头像或昵称压住了二维码，请移开",
    ),
]


@pytest.mark.parametrize(("changed", "field", "said"), FAULTS)
def test_what_makes_no_poster_is_refused(session, changed, field, said):
    given = TemplateInput("新年", replace(minimal(), **changed))

    with pytest.raises(InvalidLayout) as refused, transaction():
        posters.save(None, given, actor=ADMIN, now=NOON)

    assert refused.value.errors[field] == said
    assert list(posters.page_of(Audience.MEMBER)) == []
    assert db.session.query(AuditEntry).filter_by(action="poster.save").count() == 0


def add(name: str = "新年", layout: Layout | None = None, **given):
    made = TemplateInput(name, layout or minimal(), **given)
    return run_unit(posters.save, None, made, actor=ADMIN, now=NOON)


def test_the_shops_own_come_first_and_those_switched_off_do_not_come(session):
    first, second = add("甲"), add("乙")
    add("丙", is_active=False)
    run_unit(posters.move, second.id, by=-1, actor=ADMIN, now=NOON)

    assert [found.name for found in posters.choices(Audience.MEMBER)] == [
        *("乙", "甲"),
        *("红色热情", "米白雅致", "墨绿质感"),
    ]
    assert posters.choice(Audience.MEMBER, str(first.id)).layout == minimal()


def test_starters_can_be_switched_off_where_there_are_others(session):
    with transaction():
        change("distribution.poster_starters", False, actor=ADMIN, now=NOON)
    assert len(posters.choices(Audience.PRODUCT)) == 2

    add("甲", replace(minimal(), audience=Audience.PRODUCT))

    assert [found.name for found in posters.choices(Audience.PRODUCT)] == ["甲"]


def test_a_template_is_switched_and_removed_with_a_trace(session):
    row = add()
    run_unit(posters.switch, row.id, is_active=False, actor=ADMIN, now=NOON)
    run_unit(posters.remove, row.id, actor=ADMIN, now=NOON)

    with pytest.raises(NotFound):
        posters.get(row.id)
    actions = [entry.action for entry in db.session.query(AuditEntry).order_by(AuditEntry.id)]
    assert actions == ["poster.save", "poster.switch", "poster.remove"]


def test_there_is_an_end_to_templates(session):
    for number in range(12):
        add(f"第 {number}")

    with pytest.raises(DomainError, match="最多 12 个模板"):
        add("太多")

    assert len(posters.page_of(Audience.MEMBER)) == 12


# --- files -----------------------------------------------------------------------------


def test_the_name_changes_with_whatever_is_seen():
    layout = STARTERS["card"][1]
    seen = facts(layout)
    assert seen.product is not None
    changed = [
        (layout, seen, ""),
        (layout, seen, "https://wx.qlogo.cn/a"),
        (STARTERS["picture"][1], seen, ""),
        (layout, replace(seen, shop="别家"), ""),
        (layout, replace(seen, code="x"), ""),
        (layout, replace(seen, person=Person("别人")), ""),
        (layout, replace(seen, product=replace(seen.product, price_fen=1)), ""),
        (layout, replace(seen, product=replace(seen.product, title="茶")), ""),
    ]

    names = [files.name_of(one, two, avatar_url=url) for one, two, url in changed]

    assert len(set(names)) == len(changed)
    assert names[0] == files.name_of(layout, facts(layout), avatar_url="")


def test_what_is_no_picture_is_not_asked_for_again_within_the_hour(tmp_path):
    asked = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return b"<svg>no picture</svg>"

    assert [files.avatar(tmp_path, "https://wx.qlogo.cn/a", fetch) for _ in range(2)] == [None] * 2
    assert asked == ["https://wx.qlogo.cn/a"]

    long_ago = (datetime.now(UTC) - timedelta(hours=2)).timestamp()
    [kept] = (tmp_path / "avatars").iterdir()
    os.utime(kept, (long_ago, long_ago))
    found = files.avatar(tmp_path, "https://wx.qlogo.cn/a", lambda _: photo(size=(640, 640)))

    assert found is not None
    with Image.open(found) as picture:
        assert picture.size == (264, 264)


def test_what_nobody_looked_at_for_long_is_swept(tmp_path):
    now = datetime.now(UTC)
    for name, days in (("old", 15), ("new", 13)):
        path = files.keep(tmp_path, 7, name, b"jpeg")
        used = (now - timedelta(days=days)).timestamp()
        os.utime(path, (used, used))

    assert files.sweep(tmp_path, now=now) == 1

    assert files.kept(tmp_path, 7, "old") is None
    # Looking at it keeps it for as long again.
    assert files.kept(tmp_path, 7, "new") is not None
    assert files.sweep(tmp_path, now=now + timedelta(days=10)) == 0


def test_who_leaves_is_forgotten(tmp_path):
    url = "https://wx.qlogo.cn/a"
    files.keep(tmp_path, 7, "a", b"jpeg")
    files.keep(tmp_path, 8, "a", b"jpeg")
    files.avatar(tmp_path, url, lambda _: photo())

    files.forget(tmp_path, 7, url)

    assert files.made_for(tmp_path, 7) == []
    assert len(files.made_for(tmp_path, 8)) == 1
    assert list((tmp_path / "avatars").iterdir()) == []
