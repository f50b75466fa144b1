"""What the source itself must not contain, and what is missing from the product on purpose.

Lines 5, 6, 30 and 47 of the security checklist; tests/SECURITY.md leads here.
"""

import ast
import functools
import re
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
import requests

from app.core import mail
from app.core.db import db, transaction
from app.jobs.hook_sender import HttpSender
from app.wechat import transport
from app.wechat.avatars import Avatars
from config import ROOT

pytestmark = pytest.mark.engine_free

NOWHERE = "http://127.0.0.1:1"
SMTP = mail.Smtp("127.0.0.1", 1, "none", "", "", "shop@example.com")

# Text that would run as code or as a command, and formats that run what they hold.
RUNS = {
    *("eval", "exec", "compile", "__import__", "render_template_string", "from_string"),
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
    *("asyncio.create_subprocess_shell", "yaml.load", "yaml.unsafe_load", "Template"),
}
# Where none of these stands, nothing needs to be read as a tree.
WORDS = re.compile(
    r"(?<![.\w])(?:eval|exec|compile|__import__|Template)\(|shell\s*=|from_string|render_template_s"
    r"|os\.(?:system|popen)|subprocess\.get|create_subprocess_shell|yaml\."
)
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "shelve", "marshal", "jsonpickle", "joblib"}
# What takes a statement, or a part of one, as text.
STATEMENTS = re.compile(
    r"\b(?:sa|sqlalchemy)\.(?:text|literal_column)$|cursor\.execute$"
    r"|\.(?:exec_driver_sql|(?:prefix|suffix)_with)$"
)
# Opens a connection of its own to anywhere.
DOORS = re.compile(
    r"requests\.(?:get|post|put|patch|delete|head|request|Session)\(|HTTPAdapter\)"
    r"|urllib3\.(?:HTTPS?ConnectionPool|PoolManager|request)\(|urlopen\("
    r"|socket\.create_connection\(|smtplib\.SMTP(?:_SSL)?\(|httpx\.|http\.client\.HTTPS?Connection\("
)
# A coupon is spent once, a draw is never paid for: neither is sold here.
ABSENT = re.compile(r"coupon|voucher_code|lotter|raffle|(?<!with)draw(?!n|ing)|prize|gacha|lucky")


@functools.cache
def sources() -> list[tuple[str, str]]:
    files = [*(ROOT / "app").rglob("*.py"), ROOT / "config.py", ROOT / "wsgi.py"]
    return [(str(file.relative_to(ROOT)), file.read_text("utf-8")) for file in files]


def called(node: ast.Call) -> str:
    return ast.unparse(node.func)


def calls() -> Iterator[tuple[str, ast.Call]]:
    for name, source in sources():
        # What can do harm is said by name: most files need not be read as a tree.
        if not WORDS.search(source):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call):
                yield f"{name}:{node.lineno}", node


def is_fixed(node: ast.expr) -> bool:
    """Whether an expression is text that stands in the source."""
    if isinstance(node, ast.IfExp):
        return is_fixed(node.body) and is_fixed(node.orelse)
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def statement_offences(source: str) -> list[str]:
    """Statements in text that are more than what stands there; names count as fixed where
    everything that is ever given to them is.
    """
    if not re.search(r"\btext\(|exec_driver_sql|literal_column|fix_with|cursor\.execute", source):
        return []
    tree = ast.parse(source)
    given: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            given.setdefault(node.targets[0].id, []).append(node.value)

    def fits(node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in given and all(is_fixed(value) for value in given[node.id])
        return is_fixed(node)

    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and STATEMENTS.search(called(node))
        and node.args
        and not fits(node.args[0])
    ]


def test_nothing_runs_text_as_code_or_as_a_command():
    found = [
        (at, called(node))
        for at, node in calls()
        if called(node) in RUNS
        or called(node).endswith(".from_string")
        or any(k.arg == "shell" for k in node.keywords)
    ]
    imported = [
        (name, module)
        for name, source in sources()
        for module in re.findall(r"^\s*(?:import|from) (\w+)", source, re.MULTILINE)
        if module in UNSAFE_MODULES
    ]

    assert found == []
    assert imported == []


def test_no_statement_is_put_together_from_text():
    by_another_name = r"from sqlalchemy(?:\.\w+)* import .*\b(?:text|literal_column|TextClause)\b"

    found = [(name, bad) for name, source in sources() for bad in statement_offences(source)]

    # What SQLAlchemy itself made of a statement.
    assert found == [("app/core/plans.py", "cursor.execute(plan.text, given)")]
    assert [name for name, source in sources() if re.search(by_another_name, source)] == []


@pytest.mark.parametrize(
    "source",
    [
        'sa.text(f"SELECT {name}")',
        'sa.text("ORDER BY " + name)',
        "sa.text(asked)",
        'c.exec_driver_sql("SELECT %s" % name)',
        'off = "a"\noff = asked\nc.exec_driver_sql(off)',
        "sa.literal_column(sort)",
        "cursor.execute(asked)",
    ],
)
def test_such_a_statement_is_seen(source):
    assert len(statement_offences(source)) == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda: transport.session().get(NOWHERE),
        lambda: HttpSender().post(NOWHERE, b"", {}),
        lambda: Avatars(also=NOWHERE).fetch(f"{NOWHERE}/a"),
        lambda: mail.send(SMTP, EmailMessage()),
    ],
    ids=["wechat", "hooks", "avatars", "mail"],
)
def test_inside_a_unit_the_network_is_not_asked(app, ask):
    with pytest.raises(RuntimeError, match="outside of transaction"), transaction():
        ask()


def test_every_door_to_the_network_asks_for_that():
    doors = {name for name, source in sources() if DOORS.search(source)}

    assert {"app/wechat/transport.py", "app/wechat/avatars.py"} < doors
    assert [d for d in doors if "forbid_transaction()" not in (ROOT / d).read_text("utf-8")] == []
    # WeChat's libraries are handed our session, which refuses.
    assert issubclass(transport._Adapter, requests.adapters.HTTPAdapter)


def test_there_are_neither_coupons_nor_draws(app):
    """Who builds one writes the tests of lines 6 and 47 first, and takes the word out here."""
    tables = [table.name for table in db.metadata.sorted_tables]
    packages = [path.name for path in (ROOT / "app").iterdir()]
    rules = [rule.rule for rule in app.url_map.iter_rules()]

    assert [name for name in (*tables, *packages, *rules) if ABSENT.search(name)] == []
    seen = ("coupon_grants", "/me/draw", "prizes", "withdrawals", "/withdraw")
    assert [bool(ABSENT.search(name)) for name in seen] == [True, True, True, False, False]
