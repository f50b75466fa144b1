"""/metrics: what is counted, what is read from the database, and who may look."""

import re
import runpy
import subprocess
import sys
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from app.audit.runs import JobRun, RunStatus
from app.core import clock
from app.core.db import db, transaction
from app.outbox import OutboxRow, State
from app.wechat import transport
from config import ROOT
from tests.factories import give_available, make_member

NOW = clock.parse("2026-11-22T12:00:00+08:00")


def scrape(client, **environ) -> dict[tuple[str, ...], float]:
    """Every value by its name and its labels' values, in the order of their names."""
    with clock.fixed(NOW):
        answer = client.get("/metrics", environ_overrides=environ)
    assert answer.status_code == 200
    return {
        (sample.name, *dict(sorted(sample.labels.items())).values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture(autouse=True)
def no_kept_sums(app):
    app.extensions["cache"].delete("metrics:sums")


def test_requests_are_counted_by_rule_and_status(session, client):
    before = scrape(client)
    client.get("/p/99999999")
    client.get("/healthz")
    client.get("/nothing/here")

    after = scrape(client)

    def more(*key):
        return after[key] - before.get(key, 0)

    assert more("mall_requests_total", "GET", "/p/<int:product_id>", "302") == 1
    assert more("mall_requests_total", "GET", "/healthz", "200") == 1
    assert more("mall_requests_total", "GET", "none", "404") == 1
    assert more("mall_request_seconds_count", "/healthz") == 1


def test_calls_to_wechat_are_counted_by_their_outcome(session, client):
    before = scrape(client)
    with transport._counting("https://wx.test/v3/pay/1") as seen:
        seen.status = 404
    with transport._counting("https://wx.test/cgi-bin/x") as seen:
        seen.status, seen.body = 200, b'{"errcode": 40001}'
    with transport._counting("https://wx.test/cgi-bin/x") as seen:
        seen.status, seen.body = 200, b'{"errcode": 0}'
    with pytest.raises(TimeoutError), transport._counting("https://wx.test/v3/pay/1"):
        raise TimeoutError
    with pytest.raises(ConnectionError), transport._counting("https://wx.test/v3/pay/1"):
        raise ConnectionError

    after = scrape(client)

    found = {
        key[1:]: after[key] - before.get(key, 0)
        for key in after
        if key[0] == "mall_wechat_calls_total"
    }
    assert {key: n for key, n in found.items() if n} == {
        ("refused", "pay"): 1,
        ("refused", "account"): 1,
        ("ok", "account"): 1,
        ("timeout", "pay"): 1,
        ("unreachable", "pay"): 1,
    }


def add_run(job, status, minutes_ago, result=None):
    ended = NOW - timedelta(minutes=minutes_ago)
    db.session.add(
        JobRun(
            job=job,
            slot=f"{job}{minutes_ago}",
            status=status,
            as_of=ended,
            started_at=ended,
            ended_at=ended,
            result=result or {},
        )
    )


def test_jobs_the_outbox_and_the_books_are_read_from_the_database(session, client):
    give_available(make_member(), 50_00)
    with transaction():
        add_run("settle", RunStatus.FAILED, 90)
        add_run("settle", RunStatus.DONE, 30)
        add_run("settle", RunStatus.FAILED, 20)
        add_run("settle", RunStatus.FAILED, 10)
        add_run("verify-books", RunStatus.FAILED, 5, {"failed": 3, "L1": 1, "L2": 2})
        for number, (state, age) in enumerate(
            [(State.WAITING, 10), (State.WAITING, 70), (State.FAILED, 900), (State.DONE, 9999)]
        ):
            made = NOW - timedelta(seconds=age)
            db.session.add(
                OutboxRow(
                    topic="t",
                    subject_id=number,
                    subscriber="s",
                    state=state,
                    due_at=made,
                    created_at=made,
                )
            )

    found = scrape(client)

    assert found["mall_database_up",] == 1
    assert found["mall_job_success_age_seconds", "settle"] == 1800
    assert found["mall_job_failures", "settle"] == 2
    assert found["mall_job_period_seconds", "settle"] == 600
    assert found["mall_job_success_age_seconds", "rank"] == float("inf")
    assert found["mall_invariant_offending_rows", "all"] == 3
    assert found["mall_invariant_offending_rows", "L2"] == 2
    assert found["mall_outbox_rows", "waiting"] == 2
    assert found["mall_outbox_oldest_seconds", "waiting"] == 70
    assert found["mall_outbox_rows", "failed"] == 1
    assert found["mall_outbox_oldest_seconds", "failed"] == 900
    assert found["mall_money_fen", "owed"] == 50_00
    assert found["mall_money_fen", "frozen"] == 0
    assert found["mall_queue_items", "withdrawals"] == 0


def test_the_sums_are_read_once_a_minute(session, client):
    scrape(client)
    give_available(make_member(), 50_00)

    assert scrape(client)["mall_money_fen", "owed"] == 0


def test_without_a_database_the_counters_are_still_told(app, client):
    def gone():
        raise OperationalError("SELECT 1", {}, OSError())

    usual = app.extensions["gauges"]
    app.extensions["gauges"] = gone
    try:
        found = scrape(client)
    finally:
        app.extensions["gauges"] = usual

    assert found["mall_database_up",] == 0
    assert ("mall_requests_total", "GET", "/metrics", "200") in scrape(client)


@pytest.mark.parametrize(("address", "status"), [("10.1.2.3", 200), ("::1", 200), ("8.8.8.8", 404)])
def test_only_this_network_may_look(session, client, address, status):
    answer = client.get("/metrics", environ_overrides={"REMOTE_ADDR": address})

    assert answer.status_code == status
    assert ("mall_requests" in answer.text) is (status == 200)


COUNTING = """
from prometheus_client import Counter, Histogram
Counter("mall_requests", ".", ["method", "route", "status"]).labels("GET", "/", "200").inc()
Histogram("mall_request_seconds", ".", ["route"]).labels("/").observe(0.02)
"""


def test_what_a_gone_worker_counted_is_kept_once(tmp_path, app, client, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    workers = [subprocess.Popen([sys.executable, "-c", COUNTING], cwd=ROOT) for _ in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    key = ("mall_requests_total", "GET", "/", "200")
    assert scrape(client)[key] == 2
    hooks = runpy.run_path(str(ROOT / "scripts" / "gunicorn.conf.py"))

    hooks["on_starting"](None)

    assert sorted(p.name for p in tmp_path.glob("*.db")) == ["counter_0.db", "histogram_0.db"]
    found = scrape(client)
    assert (found[key], found["mall_request_seconds_count", "/"]) == (2, 2)


def test_every_alert_watches_what_is_told(session, client):
    rules = (ROOT / "deploy" / "prometheus-alerts.yml").read_text()
    transport_counted = {"mall_wechat_calls_total", "mall_requests_total"}
    with transaction():
        add_run("verify-books", RunStatus.DONE, 5, {"broken": 0})
    # A process that answered nobody yet has no times to tell.
    client.get("/healthz")

    told = {key[0] for key in scrape(client)} | transport_counted

    watched = set(re.findall(r"\bmall_\w+", rules))
    assert watched <= told
    assert len(watched) >= 8
