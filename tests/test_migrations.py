"""The migrations make the schema that the models describe, both ways, on either engine."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy.exc import DBAPIError

from app.core.db import db
from app.factory import create_app
from config import load
from tests.conftest import engine_name

FROZEN = ("ledger_postings", "ledger_entries", "audit_entries", "audit_seals", "state_moves")


@pytest.fixture
def empty_app(environment: dict[str, str], tmp_path: Path) -> Iterator[Flask]:
    """An app on a database of its own, with nothing in it."""
    config = load(environment)
    if engine_name() == "sqlite":
        yield from _app_on(replace(config, database_url=f"sqlite:///{tmp_path / 'own.db'}"))
        return
    server = sa.make_url(config.database_url)
    name = f"test_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(server)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    url = server.set(database=name).render_as_string(hide_password=False)
    yield from _app_on(replace(config, database_url=url))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")
    engine.dispose()


def _app_on(config) -> Iterator[Flask]:
    app = create_app(config)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def tables() -> set[str]:
    return set(sa.inspect(db.engine).get_table_names()) - {"alembic_version"}


def triggers() -> set[str]:
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if db.engine.dialect.name == "sqlite"
        else "SELECT trigger_name FROM information_schema.triggers"
        " WHERE trigger_schema = DATABASE()"
    )
    with db.engine.connect() as connection:
        return set(connection.exec_driver_sql(query).scalars())


def test_the_schema_goes_up_down_and_up_again(empty_app):
    upgrade()
    built = tables()
    assert built == set(db.metadata.tables)
    # Of plans and bonuses only the published ones are frozen.
    frozen = (*FROZEN, "commission_plans", "bonus_versions", "plan_withdrawals")
    assert triggers() == {
        *(f"trg_{t}_{verb}" for t in frozen for verb in ("update", "delete")),
        *("trg_commissions_due_insert", "trg_commissions_due_update"),
    }

    downgrade(revision="base")
    assert (tables(), triggers()) == (set(), set())

    upgrade()
    assert tables() == built
    assert len(triggers()) == 18


def test_the_migrations_make_what_the_models_describe(empty_app):
    upgrade()

    with db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": _can_be_compared}
        )
        assert compare_metadata(context, db.metadata) == []
        there = sa.inspect(connection).get_indexes("products")
    # In the order of a list, which falls by its last column.
    found = {index["name"]: index["column_names"] for index in there}
    assert found["ix_products_shelf"] == ["is_on_shelf", "sort", "id"]
    assert found["ix_products_category_shelf"] == ["category_id", "is_on_shelf", "sort", "id"]


def _can_be_compared(thing: object, *_: object) -> bool:
    """What Alembic reads back as it was written: not a key that falls."""
    return not (
        isinstance(thing, sa.Index)
        and thing.name in ("ix_products_shelf", "ix_products_category_shelf")
    )


def test_every_check_of_the_models_is_in_the_database(empty_app):
    upgrade()

    inspector = sa.inspect(db.engine)
    missing = {
        str(check.name)
        for table in db.metadata.sorted_tables
        for check in table.constraints
        if isinstance(check, sa.CheckConstraint)
        and check.name
        and str(check.name) not in {c["name"] for c in inspector.get_check_constraints(table.name)}
    }
    assert missing == set()


ROWS = {
    "ledger_postings": {
        "idem_key": "k",
        "event": "e",
        "subject": "",
        "subject_id": 0,
        "content_hash": "",
        "reason": "",
        "at": "2026-11-21 04:00:00",
    },
    "ledger_entries": {"posting_id": 1, "account_id": 1, "amount_fen": 1},
    "audit_entries": {
        "actor": "a",
        "action": "a",
        "subject": "s",
        "subject_id": 1,
        "reason": "",
        "address": "",
        "at": "2026-11-21 04:00:00",
    },
    "audit_seals": {
        "id": 1,
        "entry_id": 1,
        "hash": "h",
        "sealed_at": "2026-11-21 04:00:00",
    },
    "state_moves": {
        "subject": "s",
        "subject_id": 1,
        "from_state": "",
        "to_state": "x",
        "actor": "a",
        "note": "",
        "at": "2026-11-21 04:00:00",
    },
}


@pytest.mark.parametrize("table", FROZEN)
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
def test_what_was_written_for_good_stays_as_it_is(session, table, verb):
    if table == "ledger_entries":
        insert("ledger_postings")
        insert("ledger_accounts", kind="shop", owner_id=0, balance_fen=0)
        parent = {
            "posting_id": newest("ledger_postings"),
            "account_id": newest("ledger_accounts"),
        }
    else:
        parent = {}
    insert(table, **parent)
    row_id = newest(table)
    column = next(iter(ROWS[table]))
    statement = (
        f"UPDATE {table} SET {column} = {column} WHERE id = :i"
        if verb == "UPDATE"
        else f"DELETE FROM {table} WHERE id = :i"
    )

    with pytest.raises(DBAPIError, match=f"{table} is append-only"):
        db.session.execute(sa.text(statement), {"i": row_id})

    assert newest(table) == row_id


def insert(table: str, **values: object) -> None:
    row = {**ROWS.get(table, {}), **values}
    names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    db.session.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), row)
    db.session.commit()


def newest(table: str) -> int:
    db.session.rollback()
    return db.session.scalar(sa.text(f"SELECT MAX(id) FROM {table}"))
