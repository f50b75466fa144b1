"""Grants to receive without confirming each transfer (免确认收款授权).

A member grants once in WeChat; from then on a transfer bill that names the grant is
paid without `WAIT_USER_CONFIRM`. The pattern is that of a bill: number and body are
saved before the call, only WeChat's word moves it on, an older word changes nothing,
and a job asks about what did not get an answer. `granting` speaks to WeChat.
"""

import unicodedata
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from app import audit, members, orders, settings
from app.core import ids
from app.core.db import db, require_transaction
from app.core.errors import DomainError
from app.core.rows import lock_one
from app.settings import registry
from app.withdrawals.errors import GrantEnding, GrantsClosed, NoGrant
from app.withdrawals.grant_models import GRANT_TRANSITIONS, GrantStatus, TransferGrant
from app.withdrawals.models import TransferBill
from app.withdrawals.ports import GrantAnswer, GrantGateway

G = GrantStatus
_SYSTEM = audit.Actor.system("payout")
_ORDER = (G.CREATED, G.WAITING, G.ACTIVE, G.CLOSED)
# WeChat closes what nobody confirmed for a day (merchant doc 4015901167).
CONFIRM_WITHIN = timedelta(hours=24)
# A notice that a grant was closed may be lost: it is asked about from time to time.
LOOK_AGAIN = timedelta(days=1)
NAME_MAX = 32


def are_offered() -> bool:
    """Whether this shop's merchant account may send without a confirmation."""
    return settings.value(registry.WITHDRAW_WECHAT_GRANT_ON) and settings.value(
        registry.WITHDRAW_WECHAT_ON
    )


def live_of(member_id: int) -> TransferGrant | None:
    """A member's grant that is not closed."""
    return db.session.scalar(sa.select(TransferGrant).filter_by(live_member_id=member_id))


def newest_of(member_id: int) -> TransferGrant | None:
    """A member's last grant, closed or not."""
    return db.session.scalar(
        sa.select(TransferGrant)
        .filter_by(member_id=member_id)
        .order_by(TransferGrant.id.desc())
        .limit(1)
    )


def to_pay_with(member_id: int) -> TransferGrant | None:
    """The grant with which a member is paid now, None where each transfer is confirmed."""
    row = live_of(member_id) if are_offered() else None
    return row if row is not None and is_usable(row) else None


def is_usable(row: TransferGrant) -> bool:
    return row.status is G.ACTIVE and row.end_asked_at is None


def paid_with(withdrawal_ids: Iterable[int]) -> Collection[int]:
    """Which of these withdrawals have a bill out, or paid, that needs no confirmation."""
    return set(
        db.session.scalars(
            sa.select(TransferBill.live_withdrawal_id).where(
                TransferBill.live_withdrawal_id.in_(set(withdrawal_ids)),
                TransferBill.grant_id.is_not(None),
            )
        )
    )


def begin(member_id: int, *, gateway: GrantGateway, now: datetime) -> TransferGrant:
    """Save the grant that a member asks for, or return the one there is.

    Raises GrantsClosed: the shop does not offer it. GrantEnding: the last one is being
    closed. DomainError: the member is blocked.
    """
    require_transaction()
    member = members.locked(member_id)
    known = live_of(member_id)
    if known is not None:
        if known.end_asked_at is not None:
            raise GrantEnding()
        return known
    if not are_offered():
        raise GrantsClosed()
    if member.status is not members.MemberStatus.ACTIVE:
        raise DomainError("账号已被限制，暂不能开通，请联系客服")
    number = ids.public_number("G", now)
    row = TransferGrant(
        member_id=member_id,
        live_member_id=member_id,
        out_authorization_no=number,
        openid=member.openid,
        body=gateway.body(
            out_authorization_no=number,
            openid=member.openid,
            display_name=shown_name(member.display_name),
        ),
        status=G.CREATED,
        created_at=now,
    )
    db.session.add(row)
    db.session.flush()
    _record(row, "", audit.Actor.member(member_id), now)
    return row


def shown_name(name: str) -> str:
    """A member's name as WeChat takes it: letters and digits, no emoji, 32 at most."""
    kept = "".join(c for c in name if unicodedata.category(c)[0] in "LN" or c in " ·-_")
    return kept.strip()[:NAME_MAX] or "会员"


def to_send(grant_id: int) -> TransferGrant | None:
    """Count a sending of a grant that WeChat has not answered, else None."""
    row = locked(grant_id)
    if row.status is not G.CREATED or row.end_asked_at is not None:
        return None
    row.sent_count += 1
    return row


def ask_to_end(member_id: int, *, now: datetime) -> TransferGrant:
    """The member ends it: nothing more is paid with it; WeChat is told next. Raises NoGrant."""
    require_transaction()
    members.locked(member_id)
    found = live_of(member_id)
    if found is None:
        raise NoGrant()
    row = locked(found.id)
    if row.status is G.CLOSED:
        raise NoGrant()
    row.end_asked_at = row.end_asked_at or now
    return row


