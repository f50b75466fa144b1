"""GET /MP_verify_….txt: what WeChat asks for when a domain is entered in its console."""

from flask import Blueprint, Response, abort
from flask.typing import ResponseReturnValue

from app.wechat import verify_file

bp = Blueprint("verification", __name__)


@bp.get("/MP_verify_<text>.txt")
def domain_file(text: str) -> ResponseReturnValue:
    """The file in force, without login or redirect; 404 for any other name."""
    if not text or text != verify_file.current():
        abort(404)
    return Response(text, mimetype="text/plain")
