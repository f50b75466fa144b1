"""gunicorn's settings, for development and production alike.

Where to listen is the caller's: `--bind 127.0.0.1:8000`, or
`--bind unix:/run/mall/web.sock` behind nginx.conf.
"""

import gc
import os
import shutil
import sys
import tempfile
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

# Where processes keep their counters (app/core/metrics.py). Given, it is shared with the
# scheduler and kept over a restart; it should be in memory, such as below /run.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_own = f"mall-metrics-{os.getpid()}-"
if not os.environ.get(FOLDER):
    os.environ[FOLDER] = tempfile.mkdtemp(prefix=_own, dir=worker_tmp_dir)
METRICS = Path(os.environ[FOLDER])
METRICS.mkdir(parents=True, exist_ok=True)
# By its name, because a reload reads this file again.
METRICS_IS_OURS = METRICS.name.startswith(_own)


def post_fork(server: Any, worker: Any) -> None:
    # With CPython's 5 ms hand-over, threads that touch a socket or SQLite row by row
    # lose their turn each time. Much shorter than a millisecond, and a page that
    # computes is handed over so often that on virtual machines, where waking a thread
    # is dear, the mall answers half as many (640 instead of 1,500 pages a second).
    sys.setswitchinterval(0.001)


def post_worker_init(worker: Any) -> None:
    # What was loaded stays as long as the worker: no collection of garbage need walk
    # through it again, which stopped every thread for a tenth of a second and more.
    gc.collect()
    gc.freeze()


def on_starting(server: Any) -> None:
    # What was counted by processes that ended without saying so.
    for file in METRICS.glob("*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdecimal() and int(pid) and not Path("/proc", pid).exists():
            fold_metrics(int(pid))


def child_exit(server: Any, worker: Any) -> None:
    fold_metrics(worker.pid)


def on_exit(server: Any) -> None:
    if METRICS_IS_OURS:
        shutil.rmtree(METRICS, ignore_errors=True)


def fold_metrics(pid: int) -> None:
    """Add a gone process's counters to those of process 0, which every scrape reads.

    Workers are renewed several times an hour; a file for each would pile up.
    """
    # Not at the top: the folder must be known before.
    from filelock import FileLock
    from prometheus_client.mmap_dict import MmapedDict

    with FileLock(METRICS / "files.lock", timeout=5):
        for kind in ("counter", "histogram"):
            gone = METRICS / f"{kind}_{pid}.db"
            if not gone.exists():
                continue
            kept = MmapedDict(str(gone.with_name(f"{kind}_0.db")))
            for key, value, at, _ in MmapedDict.read_all_values_from_file(str(gone)):
                kept.write_value(key, kept.read_value(key)[0] + value, at)
            kept.close()
            gone.unlink()
