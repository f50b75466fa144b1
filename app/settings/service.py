from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from app import audit
from app.core.db import db, direct, require_transaction
from app.core.errors import NotFound
from app.settings.models import SettingChange
from app.settings.registry import ALL, Setting, V

# What a domain has to say on a setting of its own, by key.
_guards: dict[str, list[Callable[[object], None]]] = {}


# Built once: every visit and order asks for some.
_VALUE = (
    sa.select(SettingChange.value)
    .where(SettingChange.key == sa.bindparam("key"))
    .order_by(SettingChange.id.desc())
    .limit(1)
)
# Their whole history, of which the newest counts: nobody changes one a hundred times, and
# MariaDB reads them faster than it looks for the newest of each.
_SEVERAL = (
    sa.select(SettingChange.key, SettingChange.value)
    .where(SettingChange.key.in_(sa.bindparam("keys", expanding=True)))
    .order_by(SettingChange.id)
)


def guard(setting: Setting[Any], check: Callable[[object], None]) -> None:
    """Let `check` refuse a new value of this setting by raising InvalidInput."""
    known = _guards.setdefault(setting.key, [])
    if check not in known:
        known.append(check)


def value(setting: Setting[V]) -> V:
    """The value in force."""
    known = _known()
    if setting.key not in known:
        stored = direct(_VALUE, key=setting.key).one_or_none()
        known[setting.key] = setting.default if stored is None else stored.value
    return cast("V", known[setting.key])


def several(*wanted: Setting[Any]) -> list[int | str | bool]:
    """The values in force of these settings, in their order, in one query."""
    known = _known()
    unknown = {item.key: item.default for item in wanted if item.key not in known}
    if unknown:
        known.update(unknown)
        known.update((row.key, row.value) for row in direct(_SEVERAL, keys=list(unknown)))
    return [known[item.key] for item in wanted]


_KNOWN = "settings_known"


def _known() -> dict[str, int | str | bool]:
    """What was read in the unit of work under way: it decides by one value all along."""
    found: dict[str, int | str | bool] = db.session().info.setdefault(_KNOWN, {})
    return found


@event.listens_for(Session, "after_transaction_end")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    # A flush is a part of one.
    if transaction.parent is None:
        session.info.pop(_KNOWN, None)


def everything() -> dict[str, int | str | bool]:
    """Every setting's value in force, by key, in one query."""
    newest = sa.select(sa.func.max(SettingChange.id)).group_by(SettingChange.key)
    stored = db.session.execute(
        sa.select(SettingChange.key, SettingChange.value).where(SettingChange.id.in_(newest))
    )
    return {key: item.default for key, item in ALL.items()} | {
        key: given for key, given in stored if key in ALL
    }


def accepted(setting: Setting[Any], new: object) -> int | str | bool:
    """`new` if it may come in force. Raises InvalidInput."""
    checked: int | str | bool = setting.check(new)
    for also in _guards.get(setting.key, ()):
        also(checked)
    return checked


def change(key: str, new: object, *, actor: audit.Actor, now: datetime) -> None:
    """Put a new value in force.

    Raises:
        NotFound: there is no such setting.
        InvalidInput: the value has another type or is out of bounds.
    """
    require_transaction()
    setting = ALL.get(key)
    if setting is None:
        raise NotFound("没有这项设置")
    new_value = accepted(setting, new)
    stored = db.session.scalar(_newest(key))
    before = setting.default if stored is None else stored.value
    if before == new_value:
        return
    row = SettingChange(key=key, value=new_value, changed_by=actor.ref, changed_at=now)
    db.session.add(row)
    db.session.flush()
    _known().pop(key, None)
    audit.record(
        "settings.change",
        subject="setting",
        subject_id=row.id,
        actor=actor,
        now=now,
        before={key: before},
        after={key: new_value},
    )


def _newest(key: str) -> sa.Select[SettingChange]:
    return sa.select(SettingChange).filter_by(key=key).order_by(SettingChange.id.desc()).limit(1)
