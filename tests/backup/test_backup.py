"""Backups: whole or refused; restored into nothing but emptiness; kept for a while."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from app import backup, ledger, withdrawals
from app.audit import AuditEntry
from app.backup import anonymise
from app.core import crypto, rotation
from app.core.db import db, transaction
from app.factory import create_app
from app.members import Address, Member
from app.withdrawals.errors import PayoutsLocked
from config import load
from tests.conftest import engine_name
from tests.factories import NOON, days, give_available, make_address, make_member


@pytest.fixture
def filled(live, tmp_path) -> Flask:
    """A shop with somebody's money and address, and a picture."""
    member = make_member("欧阳娜娜")
    make_address(member)
    give_available(member, 88_00)
    (tmp_path / "media" / "members").mkdir(parents=True)
    (tmp_path / "media" / "members" / "a.jpg").write_bytes(b"picture" * 400_000)
    return live


@pytest.fixture
def elsewhere(environment, tmp_path) -> Iterator[Flask]:
    """An app on an empty database, with an empty media folder."""
    config = replace(load(environment), data_dir=tmp_path / "elsewhere")
    if engine_name() == "sqlite":
        yield create_app(replace(config, database_url=f"sqlite:///{tmp_path / 'new.db'}"))
        return
    server = sa.make_url(config.database_url)
    name = f"test_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(server)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    url = server.set(database=name).render_as_string(hide_password=False)
    yield create_app(replace(config, database_url=url))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")
    engine.dispose()


def make(tmp_path: Path, **given) -> Path:
    made = backup.create(tmp_path / "kept", media=tmp_path / "media", now=NOON, **given)
    assert made.pictures == 1
    return made.path


def test_a_backup_comes_back_whole_and_payouts_are_held(filled, elsewhere, tmp_path):
    path = make(tmp_path)
    raw = path.read_bytes()
    assert b"picture" not in raw
    assert b"SQLite" not in raw
    assert b"CREATE" not in raw
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    db.session.remove()

    with elsewhere.app_context():
        done = elsewhere.test_cli_runner().invoke(args=["backup", "restore", str(path)])

        assert (done.exit_code, done.exception) == (0, None)
        member = db.session.scalars(sa.select(Member)).one()
        assert member.nickname == "欧阳娜娜"
        assert db.session.scalars(sa.select(Address)).one().phone == "13812345678"
        assert ledger.wallet_of(member.id).available_fen == 88_00
        assert [r.code for r in ledger.verify() if r.offending] == []
        marks = db.session.scalars(sa.select(AuditEntry).filter_by(action="backup.restore")).all()
        assert [mark.after["backup_of"] for mark in marks] == [NOON.isoformat()]
        with transaction(), pytest.raises(PayoutsLocked):
            withdrawals.locks.require_unlocked()
        lock = withdrawals.locks.current()
        assert (lock.cause, lock.from_day) == (withdrawals.LockCause.RECOVERY, NOON.date())
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            db.session.execute(sa.text("DELETE FROM ledger_entries"))
        db.session.rollback()
        assert (tmp_path / "elsewhere/media/members/a.jpg").stat().st_size == 2_800_000

        again = elsewhere.test_cli_runner().invoke(args=["backup", "restore", str(path)])
        assert again.exit_code == 1
        assert "the database is not empty" in again.output
        assert db.session.scalar(sa.select(sa.func.count(Member.id))) == 1
        db.session.remove()
        db.engine.dispose()


def damaged(raw: bytes) -> dict[str, bytes]:
    half = len(raw) // 2
    head = raw.index(b"\n") + 1
    piece = 1024 * 1024 + 16
    return {
        "a bit flipped": raw[:half] + bytes([raw[half] ^ 1]) + raw[half + 1 :],
        "cut": raw[:-1],
        "cut between pieces": raw[: head + piece],
        "header changed": raw.replace(b'"salt": "', b'"salt": "00', 1),
        "no backup": b"hello\n" + raw[head:],
        "empty": b"",
    }


def test_a_damaged_backup_is_refused_and_nothing_changed(filled, elsewhere, tmp_path):
    (tmp_path / "media/members/a.jpg").write_bytes(os.urandom(2_000_000))
    raw = make(tmp_path).read_bytes()
    db.session.remove()
    with elsewhere.app_context():
        for name, content in damaged(raw).items():
            path = tmp_path / "damaged.backup"
            path.write_bytes(content)
            with pytest.raises(backup.BackupError):
                backup.restore(path, media=tmp_path / "m", known_revisions=[], now=NOON)
            assert sa.inspect(db.engine).get_table_names() == [], name
            assert not (tmp_path / "m").exists()
        db.engine.dispose()


