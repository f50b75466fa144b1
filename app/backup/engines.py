"""The whole database as one file and back, by each engine's own means."""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL

# What MariaDB writes before a trigger: the account that made it, which need not exist
# where the backup is restored, and which only an administrator may name.
_DEFINER = re.compile(rb"/\*!\d+ DEFINER=`[^`]*`@`[^`]*`\*/ ")
_TRIGGER = b"/*!50003 CREATE*/"


class EngineFailed(Exception):
    """The engine's program refused; its words."""


def dump(url: URL, target: Path) -> None:
    """Write the database as it is at one moment; sales go on meanwhile."""
    if url.get_backend_name() == "sqlite":
        with (
            contextlib.closing(sqlite3.connect(str(url.database))) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
            # One file, without a log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        return
    with _login(url) as login, target.open("wb") as file:
        _run(
            [
                *(_program("mariadb-dump", "mysqldump"), login),
                *("--single-transaction", "--quick", "--skip-lock-tables", "--no-tablespaces"),
                *("--triggers", "--hex-blob", "--default-character-set=utf8mb4"),
                str(url.database),
            ],
            stdout=file.fileno(),
        )


def load(url: URL, source: Path) -> None:
    """Fill an empty database. A failure may leave a part of it: make it anew then."""
    if url.get_backend_name() == "sqlite":
        database = Path(str(url.database))
        for name in ("-wal", "-shm"):
            database.with_name(database.name + name).unlink(missing_ok=True)
        shutil.copyfile(source, database)
        return
    with _login(url) as login, tempfile.TemporaryFile() as plain:
        with source.open("rb") as file:
            for line in file:
                plain.write(_DEFINER.sub(b"", line) if line.startswith(_TRIGGER) else line)
        plain.seek(0)
        _run(
            [
                *(_program("mariadb", "mysql"), login),
                *("--default-character-set=utf8mb4", str(url.database)),
            ],
            stdin=plain.fileno(),
        )


def is_empty(engine: sa.Engine) -> bool:
    return not sa.inspect(engine).get_table_names()


@contextlib.contextmanager
def _login(url: URL) -> Iterator[str]:
    """An option file with the password: as an argument everybody would see it."""
    with tempfile.NamedTemporaryFile("w", suffix=".cnf") as file:
        password = (url.password or "").replace("\\", "\\\\").replace('"', '\\"')
        lines = ["[client]", f'user="{url.username}"', f'password="{password}"']
        if socket := url.query.get("unix_socket"):
            lines.append(f'socket="{socket}"')
        else:
            lines += [f'host="{url.host}"', f"port={url.port or 3306}", "protocol=tcp"]
        file.write("\n".join(lines) + "\n")
        file.flush()
        yield f"--defaults-file={file.name}"


def _program(*names: str) -> str:
    for name in names:
        if found := shutil.which(name):
            return found
    raise EngineFailed(f"{names[0]} was not found (Debian: mariadb-client)")


def _run(command: list[str], *, stdin: int | None = None, stdout: int | None = None) -> None:
    done = subprocess.run(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.DEVNULL if stdout is None else stdout,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", "")},
        check=False,
    )
    if done.returncode != 0:
        raise EngineFailed(done.stderr.decode(errors="replace").strip()[:500])
