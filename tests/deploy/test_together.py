"""The whole of it as on servers: nginx before two web hosts, two schedulers, MariaDB, Redis.

nginx runs on nginx.conf itself and gunicorn on scripts/gunicorn.conf.py, with sockets
handed over as systemd does. Only places differ: ports, sockets, folders.
"""

import base64
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.admin.models import AdminSession
from app.audit import runs
from app.audit.runs import JobRun
from app.core.db import db
from config import ROOT
from scripts import nginx_check
from scripts.services import die_with_parent, find_nginx, free_port
from scripts.wechat_sandbox import config as sandbox_config
from scripts.wechat_sandbox import create_app as create_sandbox
from tests.admin.desk import PASSWORD, make_admin
from tests.stack import Server, wait_for

pytestmark = [pytest.mark.mariadb_only, pytest.mark.slow, pytest.mark.timeout(600)]

NAME = "mall.example.com"
# At most, for anything; a busy machine takes its time to start six processes.
WAIT = 240
LONG_AGO_JOBS = [name for name, kind in runs.KINDS.items() if kind.seconds >= 600]


class Line(http.client.HTTPSConnection):
    """To the shop by its name, wherever it is; its certificate is checked."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        super().__init__(NAME, timeout=WAIT, context=context)
        self._where, self._how = ("127.0.0.1", port), context

    def connect(self) -> None:
        plain = socket.create_connection(self._where, timeout=WAIT)
        self.sock = self._how.wrap_socket(plain, server_hostname=NAME)


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str


@dataclass
class Host:
    """One web host: its socket stays while gunicorn comes and goes."""

    socket: Path
    environment: dict[str, str]
    log: Path
    door: socket.socket = field(init=False)
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(str(self.socket))
        self.door.listen(2048)

    def start(self) -> None:
        command = f'exec 3<&{self.door.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *die_with_parent(),
                    *("bash", "-c", command, "bash", sys.executable, "-m", "gunicorn"),
                    *("-c", "scripts/gunicorn.conf.py", "wsgi:app"),
                ],
                cwd=ROOT,
                pass_fds=[self.door.fileno()],
                env={**self.environment, "WEB_WORKERS": "1"},
                stderr=log,
                stdout=log,
            )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(WAIT)

    def boots(self) -> int:
        """How many workers have been started; each says so."""
        return self.log.read_text().count("Booting worker")


@dataclass
class Together:
    """What runs, and how to speak to it."""

    folder: Path
    ports: dict[int, int]
    hosts: list[Host]
    context: ssl.SSLContext

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Answer:
        line = Line(self.ports[443], self.context)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return _answer(line, method, path, body, {"Connection": "close", **given})

    def plainly(self, port: int, path: str, host: str = NAME) -> Answer:
        """Without TLS, on what is port 80 or 8009 on a server."""
        line = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=WAIT)
        return _answer(line, "GET", path, None, {"Host": host, "Connection": "close"})


def _answer(
    line: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
) -> Answer:
    with closing(line):
        line.request(method, path, body, headers)
        said = line.getresponse()
        with said:
            return Answer(said.status, said.headers, said.read().decode(errors="replace"))


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*die_with_parent(), *command], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(WAIT)


@pytest.fixture
def together(live, database_url, tmp_path) -> Iterator[Together]:
    nginx, redis = find_nginx(), os.environ.get("TEST_REDIS_URL", "")
    if nginx is None or not redis:
        pytest.skip("there is no nginx, or no Redis")
    sandbox_server = Server()
    sandbox = sandbox_config.init(
        tmp_path / "sandbox", mall_url=f"https://{NAME}", sandbox_url=sandbox_server.url
    )
    data, metrics = tmp_path / "data", tmp_path / "metrics"
    metrics.mkdir()
    environment = {
        **{n: v for n, v in os.environ.items() if not n.startswith(("WECHAT_", "WXPAY_"))},
        **sandbox_config.environment(sandbox),
        "APP_ENV": "test",
        "SECRET_KEY": os.urandom(24).hex(),
        "DATA_KEYS": "t1:" + base64.b64encode(os.urandom(32)).decode(),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis,
        "DATA_DIR": str(data),
        "TRUSTED_PROXIES": "1",
        "LOG_LEVEL": "WARNING",
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
    }
    front = tmp_path / "nginx"
    front.mkdir()
    ports = {n: free_port() for n in (80, 443, 8009)}
    sockets = [tmp_path / "1.sock", tmp_path / "2.sock"]
    nginx_check.place(
        front,
        ports=ports,
        replace={
            "server unix:/run/mall/web.sock max_fails=0;": "".join(
                f"server unix:{path} max_fails=0;" for path in sockets
            ),
            "/srv/mall/current/app/static/": f"{ROOT}/app/static/",
            "/srv/mall/data/media/": f"{data}/media/",
            "worker_processes auto;": "worker_processes 1; daemon off;",
        },
    )
    hosts = [Host(path, environment, tmp_path / f"web{n}.log") for n, path in enumerate(sockets, 1)]
    context = ssl.create_default_context(cafile=str(front / "cert.pem"))
    scheduler = [sys.executable, "-m", "flask", "--app", "wsgi", "scheduler", "run"]
    with ExitStack() as stack:
        sandbox_app = create_sandbox(tmp_path / "sandbox")
        sandbox_server.start(sandbox_app)
        stack.callback(sandbox_app.extensions["sandbox"].close)
        stack.callback(sandbox_server.stop)
        for host in hosts:
            stack.callback(host.door.close)
            host.start()
            stack.callback(host.stop)
        for n in (1, 2):
            log = tmp_path / f"scheduler{n}.log"
            stack.enter_context(running(scheduler, environment, log))
        command = [nginx, "-p", str(front), "-c", str(front / "nginx.conf")]
        stack.enter_context(running(command, environment, front / "out.log"))
        found = Together(tmp_path, ports, hosts, context)
        wait_for(lambda: _is_open(ports[8009]), 20)
        # Until both answer, one after the other, whichever nginx asks first.
        for _ in range(4):
            wait_for(lambda: found.plainly(8009, "/readyz").status == 200, WAIT)
        yield found


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def visit(together: Together, found: list[int | str], over: threading.Event) -> None:
    """Twenty pages a second, as nginx's limits let one address have."""
    while not over.wait(0.05):
        try:
            found.append(together.ask("/admin/login").status)
        except OSError as error:
            found.append(repr(error))


