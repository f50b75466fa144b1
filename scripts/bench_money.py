"""Money that leaves, and a day's books: `scripts/bench ask reconcile`."""

import hashlib
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from app import audit, ledger, reconciliation, withdrawals
from app.core import clock
from app.core.db import db, run_unit
from app.members import Member
from app.reconciliation import BillKind, DayState, RawBill
from app.reconciliation.reading import FLOW_HEAD, FLOW_SUM, TRADE_HEAD, TRADE_SUM
from app.settings.models import SettingChange
from app.tax import Identity
from app.withdrawals import Withdrawal, WithdrawalStatus
from scripts.bench_desk import copies
from scripts.bench_shop import NOW, Inserter, base_rows, paid_order

Found = tuple[float, str, float, dict[str, Any]]

_MEMBERS = 600
_ASKED_FEN, _HELD_FEN = 50_00, 100_00
_DESK = audit.Actor.admin(1, "10.0.0.1")
_FIRST = 10
# What withdrawals are asked by.
_SETTINGS = ("withdraw.min_fen", "withdraw.max_fen", "withdraw.fee_bps", "withdraw.day_count")


def ask() -> Found:
    """Withdrawals asked for and approved a second; baseline: the same statements in Core.

    Two units of work each, as a phone and a desk do it: what a withdrawal is decided by is
    looked up, its rows are written, the money is moved and the books get a posting. The two
    take turns, so that a machine which is busy with something else is so for both.
    """
    with db.engine.begin() as connection:
        _wallets(Inserter(connection), 2 * _MEMBERS)
    db.session.remove()
    ours = bare = 0.0
    for number in range(1, _MEMBERS + 1):
        ours += _seconds(_asked_and_approved, number)
        bare += _seconds(_by_hand, _MEMBERS + number)
    approved = db.session.scalar(
        sa.select(sa.func.count()).where(
            Withdrawal.member_id <= _MEMBERS, Withdrawal.status == WithdrawalStatus.APPROVED
        )
    )
    frozen = db.session.scalars(
        sa.select(ledger.Account.balance_fen).where(ledger.Account.kind == "frozen")
    ).all()
    db.session.rollback()
    if approved != _MEMBERS or list(frozen) != [_ASKED_FEN] * 2 * _MEMBERS:
        raise SystemExit(f"{approved} were approved, {len(frozen)} wallets are frozen")
    return _MEMBERS / ours, "withdrawals/s", _MEMBERS / bare, {"withdrawals": _MEMBERS}


def _wallets(put: Inserter, count: int) -> None:
    base_rows(put, distributors=count)
    put(
        "ledger_accounts",
        (
            {"id": _FIRST + n, "kind": "available", "owner_id": n, "balance_fen": _HELD_FEN}
            for n in range(1, count + 1)
        ),
    )


def _asked_and_approved(member_id: int) -> None:
    row = run_unit(
        withdrawals.request, member_id, amount_fen=_ASKED_FEN, request_key="tap", now=NOW
    )
    run_unit(withdrawals.approve, row.id, actor=_DESK, actor_member_id=None, now=NOW)


def _by_hand(member_id: int) -> None:
    with db.engine.begin() as connection:
        row_id = _asked(connection, member_id)
    with db.engine.begin() as connection:
        _approved(connection, row_id)


def _asked(connection: sa.Connection, member_id: int) -> int:
    account, change = ledger.Account, SettingChange
    connection.execute(
        sa.select(Member.id, Member.status).where(Member.id == member_id).with_for_update()
    ).one()
    connection.execute(
        sa.select(Withdrawal.id).where(
            Withdrawal.member_id == member_id, Withdrawal.request_key == "tap"
        )
    ).first()
    newest = sa.select(sa.func.max(change.id)).where(change.key.in_(_SETTINGS)).group_by(change.key)
    connection.execute(sa.select(change.key, change.value).where(change.id.in_(newest))).all()
    connection.execute(sa.select(Identity.person).where(Identity.member_id == member_id)).first()
    row_id = _put(
        connection,
        "withdrawals",
        number=f"W{member_id:020d}",
        request_key="tap",
        member_id=member_id,
        channel="wechat",
        gross_fen=_ASKED_FEN,
        net_fen=_ASKED_FEN,
        status="submitted",
        created_at=NOW,
    )
    held = {"withdrawal_id": row_id, "member_id": member_id, "gross_fen": _ASKED_FEN}
    _put(connection, "withdrawal_taxes", **held, method="none", month="2026-11")
    _moved(connection, row_id, "", "submitted", f"member:{member_id}")
    frozen_id = _put(
        connection, "ledger_accounts", kind="frozen", owner_id=member_id, balance_fen=0
    )
    shifts = {_FIRST + member_id: -_ASKED_FEN, frozen_id: _ASKED_FEN}
    connection.execute(
        sa.select(account.id).where(account.id.in_(shifts)).order_by(account.id).with_for_update()
    ).all()
    posting_id = _put(
        connection,
        "ledger_postings",
        idem_key=f"bare:{row_id}:requested",
        event="withdrawal_requested",
        subject="withdrawal",
        subject_id=row_id,
        content_hash="0" * 64,
        at=NOW,
    )
    connection.execute(
        sa.insert(ledger.Entry),
        [
            {"posting_id": posting_id, "account_id": n, "amount_fen": fen}
            for n, fen in shifts.items()
        ],
    )
    for account_id, fen in shifts.items():
        connection.execute(
            sa.update(account)
            .where(account.id == account_id, account.balance_fen + fen >= 0)
            .values(balance_fen=account.balance_fen + fen)
        )
    return row_id


