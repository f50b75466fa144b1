"""Jobs: what ran is shown, a run is asked for, and only the owner asks."""

import sqlalchemy as sa

from app.audit import AuditEntry
from app.audit.runs import JobRun, RunStatus
from app.core import clock
from app.core.db import db, transaction
from app.jobs.tasks import JOBS


def runs() -> list[JobRun]:
    return list(db.session.scalars(sa.select(JobRun).order_by(JobRun.id)))


def store(job: str, status: RunStatus, **facts) -> None:
    now = clock.now()
    with transaction():
        db.session.add(
            JobRun(
                job=job,
                slot=f"t:{job}",
                status=status,
                as_of=now,
                started_at=now,
                ended_at=now,
                **facts,
            )
        )


def test_every_job_is_listed_with_its_last_result(session, admin_client):
    store(
        "settle",
        RunStatus.DONE,
        did_work=True,
        result={"orders": 2, "rows": 3, "members": 2, "amount_fen": 19_20},
    )

    page = admin_client("owner").get("/admin/jobs").get_data(as_text=True)

    assert "佣金结算" in page
    assert "结算佣金笔数 3" in page
    assert "¥19.20" in page
    assert page.count("还没有执行过") == len(JOBS) - 1


def test_a_job_that_failed_is_on_every_page_and_explained(session, admin_client):
    store("outbox", RunStatus.DONE)
    store("settle", RunStatus.FAILED, error="KeyError: 'x'")
    client = admin_client("owner")

    jobs, desk = (client.get(path).text for path in ("/admin/jobs", "/admin/"))

    assert "佣金结算：最近一次执行失败" in jobs
    assert "KeyError: &#39;x&#39;" in jobs
    assert "任务告警" in desk


def test_where_no_job_runs_the_page_says_how_to_start_them(session, admin_client):
    page = admin_client("owner").get("/admin/jobs").text

    assert "定时任务没有在运行" in page
    assert "flask --app wsgi scheduler run" in page


def test_runs_that_found_nothing_are_shown_on_request_only(session, admin_client):
    client = admin_client("owner")
    store("outbox", RunStatus.DONE, result={"delivered": 0})

    assert "没有要处理的" not in client.get("/admin/jobs").get_data(as_text=True)
    assert "没有要处理的" in client.get("/admin/jobs?idle=1").get_data(as_text=True)


def test_the_owner_asks_for_a_trial_run(session, admin_client):
    answer = admin_client("owner").post("/admin/jobs/settle/run", data={"trial": "1"})

    (run,) = runs()
    entry = db.session.execute(sa.select(AuditEntry).filter_by(action="job.request")).scalar_one()
    assert answer.location == "/admin/jobs?job=settle"
    assert (run.job, run.status, run.is_dry_run) == ("settle", RunStatus.REQUESTED, True)
    assert entry.after == {"job": "settle", "dry_run": True}


def test_an_auditor_sees_and_does_not_ask(session, admin_client):
    client = admin_client("auditor")

    assert client.get("/admin/jobs").status_code == 200
    assert "立即运行" not in client.get("/admin/jobs").get_data(as_text=True)
    assert client.post("/admin/jobs/settle/run").status_code == 403
    assert runs() == []


def test_an_unknown_job_is_not_found(session, admin_client):
    assert admin_client("owner").post("/admin/jobs/nothing/run").status_code == 404
    assert runs() == []


def test_books_that_do_not_balance_are_said_on_every_page(session, admin_client):
    client = admin_client("owner")
    assert "账目校验没有通过" not in client.get("/admin/orders").get_data(as_text=True)

    store("verify-books", RunStatus.FAILED, result={"failed": 1, "L2": 1})

    assert "账目校验没有通过" in client.get("/admin/orders").get_data(as_text=True)
