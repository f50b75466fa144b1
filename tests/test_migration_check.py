"""A migration that the running version cannot bear is refused, unless it says why it may."""

from textwrap import indent

import pytest

from scripts import migration_check
from scripts.migration_check import findings

pytestmark = pytest.mark.engine_free

SAFE = "# Safe under the old version: nothing has read it since the release before.\n"


def said(body: str, rest: str = "") -> list[str]:
    source = f"def upgrade():\n{indent(body, '    ')}\n{rest}\n"
    return [finding.what for finding in findings("0099_x.py", source)]


def batch(call: str, table: str = "orders") -> str:
    return f'with op.batch_alter_table("{table}") as batch_op:\n    batch_op.{call}'


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ('op.drop_table("orders")', "drops a table"),
        ('op.rename_table("orders", "sales")', "renames a table"),
        (batch('drop_column("note")'), "drops a column"),
        ('op.drop_column("orders", "note")', "drops a column"),
        (batch('alter_column("note", new_column_name="n")'), "changes a column"),
        (batch('alter_column("note", type_=sa.Text())'), "changes a column"),
        (batch('alter_column("note", nullable=False)'), "changes a column"),
        (
            batch('add_column(sa.Column("note", sa.Text(), nullable=False))'),
            "adds a NOT NULL column without a server_default",
        ),
        (
            batch('add_column(sa.Column("n", sa.Text(), server_default=None, nullable=False))'),
            "adds a NOT NULL column without a server_default",
        ),
        (batch("add_column(made())"), "adds a column that is not written out here"),
        (batch('create_check_constraint("ck", "x > 0")'), "adds a CHECK to a table that is in use"),
        (batch('create_unique_constraint("uq", ["x"])'), "adds a unique key to a table that is in use"),
        ('op.create_foreign_key("fk", "orders", "shops", ["a"], ["b"])', "adds a foreign key to a table that is in use"),
        ('op.execute("ALTER TABLE orders DROP COLUMN note")', "changes the schema in raw SQL"),
        ('op.execute(f"drop table {name}")', "changes the schema in raw SQL"),
    ],
)  # fmt: skip
def test_what_the_old_version_cannot_bear_is_refused_unless_it_says_why(body, what):
    assert said(body) == [what]

    *above, last = body.split("\n")
    reason = SAFE if not above else f"    {SAFE}"
    assert said("\n".join([*above, reason + last])) == []


@pytest.mark.parametrize(
    "body",
    [
        batch('add_column(sa.Column("note", sa.Text(), nullable=True))'),
        batch('add_column(sa.Column("n", sa.Integer(), nullable=False, server_default="0"))'),
        batch('create_index("ix", ["x"])'),
        batch('drop_constraint("ck", type_="check")'),
        'op.create_table("new")\n' + batch('create_unique_constraint("uq", ["x"])', "new"),
        'op.create_table("new")\nop.create_check_constraint("ck", "new", "x > 0")',
        'op.execute("UPDATE orders SET note = 0")',
        'op.execute("CREATE TRIGGER drop_table BEFORE UPDATE ON x")',
    ],
)
def test_what_only_adds_is_let_through(body):
    assert said(body) == []


def test_what_a_helper_does_counts_and_what_only_the_way_back_does_not():
    helper = 'def _mend():\n    op.drop_table("a")\ndef downgrade():\n    op.drop_table("b")\n'

    assert said("_mend()", helper) == ["drops a table"]
    assert said("pass", helper) == []


@pytest.mark.parametrize("reason", ["# Safe under the old version:", "# Safe.", "# fine, really"])
def test_a_reason_that_gives_none_does_not_count(reason):
    assert said(f'{reason}\nop.drop_table("orders")') == ["drops a table"]


def test_a_name_in_a_constant_is_the_table_it_names():
    body = "op.create_table(TABLE)\n" + batch('create_unique_constraint("uq", ["x"])', "new")

    assert said(body, 'TABLE = "new"') == []


def test_every_migration_of_ours_can_be_borne(capsys, monkeypatch):
    monkeypatch.setattr(migration_check.sys, "argv", ["migration_check"])

    assert migration_check.main() == 0, capsys.readouterr().out
