"""A shop to fuzz: one of everything, people who are logged in, and what may be asked of it.

What may be asked comes from `url_map` alone, so that a new route is fuzzed the day it is
made. Fields come from the forms that pages render, from the API's document, and from the
names that a view's module reads.
"""

import base64
import inspect
import itertools
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from app import wechat
from app.admin.models import Role
from app.api import document
from app.commission import Commission
from app.core import clock, logs
from app.core.db import db, run_unit
from app.factory import create_app
from app.members import Member
from app.orders import Payment, cart
from app.reviews import Review
from config import load
from scripts.wechat_sandbox import config as sandbox_config
from scripts.wechat_sandbox import create_app as create_sandbox
from tests.admin.desk import Desk, an_api_key, browser_of, fill, with_factor
from tests.factories import make_address, make_sku, place_order, received_order
from tests.fuzz.forms import Form, Page
from tests.stack import Server
from tests.undone import undone

ORIGIN = "http://mall.test"
# Answers that are the same whatever is sent.
_NOT_ASKED = {"static", "health.alive", "health.ready"}
# Names that a view reads from what is sent.
_READS = re.compile(
    r"(?:form_text|whole_number|(?:form|args|files|values)(?:\.get|\.getlist)?)[(\[]\s*\"(\w+)\""
)
# Pages that have their form only when asked for something.
_MORE_PAGES = {"mall.checkout": ("/checkout?sku=1&quantity=1", "/checkout?cart=1")}
_JSON_READS = re.compile(r"json_fields\(([^)]*)\)")


@dataclass
class Target:
    """A route with one method, and the forms that pages have for it."""

    rule: Rule
    method: str
    forms: list[Form] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    # An example of the body that the API's document asks for.
    document: Any = None

    @property
    def who(self) -> str:
        """Whose browser the route is for."""
        part = self.rule.rule.split("/")[1]
        if part == "api" and "/desk" not in self.rule.rule and "/me" in self.rule.rule:
            return "phone"
        return {"admin": "desk", "api": "key", "wechat": "nobody"}.get(part, "phone")


@dataclass(repr=False)
class Ground:
    """The shop, open. `values` holds what is known for each part of an address."""

    app: Flask
    sandbox: sandbox_config.Config
    connection: sa.Connection
    values: dict[str, list[Any]]
    people: dict[str, list[Callable[[], FlaskClient]]]
    key: str
    targets: list[Target]
    # The newest row of each table whose rows the invariants compare, before any example.
    newest: list[int] = field(default_factory=list)

    def __repr__(self) -> str:
        return "the shop"

    def known(self, target: Target, name: str) -> list[Any]:
        """What is known for a part of this route's address."""
        found = self.values.get(name, [1])
        if name != "number":
            return found
        first = {"withdraw": "W", "aftersales": "S"}
        letter = next((first[word] for word in first if word in target.rule.rule), "M")
        return [number for number in found if number.startswith(letter)]

    def has_moved(self) -> bool:
        """Whether money, stock or states moved in this example: then the books are checked."""
        return self.newest != newest_rows()

    @contextmanager
    def example(self) -> Iterator[None]:
        """What happens inside is forgotten afterwards."""
        inner = self.connection.begin_nested()
        try:
            yield
        finally:
            db.session.remove()
            inner.rollback()


@contextmanager
def opened(
    database_url: str, folder: Path, *, addresses: int = 3, every: int = 1
) -> Iterator[Ground]:
    """A shop on this database, which is left as it was found; WeChat is a sandbox.

    The sandbox believes the mall to be elsewhere: it answers, and never calls. Of `every`
    so many-th route, pages at so many `addresses` are read for their forms.
    """
    server = Server()
    config = sandbox_config.init(
        folder / "sandbox", mall_url=ORIGIN, sandbox_url=server.url, mode="safe"
    )
    with ExitStack() as stack:
        box = create_sandbox(folder / "sandbox")
        server.start(box)
        stack.callback(box.extensions["sandbox"].close)
        stack.callback(server.stop)
        app = create_app(load(_environment(config, database_url, folder)))
        stack.enter_context(app.app_context())
        upgrade()
        # An alembic run sets the logs up anew.
        logs.configure("CRITICAL")
        _open_up(app)
        stack.callback(db.engine.dispose)
        connection = stack.enter_context(undone())
        yield _prepared(app, config, connection, addresses, every)


