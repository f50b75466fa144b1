"""The WeChat users of the sandbox, who they are to the account, and their pictures."""

import hashlib
import io
import json
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SEED = (
    ("oSandbox_linjie_000000000001", "林杰", "分销员"),
    ("oSandbox_chenmei_00000000002", "陈梅", "分销员，由林杰推荐"),
    ("oSandbox_wangfang_0000000003", "王芳", "顾客"),
    ("oSandbox_zhaolei_00000000004", "赵磊", "顾客"),
    ("oSandbox_zhangwei_0000000005", "张伟", "店主"),
)
COLOURS = ("#D97757", "#5B8DB8", "#C2679E", "#4F9D8A", "#8577B5", "#B8893B", "#6B8E4E", "#A55D5D")
FONTS = (
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
)
HOUR = 3600
# How many messages the account may send after what the person did, and how long.
WINDOWS = {
    "message": (48 * HOUR, 5),
    "click": (60, 3),
    "follow": (60, 3),
    "scan": (60, 3),
    "pay": (48 * HOUR, 5),
}


def seed(store) -> None:
    """The five of the demo. Who works for the shop follows the account; customers come later."""
    for openid, nickname, role in SEED:
        add(store, openid, nickname, role=role)
        if role != "顾客":
            store.run(
                "UPDATE persons SET following = 1, subscribed_at = ? WHERE openid = ?",
                store.now(),
                openid,
            )


def add(store, openid: str, nickname: str, *, role: str = "", real_name: str | None = None):
    """Create a person; one who is there gets the new names."""
    with store.tx() as db:
        store.run(
            "INSERT INTO persons (openid, nickname, role, real_name, position)"
            " VALUES (?, ?, ?, ?, (SELECT COUNT(*) FROM persons))"
            " ON CONFLICT (openid) DO UPDATE SET nickname = excluded.nickname,"
            " real_name = COALESCE(excluded.real_name, real_name)",
            openid,
            nickname,
            role,
            real_name,
        )
        if role:
            db.execute("UPDATE persons SET role = ? WHERE openid = ?", (role, openid))
    return get(store, openid)


def get(store, openid: str) -> dict | None:
    return store.one("SELECT * FROM persons WHERE openid = ?", openid)


def everyone(store) -> list[dict]:
    return store.all("SELECT * FROM persons ORDER BY position, openid")


def colour(openid: str) -> str:
    for index, (known, _, _) in enumerate(SEED):
        if known == openid:
            return COLOURS[index]
    digest = hashlib.sha256(openid.encode()).digest()
    return COLOURS[digest[0] % len(COLOURS)]


def virtual_openid(openid: str) -> str:
    """The openid a snapshot page (快照页) is told, which is nobody's."""
    return "oSnap" + hashlib.sha256(openid.encode()).hexdigest()[:23]


def public(person: dict) -> dict:
    return {
        "openid": person["openid"],
        "nickname": person["nickname"],
        "role": person["role"],
        "colour": colour(person["openid"]),
        "following": bool(person["following"]),
        "is_snapshot": bool(person["is_snapshot"]),
        "real_name": person["real_name"],
        "consents": json.loads(person["consents"]),
    }


def open_window(store, openid: str, reason: str) -> None:
    seconds, count = WINDOWS[reason]
    now = store.now()
    with store.tx():
        person = get(store, openid)
        if person is None:
            return
        # A new act of one kind replaces the older one; other kinds go on.
        kept = [
            w
            for w in json.loads(person["allowances"])
            if w["until"] > now and w["reason"] != reason
        ]
        kept.append({"reason": reason, "until": now + seconds, "left": count})
        store.run("UPDATE persons SET allowances = ? WHERE openid = ?", json.dumps(kept), openid)


def use_window(store, openid: str) -> int:
    """Take one message from the person's windows; 0, or WeChat's error code."""
    now = store.now()
    with store.tx():
        windows = json.loads(get(store, openid)["allowances"])
        windows = [w for w in windows if w["until"] > now]
        if not windows:
            return 45015
        usable = [w for w in windows if w["left"] > 0]
        if not usable:
            return 45047
        min(usable, key=lambda w: w["until"])["left"] -= 1
        store.run("UPDATE persons SET allowances = ? WHERE openid = ?", json.dumps(windows), openid)
    return 0


@lru_cache(maxsize=64)
def avatar_png(openid: str, nickname: str, size: int = 132) -> bytes:
    image = Image.new("RGB", (size, size), colour(openid))
    draw = ImageDraw.Draw(image)
    font_path = next((p for p in FONTS if Path(p).exists()), None)
    if font_path and nickname:
        font = ImageFont.truetype(font_path, int(size * 0.5))
        draw.text((size / 2, size / 2), nickname[0], font=font, fill="white", anchor="mm")
    else:
        # Without a Chinese font: head and shoulders instead of an empty box.
        unit = size / 12
        draw.ellipse((4 * unit, 2.4 * unit, 8 * unit, 6.4 * unit), fill="white")
        draw.pieslice((2 * unit, 7.2 * unit, 10 * unit, 15.2 * unit), 180, 360, fill="white")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
