import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from app import audit, ledger, members, outbox
from app.core import ids, reasons
from app.core.crypto import keyring
from app.core.db import db, require_transaction
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.core.money import format_yuan
from app.core.rows import add_once, lock_one
from app.distribution import queries
from app.distribution.errors import AlreadyDistributor, MoneyStillOpen
from app.distribution.joining import contract, form, ways
from app.distribution.models import TRANSITIONS, Distributor, DistributorStatus, ReferralCode

# The text in force where a shop wrote none of its own.
CONTRACT_VERSION, CONTRACT = contract.BUILT_IN_VERSION, contract.BUILT_IN


def apply(
    member_id: int,
    *,
    statement: str,
    agreed_version: str,
    now: datetime,
    answers: Mapping[str, str] | None = None,
) -> Distributor:
    """Ask to become a distributor (申请分销员); `answers` as typed, by the fields' keys.

    Whoever was invited, or asks where nobody reviews, may earn at once, unless the
    phone number is another distributor's: then somebody looks at it.

    Raises:
        InvalidInput: the contract in force was not agreed to, or an answer is wrong.
        AlreadyDistributor: there is an application or standing already.
        NotOpen: the shop does not take this member.
    """
    require_transaction()
    agreed = contract.in_force(now)
    if agreed_version != agreed.version:
        raise InvalidInput("agreed", "请先阅读并同意《分销员合作约定》")
    if len(statement) > 200:
        raise InvalidInput("statement", "申请说明最多 200 个字")
    filled = form.in_force()
    fields = form.fields_of(filled)
    read = form.read(fields, answers or {}, now)
    actor = audit.Actor.member(member_id)
    distributor = _locked(member_id)
    is_invited = distributor is not None and distributor.status is DistributorStatus.INVITED
    way = ways.current()
    if distributor is not None and not is_invited:
        if distributor.status is not DistributorStatus.REJECTED:
            raise AlreadyDistributor()
    if not is_invited:
        ways.check(member_id, way)
    if distributor is None:
        distributor = Distributor(
            member_id=member_id, status=DistributorStatus.APPLIED, applied_at=now
        )
        if not add_once(distributor):
            raise AlreadyDistributor()
        _record(distributor, "", actor, now, "")
    else:
        distributor.applied_at = now
        _move(distributor, DistributorStatus.APPLIED, actor, now)
    distributor.statement = statement.strip()
    distributor.form_id = filled.id if filled else None
    distributor.sealed_answers = json.dumps(read, ensure_ascii=False) if read else None
    distributor.phone_hash = _phone_hash(fields, read)
    members.agree(
        member_id,
        document="distributor_contract",
        version=agreed.version,
        text=agreed.text,
        now=now,
    )
    if (is_invited or way is not ways.Way.REVIEW) and not queries.same_phone(distributor):
        approve(distributor.id, actor=audit.Actor.system("join_mode"), now=now)
    return distributor


def invite(member_id: int, *, reason: str, actor: audit.Actor, now: datetime) -> Distributor:
    """Appoint a member (商家指定), who may earn once they agreed to the contract.

    Raises:
        NotFound: there is no such member.
        InvalidInput: no reason was given.
        AlreadyDistributor: there is an application or standing already.
    """
    require_transaction()
    note = reasons.given(reason, "请填写邀请原因，对方会看到")
    if members.get(member_id).erased_at is not None:
        raise NotFound("会员不存在")
    distributor = _locked(member_id)
    if distributor is None:
        distributor = Distributor(
            member_id=member_id,
            status=DistributorStatus.INVITED,
            decision_note=note,
            applied_at=now,
        )
        if not add_once(distributor):
            raise AlreadyDistributor()
        move_id = _record(distributor, "", actor, now, note)
    elif distributor.status is DistributorStatus.REJECTED:
        distributor.decision_note = note
        move_id = _move(distributor, DistributorStatus.INVITED, actor, now, note)
    else:
        raise AlreadyDistributor("对方已经是分销员，或申请正在审核中")
    outbox.publish("distributor_invited", move_id, now=now)
    return distributor


def open_money(member_id: int) -> list[str]:
    """What keeps a distributor from leaving, in words; empty if nothing does."""
    wallet = ledger.wallet_of(member_id)
    parts = (
        (wallet.pending_fen, "待结算的佣金 ¥{}，过了退货期会自动入账"),
        (wallet.frozen_fen, "提现中的 ¥{}，到账或退回后才算结清"),
        (wallet.available_fen, "可提现的 ¥{}，请先提现"),
        (wallet.debt_fen, "待追回的佣金 ¥{}，请联系客服结清"),
    )
    return [says.format(format_yuan(fen)) for fen, says in parts if fen]


def approve(distributor_id: int, *, actor: audit.Actor, now: datetime, note: str = "") -> None:
    """Let an applicant earn. Raises NotFound, IllegalMove."""
    distributor = _by_id(distributor_id)
    _expect(distributor, DistributorStatus.APPLIED)
    distributor.approved_at = now
    distributor.decision_note = note
    _move(distributor, DistributorStatus.APPROVED, actor, now, note)
    referral_code(distributor.member_id, now=now)
    outbox.publish("distributor_approved", distributor.id, now=now)


