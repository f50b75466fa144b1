"""The programs that `scripts/run` keeps: started, watched, and ended together."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from pathlib import Path

from scripts.bootstrap import INSTANCE, ROOT, SetupError, say
from scripts.services import die_with_parent

LOGS = INSTANCE / "log"
READY_SECONDS = 60.0
# gunicorn's and Python's own log lines; the mall's are JSON.
NOTEWORTHY = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b|^[\w.]*(Error|Exception)\b")
LEVELS = {"warning", "error", "critical"}
# A program that fails in a circle must not push the addresses off the screen.
LINES_SHOWN, SHOWN_SECONDS = 6, 30.0


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def headline(line: str) -> str | None:
    """What a person should see of a log line at once; None when it can wait in the log."""
    if not line.startswith("{"):
        return line.rstrip() if NOTEWORTHY.search(line) else None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    level = str(entry.get("level", "")).lower()
    if level not in LEVELS:
        return None
    words = [level, str(entry.get("event", ""))]
    words += [f"{name}={entry[name]}" for name in ("job", "path", "error") if entry.get(name)]
    if exception := str(entry.get("exception", "")).strip():
        words.append(exception.splitlines()[-1])
    return " ".join(words)


class Program:
    """A child process whose output goes to its log, the noteworthy lines to the screen."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.log = LOGS / f"{name}.log"
        self.last_lines: deque[str] = deque(maxlen=20)
        self.shown: deque[float] = deque(maxlen=LINES_SHOWN)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        self.process = subprocess.Popen(
            [*die_with_parent(), *command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            # Ctrl-C is for us; we end the children in order. It also gives each a
            # process group, so that workers of a worker end too.
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - for the type checker
        with self.log.open("w", encoding="utf-8") as log:
            for line in self.process.stdout:
                log.write(line)
                log.flush()
                self.last_lines.append(line.rstrip())
                if (text := headline(line)) is not None:
                    self._show(text)

    def _show(self, text: str) -> None:
        now = time.monotonic()
        if len(self.shown) == LINES_SHOWN and now - self.shown[0] < SHOWN_SECONDS:
            return
        self.shown.append(now)
        say(f"[{self.name}] {text[:300]}")
        if len(self.shown) == LINES_SHOWN and now - self.shown[0] < SHOWN_SECONDS:
            say(f"[{self.name}] … 更多见 / more in {relative(self.log)}")

    def check(self) -> None:
        code = self.process.poll()
        if code is not None:
            self.reader.join(timeout=2)
            raise SetupError(
                f"“{self.name}”意外结束（{code}），最后的输出如下，全文见 {relative(self.log)}\n"
                f"{self.name} ended unexpectedly ({code}); its last lines, more in the log:\n"
                + "\n".join(f"  {line}" for line in self.last_lines)
            )

    def signal(self, number: signal.Signals) -> None:
        # The group may outlive its leader, so a dead leader is no reason to skip it.
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return


def end(programs: list[Program]) -> None:
    for program in reversed(programs):
        if program.process.poll() is None:
            program.process.terminate()
    deadline = time.monotonic() + 15
    for program in programs:
        try:
            program.process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"[{program.name}] 未按时结束，强制停止 / did not end in time, killed")
        program.signal(signal.SIGKILL)
        program.process.wait()
        program.reader.join(timeout=2)


def wait_until(answers: Callable[[], bool], programs: list[Program], what: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not answers():
        for program in programs:
            program.check()
        if time.monotonic() > deadline:
            raise SetupError(
                f"{what} 在 {READY_SECONDS:.0f} 秒内没有就绪，请看 {relative(LOGS)}/ 里的日志。\n"
                f"{what} was not ready in {READY_SECONDS:.0f} s; see the logs."
            )
        time.sleep(0.3)


def get(url: str) -> bool:
    """Whether `url` answers well, asked directly and not through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return 200 <= answer.status < 400
    except (OSError, urllib.error.URLError):
        return False
