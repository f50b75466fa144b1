"""The mall's blueprint and what all of its pages show."""

from typing import Any

from flask import Blueprint, g, render_template
from sqlalchemy.exc import SQLAlchemyError

from app import settings
from app.core import brief, web

bp = Blueprint("mall", __name__, template_folder="templates")


def shop_settings() -> dict[str, int | str | bool]:
    """Every setting, as pages show them."""
    if "shop_settings" not in g:
        try:
            g.shop_settings = brief.current().get("settings", settings.everything)
        except SQLAlchemyError:
            # The page that says so must still be drawn.
            g.shop_settings = {key: item.default for key, item in settings.registry.ALL.items()}
    found: dict[str, int | str | bool] = g.shop_settings
    return found


def render_error(*, status: int, message: str) -> str:
    return render_template("mall/error.html", status=status, message=message)


@bp.context_processor
def _everywhere() -> dict[str, Any]:
    values = shop_settings()
    return {
        "shop_name": values[settings.registry.SHOP_NAME.key],
        "brand_colour": values[settings.registry.BRAND_COLOUR.key],
        "jssdk_url": web.settings().wechat_jssdk_url,
        "me": g.get("member"),
        "request_id": g.get("request_id", ""),
    }


web.register_errors(bp, render_error)
