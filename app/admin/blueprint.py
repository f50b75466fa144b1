"""The panel's blueprint."""

from flask import Blueprint, g, render_template

from app.core import web

bp = Blueprint("admin", __name__, url_prefix="/admin", template_folder="templates")


def render_error(*, status: int, message: str) -> str:
    g.server_failed = status >= 500
    return render_template(
        "admin/error.html", status=status, message=message, request_id=g.get("request_id", "")
    )


web.register_errors(bp, render_error)
