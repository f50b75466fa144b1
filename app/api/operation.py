"""What every view of the API has in common.

Who may call it (a key with a scope, a member's phone, anyone), how often, what its
requests and answers look like, and for writes: the Idempotency-Key.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

import structlog
from flask import Response, g, request, session
from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from spectree import Response as Answers
from spectree import SecurityScheme, SpecTree
from spectree.models import InType, SecureType, SecuritySchemeData

from app import audit, integrations, reports, settings
from app.api.blueprint import of_error
from app.api.shapes import IDEMPOTENCY_KEY, Problem, WriteHeaders
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import DomainError, InvalidInput, NotFound, TooMany
from app.integrations import Scope, writes

T = TypeVar("T")
Work = Callable[[], BaseModel]
# Returns the answer's model, or what `once` made of it.
View = Callable[..., Any]

WINDOW_SECONDS = 60
# Of one address, with keys that do not work.
BAD_KEYS_MAX = 30
# Of one member's phone, or of one address that nobody is logged in at.
MEMBER_MAX, VISITORS_MAX = 120, 600
CSRF_HEADER = "X-CSRF-Token"
_ID_MAX = 2**63 - 1

_SCHEMES = [
    SecurityScheme(name="key", data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer")),
    SecurityScheme(
        name="session",
        data=SecuritySchemeData(
            type=SecureType.API_KEY, name="mall_session", field_in=InType.COOKIE
        ),
    ),
    SecurityScheme(
        name="csrf",
        data=SecuritySchemeData(type=SecureType.API_KEY, name=CSRF_HEADER, field_in=InType.HEADER),
    ),
]
PHONE = "phone"


class NotLoggedIn(DomainError):
    code = "login"
    status = 401
    message = "登录已过期，请刷新页面后重试"


class ForeignCall(DomainError):
    code = "csrf"
    status = 403
    message = "请求缺少有效的 X-CSRF-Token，请先读取 /api/v1/me"
    field = CSRF_HEADER


class BadRequest(DomainError):
    code = "bad_request"
    status = 400

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def _refuse_invalid(
    _request: Any, _response: Any, error: Any, _instance: Any, _adapter: Any
) -> None:
    """The first thing that is wrong, as any other refusal."""
    if error is None:
        return
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "body"
    if field == IDEMPOTENCY_KEY:
        raise BadRequest(f"写操作需要请求头 {IDEMPOTENCY_KEY}：8 到 80 位字母、数字或符号", field)
    raise InvalidInput(field, f"{field} {_said(first)}")


def _said(error: Mapping[str, Any]) -> str:
    kind, bounds = error["type"], error.get("ctx", {})
    if kind in _SAID:
        return _SAID[kind].format(**bounds)
    if kind.endswith(("_type", "_parsing")):
        return "的类型不正确"
    return "不正确"


_SAID = {
    "missing": "必须提供",
    "extra_forbidden": "不是可以使用的字段",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
    "greater_than": "应大于 {gt}",
    "less_than": "应小于 {lt}",
    "string_too_short": "至少 {min_length} 个字符",
    "string_too_long": "最多 {max_length} 个字符",
    "too_short": "至少 {min_length} 项",
    "too_long": "最多 {max_length} 项",
    "string_pattern_mismatch": "的格式不正确",
    "enum": "应为其中之一：{expected}",
    "literal_error": "应为其中之一：{expected}",
}

spec = SpecTree(
    "flask",
    title="商城开放接口",
    description=(
        "金额一律是以分为单位的整数，字段名以 _fen 结尾；时间为带时区的 ISO 8601。"
        "列表用 next_cursor 翻页。写操作必须带 Idempotency-Key。"
        "出错时答复 application/problem+json。"
    ),
    version="1",
    # Not a route of the library: it leaves out what is below it.
    path="api/openapi",
    mode="strict",
    before=_refuse_invalid,
    validation_error_model=Problem,
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=lambda _parent, child: child,
    security_schemes=_SCHEMES,
)


def operation(
    answer: type[BaseModel] | None,
    *,
    tag: str,
    scope: Scope | None = None,
    phone: bool = False,
    writes: bool = False,
    status: int = 200,
) -> Callable[[View], View]:
    """A view of the API.

    With `scope` it is for keys that have it, with `phone` for a logged-in member, else
    for anyone. `writes`: it changes something and returns `once(…)`.
    """

    def decorate(view: View) -> View:
        refusals: dict[str, Any] = {f"HTTP_{code}": Problem for code in (404, 409, 422, 429)}
        if scope is not None or phone:
            refusals |= {"HTTP_401": Problem, "HTTP_403": Problem}
        if writes:
            refusals["HTTP_400"] = Problem
        checked = spec.validate(
            headers=WriteHeaders if writes else None,
            resp=Answers(**{f"HTTP_{status}": answer}, **refusals),
            tags=[tag],
            security=_security(scope, phone=phone, writes=writes),
            operation_id=view.__name__,
        )(_claimed(view, status) if writes else view)

        @wraps(checked)
        def wrapped(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            if scope is not None:
                _by_key(scope)
            else:
                _by_phone(needed=phone, writes=writes)
            # No row has such an id, and engines fail on what no column can hold.
            if any(isinstance(value, int) and value > _ID_MAX for value in kwargs.values()):
                raise NotFound()
            return checked(*args, **kwargs)

        wrapped.rule = scope or (PHONE if phone else "open")  # type: ignore[attr-defined]
        wrapped.writes = writes  # type: ignore[attr-defined]
        return wrapped

    return decorate


def _security(scope: Scope | None, *, phone: bool, writes: bool) -> Any:
    if scope is not None:
        return {"key": [scope.value]}
    if not phone:
        return []
    return {"session": [], **({"csrf": []} if writes else {})}


# --- who asks ----------------------------------------------------------------------


def _by_key(scope: Scope) -> None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    address, now = web.remote_address(), clock.now()
    bad = f"api_bad:{address}"
    try:
        if kind.lower() != "bearer" or not token.strip():
            raise integrations.NoKey("请在 Authorization 请求头里提供 Bearer 密钥")
        key = integrations.keys.find(token.strip(), address=address, now=now)
    except integrations.NoKey:
        _limit(bad, BAD_KEYS_MAX)
        raise
    structlog.contextvars.bind_contextvars(actor=f"key:{key.id}")
    _limit(f"api_key:{key.token_hash[:20]}", settings.value(settings.registry.API_PER_MINUTE))
    integrations.keys.must_have(key, scope)
    if not integrations.keys.is_touched_lately(key, address=address, now=now):
        key_id = key.id
        run_unit(integrations.keys.touch, key_id, address=address, now=now)
        key = integrations.keys.get(key_id)
    g.api_key, g.api_owner = key, f"key:{key.id}"


def _by_phone(*, needed: bool, writes: bool) -> None:
    member_id = web.phones_member_id()
    found = reports.visitor(member_id) if member_id is not None else None
    g.member = found if found is not None and found.erased_at is None else None
    if g.member is None:
        if needed:
            raise NotLoggedIn()
        _limit(f"api_visitors:{web.remote_address()}", VISITORS_MAX)
        return
    structlog.contextvars.bind_contextvars(actor=f"member:{g.member.id}")
    g.api_owner = f"member:{g.member.id}"
    _limit(f"api_member:{g.member.public_id}", MEMBER_MAX)
    # The Origin was checked as for every form; the token is what no foreign page can send.
    given = request.headers.get(CSRF_HEADER, "")
    if writes and not hmac.compare_digest(given.encode(), session.get("csrf", "").encode() or b"-"):
        raise ForeignCall()


def csrf_token() -> str:
    """The token of this browser's session."""
    token: str = session.setdefault("csrf", secrets.token_urlsafe(24))
    return token