def test_two_hosts_and_two_schedulers_behind_nginx(together):
    """One test, for what takes long is to start it all."""
    _restart_under_way(together)
    _walls(together)
    _static_and_uploads(together)
    _too_large(together)
    _address(together)
    _one_gone_and_both(together)


def _restart_under_way(together: Together) -> None:
    """Host after host, one by HUP and one anew on its socket: nobody is refused."""
    answers: list[int | str] = []
    over = threading.Event()
    visitor = threading.Thread(target=visit, args=(together, answers, over), daemon=True)
    visitor.start()

    first, second = together.hosts
    before = first.boots()
    first.process.send_signal(signal.SIGHUP)
    wait_for(lambda: first.boots() > before, WAIT)
    second.stop()
    second.start()
    served = len(answers)
    wait_for(lambda: len(answers) > served + 20, WAIT)
    # Every long job has a run by now; both schedulers wanted to do it at their start.
    ended = sa.select(JobRun.job).where(JobRun.ended_at.is_not(None))
    wait_for(lambda: {*LONG_AGO_JOBS} <= {*_fresh(ended)}, WAIT)
    over.set()
    visitor.join(WAIT)

    assert set(answers) == {200}
    slots = _fresh(sa.select(sa.func.concat(JobRun.job, " ", JobRun.slot)))
    assert len(slots) == len(set(slots))
    logs = [(together.folder / f"scheduler{n}.log").read_text() for n in (1, 2)]
    assert ["Traceback" in text for text in logs] == [False, False], "".join(logs)[-2000:]


