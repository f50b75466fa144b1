"""Ask each migration whether the version before it can go on serving on its schema.

A release migrates first and restarts then (`scripts/deploy`), one host after the other
where there are several, so for a while the old version works on the new schema. What it
reads must still be there, and what it writes must still be taken. Refused in an
`upgrade()`, and in what that calls:

- dropping or renaming a table or a column;
- changing a column (`alter_column`): its type, or that it may be NULL;
- a new column of an existing table that is NOT NULL without a `server_default`;
- a new CHECK, unique or foreign key on an existing table: the old version's rows may
  break it;
- ALTER, DROP and RENAME in raw SQL.

A table that the same migration creates is its own matter. Usually such a change is made
in two releases: the first no longer uses the column, the second drops it. Where one is
harmless all the same, a comment on the line above, or on one of the two above that, says why:

    # Safe under the old version: it never wrote the column, and reads it nowhere.
    batch_op.drop_column("settled_at")

Migrations up to `GRANDFATHERED` came before the first release and are not asked.

    python -m scripts.migration_check [--all]
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.bootstrap import ROOT

VERSIONS = ROOT / "migrations" / "versions"
GRANDFATHERED = 36
SAFE = re.compile(r"# Safe under the old version: \S.{14,}")
# How far above a call its reason may begin.
_LINES_ABOVE = 3

_REFUSED = {
    "drop_table": "drops a table",
    "rename_table": "renames a table",
    "drop_column": "drops a column",
    "alter_column": "changes a column",
    "create_check_constraint": "adds a CHECK to a table that is in use",
    "create_unique_constraint": "adds a unique key to a table that is in use",
    "create_foreign_key": "adds a foreign key to a table that is in use",
}
# Their table is their first argument; within a batch it is the batch's.
_NAME_FIRST = {"create_check_constraint", "create_unique_constraint", "create_foreign_key"}
_RAW = re.compile(r"^\s*(ALTER|DROP\s+TABLE|DROP\s+COLUMN|RENAME)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """What the old version may not bear."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


def findings(file: str, source: str) -> list[Finding]:
    """What a migration does to the old version without saying why it may, by line."""
    lines = source.splitlines()
    return [
        Finding(file, line, what)
        for line, what in sorted(_Migration(ast.parse(source)).dangers())
        if not any(SAFE.search(text) for text in lines[max(0, line - 1 - _LINES_ABOVE) : line])
    ]


class _Migration:
    def __init__(self, tree: ast.Module) -> None:
        self._functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
        self._texts = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name) and isinstance(node.value.value, str)
        }
        self._reached = self._reach("upgrade", set())
        self._own = {
            self._text(call.args[0])
            for call, _ in self._calls()
            if _verb(call) == "create_table" and call.args
        }

    def dangers(self) -> Iterator[tuple[int, str]]:
        for call, batch in self._calls():
            verb = _verb(call)
            table = batch if batch is not None else self._table(call, verb)
            if table is not None and table in self._own:
                continue
            if verb in _REFUSED:
                yield call.lineno, _REFUSED[verb]
            elif verb == "add_column" and (why := _column(call)):
                yield call.lineno, why
            elif verb in ("execute", "exec_driver_sql") and any(map(_RAW.match, _strings(call))):
                yield call.lineno, "changes the schema in raw SQL"

    def _reach(self, name: str, seen: set[str]) -> set[str]:
        """The functions that this one calls, itself included."""
        if name not in self._functions or name in seen:
            return seen
        seen.add(name)
        for node in ast.walk(self._functions[name]):
            if isinstance(node, ast.Name):
                self._reach(node.id, seen)
        return seen

    def _calls(self) -> Iterator[tuple[ast.Call, str | None]]:
        for name in sorted(self._reached):
            yield from self._within(self._functions[name], None)

    def _within(self, node: ast.AST, batch: str | None) -> Iterator[tuple[ast.Call, str | None]]:
        """Every call below a node, with the table of the batch it stands in."""
        if isinstance(node, ast.With):
            for item in node.items:
                call = item.context_expr
                if isinstance(call, ast.Call) and _verb(call) == "batch_alter_table":
                    batch = self._text(call.args[0]) if call.args else ""
        if isinstance(node, ast.Call):
            yield node, batch
        for child in ast.iter_child_nodes(node):
            yield from self._within(child, batch)

    def _table(self, call: ast.Call, verb: str) -> str | None:
        at = 1 if verb in _NAME_FIRST else 0
        return self._text(call.args[at]) if len(call.args) > at else None

    def _text(self, node: ast.expr) -> str:
        """A name written out, or kept in a constant of the module; "" for anything else."""
        if isinstance(node, ast.Constant):
            return str(node.value)
        return self._texts.get(node.id, "") if isinstance(node, ast.Name) else ""


def _verb(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _strings(call: ast.Call) -> list[str]:
    """The beginnings of the texts within a call, of f-strings as well."""
    return [
        node.value
        for argument in call.args
        for node in ast.walk(argument)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def _column(call: ast.Call) -> str:
    """What is wrong with the column that `add_column` adds, "" if nothing."""
    columns = [node for node in call.args if isinstance(node, ast.Call) and _verb(node) == "Column"]
    if not columns:
        return "adds a column that is not written out here"
    given = {word.arg: word.value for word in columns[0].keywords}
    may_be_null = given.get("nullable")
    is_nullable = may_be_null is None or (
        isinstance(may_be_null, ast.Constant) and may_be_null.value is True
    )
    default = given.get("server_default")
    has_default = default is not None and not (
        isinstance(default, ast.Constant) and default.value is None
    )
    return "" if is_nullable or has_default else "adds a NOT NULL column without a server_default"


def number(path: Path) -> int:
    """The number of a migration's file, which its revision begins with."""
    return int(path.name.split("_")[0])


def main() -> int:
    since = 0 if "--all" in sys.argv[1:] else GRANDFATHERED
    found = [
        finding
        for path in sorted(VERSIONS.glob("[0-9]*.py"))
        if number(path) > since
        for finding in findings(path.name, path.read_text(encoding="utf-8"))
    ]
    for finding in found:
        print(finding)
    if found:
        print("the version that runs cannot bear this: see scripts/migration_check.py")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
