"""Letting the desk look at pages before others do (预览).

The panel's cookie is for the panel's pages only. A page of it that draws a phone
hands the browser a second cookie, signed, for the preview's address alone and
for half an hour; it opens nothing but the preview. Such a page may stand in a
frame of ours; all others stay out of frames. A product that is not on the shelf is
shown by a signed link instead, for as long, so that a real phone can open it, too.
"""

from flask import Response, g, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.core import web

COOKIE = "mall_preview"
LASTS_SECONDS = 1800


def _seal() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(web.settings().secret_key, salt="home-preview")


def allow(response: Response, path: str) -> Response:
    """Let this browser see the preview at `path` for a while."""
    response.set_cookie(
        COOKIE,
        _seal().dumps("home"),
        path=path,
        max_age=LASTS_SECONDS,
        httponly=True,
        samesite="Strict",
        secure=web.settings().public_base_url.startswith("https://"),
    )
    return response


def is_allowed() -> bool:
    """Whether this request comes from a browser that was let in."""
    try:
        _seal().loads(request.cookies.get(COOKIE, ""), max_age=LASTS_SECONDS)
    except BadSignature:
        return False
    return True


def product_token(product_id: int) -> str:
    """What a link to the look of a product holds; it opens on any phone for a while."""
    return _product_seal().dumps(product_id)


def product_of(token: str) -> int | None:
    """The product that a link shows; None for a forged link or one whose time is over."""
    try:
        found = _product_seal().loads(token, max_age=LASTS_SECONDS)
    except BadSignature:
        return None
    return found if isinstance(found, int) else None


def _product_seal() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(web.settings().secret_key, salt="product-preview")


def frame_here() -> None:
    """This answer may be shown in a frame of our own pages, and in no other."""
    g.framing = "'self'"
