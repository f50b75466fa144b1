"""Logging in with WeChat (网页授权): silent, bound to the browser, safe to repeat.

wechat.md, sections 3 and 12. The session holds the member's id and nothing else
of weight. `state` is random, belongs to one browser, and its way back is kept on
the server. Android may ask the callback twice with one code: the second answer
is the same login.
"""

import hashlib
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec
from urllib.parse import unquote, urlsplit

import structlog
from flask import Response, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from app import members, reports, risk, wechat
from app.core import clock, web
from app.core.db import run_unit
from app.core.web import cache
from app.distribution import channels
from app.distribution.channels import ScanSource
from app.mall import carts, footprints
from app.mall.blueprint import bp

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]

STATE_SECONDS = 600
CODE_SECONDS = 300
RESTARTS_MAX = 2


def open_page(view: View[P]) -> View[P]:
    """Anyone may look; inside WeChat people are logged in silently first."""

    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if g.member is None and request.method == "GET" and _in_wechat():
            if not session.pop("login_failed", False):
                return _to_wechat()
        return view(*args, **kwargs)

    wrapped.login_rule = "open"  # type: ignore[attr-defined]
    return wrapped


def members_only(view: View[P]) -> View[P]:
    """Only for a member who is logged in."""

    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if g.member is not None:
            return view(*args, **kwargs)
        if web.wants_json():
            return {"code": "login", "message": "登录已过期，请刷新页面后重试"}, 401
        if request.method != "GET":
            said = "登录已过期，刚才的操作没有生效，请返回上一页刷新后再试"
            return render_template("mall/error.html", status=401, message=said), 401
        if not _in_wechat():
            return render_template("mall/open_in_wechat.html"), 403
        if session.pop("login_failed", False):
            return render_template(
                "mall/error.html", status=401, message="登录没有成功，请关闭页面后重新进入"
            ), 401
        return _to_wechat()

    wrapped.login_rule = "member"  # type: ignore[attr-defined]
    return wrapped


def current_member() -> reports.Visitor:
    """The logged-in member. Only in views that are `members_only`."""
    found: reports.Visitor | None = g.member
    if found is None:
        raise RuntimeError("no member is logged in here")
    return found


@bp.get("/wechat/oauth/callback")
def oauth_callback() -> ResponseReturnValue:
    """WeChat sends the browser back with a code."""
    code, state = request.args.get("code", ""), request.args.get("state", "")
    kept = cache().get(f"oauth:{state}") if state.isalnum() and len(state) <= 128 else None
    if not kept or kept["browser"] != session.get("browser") or not code:
        # Somebody else's link, a denied request, or a page from the history.
        return _without_login("/")
    path: str = kept["path"]
    seen = f"oauth_code:{hashlib.sha256(code.encode()).hexdigest()}"
    with cache().lock(seen):
        user = cache().get(seen)
        if user is None:
            try:
                answer = wechat.current().account.exchange(code)
            except wechat.OAuthFailed as error:
                return _retry(path) if error.is_stale else _without_login(path)
            except wechat.WeChatUnavailable:
                return _without_login(path)
            user = vars(answer)
            cache().set(seen, user, CODE_SECONDS)
    if user["is_snapshot"]:
        # A virtual person: a member made of it would be nobody, for ever.
        _keep_snapshot(user["openid"], path, seen)
        return render_template("mall/snapshot.html"), 200
    _log_in(user)
    return _bare(redirect(path))


@bp.get("/r/<code>")
@open_page
def referral(code: str) -> ResponseReturnValue:
    """A referral link: bind whoever comes by it, then show the shop."""
    target = _our_path(request.args.get("to", "")) or url_for("mall.home")
    is_machine = web.is_machine()
    if g.member is None:
        # Outside WeChat nobody is known yet; the first login binds.
        if not is_machine:
            session["referral"] = code[:32]
    else:
        run_unit(
            channels.take,
            g.member.id,
            code=code[:32],
            source=ScanSource.LINK,
            now=clock.now(),
            by_machine=is_machine,
            is_known=g.member.upline1_id is not None,
        )
    return redirect(target)


