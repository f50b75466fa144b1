"""Who sees personal data in full, and what others see instead (脱敏)."""

from collections.abc import Callable, Mapping
from typing import Any

from app.admin.models import ROLE_PERMISSIONS, Permission, Role
from app.admin.tables.kinds import Column, Facts, Personal
from app.core.crypto import mask_phone

NEEDED: Mapping[Personal, Permission] = {
    # Finance compares who is paid with who the papers say.
    Personal.NAME: Permission.PAYEE_DATA_VIEW,
    Personal.ACCOUNT: Permission.PAYEE_DATA_VIEW,
    Personal.PHONE: Permission.PERSONAL_DATA_VIEW,
    Personal.ADDRESS: Permission.PERSONAL_DATA_VIEW,
    Personal.OPENID: Permission.PERSONAL_DATA_VIEW,
}


def seen_by(role: Role) -> frozenset[Personal]:
    """What this role sees in full."""
    return frozenset(kind for kind, needed in NEEDED.items() if needed in ROLE_PERMISSIONS[role])


def mask_name(name: str) -> str:
    """`张小华` as `张**`."""
    return f"{name[:1]}**" if name else ""


def mask_key(text: str) -> str:
    """An openid or account: enough to compare by eye, too little to use."""
    return f"{text[:4]}****{text[-4:]}" if len(text) > 12 else "****" if text else ""


def mask_rest(text: str) -> str:
    return "******" if text else ""


_MASKS: Mapping[Personal, Callable[[str], str]] = {
    Personal.NAME: mask_name,
    Personal.PHONE: lambda phone: mask_phone(phone) if phone else "",
    Personal.ADDRESS: mask_rest,
    Personal.ACCOUNT: mask_key,
    Personal.OPENID: mask_key,
}


def masked(kind: Personal, text: str) -> str:
    return _MASKS[kind](text)


def value(column: Column, row: Any, facts: Facts, seen: frozenset[Personal]) -> Any:
    """A cell for somebody who sees these kinds in full."""
    if column.personal is None or column.personal in seen:
        return column.value(row, facts)
    if column.masked is not None:
        return column.masked(row, facts)
    return masked(column.personal, str(column.value(row, facts) or ""))
