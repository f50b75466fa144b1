"""Browsing (分类) and searching (搜索): rails, filters, sorting, history, suggestions."""

from dataclasses import asdict, dataclass

from flask import jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from app import catalog
from app.catalog import Sort, Wanted
from app.core import brief, clock, web
from app.core.errors import InvalidInput
from app.core.money import parse_yuan
from app.mall.auth import open_page
from app.mall.blueprint import bp
from app.mall.limits import limited
from app.mall.prices import gets_member_price, offers

# The session is a cookie: a few short words are all it should carry.
HISTORY_MAX, WORD_MAX = 8, 16
QUERY_MAX = 40
_SORTS = [
    (Sort.BEST, "综合"),
    (Sort.SOLD, "销量"),
    (Sort.NEW, "新品"),
    (Sort.CHEAP, "价格"),
]


@dataclass(frozen=True)
class Asked:
    """The address of a search page, as typed."""

    q: str
    category: str
    low: str
    high: str
    stock: str
    sort: str

    @property
    def is_filtered(self) -> bool:
        return bool(self.category or self.low or self.high or self.stock)

    def link(self, **changed: str) -> str:
        args = {**asdict(self), **changed}
        return url_for("mall.search", **{key: value for key, value in args.items() if value})


@bp.get("/category")
@open_page
def category() -> ResponseReturnValue:
    """The rail of categories, and what lies in the chosen one."""
    wanted, after = web.whole_number(request.args.get("id", "")), request.args.get("after", "")
    is_special = gets_member_price()
    html = brief.current().get(
        ("category", wanted, after, is_special),
        lambda: _category_body(wanted, after, is_special=is_special),
    )
    return render_template("mall/category.html", body=html)


def _category_body(wanted: int | None, after: str, *, is_special: bool) -> str:
    rails = catalog.browse.rails()
    rail = next(
        (
            rail
            for rail in rails
            if wanted in (rail.category.id, *(child.id for child in rail.children))
        ),
        rails[0] if rails else None,
    )
    chosen = None
    if rail is not None:
        within = [rail.category.id, *(child.id for child in rail.children)]
        chosen = wanted if wanted in within else rail.category.id
    shelf = catalog.browse.shelf(Wanted(category_id=chosen), now=clock.now(), after=after)
    return render_template(
        "mall/category_body.html",
        rails=rails,
        rail=rail,
        chosen=chosen,
        shelf=shelf,
        offer=offers(is_special=is_special),
    )


@bp.get("/search")
@open_page
@limited("search", 60)
def search() -> ResponseReturnValue:
    asked, offer = _asked(), offers(is_special=gets_member_price())
    if not asked.q and not asked.is_filtered:
        return render_template(
            "mall/search.html",
            asked=asked,
            history=session.get("searches", []),
            hot=catalog.browse.hot(clock.now()),
            shelf=None,
            offer=offer,
        )
    now = clock.now()
    wanted = _wanted(asked)
    shelf = catalog.browse.shelf(wanted, now=now, after=request.args.get("after", ""))
    if asked.q:
        _remember(asked.q)
    return render_template(
        "mall/search.html",
        asked=asked,
        sorts=_SORTS,
        wanted=wanted,
        rails=catalog.browse.rails(),
        shelf=shelf,
        offer=offer,
        hot=[] if shelf.products else catalog.browse.hot(now),
    )


@bp.get("/search/suggest")
@open_page
@limited("suggest", 120)
def search_suggest() -> ResponseReturnValue:
    typed = request.args.get("q", "")[:QUERY_MAX]
    return jsonify(words=catalog.browse.suggestions(typed, now=clock.now()))


@bp.post("/search/forget")
@open_page
def search_forget() -> ResponseReturnValue:
    session.pop("searches", None)
    return redirect(url_for("mall.search"), 303)


def _asked() -> Asked:
    def typed(name: str, longest: int = 12) -> str:
        return request.args.get(name, "").replace("\x00", "").strip()[:longest]

    return Asked(
        q=typed("q", QUERY_MAX),
        category=typed("category"),
        low=typed("low"),
        high=typed("high"),
        stock="1" if typed("stock") == "1" else "",
        sort=typed("sort"),
    )


def _wanted(asked: Asked) -> Wanted:
    """What can be read of it; a filter that cannot is left out, as if it were empty."""
    low, high = _fen(asked.low), _fen(asked.high)
    if low is not None and high is not None and low > high:
        low, high = high, low
    return Wanted(
        query=asked.q,
        category_id=web.whole_number(asked.category),
        price_from_fen=low,
        price_to_fen=high,
        in_stock=bool(asked.stock),
        sort=Sort(asked.sort) if asked.sort in list(Sort) else Sort.BEST,
    )


def _fen(text: str) -> int | None:
    try:
        return parse_yuan(text, field="price") if text else None
    except InvalidInput:
        return None


def _remember(query: str) -> None:
    """The newest first, each once."""
    word = query[:WORD_MAX]
    before = [text for text in session.get("searches", []) if text != word]
    session["searches"] = [word, *before][:HISTORY_MAX]
