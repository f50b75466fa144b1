"""The database gone, read-only or full, and the disk full: plain words, and then it goes on."""

import errno
import io
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest
import sqlalchemy as sa
from flask import Flask
from PIL import Image
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import uploads
from app.admin import accounts
from app.admin.models import Admin, Role
from app.catalog import media
from app.core import clock, outages
from app.core.db import db, run_unit
from app.core.health import _revisions
from app.core.outages import Outage, outage_of
from app.distribution.posters import files as poster_files
from app.factory import create_app
from config import load
from tests.conftest import ORIGIN, engine_name
from tests.factories import make_member
from tests.mall.pages import text_of

GONE, CLOSED = Outage.DATABASE_GONE, Outage.DATABASE_CLOSED
WORDS = "系统暂时无法保存，请稍等一分钟再试"
PASSWORD = "correct horse battery staple"


def mariadb_says(code: int) -> OperationalError:
    return OperationalError("…", {}, pymysql.err.OperationalError(code, "…"))


def sqlite_says(code: int, text: str = "…") -> OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return OperationalError("…", {}, error)


@pytest.mark.engine_free
@pytest.mark.parametrize(
    ("error", "outage"),
    [
        *((mariadb_says(code), GONE) for code in (1040, 1047, 1053, 1205, 1213, 2003, 2006, 2013)),
        *((mariadb_says(code), CLOSED) for code in (3, 1021, 1026, 1030, 1114, 1290, 1792, 1836)),
        (PoolTimeout("QueuePool limit"), GONE),
        (sqlite_says(sqlite3.SQLITE_BUSY, "database is locked"), GONE),
        (sqlite_says(sqlite3.SQLITE_CANTOPEN), GONE),
        (sqlite_says(sqlite3.SQLITE_FULL), CLOSED),
        (sqlite_says(sqlite3.SQLITE_READONLY_DBMOVED), CLOSED),
        (sqlite_says(sqlite3.SQLITE_IOERR_WRITE), CLOSED),
        *((OSError(n, "…"), Outage.DISK_FULL) for n in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)),
        # These are ours to mend, and no time mends them.
        (mariadb_says(1054), None),
        (sqlite_says(sqlite3.SQLITE_ERROR, "no such column"), None),
        (ProgrammingError("…", {}, pymysql.err.ProgrammingError(1146, "…")), None),
        (IntegrityError("…", {}, pymysql.err.IntegrityError(1062, "…")), None),
        (OSError(errno.EACCES, "…"), None),
        (RuntimeError(), None),
    ],
)
def test_an_error_tells_what_is_out_of_service(error, outage):
    assert outage_of(error) is outage


