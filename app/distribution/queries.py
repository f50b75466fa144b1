from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app import settings
from app.core.db import Rows, db
from app.core.errors import NotFound
from app.core.rows import direct
from app.distribution import policy
from app.distribution.models import (
    AttemptResult,
    BindingAttempt,
    BindingSource,
    Distributor,
    DistributorStatus,
    ReferralCode,
)
from app.members import Held, Member

# WeChat lets a temporary scene live 30 days; printed and shared codes must not die.
SCENE_RENEWED_BEFORE = timedelta(days=3)


@dataclass(frozen=True)
class Seat:
    """Someone who may earn from an order: 0 is the buyer, then the nearest upline."""

    position: int
    member_id: int
    level: str
    is_active: bool


def distributor_of(member_id: int) -> Distributor | None:
    return db.session.scalar(sa.select(Distributor).filter_by(member_id=member_id))


def distributor_by_id(distributor_id: int) -> Distributor:
    """For the admin panel. Raises NotFound."""
    found = db.session.get(Distributor, distributor_id)
    if found is None:
        raise NotFound("分销员不存在")
    return found


def members_of(distributor_ids: Iterable[int]) -> dict[int, int]:
    """The member of each of these distributors, by the distributor's id."""
    wanted = set(distributor_ids)
    if not wanted:
        return {}
    query = sa.select(Distributor.id, Distributor.member_id).where(Distributor.id.in_(wanted))
    return dict(db.session.execute(query).all())


def binding_history(member_id: int, *, limit: int = 50) -> Sequence[BindingAttempt]:
    """The newest attempts to bind this member, whatever came of them."""
    return db.session.scalars(
        sa.select(BindingAttempt)
        .filter_by(member_id=member_id)
        .order_by(BindingAttempt.id.desc())
        .limit(limit)
    ).all()


def desk_attempts(result: str = "") -> Rows:
    """The binding history of everybody, or what came to this, as the panel's list reads it."""
    query: Rows = sa.select(BindingAttempt)
    known = {str(one) for one in AttemptResult}
    return query.where(BindingAttempt.result == AttemptResult(result)) if result in known else query


def bound_by(member_id: int) -> BindingSource | None:
    """What brought the member to the upline of now; None where nobody did."""
    return db.session.scalar(
        sa.select(BindingAttempt.source)
        .where(
            BindingAttempt.member_id == member_id,
            BindingAttempt.result.in_(
                [AttemptResult.BOUND, AttemptResult.REBOUND, AttemptResult.MOVED]
            ),
        )
        .order_by(BindingAttempt.id.desc())
        .limit(1)
    )


def attempt_by_id(attempt_id: int) -> BindingAttempt:
    """Raises NotFound."""
    found = db.session.get(BindingAttempt, attempt_id)
    if found is None:
        raise NotFound("绑定记录不存在")
    return found


def is_active(member_id: int) -> bool:
    """Whether this member is a distributor who may earn and bind now."""
    status = db.session.scalar(sa.select(Distributor.status).filter_by(member_id=member_id))
    return status is DistributorStatus.APPROVED


_STANDINGS = (
    sa.select(Distributor.member_id, Distributor.status)
    .where(Distributor.member_id.in_(sa.bindparam("member_ids", expanding=True)))
    .order_by(Distributor.id)
    .with_for_update(read=True)
)


def closed_among(member_ids: Iterable[int]) -> set[int]:
    """Those of these members who ended it for good; none of them ends it meanwhile.

    The lock is shared: bookings do not wait for each other, only for a closing,
    which looks at the wallet after it.
    """
    rows = direct(_STANDINGS, member_ids=sorted(set(member_ids)))
    return {member_id for member_id, status in rows if status is DistributorStatus.CLOSED}


def distributors_of(member_ids: Iterable[int]) -> Sequence[Distributor]:
    """The standings of these members, as far as they have one."""
    wanted = set(member_ids)
    if not wanted:
        return []
    return db.session.scalars(sa.select(Distributor).where(Distributor.member_id.in_(wanted))).all()


def member_by_code(text: str) -> int | None:
    """Whom somebody typed: the owner of a referral code, or a member's number."""
    owner = code_owner(text) if len(text) <= 16 else None
    if owner is not None:
        return owner
    return db.session.scalar(
        sa.select(Member.id).where(
            Member.public_id == text.strip().upper(), Member.erased_at.is_(None)
        )
    )


def find_members(text: str, *, limit: int = 20) -> Sequence[Member]:
    """Members by number, referral code or a part of the nickname, newest first."""
    exact = member_by_code(text)
    if exact is not None:
        return [db.session.get_one(Member, exact)]
    return db.session.scalars(
        sa.select(Member)
        .where(Member.nickname.contains(text, autoescape=True))
        .order_by(Member.id.desc())
        .limit(limit)
    ).all()


def code_owner(code: str) -> int | None:
    """The member a referral code leads to, None for a code that is not ours."""
    return db.session.scalar(sa.select(ReferralCode.member_id).filter_by(code=as_stored(code)))


@dataclass(frozen=True)
class Meeting:
    """A member as they stand, before whom a code leads to; None: a code that is not ours."""

    member_id: int
    upline1_id: int | None
    bound_at: datetime | None
    owner_id: int | None
    is_owner_active: bool


# Built once, and one question each: whoever opens a link with a code asks it. What the
# shop's rules are comes along.
_STANDS = (
    sa.select(settings.STAMP, Member.upline1_id, Member.bound_at)
    .select_from(Member)
    .where(Member.id == sa.bindparam("member_id"))
)
_BY_CODE = (
    _STANDS.add_columns(ReferralCode.member_id, Distributor.status)
    .outerjoin(ReferralCode, ReferralCode.code == sa.bindparam("code"))
    .outerjoin(Distributor, Distributor.member_id == ReferralCode.member_id)
)
_BY_OWNER = _STANDS.add_columns(Distributor.status).outerjoin(
    Distributor, Distributor.member_id == sa.bindparam("owner_id")
)


