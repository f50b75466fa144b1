"""The connection check: whether WeChat and this mall reach each other, and what to enter there."""

from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import auth
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import InvalidInput
from app.wechat import doctor, verify_file
from app.wechat.doctor import Finding, Outcome


@bp.get("/wechat/check", endpoint="connection")
@requires(Permission.WECHAT_CHECK)
def connection() -> ResponseReturnValue:
    return _page()


@bp.post("/wechat/check")
@requires(Permission.WECHAT_CHECK)
def connection_check() -> ResponseReturnValue:
    """Run every check now. It changes nothing; a POST, because it is work and calls out."""
    verify_text = verify_file.current()
    # No transaction may stay open while WeChat is asked.
    db.session.rollback()
    return _page(doctor.examine(web.settings(), verify_text=verify_text))


@bp.post("/wechat/verify-file")
@requires(Permission.WECHAT_CHECK)
def connection_verify_file() -> ResponseReturnValue:
    given = request.files.get(verify_file.FIELD)
    try:
        if given is None or not given.filename:
            raise InvalidInput(verify_file.FIELD, "请选择从公众平台下载的文件")
        content = given.stream.read(verify_file.BYTES_MAX + 1)
        run_unit(verify_file.upload, given.filename, content, actor=auth.actor(), now=clock.now())
    except InvalidInput as error:
        return _page(error=error.message), error.status
    flash("验证文件已上传，现在可以回公众平台点“确定”")
    return redirect(url_for(".connection"))


def _page(findings: Sequence[Finding] | None = None, *, error: str = "") -> str:
    text = verify_file.current()
    found = findings or []
    return render_template(
        "admin/connection.html",
        findings=findings,
        failed=sum(1 for f in found if f.outcome is Outcome.FAILED),
        warned=sum(1 for f in found if f.outcome is Outcome.WARNING),
        now=clock.now(),
        addresses=doctor.addresses(web.settings()),
        verify_name=f"MP_verify_{text}.txt" if text else "",
        error=error,
    )