def reject(distributor_id: int, *, reason: str, actor: audit.Actor, now: datetime) -> None:
    """Refuse an applicant, who reads the reason. Raises NotFound, IllegalMove, InvalidInput."""
    distributor = _by_id(distributor_id)
    said = reasons.given(reason, "请填写拒绝原因，申请人会看到")
    _expect(distributor, DistributorStatus.APPLIED)
    distributor.decision_note = said
    move_id = _move(distributor, DistributorStatus.REJECTED, actor, now, distributor.decision_note)
    # Somebody may be refused more than once: each time is news of its own.
    outbox.publish("distributor_rejected", move_id, now=now)


def suspend(distributor_id: int, *, reason: str, actor: audit.Actor, now: datetime) -> None:
    """Stop a distributor from earning. Raises NotFound, IllegalMove, InvalidInput."""
    distributor = _by_id(distributor_id)
    distributor.decision_note = reasons.given(reason, "请填写暂停原因")
    move_id = _move(distributor, DistributorStatus.SUSPENDED, actor, now, distributor.decision_note)
    outbox.publish("distributor_suspended", move_id, now=now)


def restore(distributor_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """End a suspension. Raises NotFound, IllegalMove."""
    distributor = _by_id(distributor_id)
    _expect(distributor, DistributorStatus.SUSPENDED)
    distributor.decision_note = ""
    move_id = _move(distributor, DistributorStatus.APPROVED, actor, now)
    outbox.publish("distributor_restored", move_id, now=now)


def close(distributor_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """End it for good. Raises NotFound, IllegalMove, MoneyStillOpen."""
    distributor = _by_id(distributor_id)
    if distributor.status not in (DistributorStatus.APPROVED, DistributorStatus.SUSPENDED):
        raise IllegalMove(state=distributor.status.value)
    if ledger.wallet_of(distributor.member_id) != ledger.Wallet():
        raise MoneyStillOpen(
            "还没有结清：" + "；".join(open_money(distributor.member_id)) + "。结清后才能关闭"
        )
    move_id = _move(distributor, DistributorStatus.CLOSED, actor, now)
    outbox.publish("distributor_closed", move_id, now=now)


def leave(member_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """The member's account is being deleted: end their standing and forget their words.

    Who is below keeps them as upline: the tree is what orders were paid by, and
    moving people to somebody else would give away what nobody earned. A closed
    distributor earns nothing and binds nobody, so no money flows there.
    Raises MoneyStillOpen. Somebody without a standing has nothing to end.
    """
    distributor = _locked(member_id)
    if distributor is None:
        return
    # Behind the lock: a commission that was being booked is in the wallet by now.
    if ledger.wallet_of(member_id) != ledger.Wallet():
        raise MoneyStillOpen()
    if distributor.status is not DistributorStatus.CLOSED:
        _move(distributor, DistributorStatus.CLOSED, actor, now)
    distributor.statement = distributor.decision_note = ""
    distributor.sealed_answers = distributor.phone_hash = None


def referral_code(member_id: int, *, now: datetime) -> ReferralCode:
    """The member's referral code, made at the first call (推广码)."""
    require_transaction()
    known = db.session.scalar(sa.select(ReferralCode).filter_by(member_id=member_id))
    if known is not None:
        return known
    made = ReferralCode(code=ids.random_code(8), member_id=member_id, created_at=now)
    if not add_once(made):
        return db.session.execute(
            sa.select(ReferralCode).filter_by(member_id=member_id)
        ).scalar_one()
    return made


def keep_scene(code_id: int, *, ticket: str, url: str, lasts: timedelta, now: datetime) -> None:
    """Store the official account's QR that WeChat made for this code."""
    require_transaction()
    code = db.session.get_one(ReferralCode, code_id)
    code.qr_ticket, code.qr_url, code.qr_expires_at = ticket, url, now + lasts


def _phone_hash(fields: Sequence[form.Field], answers: Mapping[str, str | int]) -> str | None:
    phones = [
        str(answers[field.key])
        for field in fields
        if field.kind is form.FieldKind.PHONE and field.key in answers
    ]
    return keyring().search_hash(phones[0]) if phones else None


def _by_id(distributor_id: int) -> Distributor:
    return lock_one(Distributor, distributor_id, "分销员不存在")


def _locked(member_id: int) -> Distributor | None:
    return db.session.scalar(
        sa.select(Distributor)
        .filter_by(member_id=member_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _expect(distributor: Distributor, status: DistributorStatus) -> None:
    if distributor.status is not status:
        raise IllegalMove(state=distributor.status.value)


def _move(
    distributor: Distributor,
    to: DistributorStatus,
    actor: audit.Actor,
    now: datetime,
    note: str = "",
) -> int:
    if to not in TRANSITIONS[distributor.status]:
        raise IllegalMove(state=distributor.status.value)
    before = distributor.status.value
    distributor.status = to
    return _record(distributor, before, actor, now, note)


def _record(
    distributor: Distributor, before: str, actor: audit.Actor, now: datetime, note: str
) -> int:
    move_id = audit.record_move(
        "distributor",
        distributor.id,
        from_state=before,
        to_state=distributor.status.value,
        actor=actor,
        now=now,
        note=note,
    )
    if actor.ref.startswith("admin:"):
        audit.record(
            f"distributor.{distributor.status.value}",
            subject="distributor",
            subject_id=distributor.id,
            actor=actor,
            now=now,
            before={"status": before},
            after={"status": distributor.status.value},
            reason=note,
        )
    db.session.flush()
    return move_id
