"""What came of it all, in a canonical form, and its digest.

No ids, numbers or codes: members are counted in the order they came, orders in the
order they were placed. A settlement's posting is told member by member, because how
the work was cut into chunks is nobody's money.
"""

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app import ledger
from app.aftersales import AfterSale, Refund
from app.catalog import Sku
from app.commission import Commission
from app.core.db import Rows, db
from app.ledger import Account, Entry, Posting
from app.members import Member
from app.orders import Oddity, Order, OrderLine, Payment
from app.withdrawals import TransferBill, Withdrawal

_SETTLED = "commission_settled"


@dataclass(frozen=True)
class Since:
    """Where the books that are told begin: what is older belongs to another story."""

    member: int = 0
    order: int = 0
    posting: int = 0
    oddity: int = 0
    sku: int = 0

    @classmethod
    def now(cls) -> "Since":
        """From here on."""
        found = cls(
            *(
                db.session.scalar(sa.select(sa.func.coalesce(sa.func.max(model.id), 0))) or 0
                for model in (Member, Order, Posting, Oddity, Sku)
            )
        )
        db.session.rollback()
        return found


def broken() -> dict[str, list[str]]:
    """The invariants that do not hold, with samples; `{}` on sound books."""
    found = {r.code: r.sample for r in ledger.verify() if r.offending}
    db.session.rollback()
    return found


def digest(since: Since | None = None, *, with_times: bool = True) -> str:
    """SHA-256 over `told`; without times for what happened at other moments."""
    lines = told(since or Since(), with_times=with_times)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def told(since: Since, *, with_times: bool = True) -> list[str]:
    """The books, a JSON line a fact."""
    telling = _Telling(since, with_times)
    lines = [json.dumps(fact, default=str, sort_keys=True) for fact in telling.facts()]
    db.session.rollback()
    return lines


class _Telling:
    def __init__(self, since: Since, with_times: bool) -> None:
        self._since = since
        self._with_times = with_times
        self._people = _places(sa.select(Member.id).where(Member.id > since.member))
        self._orders = _places(sa.select(Order.id).where(Order.id > since.order))
        self._lines = _places(sa.select(OrderLine.id).where(OrderLine.order_id > since.order))
        self._refunds = _places(sa.select(Refund.id).where(Refund.order_id > since.order))
        self._payouts = _places(sa.select(Withdrawal.id).where(Withdrawal.member_id > since.member))

    def facts(self) -> list[list[Any]]:
        return [
            *self._wallets(),
            *self._sales(),
            *self._shares(),
            *self._payouts_told(),
            *self._postings(),
        ]

    def _at(self, moment: datetime | None) -> object:
        return str(moment) if self._with_times else moment is not None

    def _wallets(self) -> list[list[Any]]:
        rows = db.session.execute(
            sa.select(Account.owner_id, Account.kind, Account.balance_fen).where(
                Account.owner_id > self._since.member, Account.balance_fen != 0
            )
        )
        found = [["wallet", self._people[owner], kind.value, fen] for owner, kind, fen in rows]
        stock = db.session.scalars(
            sa.select(Sku.stock).where(Sku.id > self._since.sku).order_by(Sku.id)
        )
        return sorted(found) + [["stock", *stock]]

    def _sales(self) -> list[list[Any]]:
        since = self._since
        found: list[list[Any]] = [
            ["order", self._orders[o.id], self._people[o.member_id], o.status.value]
            + [o.payable_fen, o.freight_refunded_fen, o.open_aftersales]
            + [self._at(m) for m in (o.paid_at, o.received_at, o.guard_ends_at, o.finished_at)]
            for o in _all(sa.select(Order).where(Order.id > since.order).order_by(Order.id))
        ]
        found += [
            ["line", self._lines[x.id], self._orders[x.order_id], x.quantity, x.paid_fen]
            + [x.refunded_fen, x.refunded_quantity]
            for x in _all(sa.select(OrderLine).where(OrderLine.order_id > since.order))
        ]
        found += [
            ["payment", self._orders[p.order_id], p.status.value, p.amount_fen]
            for p in _all(sa.select(Payment).where(Payment.order_id > since.order))
        ]
        found += [
            ["aftersale", self._orders[a.order_id], a.kind.value, a.status.value]
            + [a.goods_fen, a.freight_fen]
            for a in _all(sa.select(AfterSale).where(AfterSale.order_id > since.order))
        ]
        found += [
            ["refund", self._refunds[r.id], self._orders[r.order_id], r.status.value, r.amount_fen]
            for r in _all(sa.select(Refund).where(Refund.order_id > since.order))
        ]
        found += [
            ["oddity", o.kind.value, self._orders.get(o.order_id), o.resolved_at is not None]
            for o in _all(sa.select(Oddity).where(Oddity.id > since.oddity).order_by(Oddity.id))
        ]
        return sorted(found, key=json.dumps)

    def _shares(self) -> list[list[Any]]:
        rows = _all(sa.select(Commission).where(Commission.order_id > self._since.order))
        found = [
            ["commission", self._lines[c.order_line_id], c.depth, self._people[c.member_id]]
            + [c.amount_fen, c.reversed_fen, c.status.value, c.settled_fen]
            + [self._at(c.settled_at)]
            for c in rows
        ]
        return sorted(found)

    def _payouts_told(self) -> list[list[Any]]:
        bills: dict[int, list[str]] = defaultdict(list)
        for bill in _all(sa.select(TransferBill).order_by(TransferBill.id)):
            bills[bill.withdrawal_id].append(bill.state.value)
        rows = _all(sa.select(Withdrawal).where(Withdrawal.member_id > self._since.member))
        found = [
            ["withdrawal", self._payouts[w.id], self._people[w.member_id], w.status.value]
            + [w.gross_fen, w.net_fen, w.fee_fen, bills[w.id]]
            for w in rows
        ]
        return sorted(found)

    def _postings(self) -> list[list[Any]]:
        rows = db.session.execute(
            sa.select(Posting.id, Posting.event, Posting.at, Account.kind, Account.owner_id, Entry)
            .join(Entry, Entry.posting_id == Posting.id)
            .join(Account, Account.id == Entry.account_id)
            .where(Posting.id > self._since.posting)
        )
        moved: dict[tuple[Any, ...], Counter[tuple[str, int]]] = defaultdict(Counter)
        for posting_id, event, at, kind, owner, entry in rows:
            place = self._people.get(owner, 0)
            one = place if event == _SETTLED else posting_id
            moved[one, event, self._at(at)][kind.value, place] += entry.amount_fen
        found = Counter(
            json.dumps([event, at, sorted(sides.items())])
            for (_, event, at), sides in moved.items()
        )
        return [["posting", text, count] for text, count in sorted(found.items())]


def _places(query: Rows) -> dict[int, int]:
    """Ids by their place, from 1: what chance and engines number otherwise."""
    ids = sorted(db.session.scalars(query))
    return {row_id: place for place, row_id in enumerate(ids, 1)}


def _all(query: Rows) -> list[Any]:
    return list(db.session.scalars(query))
