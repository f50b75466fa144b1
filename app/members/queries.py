import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.core.db import Rows, db, require_transaction
from app.core.errors import NotFound
from app.core.pages import Page, newest_first
from app.core.rows import direct, lock_one
from app.members.models import Address, Consent, Member, MemberStatus, MemberTag, Reachable


class MemberKind(enum.StrEnum):
    """What the desk's list of members can be narrowed to."""

    FOLLOWER = "follower"
    STRANGER = "stranger"  # does not follow the official account
    GONE = "gone"  # deleted their account


def members_page(*, before: int | None = None, size: int = 20) -> Page[Member]:
    """Members, newest first."""
    return newest_first(desk_members(), Member.id, before=before, size=size)


def desk_members(
    kind: MemberKind | None = None,
    *,
    nickname: str = "",
    tag: str = "",
    member_id: int | None = None,
) -> Rows:
    """What the desk's list is narrowed to: this one, or a part of a nickname; with a tag."""
    query = sa.select(Member)
    match kind:
        case MemberKind.GONE:
            query = query.where(Member.erased_at.is_not(None))
        case MemberKind.FOLLOWER | MemberKind.STRANGER:
            query = query.where(
                Member.erased_at.is_(None),
                Member.is_subscribed.is_(kind is MemberKind.FOLLOWER),
            )
    if tag:
        query = query.where(
            sa.exists().where(MemberTag.member_id == Member.id, MemberTag.name == tag)
        )
    if member_id is not None:
        query = query.filter_by(id=member_id)
    elif nickname:
        query = query.where(Member.nickname.contains(nickname, autoescape=True))
    return query


def get(member_id: int) -> Member:
    """Raises NotFound."""
    member = db.session.get(Member, member_id)
    if member is None:
        raise NotFound("会员不存在")
    return member


def locked(member_id: int) -> Member:
    """The member, locked until the end of the unit of work. Raises NotFound."""
    return lock_one(Member, member_id, "会员不存在")


@dataclass(frozen=True)
class Held:
    """What a new order asks of its buyer."""

    id: int
    openid: str
    status: MemberStatus
    upline1_id: int | None
    upline2_id: int | None
    upline3_id: int | None
    bound_at: datetime | None


_HOLD = (
    sa.select(
        *(Member.id, Member.openid, Member.status),
        *(Member.upline1_id, Member.upline2_id, Member.upline3_id, Member.bound_at),
    )
    .where(Member.id == sa.bindparam("member_id"))
    .with_for_update(read=True)
)


def hold(member_id: int) -> Held:
    """The member, kept from being deleted meanwhile; others may hold it, too.

    Inserting a row that refers to the member takes the same lock, only later.
    Raises NotFound.
    """
    require_transaction()
    found = direct(_HOLD, member_id=member_id).one_or_none()
    if found is None:
        raise NotFound("会员不存在")
    return Held(*found)


def by_openid(openid: str) -> Member | None:
    return db.session.scalar(sa.select(Member).filter_by(openid=openid))


def by_public_id(public_id: str) -> Member | None:
    """The member with this number, which people see."""
    return db.session.scalar(sa.select(Member).filter_by(public_id=public_id))


def addresses_of(*member_ids: int) -> Sequence[Address]:
    """A member's addresses, or those of several, the default one first, then the newest."""
    return db.session.scalars(
        sa.select(Address)
        .where(Address.member_id.in_(member_ids))
        .order_by(Address.is_default.desc(), Address.id.desc())
    ).all()


@dataclass(frozen=True)
class UsualAddress(Reachable):
    """Where parcels go unless told otherwise (默认地址)."""

    id: int
    name: str
    phone: str
    region: str
    detail: str


def default_address(member_id: int) -> UsualAddress | None:
    """None only where there is no address."""
    found = direct(_DEFAULT, member_id=member_id).one_or_none()
    return UsualAddress(*found) if found else None


_DEFAULT = (
    sa.select(Address.id, Address.name, Address.phone, Address.region, Address.detail)
    .where(Address.member_id == sa.bindparam("member_id"))
    .order_by(Address.is_default.desc(), Address.id.desc())
    .limit(1)
)


def address_of(member_id: int, address_id: int) -> Address:
    """An address of this member. Raises NotFound for anyone else's."""
    found = db.session.get(Address, address_id)
    if found is None or found.member_id != member_id:
        raise NotFound("收货地址不存在")
    return found


def names_of(member_ids: Iterable[int]) -> dict[int, Member]:
    """Members by id, for lists that show names."""
    wanted = set(member_ids)
    if not wanted:
        return {}
    return {m.id: m for m in db.session.scalars(sa.select(Member).where(Member.id.in_(wanted)))}


def followers() -> dict[str, int]:
    """Ids by openid of those who follow the official account, as far as we know."""
    rows = db.session.execute(sa.select(Member.openid, Member.id).where(Member.is_subscribed))
    return dict(rows.all())


def consents_of(member_id: int) -> Sequence[Consent]:
    """What a member agreed to, oldest first."""
    return db.session.scalars(
        sa.select(Consent).filter_by(member_id=member_id).order_by(Consent.id)
    ).all()


def has_agreed(member_id: int, document: str, version: str) -> bool:
    """Whether the member agreed to this version of a text."""
    return (
        db.session.scalar(
            sa.select(Consent.id)
            .filter_by(member_id=member_id, document=document, version=version)
            .limit(1)
        )
        is not None
    )