def _approved(connection: sa.Connection, row_id: int) -> None:
    connection.execute(
        sa.select(Withdrawal.status, Withdrawal.needs_two, Withdrawal.member_id)
        .where(Withdrawal.id == row_id)
        .with_for_update()
    ).one()
    connection.execute(
        sa.update(Withdrawal)
        .where(Withdrawal.id == row_id)
        .values(status=WithdrawalStatus.APPROVED, reviewer=_DESK.ref, reviewed_at=NOW)
    )
    _moved(connection, row_id, "submitted", "approved", _DESK.ref)
    _put(
        connection,
        "outbox",
        topic="withdrawal_approved",
        subject_id=row_id,
        subscriber="notices",
        due_at=NOW,
        created_at=NOW,
    )
    _put(
        connection,
        "audit_entries",
        actor=_DESK.ref,
        action="withdrawal.approve",
        subject="withdrawal",
        subject_id=row_id,
        after={"status": "approved", "gross_fen": _ASKED_FEN},
        address=_DESK.address,
        at=NOW,
    )


def _moved(connection: sa.Connection, row_id: int, source: str, target: str, actor: str) -> None:
    _put(
        connection,
        "state_moves",
        subject="withdrawal",
        subject_id=row_id,
        from_state=source,
        to_state=target,
        actor=actor,
        at=NOW,
    )


def _put(connection: sa.Connection, table: str, **values: Any) -> int:
    done = connection.execute(sa.insert(db.metadata.tables[table]), values)
    return int((done.inserted_primary_key or (0,))[0] or 0)


# --- a day's bills -----------------------------------------------------------------------

_PAYMENTS = 100_000
_FEN = 1_000
_MCHID = "1900000001"
_DAY = clock.local(NOW).date()


def reconcile() -> Found:
    """Seconds for a day of 100,000 payments: 200,000 rows in two bills, fetched, checked,
    stored and matched three ways; baseline: storing them in a bare table and joining once.
    """
    _paid_day()
    bills = {BillKind.TRADE: _trade_bill(), BillKind.FLOW: _flow_bill()}
    baseline = _seconds(_stored_plainly, bills)
    started = time.perf_counter()
    for kind in BillKind:
        reconciliation.importing.bring(kind, _DAY, source=_Bills(bills), mchid=_MCHID, now=_LATER)
    brought = time.perf_counter() - started
    row = run_unit(reconciliation.keep, _DAY, now=_LATER)
    taken = time.perf_counter() - started
    matched = row.sums["payment"]["count"]
    if row.state is not DayState.AGREES or matched != _PAYMENTS:
        raise SystemExit(f"the day {row.state}: {row.break_count} breaks, {row.sums}")
    facts = {"rows": 2 * _PAYMENTS, "matching_seconds": round(taken - brought, 1)}
    return taken, "s", baseline, facts


_LATER = NOW + timedelta(days=1)


class _Bills:
    """Has both files at once: bringing them from WeChat is the network's work."""

    def __init__(self, bills: dict[BillKind, RawBill]) -> None:
        self._bills = bills

    def fetch(self, kind: BillKind, day: date) -> RawBill | None:
        return self._bills[kind] if day == _DAY else None


