"""What every page and answer has in common: ids, headers, filters, errors.

- A request id on every log line and on every error that a person sees.
- Security headers with a strict CSP; every change must come from our own pages
  (Origin check), except calls from WeChat, which are signed.
- Template filters for money and time; `asset()` for files with their hash.
"""

import contextlib
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    g,
    jsonify,
    make_response,
    request,
    session,
    url_for,
)
from flask.json.provider import DefaultJSONProvider
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from app.core import brief, clock, metrics, outages
from app.core.cache import Cache
from app.core.db import db
from app.core.errors import DomainError
from app.core.money import format_yuan
from app.core.outages import Outage, outage_of
from config import Config

log = structlog.get_logger()

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# The part of the API that knows people by the session of their phone.
_API_OF_PHONES = ("/api/v1/me", "/api/v1/mall")


def settings() -> Config:
    """The configuration of the running app."""
    found: Config = current_app.extensions["mall_config"]
    return found


def cache() -> Cache:
    found: Cache = current_app.extensions["cache"]
    return found


def this_app() -> Flask:
    """The running app itself, for code that works outside of its context later."""
    found: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    return found


# However busy, a phone's login ends and is made anew by WeChat, without a tap.
PHONE_LOGIN_SECONDS = 90 * 86400


def phones_member_id() -> int | None:
    """Whose phone this is: the member of the session, None once its login is too old.

    A cookie from before logins had a time has it from now on.
    """
    member_id: int | None = session.get("member")
    if member_id is None:
        return None
    now = int(clock.now().timestamp())
    if now - session.setdefault("since", now) >= PHONE_LOGIN_SECONDS:
        session.clear()
        return None
    return member_id


def wants_json() -> bool:
    """Whether the caller is a script of ours and not a person with a browser."""
    return request.accept_mimetypes.best == "application/json"


# Crawlers, previews and scripts say so themselves. Cubot makes phones.
_MACHINES = re.compile(
    r"(?<!cu)bot(?:\b|_)|spider|crawl|slurp|preview|facebookexternalhit|headless"
    r"|python-|curl/|wget/|okhttp|java/|go-http-client|libwww|scrapy",
    re.IGNORECASE,
)


def is_machine() -> bool:
    """Whether this request is a crawler's, a preview's or a prefetch, not a person's."""
    agent = request.headers.get("User-Agent", "")
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
    return request.method == "HEAD" or "prefetch" in purpose or bool(_MACHINES.search(agent))


class _Sessions(SecureCookieSessionInterface):
    """Flask's; what signs the cookies is made once, not twice for each request."""

    @lru_cache(maxsize=4)  # noqa: B019  (there is one, for as long as the process)
    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        return super().get_signing_serializer(app)


def init_app(app: Flask) -> None:
    config: Config = app.extensions["mall_config"]
    app.session_interface = _Sessions()
    if config.trusted_proxies:
        n = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=0)  # type: ignore[method-assign]
    app.url_map.converters["int"] = _Id
    app.json = _Json(app)
    app.jinja_env.filters.update(
        yuan=format_yuan, price_parts=price_parts, dt=short_time, dt_full=full_time, day=day
    )
    app.jinja_env.globals["asset"] = asset
    app.before_request(_begin)
    app.before_request(_refuse_foreign_changes)
    app.after_request(_finish)


def register_errors(blueprint: Blueprint, render: Callable[..., str]) -> None:
    """Answer a layer's refusals as a page of that layer, or as JSON."""

    @blueprint.errorhandler(DomainError)
    def refuse(error: DomainError) -> ResponseReturnValue:
        log.info("refused", code=error.code, field=error.field)
        if wants_json():
            return jsonify(code=error.code, message=error.message, field=error.field), error.status
        return render(status=error.status, message=error.message), error.status


def register_app_errors(app: Flask, pages: dict[str, Callable[..., str | Response]]) -> None:
    """Answer what no view took; `pages` renders by the first part of the path."""

    def answer(status: int, message: str) -> ResponseReturnValue:
        if request.path.startswith("/api/"):
            return pages["api"](status=status, message=message), status
        if wants_json() or request.path.startswith("/wechat/"):
            code = "unavailable" if status == 503 else "error"
            return jsonify(code=code, message=message, request_id=g.get("request_id")), status
        part = request.path.split("/")[1]
        render = pages.get(part, pages[""])
        return render(status=status, message=message), status

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> ResponseReturnValue:
        if error.code is not None and 300 <= error.code < 400:
            return error
        return answer(error.code or 500, _HTTP_MESSAGES.get(error.code or 500, "请求未能完成"))

    @app.errorhandler(DomainError)
    def refused(error: DomainError) -> ResponseReturnValue:
        return answer(error.status, error.message)

    def out_of_service(error: Exception, outage: Outage) -> ResponseReturnValue:
        # Without the trace: during an outage it would be written for every visitor.
        log.error("out_of_service", what=outage, path=request.path, error=str(error)[:200])
        only_looked = request.method in SAFE_METHODS
        response = make_response(answer(503, outages.message(outage, only_looked=only_looked)))
        response.headers["Retry-After"] = str(outages.RETRY_AFTER_SECONDS)
        return response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> ResponseReturnValue:
        # The page of the error may read settings; a broken transaction would not let it.
        with contextlib.suppress(SQLAlchemyError):
            db.session.rollback()
        if outage := outage_of(error):
            return out_of_service(error, outage)
        log.error("unexpected_error", path=request.path, exc_info=error)
        return answer(500, _HTTP_MESSAGES[500])


_HTTP_MESSAGES = {
    400: "请求格式不正确",
    403: "没有权限进行此操作",
    404: "页面不存在或已被移走",
    405: "不支持这样的访问方式",
    413: "提交的内容过大",
    429: "操作太频繁，请稍后再试",
    500: "系统开小差了，请稍后再试",
    503: "系统繁忙，请稍后再试",
}