def to_query(now: datetime, *, limit: int = 100) -> list[int]:
    """Grants that wait for a word, each asked about at most once a minute; active ones daily."""
    a_minute_ago = now - timedelta(seconds=55)
    wants_word = sa.or_(
        TransferGrant.status.in_((G.CREATED, G.WAITING)), TransferGrant.end_asked_at.is_not(None)
    )
    due = sa.case((wants_word, a_minute_ago), else_=now - LOOK_AGAIN)
    return list(
        db.session.scalars(
            sa.select(TransferGrant.id)
            .where(
                TransferGrant.live_member_id.is_not(None),
                sa.func.coalesce(TransferGrant.queried_at, TransferGrant.created_at) <= due,
            )
            .order_by(TransferGrant.queried_at, TransferGrant.id)
            .limit(limit)
        )
    )


def unclear(grant_id: int, *, now: datetime) -> None:
    """There was no clear answer: nothing is known, it is asked about again."""
    locked(grant_id).queried_at = now


def report(
    answer: GrantAnswer, *, appid: str, now: datetime, asked: bool = False, refused: str = ""
) -> bool:
    """Take WeChat's word on a grant, from its answer, a query or a notice.

    A repeat, or an older word after a newer one, changes nothing. What contradicts the
    grant is refused (False) and raised as an oddity. `refused` is the code with which
    WeChat refused to make it: not to be known means then that there is none.
    """
    require_transaction()
    found = db.session.scalar(
        sa.select(TransferGrant.id).filter_by(out_authorization_no=answer.out_authorization_no)
    )
    if found is None:
        _raise_oddity(answer, now)
        return False
    row = locked(found)
    if asked:
        row.queried_at = now
    if _contradicts(answer, row, appid):
        _raise_oddity(answer, now)
        return False
    if answer.status is None:
        _not_known(row, refused, now)
        return True
    row.authorization_id = row.authorization_id or answer.authorization_id
    if answer.status is G.WAITING and row.status in (G.CREATED, G.WAITING):
        row.package_info = answer.package_info or row.package_info
    if _ORDER.index(answer.status) > _ORDER.index(row.status):
        _move(row, answer.status, now, reason=answer.close_reason)
    return True


def locked(grant_id: int) -> TransferGrant:
    """Locked and freshly read. Raises NotFound."""
    return lock_one(TransferGrant, grant_id, "授权不存在")


def _not_known(row: TransferGrant, refused: str, now: datetime) -> None:
    """WeChat does not know the number.

    Refused, no longer wanted, or a day old: there is none, and there will be none.
    Otherwise the call never arrived and is made again. An active one stays: WeChat
    keeps it for as long as it holds, so its next bill will tell.
    """
    if row.status not in (G.CREATED, G.WAITING):
        return
    if refused and row.status is G.CREATED:
        _move(row, G.CLOSED, now, reason=refused)
    elif row.end_asked_at is not None:
        _move(row, G.CLOSED, now, reason="CLOSE_VIA_MCH_API")
    elif now - row.created_at > CONFIRM_WITHIN:
        _move(row, G.CLOSED, now, reason="USER_OVERDUE_UNCONFIRMED")


def _move(row: TransferGrant, to: GrantStatus, now: datetime, *, reason: str = "") -> None:
    was = row.status
    if to not in GRANT_TRANSITIONS[was]:
        raise RuntimeError(f"grant {row.id} is {was} and cannot become {to}")
    row.status = to
    if to is not G.WAITING:
        row.package_info = ""
    if to is G.ACTIVE:
        row.active_at = now
    if to is G.CLOSED:
        row.live_member_id, row.closed_at, row.close_reason = None, now, reason[:64]
    _record(row, was.value, _SYSTEM, now)


def _record(row: TransferGrant, was: str, actor: audit.Actor, now: datetime) -> None:
    audit.record_move(
        "transfer_grant",
        row.id,
        from_state=was,
        to_state=row.status.value,
        actor=actor,
        now=now,
        note=row.close_reason,
    )


def _contradicts(answer: GrantAnswer, row: TransferGrant, appid: str) -> bool:
    # Who deleted the account is not named any more; the number still says which it is.
    is_forgotten = not row.body
    return (answer.appid is not None and answer.appid != appid) or (
        answer.openid is not None and answer.openid != row.openid and not is_forgotten
    )


def _raise_oddity(answer: GrantAnswer, now: datetime) -> None:
    orders.raise_oddity(
        orders.OddityKind.TRANSFER_DIFFERS,
        reference=answer.out_authorization_no,
        order_id=None,
        facts={
            "out_authorization_no": answer.out_authorization_no,
            "state": answer.status.value if answer.status else None,
            "appid": answer.appid,
        },
        now=now,
    )