def _environment(config: Any, database_url: str, folder: Path) -> dict[str, str]:
    return {
        **sandbox_config.environment(config),
        "APP_ENV": "test",
        "SECRET_KEY": os.urandom(24).hex(),
        "DATA_KEYS": "f1:" + base64.b64encode(os.urandom(32)).decode(),
        "DATABASE_URL": database_url,
        "PUBLIC_BASE_URL": ORIGIN,
        "DATA_DIR": str(folder / "data"),
        "LOG_LEVEL": "CRITICAL",
    }


def _open_up(app: Flask) -> None:
    """Let errors out, and nothing wait for another example."""

    def let_out(error: Exception) -> None:
        raise error

    app.error_handler_spec[None][None][Exception] = let_out  # type: ignore[assignment]
    app.extensions["cache"].count = lambda *_args, **_more: 1
    app.extensions["brief"].seconds = app.extensions["footprints"].seconds = 0
    current = wechat.current()
    current.replies.seconds = current.account.silence.seconds = 0


def _prepared(
    app: Flask, config: Any, connection: sa.Connection, addresses: int, every: int
) -> Ground:
    desk = fill()
    buyer = db.session.get_one(Member, desk.order.member_id)
    earner = db.session.get_one(Member, desk.distributor.member_id)
    values = _values(desk, buyer, earner)
    admin = with_factor("fuzzer", Role.OWNER)
    browser = browser_of(app, admin, proved=timedelta(0)).get_cookie("mall_admin", path="/admin")
    assert browser is not None
    ids = {"buyer": buyer.id, "earner": earner.id}
    key = _key()

    def at_desk() -> FlaskClient:
        client = _client(app)
        client.set_cookie("mall_admin", browser.value, path="/admin")
        return client

    def phone_of(member_id: int) -> Callable[[], FlaskClient]:
        def make() -> FlaskClient:
            client = _client(app)
            with client.session_transaction() as kept:
                kept["member"] = member_id
            return client

        return make

    people: dict[str, list[Callable[[], FlaskClient]]] = {
        "desk": [at_desk],
        "phone": [phone_of(ids["buyer"]), phone_of(ids["earner"])],
        "key": [lambda: _client(app)],
        "nobody": [lambda: _client(app)],
    }
    ground = Ground(app, config, connection, values, people, key, _targets(app))
    _read_pages(ground, addresses, every)
    ground.newest = newest_rows()
    return ground


def newest_rows() -> list[int]:
    """The highest id of each table that every move of money, stock or state writes to."""
    tables = [
        db.metadata.tables[name] for name in ("ledger_postings", "state_moves", "stock_moves")
    ]
    found = [db.session.scalar(sa.select(sa.func.max(table.c.id))) or 0 for table in tables]
    db.session.rollback()
    return found


def _values(desk: Desk, buyer: Member, earner: Member) -> dict[str, list[Any]]:
    """What is known for each variable part of an address, the likeliest first."""
    now = clock.now()
    sku = make_sku()
    unpaid = place_order(buyer, sku, now=now)
    run_unit(cart.add, buyer.id, sku.id, 2, now=now)
    received = received_order(buyer, sku, now=now)
    known: dict[str, list[Any]] = {name: [value] for name, value in desk.values().items()}
    return known | {
        "number": [
            desk.order.number,
            unpaid.number,
            received.number,
            desk.withdrawal.number,
            desk.aftersale.number,
        ],
        "commission_id": [desk.commission.id, *db.session.scalars(sa.select(Commission.id))],
        "review_id": [desk.review_id, *db.session.scalars(sa.select(Review.id))],
        "line_id": [line.id for order in (desk.order, received) for line in order.lines],
        "address_id": [make_address(buyer).id],
        "article_id": [desk.article_id],
        "result_id": [desk.bonus.id],
        "sku_id": [sku.id],
        "trade_number": list(db.session.scalars(sa.select(Payment.out_trade_no))),
        "month": [clock.local(now).strftime("%Y-%m")],
        "code": [desk.channel_id],
    }


def _key() -> str:
    """A key of the API with all scopes."""
    from app.integrations import keys

    made: list[str] = []
    create = keys.create

    def kept(*args: Any, **more: Any) -> tuple[int, str]:
        found = create(*args, **more)
        made.append(found[1])
        return found

    keys.create = kept
    try:
        an_api_key()
    finally:
        keys.create = create
    return made[0]


