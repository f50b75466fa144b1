"""For Prometheus: what this program counts itself, and what the database says.

Counters live in each process; under gunicorn they are files in
`PROMETHEUS_MULTIPROC_DIR`, which all workers and the scheduler share, and a scrape
adds them up. Gauges are not counted but read from the database at the scrape, so
they are true whichever worker answers and after any restart. `gauges` of the app
reads them: this package knows no domain.
"""

import contextlib
import ipaddress
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from filelock import FileLock
from flask import Blueprint, Response, abort, current_app, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy.exc import SQLAlchemyError

from app.core.db import db

bp = Blueprint("metrics", __name__)
log = structlog.get_logger()

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# Beside the workers' files; whoever adds them up or removes one holds it.
LOCK = "files.lock"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_counted = CollectorRegistry()
_requests = Counter(
    "mall_requests",
    "Requests answered, by route and status.",
    ["method", "route", "status"],
    registry=_counted,
)
_seconds = Histogram(
    "mall_request_seconds",
    "How long requests took in the application.",
    ["route"],
    # A page should take 50 ms; people leave after a few seconds; gunicorn ends at 60.
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=_counted,
)
_calls = Counter(
    "mall_wechat_calls",
    "Calls to WeChat, by what came of them.",
    ["service", "outcome"],
    registry=_counted,
)
_call_seconds = Histogram(
    "mall_wechat_call_seconds",
    "How long calls to WeChat took.",
    ["service"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=_counted,
)


@dataclass(frozen=True)
class Gauge:
    """One value of now; `name` with its unit, as Prometheus wants it."""

    name: str
    meaning: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


Gauges = Callable[[], Iterable[Gauge]]


def request_answered(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request. `route` is the rule, never the path: paths are without end."""
    _requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
    _seconds.labels(route).observe(seconds)


def call_ended(service: str, outcome: str, seconds: float) -> None:
    """Count a call to WeChat; `service` is `account` or `pay`."""
    _calls.labels(service, outcome).inc()
    _call_seconds.labels(service).observe(seconds)


@bp.get("/metrics")
def metrics() -> ResponseReturnValue:
    """All of it as text; 404 for whoever is not on this network (nginx closes it, too)."""
    if not _is_near(request.remote_addr or ""):
        abort(404)
    registry = CollectorRegistry()
    registry.register(_Read(_gauges()))
    with _whole_files() as folder:
        if folder:
            MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
            text = generate_latest(registry)
        else:
            text = generate_latest(_counted) + generate_latest(registry)
    return Response(text, content_type=CONTENT_TYPE)


def _is_near(address: str) -> bool:
    if not address:
        # gunicorn on a Unix socket, asked without a proxy: somebody on this machine.
        return True
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False


def _gauges() -> list[Gauge]:
    """What the database says; without one the counters are still told."""
    read: Gauges = current_app.extensions["gauges"]
    try:
        found, is_up = list(read()), True
    except SQLAlchemyError as error:
        log.warning("gauges_not_read", error=type(error).__name__)
        found, is_up = [], False
    finally:
        db.session.rollback()
    return [Gauge("mall_database_up", "Whether the database answered.", float(is_up)), *found]


class _Read:
    """Gauges in the form that the client library prints."""

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for gauge in self._gauges:
            family = families.setdefault(
                gauge.name,
                GaugeMetricFamily(gauge.name, gauge.meaning, labels=list(gauge.labels)),
            )
            family.add_metric(list(gauge.labels.values()), gauge.value)
        yield from families.values()


@contextlib.contextmanager
def _whole_files() -> Iterator[str]:
    """The folder of the workers' files, while none of them is being folded away."""
    folder = os.environ.get(FOLDER, "")
    if not folder:
        yield ""
        return
    with FileLock(Path(folder) / LOCK, timeout=5):
        yield folder
