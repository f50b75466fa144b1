"""Asking to let a debt go, and answering. Source: money.md, "Accounts" and "Moves"."""

from datetime import datetime

from app import audit, ledger
from app.core import reasons
from app.core.errors import DomainError, IllegalMove
from app.core.rows import add_once, lock_one
from app.debts.models import DebtWriteOff, WriteOffState
from app.ledger import AccountKind, Move

S = WriteOffState


class SamePerson(DomainError):
    """Four eyes: who asks does not agree."""

    code = "same_person"
    message = "核销须由两位管理员完成：你提出的申请，请由另一位管理员处理"


class OwnDebt(DomainError):
    """Nobody lets a debt of their own go."""

    code = "own_debt"
    message = "这是你自己的待追回款，须由其他管理员处理"


class DebtChanged(DomainError):
    """Income filled a part of it, or more was clawed back, since it was asked."""

    code = "debt_changed"
    message = "待追回金额在申请之后有变化，请驳回后重新申请"


class ShopShort(DomainError):
    """The shop bears it, and the books may not go below 0."""

    code = "shop_short"
    message = "商城已赚得的余额不足以承担这笔核销，请等更多订单完成后再试"


def ask(member_id: int, *, reason: str, actor: audit.Actor, now: datetime) -> DebtWriteOff:
    """Ask to write off all that a member owes now (申请核销).

    Raises:
        OwnDebt. InvalidInput: no reason, or a long one.
        IllegalMove: nothing is owed, or it was asked already.
    """
    _never_own(member_id, actor)
    said = reasons.given(reason, "请写明核销的原因，复核人会看到")
    owed = ledger.lock_wallets([member_id])[member_id].debt_fen
    if not owed:
        raise IllegalMove("这位会员没有待追回的款项")
    row = DebtWriteOff(
        member_id=member_id,
        open_member_id=member_id,
        amount_fen=owed,
        state=S.ASKED,
        reason=said,
        asked_by=actor.ref,
        asked_at=now,
    )
    if not add_once(row):
        raise IllegalMove("这位会员已有一笔核销申请等待复核")
    _record("debt.ask_write_off", row, actor, now, said)
    return row


def decide(
    write_off_id: int, *, agrees: bool, answer: str = "", actor: audit.Actor, now: datetime
) -> DebtWriteOff:
    """Agree and book it (`shop` > `debt`), or refuse with an answer; never who asked.

    Refusing is open to whoever asked, too: it takes the request back.

    Raises:
        NotFound. IllegalMove: it was decided. OwnDebt, SamePerson, InvalidInput.
        DebtChanged, ShopShort: nothing is booked, the request stays.
    """
    row = lock_one(DebtWriteOff, write_off_id, "核销申请不存在")
    if row.state is not S.ASKED:
        raise IllegalMove("这笔核销申请已经处理过了", state=row.state.value)
    _never_own(row.member_id, actor)
    if agrees:
        if row.asked_by == actor.ref:
            raise SamePerson()
        _book(row, now)
    else:
        row.answer = reasons.given(answer, "请写明驳回的原因")
    row.state = S.DONE if agrees else S.REFUSED
    row.open_member_id, row.decided_by, row.decided_at = None, actor.ref, now
    action = "debt.write_off" if agrees else "debt.refuse_write_off"
    _record(action, row, actor, now, row.answer or row.reason)
    return row


def _book(row: DebtWriteOff, now: datetime) -> None:
    if ledger.lock_wallets([row.member_id])[row.member_id].debt_fen != row.amount_fen:
        raise DebtChanged()
    if ledger.lock_system(AccountKind.SHOP) < row.amount_fen:
        raise ShopShort()
    ledger.post(
        f"debt:{row.id}:written_off",
        event="debt_written_off",
        moves=[
            Move(
                ledger.system(AccountKind.SHOP),
                ledger.member(AccountKind.DEBT, row.member_id),
                row.amount_fen,
            )
        ],
        now=now,
        subject=("debt_write_off", row.id),
        reason=row.reason,
    )


def _never_own(member_id: int, actor: audit.Actor) -> None:
    if actor.member_id is not None and actor.member_id == member_id:
        raise OwnDebt()


def _record(action: str, row: DebtWriteOff, actor: audit.Actor, now: datetime, reason: str) -> None:
    audit.record(
        action,
        subject="debt_write_off",
        subject_id=row.id,
        actor=actor,
        now=now,
        after={"member_id": row.member_id, "amount_fen": row.amount_fen, "state": row.state.value},
        reason=reason,
    )
