from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from app import audit
from app.core.db import db, require_transaction, unit_memory
from app.core.errors import NotFound
from app.core.rows import direct
from app.settings.models import SettingChange
from app.settings.registry import ALL, Setting, V

# What a domain has to say on a setting of its own, by key.
_guards: dict[str, list[Callable[[object], None]]] = {}


# Built once. Their whole history, of which the newest counts: nobody changes one a hundred
# times, and MariaDB reads them faster than it looks for the newest of each.
_ALL = sa.select(SettingChange.key, SettingChange.value).order_by(SettingChange.id)
_SEVERAL = _ALL.where(SettingChange.key.in_(sa.bindparam("keys", expanding=True)))


def guard(setting: Setting[Any], check: Callable[[object], None]) -> None:
    """Let `check` refuse a new value of this setting by raising InvalidInput."""
    known = _guards.setdefault(setting.key, [])
    if check not in known:
        known.append(check)


def value(setting: Setting[V]) -> V:
    """The value in force."""
    return cast("V", several(setting)[0])


def several(*wanted: Setting[Any]) -> list[int | str | bool]:
    """The values in force of these settings, in their order, by one query or none."""
    unit = _unit()
    unknown = [item for item in wanted if item.key not in unit.known]
    if unknown:
        # What it went by before it goes by on.
        unit.known = _in_force(unknown, unit) | unit.known
    return [unit.known[item.key] for item in wanted]


# --- what a process keeps ------------------------------------------------------------
#
# A query that is asked anyway brings `STAMP` along, and `as_of` takes it: while it says
# what it said when this process read the settings, what was read then is in force, and
# nobody asks. A change counts at once in each process, as if each unit asked.
#
# The stamp counts the changes, because a change is a new row and none is ever altered or
# deleted: what is committed only grows, and two looks that count as many saw the same
# rows. The newest id would not do: ids are given before the commit, so a lower one may
# become visible after a higher one. Both looks must see committed rows alone, so a unit
# that changed a setting itself neither keeps what it reads nor takes what is kept.

# Of no more than one row: a column of any query.
STAMP = sa.select(sa.func.count()).select_from(SettingChange).scalar_subquery()


@dataclass
class _Unit:
    """What the unit of work under way knows: it decides by one value all along."""

    known: dict[str, int | str | bool] = field(default_factory=dict)
    stamp: int | None = None
    has_changed: bool = False


# By database: how many changes were read, and what is in force after them.
_kept: WeakKeyDictionary[Any, tuple[int, dict[str, int | str | bool]]] = WeakKeyDictionary()
_UNIT = "settings"


def as_of(stamp: int) -> None:
    """Let this unit of work use what is kept, if that is as new as this.

    `stamp`: what a query of this unit found as `STAMP`.
    """
    _unit().stamp = stamp


def presumed(*wanted: Setting[Any]) -> tuple[int, list[int | str | bool]] | None:
    """What this process read last of these settings, and the stamp of that; None: nothing.

    For a statement that does its work only while `STAMP` is still that: `as_of` it then.
    """
    kept = _kept.get(db.session.get_bind())
    if kept is None or _unit().has_changed:
        return None
    stamp, values = kept
    return stamp, [values[item.key] for item in wanted]


def forget_kept() -> None:
    """For who empties tables: the same count may then mean other rows."""
    _kept.clear()


def _unit() -> _Unit:
    memory = unit_memory()
    found: _Unit | None = memory.get(_UNIT)
    if found is None:
        found = memory[_UNIT] = _Unit()
    return found


def _in_force(wanted: Sequence[Setting[Any]], unit: _Unit) -> dict[str, int | str | bool]:
    """The values of these at least."""
    if unit.stamp is not None and not unit.has_changed:
        return _all_kept(unit.stamp)
    found = {item.key: item.default for item in wanted}
    return found | {row.key: row.value for row in direct(_SEVERAL, keys=list(found))}


def _all_kept(stamp: int) -> dict[str, int | str | bool]:
    database = db.session.get_bind()
    count, values = _kept.get(database, (-1, {}))
    if count != stamp:
        # One statement, so that the count is of the very rows that are read.
        rows = direct(_ALL).all()
        values = {key: item.default for key, item in ALL.items()}
        values |= {row.key: row.value for row in rows}
        _kept[database] = len(rows), values
    return values


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
    unit = _unit()
    unit.has_changed = True
    unit.known.pop(key, None)
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
