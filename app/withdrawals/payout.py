"""One transfer bill at a time (打款): saved before the call, ended by WeChat's word."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from app import audit, members, orders
from app.core import ids
from app.core.db import db, require_transaction
from app.core.errors import IllegalMove
from app.withdrawals import grants, locks, payees, reasons, states
from app.withdrawals.grant_models import GrantStatus, TransferGrant
from app.withdrawals.models import (
    FINAL,
    GRANT_CLOSED,
    IN_FLIGHT,
    BillState,
    Channel,
    TransferBill,
    Withdrawal,
    WithdrawalStatus,
)
from app.withdrawals.ports import BillAnswer, TransferGateway

S = WithdrawalStatus
_SYSTEM = audit.Actor.system("payout")
GRANT_CLOSED_NOTE = "免确认授权已关闭，已换新的转账单，由收款人在微信里确认"
# A query may not see at once what a call made: wechat.md, section 9, "stable NOT_FOUND".
STABLE = timedelta(minutes=5)


def prepare_bill(
    withdrawal_id: int, *, gateway: TransferGateway, now: datetime
) -> TransferBill | None:
    """Save the bill of an approved withdrawal; to be sent after the commit.

    None if somebody else was first, or it is paid by hand. `live_withdrawal_id` is unique: there is
    never a second bill that could pay. Raises PayoutsLocked.
    """
    locks.require_unlocked()
    row = states.locked(withdrawal_id)
    if row.status is not S.APPROVED or row.channel is not Channel.WECHAT:
        return None
    bill = _new_bill(row, grants.to_pay_with(row.member_id), gateway, now)
    states.move(row, S.SENDING, actor=_SYSTEM, now=now)
    db.session.flush()
    return bill


def _new_bill(
    row: Withdrawal, grant: TransferGrant | None, gateway: TransferGateway, now: datetime
) -> TransferBill:
    payee = payees.of_withdrawal(row.id)
    openid = members.get(row.member_id).openid
    number = ids.public_number("B", now)
    bill = TransferBill(
        withdrawal_id=row.id,
        live_withdrawal_id=row.id,
        out_bill_no=number,
        openid=openid,
        amount_fen=row.net_fen,
        payee_name=payee.holder if payee else None,
        grant_id=grant.id if grant else None,
        body=gateway.body(
            out_bill_no=number,
            openid=openid,
            amount_fen=row.net_fen,
            remark="分销佣金提现",
            authorization_no=grant.out_authorization_no if grant else "",
        ),
        created_at=now,
    )
    db.session.add(bill)
    return bill


def without_grant(bill_id: int, *, gateway: TransferGateway, now: datetime) -> int | None:
    """Which bill to send for one with a grant that WeChat does not know; None: wait.

    While the grant holds it is the same bill. Where the grant was closed WeChat can no
    longer take the bill: once it has been unknown for a while it counts as failed, and
    a new one, for the member to confirm, is saved in its place.
    """
    row, bill = _locked_pair(bill_id)
    if bill.grant_id is None or bill.state is not BillState.CREATED:
        return None
    grant = grants.locked(bill.grant_id)
    if grants.is_usable(grant):
        return bill.id
    is_stable = bill.missing_since is not None and now - bill.missing_since >= STABLE
    if grant.status is not GrantStatus.CLOSED or not is_stable or locks.current() is not None:
        return None
    return _replaced(row, bill, "NOT_FOUND", gateway, now)


def leaves_open(bill_id: int, answer: BillAnswer) -> int | None:
    """The grant to ask about before a failure is believed to be more than its closing.

    WeChat has no reason that names a closed grant, so what it does not explain may be
    that. None: the failure is what it says, or is none.
    """
    row, bill = _locked_pair(bill_id)
    return bill.grant_id if _may_be_the_grant(row, bill, answer) else None


def instead(
    bill_id: int, answer: BillAnswer, *, mchid: str, gateway: TransferGateway, now: datetime
) -> int | None:
    """Save an ordinary bill for one that failed, as a query said, with its grant closed.

    Once: the new one has no grant, so its failure is final. None: it is not the grant,
    and the failure is to be reported as any. Raises PayoutsLocked.
    """
    row, bill = _locked_pair(bill_id)
    if not _may_be_the_grant(row, bill, answer) or _contradicts(answer, bill, mchid):
        return None
    if bill.grant_id is None or grants.locked(bill.grant_id).status is not GrantStatus.CLOSED:
        return None
    locks.require_unlocked()
    bill.queried_at = now
    bill.transfer_bill_no = answer.transfer_bill_no or bill.transfer_bill_no
    return _replaced(row, bill, answer.fail_reason or "FAIL", gateway, now)


def _may_be_the_grant(row: Withdrawal, bill: TransferBill, answer: BillAnswer) -> bool:
    return (
        answer.state == BillState.FAIL
        and answer.fail_reason not in reasons.EXPLAINED
        and bill.grant_id is not None
        and bill.state not in FINAL
        and row.status in (S.SENDING, S.UNKNOWN)
    )


def _replaced(
    row: Withdrawal, bill: TransferBill, said: str, gateway: TransferGateway, now: datetime
) -> int:
    """End a bill whose grant is closed, and save one that the member confirms."""
    bill.state, bill.fail_reason, bill.ended_at = BillState.FAIL, GRANT_CLOSED, now
    bill.live_withdrawal_id = None
    # The number is free before it is taken again.
    db.session.flush()
    new = _new_bill(row, None, gateway, now)
    if row.status is S.SENDING:
        states.move(row, S.UNKNOWN, actor=_SYSTEM, now=now, note=said)
    row.note = GRANT_CLOSED_NOTE
    audit.record(
        "withdrawal.replace_bill",
        subject="withdrawal",
        subject_id=row.id,
        actor=_SYSTEM,
        now=now,
        before={"bill": bill.out_bill_no, "said": said[:100]},
        after={"bill": new.out_bill_no},
        reason=GRANT_CLOSED_NOTE,
    )
    db.session.flush()
    return new.id


def bill_to_send(bill_id: int) -> TransferBill | None:
    """Count a sending of a bill that lacks WeChat's answer, else None.

    None as well while payouts are locked: what is saved waits, and nothing leaves.
    Only the answer to the sending carries what the member's page needs to open
    the confirmation; where it was lost, the same number and data bring it again.
    """
    require_transaction()
    bill = _locked_bill(bill_id)
    if locks.current() is not None:
        return None
    waits_unreachable = bill.state is BillState.WAIT_USER_CONFIRM and not bill.package_info
    if bill.state is not BillState.CREATED and not waits_unreachable:
        return None
    bill.sent_count += 1
    bill.missing_since = None
    return bill


def bills_to_query(now: datetime, *, limit: int = 100) -> list[int]:
    """Bills without a final word, each asked about at most once a minute."""
    a_minute_ago = now - timedelta(seconds=55)
    return list(
        db.session.scalars(
            sa.select(TransferBill.id)
            .where(
                TransferBill.live_withdrawal_id.is_not(None),
                TransferBill.ended_at.is_(None),
                TransferBill.created_at <= a_minute_ago,
                sa.or_(TransferBill.queried_at.is_(None), TransferBill.queried_at <= a_minute_ago),
            )
            .order_by(TransferBill.queried_at, TransferBill.id)
            .limit(limit)
        )
    )


def begin_cancel(withdrawal_id: int, *, actor: audit.Actor, now: datetime) -> TransferBill:
    """Stop a bill that waits for the member; WeChat is asked next. Raises IllegalMove."""
    row = states.locked(withdrawal_id)
    states.move(row, S.CANCELLING, actor=actor, now=now)
    audit.record(
        "withdrawal.cancel_bill",
        subject="withdrawal",
        subject_id=row.id,
        actor=actor,
        now=now,
    )
    bill = db.session.scalar(sa.select(TransferBill).filter_by(live_withdrawal_id=row.id))
    if bill is None:
        raise IllegalMove(state=row.status.value)
    return bill


def unclear(bill_id: int, *, now: datetime) -> None:
    """There was no clear answer: the withdrawal is unknown, its money stays frozen."""
    row, bill = _locked_pair(bill_id)
    bill.queried_at = now
    if row.status is S.SENDING:
        states.move(row, S.UNKNOWN, actor=_SYSTEM, now=now)


def report(answer: BillAnswer, *, mchid: str, now: datetime, asked: bool = False) -> bool:
    """Take WeChat's word on a bill, from its answer, a query or a notice.

    A repeat, or an older word after a final one, changes nothing. What
    contradicts the bill is refused (False) and raised as an oddity. `asked`
    marks that a query brought it.
    """
    require_transaction()
    found = db.session.scalar(sa.select(TransferBill.id).filter_by(out_bill_no=answer.out_bill_no))
    if found is None:
        _raise_oddity(answer, None, now)
        return False
    row, bill = _locked_pair(found)
    if asked:
        bill.queried_at = now
    if _contradicts(answer, bill, mchid):
        _raise_oddity(answer, bill, now)
        return False
    if bill.state in FINAL:
        if answer.state == BillState.SUCCESS and bill.fail_reason == GRANT_CLOSED:
            # Given up by us, and paid after all: another bill is in its place.
            _raise_oddity(answer, bill, now)
            return False
        return True
    if answer.state is None:
        _not_known(row, bill, now)
        return True
    if not asked and _may_be_the_grant(row, bill, answer):
        # Only a queried failure lets another bill follow: it is asked about next.
        if row.status is S.SENDING:
            states.move(row, S.UNKNOWN, actor=_SYSTEM, now=now, note=answer.fail_reason)
        return True
    bill.state = BillState(answer.state)
    bill.missing_since = None
    bill.transfer_bill_no = answer.transfer_bill_no or bill.transfer_bill_no
    bill.package_info = answer.package_info or bill.package_info
    bill.fail_reason = answer.fail_reason or bill.fail_reason
    _follow(row, bill, now)
    return True


def _follow(row: Withdrawal, bill: TransferBill, now: datetime) -> None:
    """Bring the withdrawal to where its bill is."""
    match bill.state:
        case BillState.SUCCESS:
            bill.ended_at = now
            _settle_on(row, S.PAID, now)
        case BillState.FAIL | BillState.CANCELLED:
            bill.ended_at = now
            bill.live_withdrawal_id = None
            row.note = (bill.fail_reason or bill.state.value)[:200]
            _settle_on(row, S.FAILED, now, note=row.note)
        case BillState.WAIT_USER_CONFIRM:
            if row.status in (S.SENDING, S.UNKNOWN):
                states.move(row, S.WAIT_CONFIRM, actor=_SYSTEM, now=now)
        case _:
            # Under way at WeChat, nothing to do for the member: ask again later.
            if row.status is S.SENDING:
                states.move(row, S.UNKNOWN, actor=_SYSTEM, now=now, note=bill.state.value)


def _settle_on(row: Withdrawal, to: WithdrawalStatus, now: datetime, note: str = "") -> None:
    if row.status not in IN_FLIGHT:
        raise RuntimeError(f"withdrawal {row.id} is {row.status}, its bill ended as {to}")
    states.move(row, to, actor=_SYSTEM, now=now, note=note)


def _not_known(row: Withdrawal, bill: TransferBill, now: datetime) -> None:
    """WeChat does not know the number: the call never arrived.

    The bill stays and is sent again with the same number and the same data,
    which cannot pay twice whatever else is under way.
    """
    bill.queried_at = now
    bill.missing_since = bill.missing_since or now
    if row.status is S.SENDING:
        states.move(row, S.UNKNOWN, actor=_SYSTEM, now=now, note="NOT_FOUND")


def _contradicts(answer: BillAnswer, bill: TransferBill, mchid: str) -> bool:
    return (
        (answer.amount_fen is not None and answer.amount_fen != bill.amount_fen)
        or (answer.mchid is not None and answer.mchid != mchid)
        or (answer.openid is not None and answer.openid != bill.openid)
    )


def _raise_oddity(answer: BillAnswer, bill: TransferBill | None, now: datetime) -> None:
    orders.raise_oddity(
        orders.OddityKind.TRANSFER_DIFFERS,
        reference=answer.out_bill_no,
        order_id=None,
        facts={
            "out_bill_no": answer.out_bill_no,
            "state": answer.state,
            "amount_fen": answer.amount_fen,
            "mchid": answer.mchid,
            "expected_fen": bill.amount_fen if bill else None,
        },
        now=now,
    )


def _locked_pair(bill_id: int) -> tuple[Withdrawal, TransferBill]:
    """The withdrawal and its bill, locked in this order everywhere."""
    withdrawal_id = db.session.execute(
        sa.select(TransferBill.withdrawal_id).filter_by(id=bill_id)
    ).scalar_one()
    return states.locked(withdrawal_id), _locked_bill(bill_id)


def _locked_bill(bill_id: int) -> TransferBill:
    return db.session.execute(
        sa.select(TransferBill)
        .filter_by(id=bill_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()