def _fresh(query: sa.Select[str]) -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(query))


def _walls(together: Together) -> None:
    for path in ("/metrics", "/readyz", "/healthz"):
        assert together.ask(path).status == 404
        assert together.plainly(8009, path).status == 200
    assert together.plainly(8009, "/").status == 404

    # Plain HTTP leads to the same page with TLS; a host that is not ours to nothing.
    plain = together.plainly(80, "/p/1?a=b")
    assert (plain.status, plain.headers["Location"]) == (301, f"https://{NAME}/p/1?a=b")
    with pytest.raises(ConnectionResetError):
        together.plainly(80, "/", host="evil.example")

    # Whoever came by TLS once comes by TLS for a year; said once, whoever answers.
    for path in ("/", "/metrics", "/static/errors/404.html", "/media/none.jpg"):
        said = together.ask(path).headers.get_all("Strict-Transport-Security")
        assert said == ["max-age=31536000"]
    assert "Strict-Transport-Security" not in plain.headers

    # The mark of a phone before it goes to WeChat.
    cookie = together.ask("/me", User_Agent="MicroMessenger/8.0.50").headers["Set-Cookie"]
    assert all(f"; {word}" in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax"))


def _static_and_uploads(together: Together) -> None:
    page = together.ask("/admin/login").text
    sheet = page.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "?v=" in sheet
    hashed, plain = together.ask(sheet), together.ask(sheet.partition("?")[0])
    assert (hashed.status, hashed.headers["X-Content-Type-Options"]) == (200, "nosniff")
    assert hashed.headers["Cache-Control"] == "max-age=315360000"
    assert plain.headers["Cache-Control"] == "max-age=3600"

    media = together.folder / "data" / "media"
    media.mkdir(parents=True, exist_ok=True)
    for name in ("a.html", "a.php", "a.svg"):
        (media / name).write_text("<script>alert(1)</script>")
        sent = together.ask(f"/media/{name}")
        assert (sent.status, sent.headers["Content-Type"]) == (200, "application/octet-stream")
        assert sent.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert sent.headers["X-Content-Type-Options"] == "nosniff"
    (media / "out.jpg").symlink_to("/etc/hostname")
    assert together.ask("/media/out.jpg").status == 403
    assert together.ask("/media/a.php", "POST", b"x").status == 403


def _too_large(together: Together) -> None:
    for path in ("/cart/add", "/wechat/callback"):
        large = together.ask(path, "POST", b"x" * 300_000)
        assert large.status == 413
        assert "提交的内容太大了" in large.text


def _address(together: Together) -> None:
    """A client does not choose its address."""
    make_admin("boss")
    before = len(_fresh(sa.select(AdminSession.address)))
    entered = together.ask(
        "/admin/login",
        "POST",
        f"username=boss&password={PASSWORD}".encode(),
        Content_Type="application/x-www-form-urlencoded",
        Origin=f"https://{NAME}",
        X_Forwarded_For="6.6.6.6",
        X_Real_IP="6.6.6.6",
        Forwarded="for=6.6.6.6",
    )
    assert entered.status == 302
    assert len(_fresh(sa.select(AdminSession.address))) == before + 1
    assert "Secure" in entered.headers["Set-Cookie"]
    newest = sa.select(AdminSession.address).order_by(AdminSession.id.desc()).limit(1)
    assert _fresh(newest) == ["127.0.0.1"]


def _one_gone_and_both(together: Together) -> None:
    for host in together.hosts:
        host.stop()
        host.door.close()
        if host is together.hosts[0]:
            # One host is gone: whoever comes is served by the other.
            assert {together.ask("/admin/login").status for _ in range(6)} == {200}
    gone = together.ask("/")
    assert gone.status == 502
    assert "系统暂时没有响应" in gone.text
