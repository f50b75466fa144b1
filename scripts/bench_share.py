"""Benchmarks of sharing: posters, and the team of a distributor with 100,000 below."""

import io
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import qrcode
import sqlalchemy as sa
from flask import current_app
from PIL import Image, ImageDraw
from qrcode.constants import ERROR_CORRECT_M

from app.core import clock, ids, web
from app.core.db import db
from app.distribution import posters
from app.distribution.posters import STARTERS, Facts, Person, files, fonts
from app.distribution.team import TeamFigure
from scripts.bench_shop import NOW, Inserter

MEMBERS, TEAM = 1_000_000, 100_000
# Who is measured: member 1, with half of the team directly below.
_UPLINE = 1
_BUYERS_EACH = 3
_ASKED = {
    "newest": "",
    "second_level": "level=2",
    "by_sales": "sort=sales",
    "by_earned": "sort=earned",
    "not_bought": "sort=quiet",
    "by_name": "q=9999",
}


def poster() -> tuple[float, str, float, dict[str, Any]]:
    """Milliseconds to compose a poster nobody asked for before, the ground in memory.

    Baseline: the tuned steps of reference/performance.md for the same picture, written
    out: copy the ground, avatar, name, code with box 1 and a fixed mask, JPEG. Also how
    long the warm picture takes through the app.
    """
    layout = STARTERS["classic"][1]
    with TemporaryDirectory() as folder:
        media = Path(folder)

        def facts(number: int) -> Facts:
            return Facts("云集好物", _link(number), Person(f"林小梅{number}"))

        posters.compose(layout, facts(0), media=media)
        ground = _ground()

        def cold(number: int) -> None:
            given = facts(number)
            name = files.name_of(layout, given, avatar_url="")
            if files.kept(media, number, name) is not None:
                raise SystemExit("this poster was composed before")
            files.keep(media, number, name, posters.compose(layout, given, media=media))

        def tuned(number: int) -> None:
            (media / f"{number}.jpg").write_bytes(_tuned(ground, number))

        value, baseline = _side_by_side(cold, tuned, 60)
        warm = _warm()
    return value, "ms", baseline, {"warm_ms": round(warm, 2)}


def team() -> tuple[float, str, float, dict[str, Any]]:
    """Milliseconds (p95) of the team's page through the app, in every order it has.

    A tree of 1,000,000 with a team of 100,000 on MariaDB. Baseline: the bare indexed
    queries of the same page, run on one connection: counts by level, who joined by
    day, the newest 20 and what they brought. The machine is shared, so page and baseline
    are taken in turns. A search by name reads the whole level: it is told apart.
    """
    _plant()
    client = current_app.test_client()
    with client.session_transaction() as kept:
        kept["member"] = _UPLINE
    with clock.fixed(NOW):
        client.get("/me/distribution/team")
        found = _p95_in_turns(
            {
                "bare": _bare,
                **{
                    name: partial(_get, client, f"/me/distribution/team?{asked}")
                    for name, asked in _ASKED.items()
                },
            }
        )
    bare, by_name = found.pop("bare"), found.pop("by_name")
    facts = {f"{name}_ms": round(value, 1) for name, value in found.items()}
    return max(found.values()), "ms", bare, {**facts, "by_name_ms": round(by_name, 1)}


# --- posters ---------------------------------------------------------------------------


def _link(number: int) -> str:
    return f"https://mall.example.com/r/{number:08d}?to=/p/1234"


def _ground() -> Image.Image:
    """What the poster has that everybody's has, drawn once."""
    data = posters.compose(
        STARTERS["classic"][1], Facts("云集好物", "x", Person("x")), media=Path()
    )
    return Image.open(io.BytesIO(data)).convert("RGB")