def _paid_day() -> None:
    with db.engine.begin() as connection:
        put = Inserter(connection)
        base_rows(put, distributors=1)
        put("orders", [paid_order(0, 1) | {"paid_at": NOW}])
        payment = {"order_id": 1, "amount_fen": _FEN, "status": "success"}
        known = {"out_trade_no": _number(1), "transaction_id": _wx_number(1)}
        put("payments", [{"id": 1, **payment, **known, "created_at": NOW, "paid_at": NOW}])
        for at, kind in enumerate(("world_wx", "order_hold"), 1):
            put("ledger_accounts", [{"id": at, "kind": kind, "owner_id": 0, "balance_fen": 0}])
        posting = {"event": "order_paid", "subject": "order", "subject_id": 1, "at": NOW}
        put("ledger_postings", [{"id": 1, "idem_key": "1", "content_hash": "0" * 64, **posting}])
        put("ledger_entries", [{"id": 1, "posting_id": 1, "account_id": 1, "amount_fen": -_FEN}])
    copies("orders", _PAYMENTS, {"number": "s.seq", "request_key": "s.seq"})
    copies("payments", _PAYMENTS, {
        "order_id": "s.seq",
        "out_trade_no": "CONCAT('P', LPAD(s.seq, 12, '0'))",
        "transaction_id": "CONCAT('42', LPAD(s.seq, 20, '0'))",
    })  # fmt: skip
    copies("ledger_postings", _PAYMENTS, {"idem_key": "s.seq", "subject_id": "s.seq"})
    copies("ledger_entries", 2 * _PAYMENTS, {
        "posting_id": "(s.seq + 1) DIV 2",
        "account_id": "2 - s.seq % 2",
        "amount_fen": f"IF(s.seq % 2, -{_FEN}, {_FEN})",
    })  # fmt: skip
    with db.engine.connect() as connection:
        for table in ("payments", "ledger_postings", "ledger_entries"):
            connection.exec_driver_sql(f"ANALYZE TABLE {table}")


def _number(n: int) -> str:
    return f"P{n:012d}"


def _wx_number(n: int) -> str:
    return f"42{n:020d}"


def _trade_bill() -> RawBill:
    row = dict.fromkeys(TRADE_HEAD, "")
    row |= dict.fromkeys(("应结订单金额", "订单金额"), _yuan(_FEN))
    row |= dict.fromkeys(("代金券金额", "退款金额", "充值券退款金额", "申请退款金额"), "0.00")
    row |= {"交易时间": _AT, "商户号": _MCHID, "交易状态": "SUCCESS", "手续费": "0.06000"}
    total, fees = _yuan(_FEN * _PAYMENTS), _yuan(6 * _PAYMENTS)
    return _bill(
        TRADE_HEAD,
        [
            [*(row | {"商户订单号": _number(n), "微信订单号": _wx_number(n)}).values()]
            for n in range(1, _PAYMENTS + 1)
        ],
        TRADE_SUM,
        [str(_PAYMENTS), total, "0.00", "0.00", fees, total, "0.00"],
    )


def _flow_bill() -> RawBill:
    came = ("交易", "交易", "收入", _yuan(_FEN))
    return _bill(
        FLOW_HEAD,
        [
            [_AT, _wx_number(n), f"{n:016d}", *came, _yuan(_FEN * n), "system", "", _number(n)]
            for n in range(1, _PAYMENTS + 1)
        ],
        FLOW_SUM,
        [str(_PAYMENTS), str(_PAYMENTS), _yuan(_FEN * _PAYMENTS), "0", "0.00"],
    )


_AT = f"{_DAY} 12:00:00"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _bill(head: list[str], rows: list[list[str]], foot: list[str], sums: list[str]) -> RawBill:
    lines = [",".join(head), *map(_line, rows), ",".join(foot), _line(sums)]
    content = "".join(f"{line}\r\n" for line in lines).encode()
    return RawBill(content, "SHA1", hashlib.sha1(content, usedforsecurity=False).hexdigest())


def _line(cells: list[str]) -> str:
    return ",".join(f"`{cell}" for cell in cells)


def _stored_plainly(bills: dict[BillKind, RawBill]) -> None:
    places = {BillKind.TRADE: ("商户订单号", TRADE_HEAD), BillKind.FLOW: ("业务凭证号", FLOW_HEAD)}
    with db.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE plain_rows (id BIGINT PRIMARY KEY AUTO_INCREMENT,"
            " number VARCHAR(64) NOT NULL, fen BIGINT NOT NULL, KEY (number)) CHARSET utf8mb4"
        )
        for kind, raw in bills.items():
            name, head = places[kind]
            at = head.index(name)
            lines = raw.content.decode().split("\r\n")[1:-3]
            rows = [(line.split(",`")[at], _FEN) for line in lines]
            connection.exec_driver_sql("INSERT INTO plain_rows (number, fen) VALUES (%s, %s)", rows)
    with db.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT COUNT(*) FROM plain_rows r JOIN payments p"
            " ON p.out_trade_no = r.number AND p.amount_fen = r.fen"
        ).scalar_one()
    if found != 2 * _PAYMENTS:
        raise SystemExit(f"the baseline matched {found}")


def _seconds(act: Callable[..., Any], *given: Any) -> float:
    started = time.perf_counter()
    act(*given)
    return time.perf_counter() - started
