"""The chain over the audit entries: what was removed or changed is named."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from app import audit
from app.audit import AuditSeal, chain
from app.core.db import db, run_unit, transaction
from app.jobs import tasks

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    """An entry outside of a database."""

    id: int
    before: Any = None
    after: Any = None
    actor: str = "admin:1"
    action: str = "settings.change"
    subject: str = "setting"
    subject_id: int = 1
    reason: str = ""
    address: str = "127.0.0.1"
    at: datetime = NOON


def sealed(count: int = 4) -> list[Any]:
    """`count` seals with their entries, as a sound chain."""
    rows, former = [], ""
    for n in range(1, count + 1):
        entry: Any = Said(id=n * 10, after={"value": n, "名称": "店"})
        former = chain.chained(former, entry)
        rows.append((AuditSeal(seq=n, entry_id=entry.id, hash=former), entry))
    return rows


def act(count: int = 1) -> None:
    with transaction():
        for n in range(count):
            audit.record(
                "settings.change",
                subject="setting",
                subject_id=n,
                actor=audit.Actor.admin(1, "127.0.0.1"),
                now=NOON,
                before={"b": 1, "a": "旧"},
                after={"rates": [1, 2], "ok": True},
                reason="秋季",
            )


def breaks(rows: list[Any], noted: str = "") -> tuple[int, str] | None:
    found = chain.walk(rows, noted).broken
    return found and (found.entry_id, found.why)


def without(rows: list[Any], at: int) -> list[Any]:
    return [*rows[:at], *rows[at + 1 :]]


def with_entry(rows: list[Any], at: int, entry: Any) -> list[Any]:
    return [*rows[:at], (rows[at][0], entry), *rows[at + 1 :]]


def test_the_first_break_of_a_chain_is_named(app):
    rows = sealed()
    assert breaks(rows) is None
    assert breaks(without(rows, 1)) == (30, "gap")
    assert breaks(with_entry(rows, 1, None)) == (20, "removed")
    for change in (
        {"after": {"value": 3}},
        {"before": {"value": 3}},
        {"actor": "admin:2"},
        {"reason": "x"},
        {"address": ""},
        {"subject_id": 2},
        {"at": NOON.replace(microsecond=1)},
    ):
        assert breaks(with_entry(rows, 2, replace(rows[2][1], **change))) == (30, "changed")


def test_a_chain_that_lost_its_end_misses_the_head_noted_earlier(app):
    rows = sealed()
    noted = chain.walk(rows).head
    assert noted == f"4:{rows[3][0].hash}"

    assert breaks(rows, noted) is None
    assert breaks(rows[:3], noted) == (0, "cut")
    assert breaks(rows, f"2:{rows[3][0].hash}") == (20, "cut")


def test_the_job_seals_what_was_done_once_and_in_order(session):
    act(3)

    assert tasks.upkeep.seal_audit(NOON, False) == {"sealed": 3}
    act(2)
    assert tasks.upkeep.seal_audit(NOON, False) == {"sealed": 2}
    assert tasks.upkeep.seal_audit(NOON, False) == {"sealed": 0}

    seals = db.session.scalars(sa.select(AuditSeal).order_by(AuditSeal.seq)).all()
    assert [s.seq for s in seals] == [1, 2, 3, 4, 5]
    assert [s.entry_id for s in seals] == sorted(s.entry_id for s in seals)
    assert chain.verify().broken is None
    assert tasks.upkeep.verify_audit(NOON, False) == {"broken": 0}


def test_an_entry_that_came_late_is_sealed_as_well(session, monkeypatch):
    act(3)
    first = db.session.scalar(sa.select(sa.func.min(audit.AuditEntry.id)))
    assert run_unit(chain.seal_chunk, NOON, since=first) == 2

    monkeypatch.setattr(chain, "WINDOW", 0)
    assert tasks.upkeep.seal_audit(NOON, False) == {"sealed": 0}
    assert chain.verify().broken == chain.Break(0, first, "unsealed")
    assert tasks.upkeep.verify_audit(NOON, False) == {"broken": 0}


def test_a_seal_whose_entry_is_gone_fails_job_and_command(app, session):
    act(1)
    tasks.upkeep.seal_audit(NOON, False)
    with transaction():
        db.session.add(AuditSeal(seq=2, entry_id=987654, hash="0" * 64, sealed_at=NOON))

    with pytest.raises(tasks.RowsFailed) as failed:
        tasks.upkeep.verify_audit(NOON, False)
    ran = app.test_cli_runner().invoke(args=["audit", "verify"])

    assert failed.value.result == {"failed": 1, "first_broken": 987654}
    assert ran.exit_code == 1
    assert ran.output == "FAIL at seal 2, entry 987654: its entry was removed\n"


def test_the_command_prints_the_head_and_takes_it_back(app, session):
    act(2)
    tasks.upkeep.seal_audit(NOON, False)
    head = chain.head()
    run = app.test_cli_runner().invoke

    assert run(args=["audit", "verify"]).output == f"ok, 2 entries, head {head}\n"
    assert run(args=["audit", "verify", "--head", head]).exit_code == 0
    assert run(args=["audit", "verify", "--head", "9:ab"]).exit_code == 1


def test_of_two_that_seal_at_once_one_stands_back(session, monkeypatch):
    """The second read the chain's end before the first wrote to it."""
    act(2)
    made = chain.insert_now

    def overtaken(row: AuditSeal) -> None:
        if row.seq == 1:
            made(AuditSeal(seq=1, entry_id=row.entry_id, hash="theirs", sealed_at=NOON))
        made(row)

    monkeypatch.setattr(chain, "insert_now", overtaken)

    assert run_unit(chain.seal_chunk, NOON) == 0
    assert db.session.scalars(sa.select(AuditSeal.hash)).all() == ["theirs"]
