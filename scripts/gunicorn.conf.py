"""gunicorn's settings, for development and production alike.

Where to listen is the caller's: `--bind 127.0.0.1:8000`, or
`--bind unix:/run/mall/web.sock` behind nginx.conf.
"""

import os
import sys
from pathlib import Path
from typing import Any

# Threads, because a call to WeChat may take 300 ms and must not block a worker.
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
timeout = 60
graceful_timeout = 20
# A worker's memory is bounded even if a library leaks; the jitter keeps workers apart.
max_requests = 20_000
max_requests_jitter = 2_000
# The heartbeat file must not wait for a busy disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# It would be shared, by path, among all of a user's instances.
control_socket_disable = True
# The application logs requests itself, with their ids.
accesslog = None
errorlog = "-"


def post_fork(server: Any, worker: Any) -> None:
    # With CPython's 5 ms hand-over, threads that touch a socket or SQLite row by row
    # lose their turn each time. Much shorter than a millisecond, and a page that
    # computes is handed over so often that on virtual machines, where waking a thread
    # is dear, the mall answers half as many (640 instead of 1,500 pages a second).
    sys.setswitchinterval(0.001)


def child_exit(server: Any, worker: Any) -> None:
    # Prometheus keeps one file a process; a gone worker's gauges must not be counted.
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)
