"""A private MariaDB and a private Redis for tests, benchmarks and trying things out.

Each has its own folder and free port on 127.0.0.1, needs no root, touches no
server that already runs, and is stopped by its process id:

    with mariadb(fast=True) as database, redis() as cache:
        database.url  # mysql+pymysql://mall:...@127.0.0.1:40123/?charset=utf8mb4
        cache.url  # redis://127.0.0.1:40124/0
        database.kill()  # as a power cut would
        database.start()  # same port, same data

From a terminal, until Ctrl-C:

    python -m scripts.services [--fast]     prints `export NAME=value` lines

The database user may create databases; tests make and drop their own.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_SIZES = Path(__file__).resolve().parent.parent / "deploy" / "mariadb.cnf"


class ServiceError(RuntimeError):
    """A server is not installed or did not start; the text holds its last words."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def die_with_parent() -> list[str]:
    """Command prefix: the kernel ends the server should its starter be killed outright."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []


class Service:
    """One server process and its folder."""

    name = "server"
    start_seconds = 30.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        """Start, or start again on the same port and data, and wait for an answer."""
        if self.process is not None and self.process.poll() is None:
            return
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*die_with_parent(), *self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                # A Ctrl-C in the terminal is for the starter, which then stops us.
                start_new_session=True,
            )
        deadline = time.monotonic() + self.start_seconds
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServiceError(f"{self.name} did not start:\n{self.last_words()}")
            time.sleep(0.02)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would: nothing is flushed or said goodbye to."""
        self._end(signal.SIGKILL)

    def strike_down(self) -> None:
        """The same, from a process that did not start it and cannot wait for its end."""
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGKILL)

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def last_words(self) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def hears(self, question: bytes = b"") -> bytes:
        """What the port says, or nothing when it does not answer."""
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
                line.settimeout(1)
                if question:
                    line.sendall(question)
                return line.recv(64)
        return b""


class MariaDB(Service):
    """MariaDB with production's character set, durable defaults and sizes (deploy/mariadb.cnf).

    `fast` is small, and leaves the disk's flush to the operating system: a killed server
    still keeps what it acknowledged, only a power cut would not.
    """

    name = "mariadb"

    def __init__(self, folder: Path, *, fast: bool = False) -> None:
        super().__init__(folder)
        self.fast = fast
        self.user = "mall"
        self.password = secrets.token_hex(12)
        self.data = folder / "data"

    @property
    def url(self) -> str:
        """SQLAlchemy address without a database's name."""
        return self.database_url("")

    def database_url(self, database: str, *, by_socket: bool = False) -> str:
        """SQLAlchemy address of a database; by its socket as where all is one machine."""
        where = f"&unix_socket={self._socket}" if by_socket else ""
        return (
            f"mysql+pymysql://{self.user}:{self.password}@127.0.0.1:{self.port}"
            f"/{database}?charset=utf8mb4{where}"
        )

    @property
    def _socket(self) -> Path:
        return self.folder / "mariadb.sock"

    def start(self) -> None:
        if not self.data.exists():
            self._install()
        super().start()

    def command(self) -> list[str]:
        server = find_mariadbd()
        if server is None:
            raise ServiceError("mariadbd was not found (Debian: mariadb-server)")
        options = [
            server,
            # Must come first, or the machine's own settings leak in.
            "--no-defaults" if self.fast else f"--defaults-file={_SIZES}",
            *self._user_option(),
            f"--datadir={self.data}",
            f"--socket={self._socket}",
            f"--pid-file={self.folder / 'mariadb.pid'}",
            f"--port={self.port}",
            # A starting server removes what it takes for its dead self's temporary
            # tables, and would remove those of its neighbour in a shared folder.
            f"--tmpdir={self.data}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_unicode_ci",
            "--default-time-zone=+00:00",
            "--max-connections=300",
            f"--init-file={self.folder / 'users.sql'}",
        ]
        if self.fast:
            options += [
                "--innodb-buffer-pool-size=256M",
                *("--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=0"),
            ]
        return options

    def answers(self) -> bool:
        # Its greeting comes only when it serves; the port alone opens earlier.
        return bool(self.hears())

    def _install(self) -> None:
        installer = shutil.which("mariadb-install-db") or shutil.which("mysql_install_db")
        if installer is None:
            raise ServiceError("mariadb-install-db was not found (Debian: mariadb-server)")
        done = subprocess.run(
            [installer, "--no-defaults", f"--datadir={self.data}", *self._user_option()]
            + ["--auth-root-authentication-method=normal", "--skip-test-db"],
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise ServiceError(f"mariadb-install-db failed:\n{done.stdout}{done.stderr}")
        script = self.folder / "users.sql"
        script.touch(mode=0o600)
        script.write_text("\n".join(self.users()) + "\n")

    def users(self) -> list[str]:
        """One user with a password; root without one is left only on the private socket."""
        # Who comes by the socket is at localhost, who comes by the port is not.
        ours = [f"'{self.user}'@'{host}'" for host in ("127.0.0.1", "localhost")]
        return [
            *(f"CREATE OR REPLACE USER {each} IDENTIFIED BY '{self.password}';" for each in ours),
            *(f"GRANT ALL ON *.* TO {each} WITH GRANT OPTION;" for each in ours),
            "DELETE FROM mysql.global_priv WHERE User IN ('', 'root') AND Host <> 'localhost';",
            "FLUSH PRIVILEGES;",
        ]

    def _user_option(self) -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 else []


class Redis(Service):
    """Redis that keeps nothing on disk."""

    name = "redis"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        server = find_redis()
        if server is None:
            raise ServiceError("redis-server was not found (Debian: redis-server)")
        return [
            server,
            *("--port", str(self.port), "--bind", "127.0.0.1"),
            *("--save", "", "--appendonly", "no", "--daemonize", "no"),
            *("--dir", str(self.folder)),
        ]

    def answers(self) -> bool:
        return self.hears(b"PING\r\n").startswith(b"+PONG")


def find_mariadbd() -> str | None:
    # Debian keeps servers in /usr/sbin, which a plain user's PATH leaves out.
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    return shutil.which("mariadbd", path=path) or shutil.which("mysqld", path=path)


def find_nginx() -> str | None:
    return shutil.which("nginx", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")


def find_haproxy() -> str | None:
    return shutil.which("haproxy", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")


def find_redis() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


@contextlib.contextmanager
def mariadb(*, fast: bool = False) -> Iterator[MariaDB]:
    with temporary_folder("mall-mariadb-") as folder:
        service = MariaDB(folder, fast=fast)
        try:
            service.start()
            yield service
        finally:
            service.stop()


@contextlib.contextmanager
def redis() -> Iterator[Redis]:
    with temporary_folder("mall-redis-") as folder:
        service = Redis(folder)
        try:
            service.start()
            yield service
        finally:
            service.stop()


@contextlib.contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        yield Path(name)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.ExitStack() as stack:
        try:
            database = stack.enter_context(mariadb(fast="--fast" in sys.argv[1:]))
            cache = stack.enter_context(redis())
        except ServiceError as error:
            print(error, file=sys.stderr)
            return 1
        print(f"export TEST_MARIADB_URL='{database.url}'")
        print(f"export TEST_REDIS_URL='{cache.url}'", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
