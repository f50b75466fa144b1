import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.core import ids
from app.core.db import add_once, db, require_transaction
from app.core.errors import InvalidInput
from app.members import queries
from app.members.models import Address, Consent, Member

_PHONE = re.compile(r"1[3-9]\d{9}", re.ASCII)


@dataclass(frozen=True)
class AddressInput:
    """What a person typed as an address."""

    name: str
    phone: str
    region: str
    detail: str

    def checked(self) -> "AddressInput":
        """Trimmed and valid. Raises InvalidInput naming the first field at fault."""
        clean = AddressInput(*(" ".join(v.split()) for v in vars(self).values()))
        _need(clean.name, "name", "收货人", 20)
        if not _PHONE.fullmatch(clean.phone):
            raise InvalidInput("phone", "请填写 11 位手机号码")
        _need(clean.region, "region", "所在地区", 40)
        _need(clean.detail, "detail", "详细地址", 80)
        return clean


def enter(openid: str, *, now: datetime) -> Member:
    """The member with this openid, made if new (入会)."""
    require_transaction()
    known = queries.by_openid(openid)
    if known is not None:
        return known
    member = Member(openid=openid, public_id=ids.random_code(12), created_at=now)
    if not add_once(member):
        # The follow event and the first page came at the same time.
        return db.session.execute(sa.select(Member).filter_by(openid=openid)).scalar_one()
    return member


def mark_subscribed(member_id: int, is_subscribed: bool) -> None:
    """Follows or left the official account. Orders and money stay."""
    require_transaction()
    db.session.get_one(Member, member_id).is_subscribed = is_subscribed


def set_profile(member_id: int, *, nickname: str, avatar_url: str) -> None:
    """Take over the name and picture that the member chose to share."""
    require_transaction()
    member = db.session.get_one(Member, member_id)
    member.nickname = nickname.strip()[:64]
    member.avatar_url = avatar_url[:300] if avatar_url.startswith(("https://", "http://")) else ""


def save_address(member_id: int, given: AddressInput, *, now: datetime) -> Address:
    """Store the member's default address. Raises InvalidInput."""
    require_transaction()
    clean = given.checked()
    address = queries.default_address(member_id) or Address(member_id=member_id)
    address.name, address.phone = clean.name, clean.phone
    address.region, address.detail = clean.region, clean.detail
    address.is_default, address.updated_at = True, now
    db.session.add(address)
    db.session.flush()
    return address


def agree(member_id: int, *, document: str, version: str, text: str, now: datetime) -> None:
    """Keep that the member agreed to this text, with its hash."""
    require_transaction()
    db.session.add(
        Consent(
            member_id=member_id,
            document=document,
            version=version,
            text_hash=hashlib.sha256(text.encode()).hexdigest(),
            agreed_at=now,
        )
    )


def _need(value: str, field: str, label: str, longest: int) -> None:
    if not value:
        raise InvalidInput(field, f"请填写{label}")
    if len(value) > longest:
        raise InvalidInput(field, f"{label}最多 {longest} 个字")
