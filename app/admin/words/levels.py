"""The panel's words for levels of distributors (分销等级)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from app.distribution.levels import Cause, read_conditions, read_keep
from app.distribution.levels.wording import (
    KEEP_PERIOD,
    conditions,
    figures,
    keep,
    kept,
    metric,
    until,
)

__all__ = [
    "CAUSE",
    "KEEP_PERIOD",
    "conditions",
    "figures",
    "keep",
    "kept",
    "metric",
    "shown",
    "until",
]

# Word and tone, as in `base`.
CAUSE: Mapping[str, tuple[str, str]] = {
    Cause.EVENT: ("达标升级", "good"),
    Cause.PERIOD: ("未达标降级", "wait"),
    Cause.ADMIN: ("人工调整", "go"),
}


def shown(name: str, value: Any, level_name: Callable[[str], str]) -> str | None:
    """A value of an audit entry about levels; None for what is none of theirs."""
    match name:
        case "level":
            return level_name(value)
        case "conditions":
            return conditions(read_conditions(value))
        case "keep":
            return keep(read_keep(value))
        case "kept_until":
            return until(datetime.fromisoformat(value))
    return None
