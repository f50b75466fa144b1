from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from app.core.db import db
from app.core.errors import NotFound
from app.members.models import Address, Member


def get(member_id: int) -> Member:
    """Raises NotFound."""
    member = db.session.get(Member, member_id)
    if member is None:
        raise NotFound("会员不存在")
    return member


def by_openid(openid: str) -> Member | None:
    return db.session.scalar(sa.select(Member).filter_by(openid=openid))


def addresses_of(member_id: int) -> Sequence[Address]:
    """A member's addresses, the default one first, then the newest."""
    return db.session.scalars(
        sa.select(Address)
        .filter_by(member_id=member_id)
        .order_by(Address.is_default.desc(), Address.id.desc())
    ).all()


def default_address(member_id: int) -> Address | None:
    """Where parcels go unless told otherwise; None only where there is no address."""
    return db.session.scalar(
        sa.select(Address)
        .filter_by(member_id=member_id)
        .order_by(Address.is_default.desc(), Address.id.desc())
        .limit(1)
    )


def address_of(member_id: int, address_id: int) -> Address:
    """An address of this member. Raises NotFound for anyone else's."""
    found = db.session.scalar(sa.select(Address).filter_by(id=address_id, member_id=member_id))
    if found is None:
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
