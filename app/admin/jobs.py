"""Jobs: what ran, what came of it, and asking for a run."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import auth, lists, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.audit import runs
from app.core import clock, web
from app.core.db import run_unit


@bp.get("/jobs")
@requires(Permission.JOB_VIEW)
def jobs() -> ResponseReturnValue:
    job = request.args.get("job", "")
    job = job if job in runs.TITLES else ""
    with_idle = request.args.get("idle") == "1"
    page = runs.runs_page(job, with_idle=with_idle, before=web.page_before())
    return render_template(
        "admin/jobs.html",
        titles=runs.TITLES,
        latest=runs.latest_runs(),
        alerts=[
            (alert, words.desk.JOB_TROUBLE[alert.trouble]) for alert in runs.alerts(clock.now())
        ],
        job=job,
        tabs=[
            {
                "label": "有处理内容",
                "url": lists.here(idle=None, before=None, back=None),
                "active": not with_idle,
            },
            {
                "label": "全部",
                "url": lists.here(idle=1, before=None, back=None),
                "active": with_idle,
            },
        ],
        page=page,
        pager=lists.pager(page),
        starters=people.names(row.started_by for row in page.items),
        told={row.id: _told(row) for row in page.items},
        took={row.id: _took(row) for row in page.items},
    )


@bp.post("/jobs/<name>/run")
@requires(Permission.JOB_RUN)
def job_run(name: str) -> ResponseReturnValue:
    is_trial = request.form.get("trial") == "1"
    run_unit(runs.request_run, name, dry_run=is_trial, actor=auth.actor(), now=clock.now())
    what = f"{runs.TITLES[name]}{'试运行' if is_trial else ''}"
    flash(f"已请求{what}，定时任务进程会在几秒内执行，刷新可看结果")
    return redirect(url_for(".jobs", job=name))


def _told(row: runs.JobRun) -> list[tuple[str, Any, bool]]:
    """Word, value, whether it is money, for each figure of a run."""
    return [
        (words.desk.RESULT.get(name, name), value, name.endswith("_fen"))
        for name, value in row.result.items()
        if value
    ]


def _took(row: runs.JobRun) -> str:
    if row.ended_at is None:
        return "—"
    return f"{max(0.0, (row.ended_at - row.started_at).total_seconds()):.1f} 秒"
