"""The blueprint, and the one shape of every error (RFC 9457, problem+json)."""

import json
from http import HTTPStatus

import structlog
from flask import Blueprint, Response, g
from flask.typing import ResponseReturnValue

from app.core.errors import DomainError

log = structlog.get_logger()

bp = Blueprint("api", __name__, url_prefix="/api", template_folder="templates")

V1 = "/v1"


def problem_body(status: int, detail: str, *, code: str = "error", field: str | None = None) -> str:
    """`detail` is a sentence for people, `code` and `field` are for programs."""
    return json.dumps(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "code": code,
            "field": field,
            "request_id": g.get("request_id", ""),
        },
        ensure_ascii=False,
    )


def problem(status: int, detail: str, *, code: str = "error", field: str | None = None) -> Response:
    body = problem_body(status, detail, code=code, field=field)
    response = Response(body, status, mimetype="application/problem+json")
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def render_error(*, status: int, message: str) -> Response:
    """What no view took, below /api."""
    return problem(status, message, code=_CODES.get(status, "error"))


_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    503: "unavailable",
}


@bp.errorhandler(DomainError)
def refuse(error: DomainError) -> ResponseReturnValue:
    log.info("refused", code=error.code, field=error.field)
    return of_error(error)


def of_error(error: DomainError) -> Response:
    response = problem(error.status, error.message, code=error.code, field=error.field)
    wait = error.facts.get("wait_seconds")
    if wait is not None:
        response.headers["Retry-After"] = str(wait)
    return response
