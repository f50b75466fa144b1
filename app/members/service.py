import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from app.core import ids
from app.core.db import db, require_transaction
from app.core.errors import DomainError, InvalidInput
from app.core.rows import add_once, affected
from app.members import queries, regions
from app.members.models import Address, Consent, Member, MemberStatus

ADDRESSES_MAX = 20
NICKNAME_MAX = 20
# Openids of one statement: far below what either engine takes.
_FOLLOW_CHUNK = 1000
_PHONE = re.compile(r"1[3-9]\d{9}", re.ASCII)


class TooManyAddresses(DomainError):
    code = "too_many_addresses"
    message = f"最多保存 {ADDRESSES_MAX} 个收货地址，请先删除不用的"


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
        check_person(clean.name, clean.phone)
        _need(clean.region, "region", "所在地区", 60)
        found = regions.find(clean.region)
        if found is None:
            raise InvalidInput("region", "请选择到区县，例如 浙江省 杭州市 西湖区")
        _need(clean.detail, "detail", "详细地址", 80)
        return replace(clean, region=found.written)

    @property
    def region_code(self) -> str:
        """The county's code. Only after `checked`."""
        found = regions.find(self.region)
        return found.code if found else ""


def check_person(name: str, phone: str) -> None:
    """Who takes the goods. Raises InvalidInput naming `name` or `phone`."""
    _need(name, "name", "收货人", 20)
    if not _PHONE.fullmatch(phone):
        raise InvalidInput("phone", "请填写 11 位手机号码")


def enter(openid: str, *, now: datetime, is_follower: bool = False) -> Member:
    """The member with this openid, made if new (入会).

    `is_follower` is for whom WeChat just told of: they follow the official account.
    """
    require_transaction()
    known = queries.by_openid(openid)
    if known is None:
        known = Member(
            openid=openid,
            public_id=ids.random_code(12),
            created_at=now,
            is_subscribed=is_follower,
        )
        if not add_once(known):
            # The follow event and the first page came at the same time.
            known = db.session.execute(sa.select(Member).filter_by(openid=openid)).scalar_one()
    if is_follower:
        known.is_subscribed = True
    return known


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


def rename(member_id: int, nickname: str) -> None:
    """Take the name that the member typed (改昵称). Raises InvalidInput."""
    require_transaction()
    clean = " ".join(nickname.split())
    if not clean:
        raise InvalidInput("nickname", "请填写昵称")
    if len(clean) > NICKNAME_MAX:
        raise InvalidInput("nickname", f"昵称最多 {NICKNAME_MAX} 个字")
    # Cc to Co: control and format characters, among them those that turn the
    # direction of a line or are not seen at all. Emoji are joined by U+200D.
    if any(unicodedata.category(c)[0] == "C" and c != "\u200d" for c in clean):
        raise InvalidInput("nickname", "昵称里有不能使用的字符，请换一个")
    db.session.get_one(Member, member_id).nickname = clean


def add_address(
    member_id: int, given: AddressInput, *, now: datetime, is_default: bool = False
) -> Address:
    """Keep one more address; the first is the default one. Raises InvalidInput, TooManyAddresses."""
    require_transaction()
    clean = given.checked()
    count = len(queries.addresses_of(member_id))
    if count >= ADDRESSES_MAX:
        raise TooManyAddresses()
    address = Address(member_id=member_id, is_default=False)
    _fill(address, clean, now)
    db.session.add(address)
    db.session.flush()
    if is_default or count == 0:
        make_default(member_id, address.id)
    return address


def change_address(
    member_id: int,
    address_id: int,
    given: AddressInput,
    *,
    now: datetime,
    is_default: bool = False,
) -> Address:
    """Mend an address; orders keep theirs. Raises InvalidInput, NotFound."""
    require_transaction()
    address = queries.address_of(member_id, address_id)
    _fill(address, given.checked(), now)
    if is_default:
        make_default(member_id, address_id)
    return address


def make_default(member_id: int, address_id: int) -> None:
    """Let parcels go here unless told otherwise. Raises NotFound."""
    require_transaction()
    chosen = queries.address_of(member_id, address_id)
    for address in queries.addresses_of(member_id):
        address.is_default = address is chosen
    db.session.flush()


def delete_address(member_id: int, address_id: int) -> None:
    """Forget an address; if it was the default one, the newest follows it. Raises NotFound."""
    require_transaction()
    address = queries.address_of(member_id, address_id)
    was_default = address.is_default
    db.session.delete(address)
    db.session.flush()
    left = queries.addresses_of(member_id)
    if was_default and left:
        left[0].is_default = True


def erase(member_id: int, *, now: datetime) -> None:
    """Make nobody of a member (注销): what says who it was is gone, the row stays.

    The same openid entering later is a new member. `privacy.erase` asks first
    whether it may be, and does the rest.
    """
    member = queries.locked(member_id)
    # Unique, and no openid of WeChat's has a colon.
    member.openid = f"erased:{member.public_id}"
    member.nickname = member.avatar_url = ""
    member.is_subscribed = False
    member.status, member.erased_at = MemberStatus.BLOCKED, now
    db.session.execute(sa.delete(Address).where(Address.member_id == member_id))
    db.session.flush()


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


def _fill(address: Address, clean: AddressInput, now: datetime) -> None:
    address.name, address.phone = clean.name, clean.phone
    address.region, address.region_code = clean.region, clean.region_code
    address.detail, address.updated_at = clean.detail, now


def _need(value: str, field: str, label: str, longest: int) -> None:
    if not value:
        raise InvalidInput(field, f"请填写{label}")
    if len(value) > longest:
        raise InvalidInput(field, f"{label}最多 {longest} 个字")


def correct_followers(known: Mapping[str, int], openids: set[str]) -> tuple[int, int]:
    """Mark who follows the official account by WeChat's own list (同步关注).

    `known` are those who followed (openid: id) just before the list was fetched:
    whoever came or left meanwhile was told of by an event and stays as it says.
    Returns how many follow that were not known to, and how many left.
    """
    require_transaction()
    left = [member_id for openid, member_id in known.items() if openid not in openids]
    came = sorted(openids - known.keys())
    arrived = departed = 0
    for first in range(0, len(came), _FOLLOW_CHUNK):
        arrived += affected(
            sa.update(Member)
            .where(Member.openid.in_(came[first : first + _FOLLOW_CHUNK]))
            .values(is_subscribed=True)
        )
    for first in range(0, len(left), _FOLLOW_CHUNK):
        departed += affected(
            sa.update(Member)
            .where(Member.id.in_(left[first : first + _FOLLOW_CHUNK]))
            .values(is_subscribed=False)
        )
    return arrived, departed
