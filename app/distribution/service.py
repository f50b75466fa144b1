from datetime import datetime, timedelta

import sqlalchemy as sa

from app import audit, ledger, members, outbox, settings
from app.core import ids
from app.core.db import add_once, db, lock_one, require_transaction
from app.core.errors import IllegalMove, InvalidInput
from app.distribution.errors import AlreadyDistributor, MoneyStillOpen
from app.distribution.models import TRANSITIONS, Distributor, DistributorStatus, ReferralCode

CONTRACT_VERSION = "2026-11"
CONTRACT = """一、成为分销员完全免费，不收取任何费用，也不以购买商品为条件。
二、佣金只来自真实售出的商品：好友通过你的推广码进入商城并下单，订单完成且过了退货期后，佣金结算到你的钱包。
三、没有“拉人头”奖励。佣金最多计算两级，发展人数多少与佣金无关。
四、商品退款后，对应的佣金按退款金额同比例收回；已结算的部分从可提现余额中扣回。
五、提现由商家审核后通过微信支付转账，个人所得税按国家规定代扣代缴。
六、请如实介绍商品，不夸大、不误导、不骚扰他人。违反约定的，商家可以暂停分销资格。
七、你可以随时申请退出；退出前已结算的佣金仍可提现。"""


def apply(member_id: int, *, statement: str, agreed_version: str, now: datetime) -> Distributor:
    """Ask to become a distributor (申请分销员).

    Raises:
        InvalidInput: the contract in force was not agreed to.
        AlreadyDistributor: there is an application or standing already.
    """
    require_transaction()
    if agreed_version != CONTRACT_VERSION:
        raise InvalidInput("agreed", "请先阅读并同意《分销员合作约定》")
    if len(statement) > 200:
        raise InvalidInput("statement", "申请说明最多 200 个字")
    actor = audit.Actor.member(member_id)
    distributor = _locked(member_id)
    if distributor is None:
        distributor = Distributor(
            member_id=member_id, status=DistributorStatus.APPLIED, applied_at=now
        )
        if not add_once(distributor):
            raise AlreadyDistributor()
        _record(distributor, "", actor, now, "")
    elif distributor.status is DistributorStatus.REJECTED:
        distributor.applied_at = now
        _move(distributor, DistributorStatus.APPLIED, actor, now)
    else:
        raise AlreadyDistributor()
    distributor.statement = statement.strip()
    members.agree(
        member_id,
        document="distributor_contract",
        version=CONTRACT_VERSION,
        text=CONTRACT,
        now=now,
    )
    if settings.value(settings.registry.JOIN_MODE) == "open":
        approve(distributor.id, actor=audit.Actor.system("join_mode"), now=now)
    return distributor


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
    if not reason.strip():
        raise InvalidInput("reason", "请填写拒绝原因，申请人会看到")
    _expect(distributor, DistributorStatus.APPLIED)
    distributor.decision_note = reason.strip()[:200]
    move = _move(distributor, DistributorStatus.REJECTED, actor, now, distributor.decision_note)
    # Somebody may be refused more than once: each time is news of its own.
    outbox.publish("distributor_rejected", move.id, now=now)


def suspend(distributor_id: int, *, reason: str, actor: audit.Actor, now: datetime) -> None:
    """Stop a distributor from earning. Raises NotFound, IllegalMove, InvalidInput."""
    distributor = _by_id(distributor_id)
    if not reason.strip():
        raise InvalidInput("reason", "请填写暂停原因")
    distributor.decision_note = reason.strip()[:200]
    move = _move(distributor, DistributorStatus.SUSPENDED, actor, now, distributor.decision_note)
    outbox.publish("distributor_suspended", move.id, now=now)


def restore(distributor_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """End a suspension. Raises NotFound, IllegalMove."""
    distributor = _by_id(distributor_id)
    _expect(distributor, DistributorStatus.SUSPENDED)
    distributor.decision_note = ""
    move = _move(distributor, DistributorStatus.APPROVED, actor, now)
    outbox.publish("distributor_restored", move.id, now=now)


def close(distributor_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """End it for good. Raises NotFound, IllegalMove, MoneyStillOpen."""
    distributor = _by_id(distributor_id)
    if distributor.status not in (DistributorStatus.APPROVED, DistributorStatus.SUSPENDED):
        raise IllegalMove(state=distributor.status.value)
    if ledger.wallet_of(distributor.member_id) != ledger.Wallet():
        raise MoneyStillOpen()
    move = _move(distributor, DistributorStatus.CLOSED, actor, now)
    outbox.publish("distributor_closed", move.id, now=now)


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
) -> audit.StateMove:
    if to not in TRANSITIONS[distributor.status]:
        raise IllegalMove(state=distributor.status.value)
    before = distributor.status.value
    distributor.status = to
    return _record(distributor, before, actor, now, note)


def _record(
    distributor: Distributor, before: str, actor: audit.Actor, now: datetime, note: str
) -> audit.StateMove:
    move = audit.record_move(
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
    return move
