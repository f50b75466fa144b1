"""Fixtures of the whole suite.

`TEST_ENGINE` says on which engine it runs: `mariadb` (with `TEST_MARIADB_URL`)
or `sqlite`. The schema is built by the migrations, once a worker. With `session`
a test lives in an outer transaction that is rolled back; with `live` it commits
for real and the tables are emptied afterwards, for races and for HTTP servers.
"""

import base64
import os
import re
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy.orm import Session

from app import wechat
from app.admin import words
from app.admin.words import entries
from app.audit import AuditEntry
from app.audit.runs import JobRun
from app.core import crypto
from app.core.db import db
from app.factory import create_app
from app.members import Member
from config import load
from scripts.emptying import empty_tables
from scripts.wechat_sandbox import config as sandbox_config
from tests.stack import Stack, forget_tokens, serving
from tests.undone import undone

ORIGIN = "http://mall.test"


@sa.event.listens_for(AuditEntry, "before_insert")
def _has_words(_mapper: object, _connection: object, entry: AuditEntry) -> None:
    """Whatever any test does: what the log says of it is said in Chinese."""
    said: dict[str, str | None] = {
        entry.action: words.audit.ACTION.get(entry.action),
        entry.subject: words.audit.SUBJECT.get(entry.subject),
    }
    # Those of settings are the settings' own keys, which have titles.
    if not entry.subject.startswith("setting"):
        names = [*(entry.before or {}), *(entry.after or {})]
        said |= {name: entries.known(name, entry.subject) for name in names}
    missing = [name for name, word in said.items() if not word]
    assert not missing, f"{entry.action} of {entry.subject}: no word for {missing}"
    # What a list was narrowed to stands as its address has it.
    if entry.subject not in ("export", "list"):
        bare = [*_bare(entry.before, entry.subject), *_bare(entry.after, entry.subject)]
        assert not bare, f"{entry.action} of {entry.subject}: shown as stored: {bare}"


# What is written like a stored word, but was typed by somebody or is a name.
_NAMES = {"username", "level", "level_code", "keywords", "template_id", "file", "sent"}
_STORED = re.compile(r"[a-z]+([_.:-][a-z]+)*")


def _bare(facts: dict[str, Any] | None, subject: str) -> list[tuple[str, str]]:
    """Values of an entry that are words of the domain, and are shown as they are stored."""
    return [
        (name, one)
        for name, value in (facts or {}).items()
        if name not in _NAMES
        for one in (value if isinstance(value, list) else [value])
        if isinstance(one, str)
        and _STORED.fullmatch(one)
        and words.fields.shown(name, one, subject=subject) == one
    ]


_INVARIANT = re.compile(r"[A-Z][0-9]+")


@sa.event.listens_for(JobRun, "before_update")
def _figures_have_words(_mapper: object, _connection: object, run: JobRun) -> None:
    missing = [
        name
        for name in run.result or {}
        if words.desk.figure(run.job, name) == name and not _INVARIANT.fullmatch(name)
    ]
    assert not missing, f"{run.job}: no word for {missing}"


# A busy machine is no failure: how long an example takes is no test's matter.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")


def engine_name() -> str:
    return os.environ.get("TEST_ENGINE", "sqlite")


# What pages and WeChat do; that each page works on the other engine, too, a walk sees.
ONCE = ("admin", "mall", "sandbox", "walk", "webhooks", "wechat")


@pytest.fixture(autouse=True)
def _nothing_later() -> Iterator[None]:
    """No test leaves work for later: it would be done on the line of another test."""
    yield
    later = [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
    for each in later:
        each.cancel()
    assert not later


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    for item in items:
        is_once = item.path.relative_to(folder).parts[0] in ONCE
        # Nor is anything new to be learnt of what asks for no database.
        asks = "database_url" in getattr(item, "fixturenames", ())
        if "other_engine" not in item.keywords and (is_once or not asks):
            item.add_marker(pytest.mark.engine_free)
    # Long ones first: the last file to end is then a short one, and no worker is idle.
    items.sort(key=lambda item: "slow" not in item.keywords)
    if engine_name() == "mariadb":
        return
    skip = pytest.mark.skip(reason="needs MariaDB (TEST_ENGINE=mariadb)")
    for item in items:
        if "mariadb_only" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if engine_name() == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('db') / 'test.db'}"
        return
    server = sa.make_url(os.environ["TEST_MARIADB_URL"])
    name = f"test_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(server)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield server.set(database=name).render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")
    engine.dispose()


