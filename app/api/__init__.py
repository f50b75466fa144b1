"""JSON for programs (开放接口), version 1 below /api/v1.

Three kinds of callers: the shop's other systems with a key and its scopes, the mall's
visitors, and its members with the session of their phone (`/mall`, `/me`). All of them
are thin views over what the pages call. `operation` is what every view has in common:
who may, how often, one shape of errors, writes that happen once. The document at
/api/openapi.json is made from the views themselves.
"""

from flask import Flask

# The views are imported for the routes that they add to `bp`.
from app.api import (  # noqa: F401
    desk_orders,
    desk_people,
    desk_products,
    document,
    mall,
    me,
    my_money,
    my_orders,
)
from app.api.blueprint import bp, render_error

__all__ = ["bp", "init_app", "render_error"]


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
