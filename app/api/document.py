"""The OpenAPI document, made from the views, and the page that shows it."""

import json
from typing import Any

from flask import Response, current_app, render_template
from flask.typing import ResponseReturnValue

from app.api.blueprint import bp
from app.api.operation import spec
from app.core import web


@bp.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    return Response(json.dumps(document(), ensure_ascii=False), mimetype="application/json")


@bp.get("/docs")
def docs() -> ResponseReturnValue:
    return render_template("api/docs.html")


def document() -> dict[str, Any]:
    """The document of the running app."""
    kept = current_app.extensions.get("openapi")
    if kept is None:
        kept = current_app.extensions["openapi"] = _generated()
    found: dict[str, Any] = kept
    return found


def _generated() -> dict[str, Any]:
    spec.app = web.this_app()
    found: dict[str, Any] = json.loads(json.dumps(spec._generate_spec()))  # noqa: SLF001
    found["servers"] = [{"url": web.settings().public_base_url}]
    for path in found["paths"].values():
        for operation in path.values():
            for status, said in operation["responses"].items():
                content = said.get("content", {})
                if int(status) >= 400 and "application/json" in content:
                    content["application/problem+json"] = content.pop("application/json")
    return found