def test_what_does_not_fit_is_refused(filled, elsewhere, tmp_path):
    path = make(tmp_path)
    revision = backup.verify(path)["migration"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x.jpg").touch()
    db.session.remove()
    with elsewhere.app_context():
        for given, why in (
            ({"media": tmp_path / "m", "known_revisions": ["0001"]}, "use the newer program"),
            ({"media": tmp_path / "full", "known_revisions": [revision]}, "is not empty"),
        ):
            with pytest.raises(backup.BackupError, match=why):
                backup.restore(path, now=NOON, **given)
            assert sa.inspect(db.engine).get_table_names() == []
        db.engine.dispose()


def test_a_passphrase_or_the_data_keys_open_it(filled, tmp_path, monkeypatch):
    path = make(tmp_path, passphrase="correct horse")

    assert backup.verify(path, passphrase="correct horse")["at"] == NOON.isoformat()
    with pytest.raises(backup.BackupError, match="the key is another one"):
        backup.verify(path, passphrase="wrong")
    with pytest.raises(backup.BackupError, match="set BACKUP_PASSPHRASE"):
        backup.verify(path)
    path.unlink()
    with_key = make(tmp_path)
    monkeypatch.setattr(crypto, "_listed", "other:" + "A" * 43 + "=")
    with pytest.raises(backup.BackupError, match="DATA_KEYS has no key t1"):
        backup.verify(with_key)


def test_the_newest_of_each_day_and_month_are_kept(tmp_path):
    names = [f"mall-{NOON - days(back):%Y%m%dT%H%M%S}-mysql.backup" for back in range(120)]
    twice = "mall-20261121T010000-mysql.backup"
    for name in (*names, twice, "notes.txt"):
        (tmp_path / name).touch()

    removed = backup.prune(tmp_path, days=3, months=3)

    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "mall-20260930T040000-mysql.backup",
        "mall-20261031T040000-mysql.backup",
        "mall-20261119T040000-mysql.backup",
        "mall-20261120T040000-mysql.backup",
        "mall-20261121T040000-mysql.backup",
        "notes.txt",
    ]
    assert len(removed) == 121 - 5


def test_keys_rotate_in_chunks_and_go_on_after_a_stop(live, monkeypatch):
    for _ in range(3):
        make_address(make_member())
    old = crypto._listed
    monkeypatch.setattr(crypto, "_listed", "t2:" + "B" * 43 + "=," + old)
    hashed = crypto.keyring().search_hash("x")
    assert rotation.remaining() == 9

    first = next(rotation.rotate(chunk=2))
    assert (first, rotation.remaining()) == (("member_addresses.name", 2), 7)
    result = live.test_cli_runner().invoke(args=["keys", "rotate"])

    assert result.output.endswith("sealed 7 values anew, 0 left of older keys\n")
    rows = db.session.execute(sa.text("SELECT name, phone, detail FROM member_addresses")).all()
    assert {value.partition(":")[0] for row in rows for value in row} == {"t2"}
    assert {a.phone for a in db.session.scalars(sa.select(Address))} == {"13812345678"}
    assert crypto.keyring().search_hash("x") == hashed
    assert list(rotation.rotate()) == []


def test_a_copy_for_support_names_nobody_and_its_books_are_sound(filled, elsewhere):
    with elsewhere.app_context():
        url = db.engine.url.render_as_string(hide_password=False)
    postings = db.session.scalar(sa.select(sa.func.count(ledger.Entry.id)))
    openid = db.session.scalars(sa.select(Member.openid)).one()
    db.session.remove()

    done = filled.test_cli_runner().invoke(args=["backup", "anonymise", url])

    assert (done.exit_code, done.exception) == (0, None)
    with elsewhere.app_context():
        text = "".join(
            str(db.session.execute(sa.select(table)).all()) for table in db.metadata.sorted_tables
        )
        for trace in ("欧阳", "13812345678", "文三路", openid):
            assert trace not in text
        assert db.session.scalar(sa.select(sa.func.count(ledger.Entry.id))) == postings
        assert (
            ledger.wallet_of(db.session.scalars(sa.select(Member.id)).one()).available_fen == 8800
        )
        assert [r.code for r in ledger.verify() if r.offending] == []
        db.session.remove()
        db.engine.dispose()
    again = filled.test_cli_runner().invoke(args=["backup", "anonymise", url])
    assert (again.exit_code, "is not empty" in again.output) == (1, True)


def test_every_text_column_was_decided(app):
    assert anonymise.undecided() == []


def test_the_backups_of_a_folder_are_told_newest_first(tmp_path):
    names = ("mall-20261120T030000-mysql.backup", "mall-20261121T030000-mysql.backup")
    for name in names:
        (tmp_path / name).write_bytes(b"x" * 7)
    (tmp_path / "notes.txt").touch()

    found = backup.kept(tmp_path)

    assert [(row.path.name, row.at.isoformat(), row.size) for row in found] == [
        (names[1], "2026-11-21T03:00:00+00:00", 7),
        (names[0], "2026-11-20T03:00:00+00:00", 7),
    ]
    assert backup.kept(tmp_path / "none") == []
