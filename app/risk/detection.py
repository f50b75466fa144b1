"""What is looked for when an order was paid or somebody was bound.

Each look is a handful of indexed reads that do not grow with the team: the buyer,
their up to three uplines, and the purchases of these few people themselves.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from app import distribution, members, outbox, settings
from app.core import clock
from app.core.db import db
from app.distribution import AttemptResult
from app.members import Member
from app.orders import Order, OrderSeat, Payment, PaymentStatus
from app.risk import traces
from app.risk.models import RiskKind, TraceKind
from app.risk.service import suspect
from app.settings import registry

# A ring is looked for among this many purchases of one person, newest first.
_PURCHASES_MAX = 200


def watch_order(order_id: int, now: datetime) -> None:
    """Look at a paid order (order_paid): is the buyer the distributor, or a ring?"""
    order = db.session.get_one(Order, order_id)
    used = _used(order)
    for kind, digest in used.items():
        traces.note(order.member_id, kind, digest, now=now)
    uplines = _earners(order.id)
    if not uplines:
        return
    payer = db.session.scalar(
        sa.select(Payment.payer_openid).filter_by(order_id=order.id, status=PaymentStatus.SUCCESS)
    )
    people = members.names_of([order.member_id, *uplines])
    kept = traces.digests([order.member_id, *uplines])
    known = _known(uplines, kept)
    for upline_id in uplines:
        evidence = _same_receiver(order, used, upline_id, known)
        if _share_device(order.member_id, upline_id, kept):
            evidence.append(_DEVICE)
        if payer and payer == people[upline_id].openid:
            evidence.append(("payer", f"订单 {order.number} 由分销员本人的微信付款"))
        elif payer and payer != people[order.member_id].openid:
            evidence.append(("payer", f"订单 {order.number} 的付款微信不是下单会员本人"))
        if evidence:
            suspect(
                RiskKind.SELF_REFERRAL,
                f"{upline_id}:{order.member_id}",
                held=[upline_id],
                others=[order.member_id],
                evidence=evidence,
                now=now,
            )
    for ring in _rings(order.member_id, uplines, now):
        _suspect_ring(ring, order, now)


def watch_binding(member_id: int, now: datetime) -> None:
    """Look at a member who was bound (member_bound): a burst, or the inviter's own browser?"""
    member = db.session.get_one(Member, member_id)
    owner_id, bound_at = member.upline1_id, member.bound_at
    if owner_id is None or bound_at is None:
        return
    if _share_device(member_id, owner_id, traces.digests([member_id, owner_id])):
        suspect(
            RiskKind.SELF_REFERRAL,
            f"{owner_id}:{member_id}",
            held=[owner_id],
            others=[member_id],
            evidence=[_DEVICE],
            now=now,
        )
    _watch_burst(owner_id, bound_at, now)


def watch_move(attempt_id: int, now: datetime) -> None:
    """The same for a member whom a code took over (member_moved); an admin's moves are theirs."""
    attempt = distribution.attempt_by_id(attempt_id)
    if attempt.result is AttemptResult.REBOUND:
        watch_binding(attempt.member_id, now)


def subscribe() -> None:
    """Register with the outbox; called once when the app is made."""
    outbox.subscribe("order_paid", "risk.order", watch_order)
    outbox.subscribe("member_bound", "risk.binding", watch_binding)
    outbox.subscribe("member_moved", "risk.move", watch_move)


_DEVICE = ("device", "两个账号用同一个浏览器登录过")
_RECEIVER = {TraceKind.PHONE: "收货手机号", TraceKind.ADDRESS: "收货地址"}


def _used(order: Order) -> dict[TraceKind, str]:
    """What the order says about where its buyer is reached."""
    if order.is_virtual:
        return {}
    used = {TraceKind.PHONE: traces.phone_digest(order.receiver_phone)}
    # Who collects in a shop gives the shop's address, as everybody else does.
    if order.pickup is None:
        used[TraceKind.ADDRESS] = traces.address_digest(
            order.receiver_region, order.receiver_detail
        )
    return used


