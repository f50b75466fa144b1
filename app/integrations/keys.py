"""Keys of other systems: made at the desk, shown once, kept as a hash."""

import hashlib
import ipaddress
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from app import audit
from app.core import reasons
from app.core.db import db, require_transaction
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.core.rows import affected, lock_one
from app.integrations.errors import MissingScope, NoKey, WrongNetwork
from app.integrations.models import ApiKey, Scope

NAME_MAX, NETWORKS_MAX, KEYS_MAX = 40, 20, 50
# A key lives so many days; 0 until somebody ends it.
DAYS = (30, 90, 365, 0)
# 32 random bytes: nobody guesses it, so a plain hash is enough to keep it by.
_PREFIX, _SHOWN = "mk_", 9
# When a key was last used is written once in a while, not at each request.
TOUCH_EVERY = timedelta(minutes=1)


def create(
    name: str,
    *,
    scopes: Iterable[str],
    networks: str,
    days: int,
    actor: audit.Actor,
    now: datetime,
) -> tuple[int, str]:
    """Make a key; return its id and the key itself, which nobody can read again.

    Raises InvalidInput, naming the field.
    """
    require_transaction()
    name = name.strip()
    if not 1 <= len(name) <= NAME_MAX:
        raise InvalidInput("name", f"名称应为 1 到 {NAME_MAX} 个字")
    wanted = {str(scope) for scope in scopes}
    if not wanted or not wanted <= set(Scope):
        raise InvalidInput("scopes", "请至少选择一项权限")
    if days not in DAYS:
        raise InvalidInput("days", "请选择有效期")
    allowed = read_networks(networks)
    if live_count(now) >= KEYS_MAX:
        raise InvalidInput("name", f"最多保留 {KEYS_MAX} 个有效的密钥，请先停用不用的")
    token = _PREFIX + secrets.token_urlsafe(32)
    row = ApiKey(
        name=name,
        prefix=token[:_SHOWN],
        token_hash=_hash(token),
        scopes=[scope.value for scope in Scope if scope in wanted],
        networks=allowed,
        created_by=actor.ref,
        created_at=now,
        expires_at=now + timedelta(days=days) if days else None,
    )
    db.session.add(row)
    db.session.flush()
    audit.record(
        "api_key.create",
        subject="api_key",
        subject_id=row.id,
        actor=actor,
        now=now,
        after={"name": name, "scopes": row.scopes, "networks": allowed, "days": days},
    )
    return row.id, token


def end(key_id: int, *, reason: str, actor: audit.Actor, now: datetime) -> None:
    """Nobody may use the key from now on. Raises NotFound, InvalidInput, IllegalMove."""
    row = lock_one(ApiKey, key_id, "密钥不存在")
    said = reasons.given(reason, "请填写停用原因")
    if row.ended_at is not None:
        raise IllegalMove("这个密钥已经停用")
    row.ended_at = now
    audit.record(
        "api_key.end",
        subject="api_key",
        subject_id=row.id,
        actor=actor,
        now=now,
        reason=said,
    )


def find(token: str, *, address: str, now: datetime) -> ApiKey:
    """The key that works, from this address. Raises NoKey, WrongNetwork."""
    row = db.session.scalar(sa.select(ApiKey).filter_by(token_hash=_hash(token[:200])))
    if row is None or not row.works_at(now):
        raise NoKey()
    if row.networks and not _is_within(address, row.networks):
        raise WrongNetwork()
    return row


def must_have(key: ApiKey, scope: Scope) -> None:
    """Raises MissingScope."""
    if scope not in key.scopes:
        raise MissingScope(f"这个密钥没有 {scope.value} 权限", scope=scope.value)


def touch(key_id: int, *, address: str, now: datetime) -> None:
    """Note that the key was used."""
    affected(sa.update(ApiKey).where(ApiKey.id == key_id).values(used_at=now, used_from=address))


def is_touched_lately(key: ApiKey, *, address: str, now: datetime) -> bool:
    return key.used_at is not None and key.used_at > now - TOUCH_EVERY and key.used_from == address


def get(key_id: int) -> ApiKey:
    """Raises NotFound."""
    found = db.session.get(ApiKey, key_id)
    if found is None:
        raise NotFound("密钥不存在")
    return found


def everything() -> Sequence[ApiKey]:
    """Every key, the newest first; there are never many."""
    return db.session.scalars(sa.select(ApiKey).order_by(ApiKey.id.desc()).limit(500)).all()


def names(key_ids: Iterable[int]) -> dict[int, str]:
    rows = db.session.execute(sa.select(ApiKey.id, ApiKey.name).where(ApiKey.id.in_(set(key_ids))))
    return dict(rows.all())


def live_count(now: datetime) -> int:
    return (
        db.session.scalar(
            sa.select(sa.func.count())
            .select_from(ApiKey)
            .where(
                ApiKey.ended_at.is_(None),
                sa.or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
            )
        )
        or 0
    )


def read_networks(text: str) -> list[str]:
    """What a person typed, one address or network a line, in CIDR. Raises InvalidInput."""
    found = []
    for word in text.replace(",", "\n").replace("，", "\n").split():
        try:
            found.append(str(ipaddress.ip_network(word, strict=False)))
        except ValueError:
            raise InvalidInput("networks", f"“{word[:40]}”不是 IP 地址或网段") from None
    if len(found) > NETWORKS_MAX:
        raise InvalidInput("networks", f"最多 {NETWORKS_MAX} 个地址或网段")
    return list(dict.fromkeys(found))


def _is_within(address: str, networks: Sequence[str]) -> bool:
    try:
        at: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(at, ipaddress.IPv6Address) and at.ipv4_mapped is not None:
        at = at.ipv4_mapped
    return any(at in ipaddress.ip_network(network) for network in networks)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