def _tuned(ground: Image.Image, number: int) -> bytes:
    picture = ground.copy()
    pen = ImageDraw.Draw(picture)
    pen.ellipse((372, 1040, 460, 1128), fill="#5B7C99")
    pen.text((416, 1084), "林", "#FFFFFF", fonts.font(40, is_bold=True), anchor="mm")
    pen.text((476, 1064), f"林小梅{number}", "#1A1A1A", fonts.font(30, is_bold=True))
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, box_size=1, border=4, mask_pattern=3)
    code.add_data(_link(number))
    code.make(fit=True)
    small = code.make_image().get_image().convert("L")
    side = small.width * (284 // small.width)
    picture.paste(small.resize((side, side), Image.Resampling.NEAREST), (48, 1012))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()


def _warm() -> float:
    """The median of a picture that is kept, asked for over HTTP."""
    from itsdangerous import URLSafeSerializer

    files.keep(web.settings().data_dir, 1, "bench", _tuned(_ground(), 1))
    token = URLSafeSerializer(web.settings().secret_key, salt="poster").dumps(
        [1, "classic", 0, "bench"]
    )
    client = current_app.test_client()
    return statistics.median(_times(lambda: _get(client, f"/poster/{token}.jpg"), 100))


def _side_by_side(
    one: Callable[[int], None], other: Callable[[int], None], count: int
) -> tuple[float, float]:
    """The medians of both in milliseconds, taken in turns: the machine is shared."""
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(1, count + 1):
        for times, act in zip(found, (one, other), strict=True):
            started = time.perf_counter()
            act(number)
            times.append((time.perf_counter() - started) * 1000)
    return statistics.median(found[0]), statistics.median(found[1])


# --- the team --------------------------------------------------------------------------


def _bare() -> None:
    with db.engine.connect() as connection:
        for column in ("upline1_id", "upline2_id"):
            connection.exec_driver_sql(
                f"SELECT COUNT(*) FROM members WHERE {column} = %s",  # noqa: S608
                (_UPLINE,),
            ).scalar()
        connection.exec_driver_sql(
            "SELECT DATE(bound_at + INTERVAL 8 HOUR) AS day, COUNT(*) FROM members"
            " WHERE upline1_id = %s AND bound_at >= %s GROUP BY day",
            (_UPLINE, NOW.replace(tzinfo=None) - timedelta(days=30)),
        ).all()
        rows = connection.exec_driver_sql(
            "SELECT id, nickname, bound_at FROM members WHERE upline1_id = %s"
            " ORDER BY bound_at DESC, id DESC LIMIT 20",
            (_UPLINE,),
        ).all()
        connection.execute(
            sa.select(TeamFigure.__table__).where(
                TeamFigure.upline_id == _UPLINE,
                TeamFigure.depth == 1,
                TeamFigure.member_id.in_([row.id for row in rows]),
            )
        ).all()


def _plant() -> None:
    with db.engine.begin() as connection:
        put = Inserter(connection)
        put("members", (_member(number) for number in range(1, MEMBERS + 1)))
        put("distributors", [_distributor()])
        put("team_figures", _figures())
    with db.engine.begin() as connection:
        for table in ("members", "team_figures"):
            connection.exec_driver_sql(f"ANALYZE TABLE {table}")


def _member(number: int) -> dict[str, Any]:
    above = _uplines(number)
    # A year of joining, evenly.
    joined = NOW - timedelta(seconds=(MEMBERS - number) * 31)
    return {
        "id": number,
        "public_id": ids.random_code(12),
        "openid": f"oBench{number:022d}",
        "nickname": f"会员{number}",
        "avatar_url": "",
        "status": "active",
        "is_subscribed": True,
        "upline1_id": above[0],
        "upline2_id": above[1],
        "upline3_id": above[2],
        "bound_at": joined if above[0] else None,
        "created_at": joined,
    }


def _uplines(number: int) -> tuple[int | None, int | None, int | None]:
    """Every twentieth is directly below member 1, every other twentieth below these."""
    if number == _UPLINE:
        return None, None, None
    if number % 20 == 0:
        return _UPLINE, None, None
    if number % 20 == 1:
        return number - 1, _UPLINE, None
    # The others hang in a tree of their own.
    if number == 2:
        return None, None, None
    up = [number // 3, number // 9, number // 27]
    found = [each if each > 1 else None for each in up]
    return found[0] or 2, found[1] if found[0] else None, found[2] if found[1] else None


def _figures() -> Iterator[dict[str, Any]]:
    for number in range(20, MEMBERS + 1, 20):
        for depth, member_id in ((1, number), (2, number + 1)):
            if member_id <= MEMBERS and member_id // 20 % _BUYERS_EACH == 0:
                fen = (member_id * 7919) % 100_000 + 100
                yield {
                    "upline_id": _UPLINE,
                    "depth": depth,
                    "member_id": member_id,
                    "orders": fen % 9 + 1,
                    "sales_fen": fen,
                    "earned_fen": fen // 10,
                }


def _distributor() -> dict[str, Any]:
    return {
        "id": 1,
        "member_id": _UPLINE,
        "level": "normal",
        "status": "approved",
        "statement": "",
        "decision_note": "",
        "applied_at": NOW,
        "approved_at": NOW,
    }


# --- measuring -------------------------------------------------------------------------


def _get(client: Any, path: str) -> None:
    answer = client.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path} answered {answer.status_code}")


def _times(act: Callable[[], Any], count: int) -> list[float]:
    """How long `act` takes, in milliseconds, after a first time that does not count."""
    act()
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        act()
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def _p95_in_turns(acts: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The 95th percentile of each in milliseconds, one of each at a time."""
    taken: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(80):
        for name, act in acts.items():
            started = time.perf_counter()
            act()
            taken[name].append((time.perf_counter() - started) * 1000)
    return {name: statistics.quantiles(times[5:], n=20)[-1] for name, times in taken.items()}
