"""`scripts/test [pytest arguments]`: from a fresh checkout to the result.

Without arguments: scripts/check, then the whole suite on MariaDB with Redis and a
real browser, then on SQLite what does not need those and is about SQL. With arguments, pytest
gets them on both engines; TEST_ENGINE=sqlite (or mariadb) keeps to one.

What the machine lacks (MariaDB, Redis, Chromium, a Chinese font, nginx, HAProxy) is
installed with apt where that is allowed. Elsewhere the run goes on and says what it
left out; with CI=true that is a failure.

Environment for the tests: TEST_ENGINE, TEST_MARIADB_URL (no database's name;
tests make their own), TEST_REDIS_URL, TEST_CHROMIUM, TEST_REQUIRE_ALL=1 in CI.
TEST_WORKERS (3) is the number of pytest processes, 0 for none: on two cores the third
works while others wait for a cluster, a browser or a server.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from scripts import assets, checks
from scripts.bootstrap import INSTANCE, ROOT, SetupError, ensure_venv, say
from scripts.services import (
    ServiceError,
    die_with_parent,
    find_haproxy,
    find_mariadbd,
    find_nginx,
    find_redis,
    mariadb,
    redis,
)

RESULTS = INSTANCE / "test"
# A person's own settings must not reach the tests, lest they touch something real.
PRIVATE_PREFIXES = ("WECHAT_", "WXPAY_", "TEST_", "FLASK_")
PRIVATE_NAMES = {
    "APP_ENV",
    "DATABASE_URL",
    "DATA_DIR",
    "DATA_KEYS",
    "PUBLIC_BASE_URL",
    "PYTEST_ADDOPTS",
    "REDIS_URL",
    "SECRET_KEY",
}
# With these a person wants to see or steer one process.
SINGLE_PROCESS = ("-s", "--pdb", "--trace", "--capture=no", "--collect-only", "--co", "-n")
NOTHING_COLLECTED = 5


# -- what the machine has ---------------------------------------------------------


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


def has_chinese_font() -> bool:
    if shutil.which("fc-list") is not None:
        listed = subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True, text=True)
        return bool(listed.stdout.strip())
    return any(Path("/usr/share/fonts").rglob("wqy-microhei.ttc"))


def missing() -> dict[str, str]:
    """Debian's package for each thing that is not here, and what it is for."""
    lacking = {}
    if find_mariadbd() is None:
        lacking["mariadb-server"] = "MariaDB"
    if find_redis() is None:
        lacking["redis-server"] = "Redis"
    if find_chromium() is None:
        lacking["chromium"] = "Chromium"
    if not has_chinese_font():
        lacking["fonts-wqy-microhei"] = "中文字体 / a Chinese font"
    if find_nginx() is None:
        lacking["nginx-light"] = "nginx"
    if find_haproxy() is None:
        lacking["haproxy"] = "HAProxy"
    return lacking


def install_missing() -> dict[str, str]:
    """Install what is missing where that is allowed; return what is missing still."""
    lacking = missing()
    if lacking and os.geteuid() == 0 and shutil.which("apt-get") is not None:
        say(f"apt-get install {' '.join(lacking)}")
        apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "--no-install-recommends", *lacking]):
            done = subprocess.run([*apt, *words], env=environment, capture_output=True, text=True)
            if done.returncode != 0:
                say((done.stdout + done.stderr)[-2000:])
        lacking = missing()
    return lacking


# -- pytest -----------------------------------------------------------------------


@dataclass
class Result:
    """What one run of pytest on one engine came to."""

    engine: str
    code: int
    seconds: float
    tests: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def passed(self) -> int:
        return self.tests - self.failed - self.skipped

    @property
    def good(self) -> bool:
        return self.code == 0

    def __str__(self) -> str:
        word = {0: "ok  ", NOTHING_COLLECTED: "none"}.get(self.code, "FAIL")
        return (
            f"{word}  {self.engine:<10} {self.passed} passed, {self.failed} failed, "
            f"{self.skipped} skipped in {self.seconds:.0f} s"
        )