def _known(
    member_ids: Iterable[int], kept: dict[tuple[int, TraceKind], set[str]]
) -> set[tuple[int, TraceKind, str]]:
    """Phones and addresses of distributors: of orders, the address book, the application."""
    wanted = set(member_ids)
    known = {
        (member_id, kind, digest)
        for (member_id, kind), digests in kept.items()
        if member_id in wanted
        for digest in digests
    }
    for address in members.addresses_of(*wanted):
        known.add((address.member_id, TraceKind.PHONE, traces.phone_digest(address.phone)))
        door = traces.address_digest(address.region, address.detail)
        known.add((address.member_id, TraceKind.ADDRESS, door))
    for standing in distribution.distributors_of(wanted):
        if standing.phone_hash:
            known.add((standing.member_id, TraceKind.PHONE, standing.phone_hash))
    return known


def _same_receiver(
    order: Order,
    used: dict[TraceKind, str],
    upline_id: int,
    known: set[tuple[int, TraceKind, str]],
) -> list[tuple[str, str]]:
    return [
        (kind.value, f"订单 {order.number} 的{_RECEIVER[kind]}与分销员的相同")
        for kind, digest in used.items()
        if (upline_id, kind, digest) in known
    ]


def _share_device(one: int, other: int, kept: dict[tuple[int, TraceKind], set[str]]) -> bool:
    return not kept.get((one, TraceKind.DEVICE), set()).isdisjoint(
        kept.get((other, TraceKind.DEVICE), set())
    )


def _earners(order_id: int) -> list[int]:
    return list(
        db.session.scalars(
            sa.select(OrderSeat.member_id)
            .where(OrderSeat.order_id == order_id, OrderSeat.position > 0, OrderSeat.is_active)
            .order_by(OrderSeat.position)
        )
    )


def _watch_burst(owner_id: int, bound_at: datetime, now: datetime) -> None:
    most = settings.value(registry.RISK_BURST_BINDS)
    minutes = settings.value(registry.RISK_BURST_MINUTES)
    recent = (
        sa.select(Member.id)
        .where(
            Member.upline1_id == owner_id,
            Member.bound_at > bound_at - timedelta(minutes=minutes),
            Member.bound_at <= bound_at,
        )
        # One more than is allowed says all; counting a rush of thousands would not be cheap.
        .limit(most + 1)
    )
    newest = list(db.session.scalars(recent))
    if len(newest) <= most:
        return
    day = clock.local(bound_at).date()
    suspect(
        RiskKind.BURST,
        f"{owner_id}:{day:%Y%m%d}",
        held=[owner_id],
        others=[],
        evidence=[
            ("burst", f"{day:%Y-%m-%d}，{minutes} 分钟内新绑定超过 {most} 人"),
        ],
        now=now,
    )


def _rings(buyer_id: int, uplines: Iterable[int], now: datetime) -> list[tuple[int, ...]]:
    """Small circles of who earns from whom that this purchase closes: of two, or of three."""
    since = now - timedelta(days=settings.value(registry.RISK_RING_DAYS))
    rings: list[tuple[int, ...]] = []
    for upline_id in uplines:
        theirs = _earned_from(upline_id, since)
        if buyer_id in theirs:
            rings.append((buyer_id, upline_id))
            continue
        third = next((one for one in sorted(theirs) if buyer_id in _earned_from(one, since)), None)
        if third is not None:
            rings.append((buyer_id, upline_id, third))
    return rings


def _earned_from(member_id: int, since: datetime) -> set[int]:
    """Who had a seat above this member in what they bought since then."""
    bought = (
        sa.select(Order.id)
        .where(Order.member_id == member_id, Order.paid_at >= since)
        .order_by(Order.id.desc())
        .limit(_PURCHASES_MAX)
        .subquery()
    )
    return set(
        db.session.scalars(
            sa.select(OrderSeat.member_id)
            .join(bought, bought.c.id == OrderSeat.order_id)
            .where(OrderSeat.position > 0, OrderSeat.is_active)
            .distinct()
        )
    )


def _suspect_ring(ring: tuple[int, ...], order: Order, now: datetime) -> None:
    days = settings.value(registry.RISK_RING_DAYS)
    said = "互相" if len(ring) == 2 else "循环"
    text = f"{days} 天内这 {len(ring)} 人{said}购买并从对方的订单取得佣金，最近一单 {order.number}"
    suspect(
        RiskKind.RING,
        ":".join(map(str, sorted(ring))),
        held=ring,
        others=[],
        evidence=[("ring", text)],
        now=now,
    )
