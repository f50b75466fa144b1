"""Endpoints: made and changed at the desk; their deliveries."""

import base64
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from app import audit
from app.core import reasons
from app.core.db import db, require_transaction
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.core.pages import Page, newest_first
from app.core.rows import lock_one
from app.integrations.hooks.models import (
    DeliveryState,
    HookDelivery,
    HookEndpoint,
    HookEvent,
    HookState,
)

NAME_MAX, URL_MAX, ENDPOINTS_MAX = 40, 300, 20
# How long the old secret signs beside the new one.
OVERLAP = timedelta(hours=24)


def create(
    name: str,
    *,
    url: str,
    events: Iterable[str],
    also: str = "",
    actor: audit.Actor,
    now: datetime,
) -> tuple[int, str]:
    """Register an endpoint; return its id and its secret, which is shown once.

    `also` is one origin that may be other than https: that of tests. Raises InvalidInput.
    """
    require_transaction()
    name, url = name.strip(), url.strip()
    if not 1 <= len(name) <= NAME_MAX:
        raise InvalidInput("name", f"名称应为 1 到 {NAME_MAX} 个字")
    _check_url(url, also)
    wanted = {str(event) for event in events}
    if not wanted or not wanted <= set(HookEvent):
        raise InvalidInput("events", "请至少选择一个事件")
    if len(everything()) >= ENDPOINTS_MAX:
        raise InvalidInput("name", f"最多登记 {ENDPOINTS_MAX} 个推送地址")
    secret = _new_secret()
    row = HookEndpoint(
        name=name,
        url=url,
        events=[event.value for event in HookEvent if event in wanted],
        secret=secret,
        created_by=actor.ref,
        created_at=now,
    )
    db.session.add(row)
    db.session.flush()
    _record("hook.create", row, actor, now, after={"name": name, "url": url, "events": row.events})
    return row.id, secret


def stop(endpoint_id: int, *, reason: str, actor: audit.Actor, now: datetime) -> None:
    """Nothing is sent there any more. Raises NotFound, InvalidInput, IllegalMove."""
    row = _locked(endpoint_id)
    said = reasons.given(reason, "请填写停用原因")
    if row.state is not HookState.ACTIVE:
        raise IllegalMove("这个推送地址已经停用")
    row.state = HookState.STOPPED
    _record("hook.stop", row, actor, now, reason=said)


def start(endpoint_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Send there again, what still waits as well. Raises NotFound, IllegalMove."""
    row = _locked(endpoint_id)
    if row.state is HookState.ACTIVE:
        raise IllegalMove("这个推送地址正在使用")
    row.state, row.failing_since = HookState.ACTIVE, None
    _record("hook.start", row, actor, now)


def rotate(endpoint_id: int, *, actor: audit.Actor, now: datetime) -> str:
    """A new secret, shown once; the old one signs as well for `OVERLAP`. Raises NotFound."""
    row = _locked(endpoint_id)
    row.old_secret, row.old_secret_ends_at = row.secret, now + OVERLAP
    row.secret = _new_secret()
    _record("hook.rotate", row, actor, now)
    return row.secret


def send_again(delivery_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Send a delivery once more, whatever came of it. Raises NotFound, IllegalMove."""
    # The endpoint first, as those who send do.
    endpoint = _locked(delivery(delivery_id).endpoint_id)
    row = lock_one(HookDelivery, delivery_id, "推送记录不存在")
    if endpoint.state is not HookState.ACTIVE:
        raise IllegalMove("推送地址已停用，请先重新启用")
    if row.state is DeliveryState.WAITING:
        raise IllegalMove("这条推送还在等待发送")
    row.state, row.attempts, row.due_at = DeliveryState.WAITING, 0, now
    _record("hook.send_again", endpoint, actor, now, after={"delivery": row.public_id})


def get(endpoint_id: int) -> HookEndpoint:
    """Raises NotFound."""
    found = db.session.get(HookEndpoint, endpoint_id)
    if found is None:
        raise NotFound("推送地址不存在")
    return found


def everything() -> Sequence[HookEndpoint]:
    return db.session.scalars(sa.select(HookEndpoint).order_by(HookEndpoint.id.desc())).all()


def disabled_count() -> int:
    """How many endpoints we gave up: the desk is told."""
    return (
        db.session.scalar(
            sa.select(sa.func.count()).select_from(HookEndpoint).filter_by(state=HookState.DISABLED)
        )
        or 0
    )


def deliveries_of(
    endpoint_id: int, state: DeliveryState | None = None, *, before: int | None = None
) -> Page[HookDelivery]:
    """The deliveries of an endpoint, the newest first."""
    query = sa.select(HookDelivery).filter_by(endpoint_id=endpoint_id)
    if state is not None:
        query = query.filter_by(state=state)
    return newest_first(query, HookDelivery.id, before=before)


def delivery(delivery_id: int) -> HookDelivery:
    """Raises NotFound."""
    found = db.session.scalar(
        sa.select(HookDelivery).filter_by(id=delivery_id).options(joinedload(HookDelivery.endpoint))
    )
    if found is None:
        raise NotFound("推送记录不存在")
    return found


def newest_by_endpoint() -> dict[int, HookDelivery]:
    """The newest delivery of each endpoint."""
    newest = sa.select(sa.func.max(HookDelivery.id)).group_by(HookDelivery.endpoint_id)
    rows = db.session.scalars(sa.select(HookDelivery).where(HookDelivery.id.in_(newest)))
    return {row.endpoint_id: row for row in rows}


def _check_url(url: str, also: str) -> None:
    """What is wrong at first sight; where it leads is asked again at each sending."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidInput("url", "地址的格式不正确") from None
    if also and f"{parts.scheme}://{parts.netloc}" == also:
        return
    if parts.scheme != "https" or not parts.hostname:
        raise InvalidInput("url", "地址应以 https:// 开头")
    if parts.username or parts.password or parts.fragment:
        raise InvalidInput("url", "地址里不能带账号、密码或 # 片段")
    if port not in (None, 443):
        raise InvalidInput("url", "只能使用 443 端口")
    if len(url) > URL_MAX or not url.isascii() or any(c.isspace() for c in url):
        raise InvalidInput("url", f"地址最多 {URL_MAX} 个字符，不能有空格和中文")


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _locked(endpoint_id: int) -> HookEndpoint:
    return lock_one(HookEndpoint, endpoint_id, "推送地址不存在")


def _record(
    action: str,
    row: HookEndpoint,
    actor: audit.Actor,
    now: datetime,
    *,
    after: dict[str, object] | None = None,
    reason: str = "",
) -> None:
    audit.record(
        action,
        subject="hook",
        subject_id=row.id,
        actor=actor,
        now=now,
        after=after,
        reason=reason,
    )