class _Id(IntegerConverter):
    """A number in an address; what no column holds is no address of ours."""

    def __init__(self, map: Map, **given: Any) -> None:  # noqa: A002  (werkzeug's name)
        super().__init__(map, **{"max": 2**63 - 1, **given})


class _Json(DefaultJSONProvider):
    """Flask's; a body that is nested without end is as unreadable as any other."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            return super().loads(s, **kwargs)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


# --- requests ------------------------------------------------------------------


def _begin() -> None:
    g.request_id = secrets.token_hex(6)
    g.started = time.perf_counter()
    g.framing = ""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _refuse_foreign_changes() -> ResponseReturnValue | None:
    """Refuse a change that another site's page sends with our visitor's cookies.

    Browsers always send Origin with such requests, so its absence is refused,
    too. WeChat's own calls carry a signature instead and no cookie counts there.
    """
    if request.method in SAFE_METHODS or request.path.startswith("/wechat/"):
        return None
    if request.path.startswith("/api/v1/") and not request.path.startswith(_API_OF_PHONES):
        # Other systems send a key of theirs with each call; no cookie counts there.
        return None
    origin = request.headers.get("Origin") or _origin_of(request.headers.get("Referer", ""))
    if origin in _own_origins():
        return None
    log.warning("foreign_origin_refused", origin=origin, path=request.path)
    if request.path.startswith("/api/"):
        abort(403)
    return jsonify(code="foreign_origin", message="请从商城页面内操作"), 403


def _own_origins() -> set[str]:
    return {_origin_of(settings().public_base_url)}


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _finish(response: Response) -> Response:
    config = settings()
    is_panel = request.path.startswith("/admin")
    response.headers.setdefault(
        "Content-Security-Policy", _policy(config, is_panel, g.get("framing", ""))
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    if config.is_production:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Request-Id"] = g.get("request_id", "")
        took = time.perf_counter() - g.get("started", time.perf_counter())
        rule = request.url_rule
        metrics.request_answered(
            request.method, rule.rule if rule else "none", response.status_code, took
        )
        log.info(
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            ms=round(took * 1000, 1),
        )
    elif "v" in request.args:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@lru_cache(maxsize=16)
def _policy(config: Config, is_panel: bool, framing: str) -> str:
    """What a page may load and who may frame it."""
    jssdk = _origin_of(config.wechat_jssdk_url)
    login = _origin_of(config.wechat_open_base)
    ancestors, extra = "'none'", ""
    if config.uses_sandbox and not is_panel:
        # The sandbox's phone shows the mall in a frame and draws its paying sheet.
        ancestors, extra = login, f" {login}"
    return (
        "default-src 'self'; base-uri 'none'; object-src 'none'; "
        f"script-src 'self' {jssdk}; style-src 'self'; font-src 'self' data:; "
        f"img-src 'self' data: https:{extra}; connect-src 'self'{extra}; "
        f"frame-src 'self'{extra}; frame-ancestors {framing or ancestors}; "
        f"form-action 'self' {login}"
    )


# --- templates -----------------------------------------------------------------


def price_parts(fen: int) -> tuple[str, str]:
    """`123456` as `("1,234", "56")`: pages print yuan larger than fen."""
    yuan, _, rest = format_yuan(fen).partition(".")
    return yuan, rest


def short_time(moment: datetime | None) -> str:
    """`11-21 18:05`; another year's with its year."""
    if moment is None:
        return ""
    local = clock.local(moment)
    this_year = local.year == clock.local(clock.now()).year
    return local.strftime("%m-%d %H:%M" if this_year else "%Y-%m-%d %H:%M")


def full_time(moment: datetime | None) -> str:
    return "" if moment is None else clock.local(moment).strftime("%Y-%m-%d %H:%M:%S")


def day(moment: datetime | None) -> str:
    """`12月1日`, as a person would say a date this year."""
    if moment is None:
        return ""
    local = clock.local(moment)
    return f"{local.month}月{local.day}日"


def asset(name: str) -> str:
    """The address of a file below `static/`, with its content hash."""
    return brief.current().get(("asset", name), lambda: _asset(name))


def _asset(name: str) -> str:
    known = _vendor_manifest(current_app.static_folder or "")
    if name in known:
        path, _, version = known[name].partition("?v=")
        return url_for("static", filename=path, v=version)
    return url_for("static", filename=name, v=_file_hash(current_app.static_folder or "", name))


@lru_cache(maxsize=4)
def _vendor_manifest(folder: str) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((Path(folder) / "vendor/manifest.json").read_text())
    except OSError:
        log.warning("front_end_files_missing", remedy="run scripts/assets.py")
        return {}
    return found


def _file_hash(folder: str, name: str) -> str:
    path = Path(folder) / name
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        return "missing"
    return _content_hash(str(path), changed)


@lru_cache(maxsize=256)
def _content_hash(path: str, _changed: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:10]


def form_text(name: str, longest: int = 200) -> str:
    """A form field as text, cut at a length that no honest value reaches."""
    return str(request.form.get(name, ""))[: longest + 1].replace("\x00", "")


def whole_number(text: str) -> int | None:
    """A whole number that a database column holds, None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def page_before() -> int | None:
    """The `before` key of a paged list; None for the first page or nonsense."""
    value = request.args.get("before", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


def remote_address() -> str:
    return request.remote_addr or ""


def json_fields(*names: str) -> dict[str, Any]:
    """The listed fields of a JSON body; an unreadable body has none of them."""
    body = request.get_json(silent=True)
    return {name: body.get(name) if isinstance(body, dict) else None for name in names}