# Whom the codes lead to that this process met last. Who uses that asks again.
_owners: dict[str, int] = {}
_OWNERS_MAX = 20_000


def known_owner(code: str) -> int | None:
    """Whom a referral code led to when this process last met it; None: it never did."""
    return _owners.get(as_stored(code))


def as_stored(code: str) -> str:
    """A code as somebody or something wrote it, as the table has it."""
    return code.strip().upper()[:16]


def meeting(member_id: int, code: str, owner_id: int | None = None) -> Meeting:
    """The member and the owner of `code`, or this owner where one is known already."""
    if owner_id is None:
        wanted = as_stored(code)
        found = direct(_BY_CODE, member_id=member_id, code=wanted)
        stamp, upline1_id, bound_at, owner_id, status = found.one()
        if owner_id is not None:
            if len(_owners) >= _OWNERS_MAX:
                _owners.clear()
            _owners[wanted] = owner_id
    else:
        found = direct(_BY_OWNER, member_id=member_id, owner_id=owner_id)
        stamp, upline1_id, bound_at, status = found.one()
    settings.as_of(stamp)
    is_active = status is DistributorStatus.APPROVED
    return Meeting(member_id, upline1_id, bound_at, owner_id, is_active)


def sharing_code(member_id: int) -> ReferralCode | None:
    """The referral code of a distributor who may bind now, None for anyone else."""
    return db.session.scalar(
        sa.select(ReferralCode)
        .join(Distributor, Distributor.member_id == ReferralCode.member_id)
        .where(
            ReferralCode.member_id == member_id,
            Distributor.status == DistributorStatus.APPROVED,
        )
    )


def codes_to_renew(now: datetime, *, limit: int = 50) -> list[int]:
    """Codes of active distributors whose official-account QR is missing or ends soon."""
    soon = now + SCENE_RENEWED_BEFORE
    return list(
        db.session.scalars(
            sa.select(ReferralCode.id)
            .join(Distributor, Distributor.member_id == ReferralCode.member_id)
            .where(
                Distributor.status == DistributorStatus.APPROVED,
                sa.or_(ReferralCode.qr_expires_at.is_(None), ReferralCode.qr_expires_at < soon),
            )
            .order_by(ReferralCode.id)
            .limit(limit)
        )
    )


def following_openids() -> set[str]:
    """Openids of the active distributors who follow the official account."""
    return set(
        db.session.scalars(
            sa.select(Member.openid)
            .join(Distributor, Distributor.member_id == Member.id)
            .where(Distributor.status == DistributorStatus.APPROVED, Member.is_subscribed)
        )
    )


def code_text(code_id: int) -> str:
    return db.session.execute(sa.select(ReferralCode.code).filter_by(id=code_id)).scalar_one()


# Built once: every order executes it.
_LEVELS = sa.select(Distributor.member_id, Distributor.level, Distributor.status).where(
    Distributor.member_id.in_(sa.bindparam("member_ids", expanding=True))
)


def chain(member: Member | Held, *, now: datetime) -> list[Seat]:
    """The buyer and the up to three uplines above, as they stand now.

    A customer whose binding is no longer valid has nobody above: see `policy`.
    """
    above = [member.upline1_id, member.upline2_id, member.upline3_id]
    ids = [member.id, *(upline for upline in above if upline is not None)]
    if above[0] is not None and not is_valid(member, now=now):
        ids = [member.id]
    standing = {row.member_id: row for row in direct(_LEVELS, member_ids=ids)}
    seats = []
    for position, seat_id in enumerate(ids):
        found = standing.get(seat_id)
        active = found is not None and found.status is DistributorStatus.APPROVED
        seats.append(Seat(position, seat_id, found.level if found else "", active))
    return seats


def is_valid(member: Member | Held, *, now: datetime) -> bool:
    """Whether the member's binding still earns the uplines something (有效期)."""
    if not policy.current().has_expired(member.bound_at, now):
        return True
    found = distributor_of(member.id)
    return found is not None and found.has_place


def same_phone(distributor: Distributor) -> Sequence[Distributor]:
    """Others who gave the same phone number and were not refused."""
    if distributor.phone_hash is None:
        return []
    return db.session.scalars(
        sa.select(Distributor)
        .where(
            Distributor.phone_hash == distributor.phone_hash,
            Distributor.id != distributor.id,
            Distributor.status != DistributorStatus.REJECTED,
        )
        .order_by(Distributor.id)
        .limit(5)
    ).all()


def desk_distributors(status: DistributorStatus | None) -> Rows:
    """What the desk's list of distributors is narrowed to."""
    query = sa.select(Distributor)
    return query if status is None else query.filter_by(status=status)


def counts_by_status() -> dict[DistributorStatus, int]:
    rows = db.session.execute(
        sa.select(Distributor.status, sa.func.count()).group_by(Distributor.status)
    )
    return dict(rows.all())


def team_counts(member_id: int, depth: int) -> list[int]:
    """How many members sit at each level below, nearest first."""
    columns: Sequence[sa.ColumnElement[bool]] = [
        Member.upline1_id == member_id,
        Member.upline2_id == member_id,
        Member.upline3_id == member_id,
    ]
    return [
        db.session.scalar(sa.select(sa.func.count()).select_from(Member).where(column)) or 0
        for column in columns[:depth]
    ]