def run_pytest(python: Path, engine: str, arguments: list[str], services: dict[str, str]) -> Result:
    report = RESULTS / f"{engine}.xml"
    report.unlink(missing_ok=True)
    command = [str(python), "-m", "pytest", f"--junitxml={report}", *arguments]
    workers = os.environ.get("TEST_WORKERS", "3")
    if workers != "0" and not any(word.startswith(SINGLE_PROCESS) for word in arguments):
        # A file stays on one worker, so its fixtures are made once; in our own order
        # (tests/conftest.py), since pytest-xdist would keep files with one long test for last.
        command += ["-n", workers, "--dist", "loadfile", "--no-loadscope-reorder"]
    say(f"\n== pytest, {engine} ==")
    started = time.monotonic()
    done = subprocess.run(
        [*die_with_parent(), *command], cwd=ROOT, env=test_environment(engine, services)
    )
    result = Result(engine, done.returncode, time.monotonic() - started)
    if report.exists():
        with contextlib.suppress(ET.ParseError):
            for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 - our own
                result.tests += int(suite.get("tests", "0"))
                result.failed += int(suite.get("failures", "0")) + int(suite.get("errors", "0"))
                result.skipped += int(suite.get("skipped", "0"))
    return result


def test_environment(engine: str, services: dict[str, str]) -> dict[str, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in PRIVATE_NAMES and not name.startswith(PRIVATE_PREFIXES)
    }
    return {
        **environment,
        **services,
        "APP_ENV": "test",
        "PYTHONUTF8": "1",
        "TEST_ENGINE": engine,
        "TEST_REQUIRE_ALL": "1" if in_ci() else "0",
    }


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true"}


def runs(lacking: dict[str, str], arguments: list[str]) -> list[tuple[str, list[str]]]:
    """Engine and arguments of each run of pytest."""
    only = os.environ.get("TEST_ENGINE")
    if only is not None:
        if only not in {"mariadb", "sqlite"}:
            raise SetupError(f"TEST_ENGINE={only}: mariadb 或 sqlite / mariadb or sqlite")
        return [(only, arguments)]
    if "mariadb-server" in lacking:
        # The browser's tests are about pages; without MariaDB, SQLite serves them too.
        left_out = "mariadb_only or browser" if "chromium" in lacking else "mariadb_only"
        return [("sqlite", ["-m", f"not ({left_out})", *arguments])]
    # A later -m of the person's own replaces ours.
    return [
        ("mariadb", ["-m", "not other_engine", *arguments]),
        ("sqlite", ["-m", "not browser and not mariadb_only and not engine_free", *arguments]),
    ]


def run(arguments: list[str]) -> int:
    lacking = install_missing()
    python = ensure_venv(dev=True)
    failed: list[str] = []
    try:
        assets.build()
    except SetupError as error:
        say(str(error))
        lacking["nodejs"] = "Node.js"
    if not arguments:
        say("\n== scripts/check ==")
        failed += [f"check: {name}" for name in checks.check()]

    results: list[Result] = []
    RESULTS.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        services = {}
        if "mariadb-server" not in lacking:
            services["TEST_MARIADB_URL"] = stack.enter_context(mariadb(fast=True)).url
        if "redis-server" not in lacking:
            services["TEST_REDIS_URL"] = stack.enter_context(redis()).url
        if chromium := find_chromium():
            services["TEST_CHROMIUM"] = chromium
        for engine, words in runs(lacking, arguments):
            results.append(run_pytest(python, engine, words, services))

    say("\n== scripts/test ==")
    for result in results:
        say(str(result))
    # A selection may be of one engine's tests only; a whole run may not be empty.
    empty = [r for r in results if r.code == NOTHING_COLLECTED]
    forgiven = arguments and len(empty) < len(results)
    failed += [
        f"pytest: {r.engine}" for r in results if not r.good and not (forgiven and r in empty)
    ]
    if lacking:
        names = ", ".join(lacking.values())
        say(f"本机缺少，相关测试未运行 / not on this machine, so not tested with: {names}")
        if in_ci():
            failed.append("CI needs everything")
    if failed:
        say(f"FAILED: {'; '.join(failed)}")
    total = {key: sum(getattr(r, key) for r in results) for key in ("passed", "failed", "skipped")}
    say(", ".join(f"{number} {word}" for word, number in total.items()))
    return 1 if failed else 0


def main() -> int:
    # TERM unwinds like Ctrl-C, so that the servers are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run(sys.argv[1:])
    except (SetupError, ServiceError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("\n已中断 / interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