def current_key() -> integrations.ApiKey:
    """The key at hand. Only in views with a scope."""
    found: integrations.ApiKey = g.api_key
    return found


def current_member() -> reports.Visitor:
    """The member whose phone it is. Only in views with `phone`."""
    found: reports.Visitor = g.member
    return found


def actor() -> audit.Actor:
    """Who acts, for the audit."""
    return audit.Actor(g.api_owner, web.remote_address())


def may_see_personal() -> bool:
    """Whether names, phones and addresses may be told in full."""
    return Scope.MEMBERS_PERSONAL in current_key().scopes


def note_personal(what: str, rows: int) -> None:
    """Record that personal data was handed out in full (security_checklist.md, 36)."""
    if not rows:
        return
    key_id, by = current_key().id, actor()
    run_unit(
        audit.record,
        "api_key.personal",
        subject="api_key",
        subject_id=key_id,
        actor=by,
        now=clock.now(),
        after={"what": what, "rows": rows},
    )


def _limit(what: str, most: int) -> None:
    """At most so many a minute. Raises TooMany with the seconds until the next one."""
    at = int(clock.now().timestamp())
    wait = WINDOW_SECONDS - at % WINDOW_SECONDS
    try:
        asked = web.cache().count(f"{what}:{at // WINDOW_SECONDS}", WINDOW_SECONDS)
    except TimeoutError:
        asked = most + 1
    if asked > most:
        raise TooMany(f"调用太频繁，请 {wait} 秒后再试", wait_seconds=wait)


# --- writes ------------------------------------------------------------------------


def _claimed(view: View, status: int) -> View:
    """Run the view once for each Idempotency-Key; repeat what it answered otherwise."""

    @wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        kwargs.pop("headers", None)
        if request.content_length and not isinstance(request.get_json(silent=True), dict):
            raise BadRequest("请求内容不是 JSON 对象", "body")
        taken = run_unit(
            writes.claim,
            g.api_owner,
            request.headers[IDEMPOTENCY_KEY],
            print_=writes.fingerprint(request.method, request.full_path, request.get_data()),
            now=clock.now(),
        )
        if isinstance(taken, writes.Answer):
            response = _answer(taken.status, taken.body)
            response.headers["Idempotency-Replayed"] = "true"
            return response
        g.claim, g.claim_status = taken, status
        try:
            return view(*args, **kwargs)
        except DomainError as error:
            if error.status in (429, 503) or isinstance(error, integrations.InProgress):
                run_unit(writes.release, taken)
                raise
            # Refused for what it asks: so it is at every repeat.
            body = of_error(error).get_data(as_text=True)
            run_unit(writes.finish, taken, status=error.status, body=body)
            raise
        except Exception:
            db.session.rollback()
            run_unit(writes.release, taken)
            raise

    return wrapped


def turn() -> str:
    """A name for this very write, as no other one has."""
    found: str = g.claim.turn
    return found


def once(work: Work) -> Response:
    """Do `work` and keep its answer, as one unit of work."""

    def unit() -> str:
        body = work().model_dump_json()
        writes.finish(g.claim, status=g.claim_status, body=body)
        return body

    return _answer(g.claim_status, run_unit(unit))


def once_outside(work: Work) -> Response:
    """The same for work that opens units of its own, because it speaks to WeChat.

    It is safe to be done twice by what it is about; the key only spares the second.
    """
    body = work().model_dump_json()
    run_unit(writes.finish, g.claim, status=g.claim_status, body=body)
    return _answer(g.claim_status, body)


def _answer(status: int, body: str) -> Response:
    kind = "application/json" if status < 400 else "application/problem+json"
    return Response(body, status, mimetype=kind)
