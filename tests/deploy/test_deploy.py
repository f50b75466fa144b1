"""What a server is set up with parses, and a restart refuses nobody."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from config import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
# The mall itself takes seconds to start; here it is gunicorn's settings that matter.
APP = """
def app(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
"""


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd")
def test_the_units_are_understood_whole(tmp_path):
    for unit in UNITS:
        text = unit.read_text().replace("/srv/mall/current/.venv/bin/", "/bin/")
        for program in ("gunicorn", "flask"):
            text = text.replace(f"/bin/{program} ", "/bin/true ")
        (tmp_path / unit.name).write_text(text)

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert [line for line in done.stderr.splitlines() if "mall-" in line] == []


@pytest.mark.engine_free
def test_what_sets_the_checkout_up_needs_nothing_installed():
    """They run before there is a .venv; -S hides what is installed here."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import scripts.checks, scripts.runner, scripts.suite"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stderr == ""
    assert done.returncode == 0


def asking(port: int, answers: list[int | str], over: threading.Event) -> None:
    while not over.is_set():
        try:
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            line.request("GET", "/", headers={"Connection": "close"})
            answers.append(line.getresponse().status)
            line.close()
        except OSError as error:
            answers.append(repr(error))


def start(folder: Path, door: socket.socket) -> subprocess.Popen[bytes]:
    """gunicorn as systemd starts it, with the socket as file 3."""
    command = f'exec 3<&{door.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
    return subprocess.Popen(
        [
            *("bash", "-c", command, "bash", sys.executable, "-m", "gunicorn"),
            *(
                "-c",
                str(ROOT / "scripts" / "gunicorn.conf.py"),
                "--chdir",
                str(folder),
                "answer:app",
            ),
        ],
        pass_fds=[door.fileno()],
        env={**os.environ, "WEB_WORKERS": "1"},
        stderr=subprocess.DEVNULL,
    )


def test_neither_a_reload_nor_a_restart_fails_a_request(tmp_path):
    (tmp_path / "answer.py").write_text(APP)
    answers: list[int | str] = []
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as door:
        port = door.getsockname()[1]
        people = [
            threading.Thread(target=asking, args=(port, answers, over), daemon=True)
            for _ in range(2)
        ]
        web = start(tmp_path, door)
        for person in people:
            person.start()

        def more(count: int) -> None:
            wanted, until = len(answers) + count, time.monotonic() + 30
            while len(answers) < wanted and time.monotonic() < until:
                time.sleep(0.01)

        more(50)
        web.send_signal(signal.SIGHUP)
        more(300)
        web.send_signal(signal.SIGTERM)
        web.wait(30)
        web = start(tmp_path, door)
        more(50)
        over.set()
        for person in people:
            person.join(30)
        web.send_signal(signal.SIGTERM)
        web.wait(30)

    assert len(answers) >= 400
    assert set(answers) == {200}