@contextmanager
def refusing(error: OperationalError, statements: tuple[str, ...] = ("",)) -> Iterator[None]:
    """Every statement that begins like one of these fails."""

    def before(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().upper().startswith(statements):
            raise error

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", before)


@pytest.fixture
def served(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """As in production: an error is answered and not handed to the test."""
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    return app


def test_pages_without_a_database_say_so_and_when_to_come_again(
    served, live, client, admin_client, log_in
):
    log_in(client, make_member())
    phone = ("/", "/cart", "/p/1", "/me/wallet", "/search/suggest?q=茶")
    desk = ("/admin/", "/admin/orders")
    asked = [*((client, path) for path in phone), *((admin_client("owner"), p) for p in desk)]

    with refusing(mariadb_says(2013)):
        answers = [browser.get(path) for browser, path in asked]

    for answer in answers:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
        assert "系统暂时没有响应，请稍等一分钟再试" in text_of(answer)
        assert "<html" in answer.text


def test_programs_are_told_in_json(served, live, client, log_in):
    log_in(client, make_member())
    json = {"Accept": "application/json"}

    with refusing(mariadb_says(2006)):
        answers = [client.get(p, headers=json) for p in ("/cart", "/api/v1/mall/products")]

    for answer in answers:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
        assert answer.json["code"] == "unavailable"


def test_an_error_of_our_own_is_no_outage(served, live, client, log_in):
    log_in(client, make_member())

    with refusing(mariadb_says(1054)):
        answer = client.get("/p/1")

    assert (answer.status_code, "Retry-After" in answer.headers) == (500, False)


def test_after_a_broken_line_nobody_is_told_that_nothing_happened():
    gone = outages.message(GONE, only_looked=False)

    assert "先看看刚才的操作是否成功" in gone
    assert "没有保存" not in gone


# --- read-only and full --------------------------------------------------------


@pytest.fixture
def read_only(
    live: Flask, environment: dict[str, str], tmp_path: Path
) -> Iterator[tuple[Flask, Callable[[bool], None]]]:
    """An app on the same database, and what makes it read-only for this app, really."""
    if engine_name() == "sqlite":
        is_on = False

        def each(connection: object, _record: object, _proxy: object) -> None:
            connection.execute(f"PRAGMA query_only = {int(is_on)}")  # type: ignore[attr-defined]

        def switch(on: bool) -> None:
            nonlocal is_on
            is_on = on

        own = create_app(load({**environment, "DATA_DIR": str(tmp_path)}))
        with own.app_context():
            event.listen(db.engine, "checkout", each)
        yield own, switch
    else:
        # The suite's own user may write to a server that is read-only; a shop's may not.
        url = sa.make_url(environment["DATABASE_URL"])
        with db.engine.begin() as root:
            root.exec_driver_sql("CREATE OR REPLACE USER 'shop'@'127.0.0.1' IDENTIFIED BY 'shop'")
            root.exec_driver_sql(f"GRANT ALL ON `{url.database}`.* TO 'shop'@'127.0.0.1'")
        theirs = url.set(username="shop", password="shop")
        text = theirs.render_as_string(hide_password=False)
        own = create_app(load({**environment, "DATA_DIR": str(tmp_path), "DATABASE_URL": text}))

        def switch(on: bool) -> None:
            with live.app_context(), db.engine.begin() as root:
                root.exec_driver_sql(f"SET GLOBAL read_only = {int(on)}")

        try:
            yield own, switch
        finally:
            switch(False)
    with own.app_context():
        db.engine.dispose()


def owner() -> int:
    def make() -> int:
        token = accounts.create("owner", role=Role.OWNER, now=clock.now())
        accounts.set_up(
            token,
            password=PASSWORD,
            again=PASSWORD,
            address="127.0.0.1",
            now=clock.now(),
            device="",
        )
        return db.session.execute(sa.select(Admin.id).filter_by(username="owner")).scalar_one()

    return run_unit(make)


def test_a_read_only_database_shows_pages_refuses_work_and_then_goes_on(read_only, monkeypatch):
    own, switch = read_only
    monkeypatch.setitem(own.config, "PROPAGATE_EXCEPTIONS", False)
    owner()
    client = own.test_client()
    client.environ_base.update(HTTP_ORIGIN=ORIGIN, HTTP_HOST="mall.test")
    asked = {"username": "owner", "password": PASSWORD}

    switch(True)
    looked = client.get("/admin/login")
    ready = client.get("/readyz")
    refused = client.post("/admin/login", data=asked)
    switch(False)

    assert looked.status_code == 200
    assert (ready.status_code, ready.json) == (503, {"status": "read_only"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
    assert WORDS in text_of(refused)
    assert client.get("/readyz").json == {"status": "ok"}
    assert client.post("/admin/login", data=asked).status_code == 302


def test_a_full_table_is_not_ready_and_leaves_nothing(served, live, client):
    with refusing(mariadb_says(1114), ("INSERT", "UPDATE", "DELETE")):
        answer = client.get("/readyz")

    assert (answer.status_code, answer.json) == (503, {"status": "read_only"})
    count = sa.text("SELECT COUNT(*) FROM alembic_version")
    assert client.get("/readyz").json == {"status": "ok"}
    assert db.session.scalar(count) == 1


def test_a_database_that_does_not_answer_is_not_ready(served, live, client):
    with refusing(mariadb_says(2003)):
        answer = client.get("/readyz")

    assert (answer.status_code, answer.json) == (503, {"status": "database"})


@pytest.mark.parametrize(("found", "status"), [("before", 503), ("0999_of_the_next_version", 200)])
def test_an_older_schema_is_not_ready_and_a_newer_one_is(app, session, client, found, status):
    if found == "before":
        _, older = _revisions(app.extensions["migrate"].directory)
        found = max(older)
    db.session.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": found})
    db.session.commit()

    assert client.get("/readyz").status_code == status


# --- a full disk ---------------------------------------------------------------


def fill_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for three of a picture's four files; the fourth is broken off in the middle."""
    save = Image.Image.save
    written = 0

    def until_full(picture: Image.Image, to: object, *given: object, **more: object) -> None:
        nonlocal written
        if not isinstance(to, Path):
            return save(picture, to, *given, **more)
        written += 1
        if written < 4:
            return save(picture, to, *given, **more)
        to.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", until_full)


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "JPEG")
    return out.getvalue()


def test_a_full_disk_keeps_no_half_picture_and_says_so(
    served, live, client, log_in, monkeypatch, tmp_path
):
    log_in(client, make_member())
    monkeypatch.setattr(uploads.service.media, "save", _into(tmp_path))
    sent = {"file": (io.BytesIO(photo()), "a.jpg")}

    with pytest.MonkeyPatch.context() as patch:
        fill_disk(patch)
        answer = client.post("/me/pictures", data=sent, headers={"Accept": "application/json"})

    assert answer.status_code == 503
    assert answer.json["message"] == "服务器的存储空间暂时不足，文件没有保存，请稍后再试"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    again = {"file": (io.BytesIO(photo()), "a.jpg")}
    assert client.post("/me/pictures", data=again).status_code == 200
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 4


def _into(folder: Path) -> Callable[..., object]:
    save = media.save
    return lambda picture, _folder, name, **more: save(picture, folder, name, **more)


def test_a_poster_that_finds_no_room_leaves_no_draft(tmp_path, monkeypatch):
    def full(path: Path, data: bytes) -> None:
        with path.open("wb") as out:
            out.write(data[:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)

    with pytest.raises(OSError, match="No space"):
        poster_files.keep(tmp_path, 1, "a" * 32, b"picture")

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