@bp.before_request
def _load_member() -> None:
    member_id = web.phones_member_id()
    g.member = None
    if member_id is not None:
        structlog.contextvars.bind_contextvars(actor=f"member:{member_id}")
        found = reports.visitor(member_id)
        if found is None:
            session.pop("member")
        elif found.erased_at is None:
            g.member = found
        else:
            # Deleted in another browser: this one belongs to nobody any more.
            session.clear()


@bp.after_request
def _count_visitor(response: Response) -> Response:
    """Once a day a member who opens a page is a visitor; the session knows who was counted."""
    member_id, today = session.get("member"), clock.local(clock.now()).date().isoformat()
    is_page = request.method == "GET" and response.mimetype == "text/html"
    if is_page and member_id is not None and session.get("day") != today:
        session["day"] = today
        footprints.current().came(member_id, now=clock.now())
    return response


def _log_in(user: dict[str, Any]) -> None:
    now = clock.now()
    member = run_unit(members.enter, user["openid"], now=now)
    if user["nickname"]:
        run_unit(
            members.set_profile,
            member.id,
            nickname=user["nickname"],
            avatar_url=user["avatar_url"],
        )
    code, wishes = session.get("referral"), session.get("cart")
    device = session.get("device") or secrets.token_hex(16)
    # Of the visitor's session only the browser's own mark survives the login.
    session.clear()
    session.permanent = True
    session["member"] = member.id
    session["since"] = int(now.timestamp())
    session["browser"] = secrets.token_hex(16)
    session["device"] = device
    # In the sandbox one browser plays everybody, so there it says nothing.
    if not web.settings().uses_sandbox:
        run_unit(risk.note_device, member.id, device, now=now)
    if code:
        run_unit(channels.take, member.id, code=code, source=ScanSource.LINK, now=now)
    carts.move_in(member.id, wishes)


def _keep_snapshot(openid: str, path: str, login: str) -> None:
    """Record that a virtual person came by a code: from the page asked for, or before."""
    steps = urlsplit(path).path.split("/")
    code = steps[2] if steps[:2] == ["", "r"] and len(steps) == 3 else session.get("referral")
    if code:
        run_unit(
            channels.take_snapshot,
            openid,
            code=unquote(code)[:32],
            dedupe_key=login.rpartition(":")[2],
            now=clock.now(),
        )


def _to_wechat(*, path: str | None = None, ask_profile: bool = False) -> ResponseReturnValue:
    state = secrets.token_hex(16)
    browser = session.setdefault("browser", secrets.token_hex(16))
    back = path or _our_path(request.full_path.rstrip("?")) or "/"
    cache().set(f"oauth:{state}", {"path": back, "browser": browser}, STATE_SECONDS)
    return _bare(redirect(wechat.current().account.authorize_url(state, ask_profile=ask_profile)))


def ask_profile(path: str) -> ResponseReturnValue:
    """Ask for name and picture, on the member's own tap only (wechat.md, snapshot page)."""
    return _to_wechat(path=path, ask_profile=True)


def _retry(path: str) -> ResponseReturnValue:
    """A used or late code: go on if logged in, else start over, but not for ever."""
    if g.member is not None:
        return _bare(redirect(path))
    session["restarts"] = session.get("restarts", 0) + 1
    if session["restarts"] > RESTARTS_MAX:
        session.pop("restarts")
        return _without_login(path)
    return _to_wechat(path=path)


def _without_login(path: str) -> ResponseReturnValue:
    if g.member is None:
        session["login_failed"] = True
    return _bare(redirect(path))


def _bare(response: Any) -> Any:
    # WeChat keeps redirects that are not told otherwise.
    response.headers["Cache-Control"] = "no-store"
    return response


def _in_wechat() -> bool:
    agent = request.headers.get("User-Agent", "")
    return "MicroMessenger" in agent or web.settings().uses_sandbox


def _our_path(target: str) -> str:
    """`target` if it is a path of this site, else nothing (no open redirect)."""
    if not target.startswith("/") or target.startswith(("//", "/\\")) or "\\" in target:
        return ""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or any(ord(c) < 32 for c in target):
        return ""
    if parts.path.startswith(("/wechat/", "/admin")):
        return ""
    return target