@pytest.fixture(scope="session")
def environment(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an app under test; WeChat's keys are throw-away ones."""
    sandbox = sandbox_config.init(
        tmp_path_factory.mktemp("sandbox"), mall_url=ORIGIN, sandbox_url="http://sandbox.test"
    )
    return {
        **sandbox_config.environment(sandbox),
        "APP_ENV": "test",
        "SECRET_KEY": "a" * 16 + uuid.uuid4().hex,
        "DATA_KEYS": "t1:" + base64.b64encode(os.urandom(32)).decode(),
        "DATABASE_URL": database_url,
        "PUBLIC_BASE_URL": ORIGIN,
        "DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "LOG_LEVEL": "WARNING",
    }


class Reader(FlaskClient):
    """A browser that reads every answer to its end.

    A stream that was left open would end whenever its memory is collected: in the context
    of another test, which then fails, and all after it.
    """

    def open(self, *args: Any, buffered: bool = True, **kwargs: Any) -> Any:
        return super().open(*args, buffered=buffered, **kwargs)


@pytest.fixture(scope="session")
def migrated_app(environment: dict[str, str]) -> Iterator[Flask]:
    app = create_app(load(environment))
    app.test_client_class = Reader
    with app.app_context():
        upgrade()
        # What a test does to the reply rules is there at once, and gone with the test.
        wechat.current().replies.seconds = 0
        app.extensions["brief"].seconds = 0
        app.extensions["footprints"].seconds = 0
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(migrated_app: Flask, environment: dict[str, str]) -> Iterator[Flask]:
    """The app with its context pushed."""
    # A process has one set of keys: another app's, made by a test before, is not ours.
    crypto.configure(environment["DATA_KEYS"])
    with migrated_app.app_context():
        yield migrated_app


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """The database session of a test, in an outer transaction that is rolled back."""
    with undone():
        yield db.session()


@pytest.fixture
def live(app: Flask) -> Iterator[Flask]:
    """The app on tables that are emptied after the test, which may commit."""
    yield app
    db.session.remove()
    empty_tables()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for each worker: Playwright cannot be started twice in a process."""
    path = os.environ.get("TEST_CHROMIUM", "/usr/bin/chromium")
    if not Path(path).exists():
        if os.environ.get("TEST_REQUIRE_ALL") == "1":
            pytest.fail(f"there is no Chromium at {path}")
        pytest.skip("there is no Chromium (TEST_CHROMIUM)")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def chromium(browser: Browser) -> Iterator[Browser]:
    """A real browser. What a test opens is closed behind it: a page that stays goes on working."""
    yield browser
    for context in browser.contexts:
        context.close()


@pytest.fixture(scope="session")
def _stack(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with serving(database_url, tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def stack(_stack: Stack) -> Iterator[Stack]:
    """Sandbox and mall on real sockets, with empty tables and a fresh sandbox."""
    _stack.control("/reset")
    forget_tokens(_stack)
    with _stack.app.app_context():
        yield _stack
        db.session.remove()
        # A push that is still under way would write into the tables being emptied.
        _stack.control("/finish")
        empty_tables()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a login, on our own pages."""
    client = app.test_client()
    client.environ_base["HTTP_ORIGIN"] = ORIGIN
    client.environ_base["HTTP_HOST"] = "mall.test"
    return client


@pytest.fixture
def log_in():
    """`log_in(client, member)`: the browser belongs to this member."""

    def enter(client: FlaskClient, member: Member | int) -> None:
        with client.session_transaction() as kept:
            kept["member"] = member if isinstance(member, int) else member.id

    return enter


@pytest.fixture
def admin_client(app: Flask):
    """`admin_client("owner")`: a browser in which an admin with this role is logged in."""
    from app.admin import accounts
    from app.admin.auth import COOKIE
    from app.admin.models import Admin, Role
    from app.core import clock
    from app.core.db import transaction

    def make(role: str) -> FlaskClient:
        now = clock.now()
        with transaction():
            username = f"{role}{uuid.uuid4().hex[:6]}"
            accounts.create(username, role=Role(role), now=now)
            admin = db.session.execute(sa.select(Admin).filter_by(username=username)).scalar_one()
            token = accounts.log_in(admin.id, address="127.0.0.1", now=now)
        client = app.test_client()
        client.environ_base["HTTP_ORIGIN"] = ORIGIN
        client.set_cookie(COOKIE, token, path="/admin")
        return client

    return make


@pytest.fixture(scope="session")
def vectors_folder() -> Path:
    """Where the reference vectors are; they lie beside the checkout."""
    return Path(__file__).resolve().parents[2] / "shared" / "reference"
