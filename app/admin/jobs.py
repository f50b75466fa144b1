"""Jobs: what ran, what came of it, and asking for a run."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import auth, lists, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.running import JOB_RUNS, figures_of
from app.audit import runs
from app.core import clock
from app.core.db import run_unit


@bp.get("/jobs")
@requires(Permission.JOB_VIEW)
def jobs() -> ResponseReturnValue:
    if (led := tables.opening(JOB_RUNS)) is not None:
        return led
    job = request.args.get("job", "")
    job = job if job in runs.TITLES else ""
    table = tables.show(JOB_RUNS, job=job)
    with_idle = table.given["idle"] == "1"
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
        table=table,
        told=figures_of,
    )


@bp.post("/jobs/<name>/run")
@requires(Permission.JOB_RUN)
def job_run(name: str) -> ResponseReturnValue:
    is_trial = request.form.get("trial") == "1"
    run_unit(runs.request_run, name, dry_run=is_trial, actor=auth.actor(), now=clock.now())
    what = f"{runs.TITLES[name]}{'试运行' if is_trial else ''}"
    flash(f"已请求{what}，定时任务进程会在几秒内执行，刷新可看结果")
    return redirect(url_for(".jobs", job=name))
