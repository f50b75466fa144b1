"""What is wrong with the jobs (`app.audit.runs.alerts`): nothing is stored, nothing to close."""

from datetime import timedelta

import pytest

from app.audit.runs import Alert, JobRun, RunStatus, Trouble, alerts
from app.core.db import db, transaction
from tests.factories import NOON

pytestmark = pytest.mark.usefixtures("session")


def ran(job: str, ago: timedelta, status: RunStatus = RunStatus.DONE, **facts) -> None:
    at = NOON - ago
    with transaction():
        given = {"slot": f"{job}:{at}", "as_of": at, "started_at": at, **facts}
        made = JobRun(job=job, status=status, **given)
        made.ended_at = None if status is RunStatus.RUNNING else at
        db.session.add(made)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_where_nothing_ever_ran_the_process_is_missing():
    assert alerts(NOON) == [Alert("", Trouble.STANDSTILL, None)]


@pytest.mark.parametrize(
    ("ago", "found"),
    [(5, []), (5.1, [Alert("", Trouble.STANDSTILL, NOON - minutes(5.1))])],
)
def test_after_five_minutes_without_any_run_the_process_is_missing(ago, found):
    ran("outbox", minutes(ago))

    assert alerts(NOON) == found


def test_a_failure_shows_until_it_runs_well_again():
    ran("settle", minutes(9), RunStatus.FAILED, error="KeyError: 'x'")
    ran("outbox", minutes(0))
    shown = alerts(NOON)
    ran("settle", minutes(1))

    assert shown == [Alert("settle", Trouble.FAILED, NOON - minutes(9), "KeyError: 'x'")]
    assert alerts(NOON) == []


@pytest.mark.parametrize(
    ("ago", "found"),
    [
        # Every ten minutes, and five more are forgiven.
        (15, []),
        (15.1, [Alert("settle", Trouble.LATE, NOON - minutes(5.1))]),
    ],
)
def test_a_job_whose_turn_has_passed_is_late(ago, found):
    ran("settle", minutes(ago))
    ran("outbox", minutes(0))

    assert alerts(NOON) == found


@pytest.mark.parametrize(
    ("ago", "found"),
    [(60, []), (61, [Alert("settle", Trouble.STUCK, NOON - minutes(61))])],
)
def test_a_run_that_does_not_end_is_stuck(ago, found):
    ran("settle", minutes(ago), RunStatus.RUNNING)
    ran("outbox", minutes(0))

    assert alerts(NOON) == found


def test_a_trial_is_no_run():
    ran("settle", minutes(30))
    ran("settle", minutes(1), is_dry_run=True)
    ran("outbox", minutes(0))

    assert [alert.trouble for alert in alerts(NOON)] == [Trouble.LATE]
