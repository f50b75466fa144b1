"""Three MariaDB nodes with Galera behind HAProxy, for trying a second machine out.

    with cluster() as nodes:
        nodes.url  # through HAProxy, which leads everybody to one writer
        nodes.writer().kill()  # as if its machine had burned
        nodes.writer()  # another one

HAProxy runs on `deploy/haproxy.cfg` itself, with this machine's ports in the place of
the servers' addresses. From a terminal, until Ctrl-C:

    python -m scripts.cluster       prints `export DATABASE_URL=...`
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pymysql

from scripts.bootstrap import ROOT
from scripts.services import (
    MariaDB,
    Service,
    ServiceError,
    find_haproxy,
    free_port,
    temporary_folder,
)

SIZE = 3
PROVIDERS = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib/libgalera_smm.so")


class Node(MariaDB):
    """One node. What it acknowledged, the others have."""

    # A node that joins is given all data by another.
    start_seconds = 60.0

    def __init__(self, folder: Path, number: int, group: list[int], password: str) -> None:
        super().__init__(folder, fast=True)
        self.number = number
        self.name = f"node{number}"
        self.group = group
        self.password = password
        # The first one, the first time, founds the cluster.
        self.is_founder = number == 1

    def start(self) -> None:
        if self.is_founder:
            super().start()
        else:
            # Everything comes from the others, also who may log in.
            self.data.mkdir(exist_ok=True)
            self._open_to_receiver()
            Service.start(self)
        self.is_founder = False
        deadline = time.monotonic() + self.start_seconds
        while not self.is_synced():
            if time.monotonic() > deadline:
                raise ServiceError(f"{self.name} did not join:\n{self.last_words()}")
            time.sleep(0.05)

    def _open_to_receiver(self) -> None:
        """Where root starts the node, rsync's server writes as nobody."""
        if os.geteuid() == 0:
            self.folder.chmod(0o711)
            for path in (self.data, *self.data.rglob("*")):
                shutil.chown(path, "nobody")

    def users(self) -> list[str]:
        return [*super().users(), "CREATE OR REPLACE USER 'haproxy'@'127.0.0.1';"]

    def command(self) -> list[str]:
        options = [o for o in super().command() if not o.startswith("--init-file")]
        if self.is_founder:
            options += ["--wsrep-new-cluster", f"--init-file={self.folder / 'users.sql'}"]
        port = self.group[self.number - 1]
        receiver = free_port()
        provider = next((path for path in PROVIDERS if Path(path).exists()), None)
        if provider is None:
            raise ServiceError("the Galera library was not found (Debian: galera-4)")
        provider_options = (
            f"gmcast.listen_addr=tcp://127.0.0.1:{port};"
            f"ist.recv_addr=127.0.0.1:{free_port()};gcache.size=64M"
        )
        nodes = ",".join(f"127.0.0.1:{other}" for other in self.group)
        return [
            *options,
            "--wsrep-on=ON",
            f"--wsrep-provider={provider}",
            "--wsrep-cluster-name=mall",
            f"--wsrep-cluster-address=gcomm://{nodes}",
            f"--wsrep-node-name={self.name}",
            f"--wsrep-node-address=127.0.0.1:{port}",
            f"--wsrep-sst-receive-address=127.0.0.1:{receiver}",
            "--wsrep-sst-method=rsync",
            f"--wsrep-provider-options={provider_options}",
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
        ]

    def is_synced(self) -> bool:
        with contextlib.suppress(pymysql.Error, OSError):
            line = pymysql.connect(
                host="127.0.0.1", port=self.port, user=self.user, password=self.password
            )
            with line, line.cursor() as cursor:
                cursor.execute("SHOW GLOBAL STATUS LIKE 'wsrep_local_state_comment'")
                row = cursor.fetchone()
                return row is not None and row[1] == "Synced"
        return False


class HAProxy(Service):
    """The one address of the cluster."""

    name = "haproxy"

    def __init__(self, folder: Path, nodes: list[Node]) -> None:
        super().__init__(folder)
        self.nodes = nodes

    def command(self) -> list[str]:
        found = find_haproxy()
        if found is None:
            raise ServiceError("haproxy was not found (Debian: haproxy)")
        config = self.folder / "haproxy.cfg"
        config.write_text(self._config())
        return [found, "-db", "-f", str(config)]

    def answers(self) -> bool:
        return bool(self.hears())

    def _config(self) -> str:
        text = (ROOT / "deploy/haproxy.cfg").read_text()
        text = text.replace("127.0.0.1:3306 #listen", f"127.0.0.1:{self.port}")
        for node in self.nodes:
            text = text.replace(f"10.0.0.1{node.number}:3306", f"127.0.0.1:{node.port}")
        return text


class Cluster:
    """The nodes and their one address."""

    def __init__(self, nodes: list[Node], proxy: HAProxy) -> None:
        self.nodes = nodes
        self.proxy = proxy

    @property
    def url(self) -> str:
        return self.database_url("")

    def database_url(self, database: str) -> str:
        node = self.nodes[0]
        return (
            f"mysql+pymysql://{node.user}:{node.password}@127.0.0.1:{self.proxy.port}"
            f"/{database}?charset=utf8mb4"
        )

    def writer(self) -> Node:
        """To which node everybody is led now."""
        node = self.nodes[0]
        line = pymysql.connect(
            host="127.0.0.1", port=self.proxy.port, user=node.user, password=node.password
        )
        with line, line.cursor() as cursor:
            cursor.execute("SELECT @@port")
            row = cursor.fetchone()
        if row is None:
            raise ServiceError("the writer does not say who it is")
        return next(node for node in self.nodes if node.port == row[0])


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    with contextlib.ExitStack() as stack:
        group = [free_port() for _ in range(SIZE)]
        nodes: list[Node] = []
        password = ""
        for number in range(1, SIZE + 1):
            folder = stack.enter_context(temporary_folder(f"mall-node{number}-"))
            node = Node(folder, number, group, password or os.urandom(12).hex())
            password = node.password
            stack.callback(node.stop)
            node.start()
            nodes.append(node)
        proxy = HAProxy(stack.enter_context(temporary_folder("mall-haproxy-")), nodes)
        stack.callback(proxy.stop)
        proxy.start()
        yield Cluster(nodes, proxy)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with cluster() as running:
            print(f"export DATABASE_URL='{running.url}'", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