def _client(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_ORIGIN"] = ORIGIN
    client.environ_base["HTTP_HOST"] = "mall.test"
    return client


# --- what may be asked ---------------------------------------------------------------------


def _targets(app: Flask) -> list[Target]:
    found = []
    documented = document.document()["paths"]
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        if rule.endpoint in _NOT_ASKED:
            continue
        names = _names_read(app, rule.endpoint)
        shape = documented.get(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), {})
        for method in sorted(set(rule.methods or ()) - {"HEAD", "OPTIONS"}):
            body = shape.get(method.lower(), {}).get("requestBody")
            example = _example(body["content"]["application/json"]["schema"]) if body else None
            query = [
                given["name"]
                for given in shape.get(method.lower(), {}).get("parameters", [])
                if given["in"] == "query"
            ]
            found.append(Target(rule, method, names=names + query, document=example))
    return found


def _names_read(app: Flask, endpoint: str) -> list[str]:
    module = inspect.getmodule(inspect.unwrap(app.view_functions[endpoint]))
    if module is None or not module.__name__.startswith("app."):
        return []
    source = inspect.getsource(module)
    listed = ",".join(_JSON_READS.findall(source))
    return sorted({*_READS.findall(source), *re.findall(r"\"(\w+)\"", listed)})


def _example(schema: dict[str, Any], depth: int = 0) -> Any:
    """A value that the document allows, more or less."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        # A second app of one process finds some shapes left out: spectree names them once.
        known = document.document()["components"]["schemas"]
        return _example(known.get(name, {}), depth + 1)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return _example(schema[word][0], depth + 1)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            parts = schema.get("properties", {})
            return {name: _example(part, depth + 1) for name, part in parts.items()}
        case "array":
            return [_example(schema.get("items", {}), depth + 1)] if depth < 6 else []
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    return "好茶" * max(1, schema.get("minLength", 2) // 2)


# --- what pages offer ----------------------------------------------------------------------


def _read_pages(ground: Ground, addresses: int, every: int) -> None:
    by_endpoint = {(t.rule.endpoint, t.method): t for t in ground.targets}
    links: dict[str, set[str]] = defaultdict(set)
    for target in ground.targets[::every]:
        if target.method != "GET" or target.who not in ("phone", "desk"):
            continue
        for path in [
            *itertools.islice(_addresses(ground, target), addresses),
            *_MORE_PAGES.get(target.rule.endpoint, ()),
        ]:
            for form in _forms(ground, target, path, links):
                known = by_endpoint.get((_endpoint(ground, form.action, form.method), form.method))
                if known and all(form.names != other.names for other in known.forms[:6]):
                    known.forms.append(form)
    for target in ground.targets:
        target.names = sorted({*target.names, *links[target.rule.endpoint]})


def _addresses(ground: Ground, target: Target) -> Iterator[str]:
    names = sorted(target.rule.arguments)
    pools = [ground.known(target, name) for name in names]
    for chosen in itertools.product(*pools):
        if (path := address(ground, target, dict(zip(names, chosen)))) is not None:
            yield path


def address(ground: Ground, target: Target, values: dict[str, Any]) -> str | None:
    """The path of a route; None where the route takes no such values."""
    built = target.rule.build(values, append_unknown=False)
    return built[1] if built is not None else None


def _forms(ground: Ground, target: Target, path: str, links: dict[str, set[str]]) -> Iterator[Form]:
    for make in ground.people[target.who]:
        with ground.example():
            answer = make().get(path)
            is_page = answer.status_code == 200 and answer.mimetype == "text/html"
            text = answer.get_data(as_text=True) if is_page else ""
            answer.close()
        page = Page(path)
        page.feed(text)
        for link in page.links:
            parts = urlsplit(link)
            if parts.query and (endpoint := _endpoint(ground, link, "GET")):
                links[endpoint] |= {name for name, _ in parse_qsl(parts.query)}
        yield from page.forms


def _endpoint(ground: Ground, link: str, method: str) -> str:
    parts = urlsplit(link)
    if parts.netloc not in ("", "mall.test") or not parts.path.startswith("/"):
        return ""
    try:
        found: tuple[str, Any] = ground.app.url_map.bind("mall.test").match(parts.path, method)
    except HTTPException:
        return ""
    return found[0]
