"""Puts the parts together. See the package docstring for what they are."""

import importlib
import sys
from collections.abc import Iterable
from typing import Any

from flask import Flask
from flask_migrate import Migrate
from sqlalchemy.engine import make_url

import config as configuration
from app import (
    admin,
    aftersales,
    api,
    audit,
    commands,
    commission,
    distribution,
    mall,
    orders,
    risk,
    webhooks,
    wechat,
)
from app.core import clock, crypto, health, logs, metrics, web
from app.core.brief import Brief
from app.core.cache import Cache
from app.core.db import db
from app.distribution import levels, posters
from app.distribution.joining import ways
from app.integrations import hooks
from app.mall.footprints import Footprints
from app.reports import operations


def create_app(config: configuration.Config | None = None) -> Flask:
    """The WSGI application. Raises ConfigError when it must not start."""
    if config is None:
        try:
            config = configuration.from_environment()
        except configuration.ConfigError as error:
            for problem in error.problems:
                sys.stderr.write(f"configuration: {problem}\n")
            raise
    logs.configure(config.log_level)
    crypto.configure(config.data_keys)
    commission.configure(config.distribution_hard_cap)
    levels.configure(allow_team=config.compliance_allow_team_bonus)
    distribution.configure(orders.purchases)
    ways.configure(allow_paid=config.compliance_allow_paid_joining)
    posters.fonts.configure(config.poster_font)
    config.data_dir.mkdir(parents=True, exist_ok=True)

    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=config.secret_key,
        SQLALCHEMY_DATABASE_URI=config.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(config.database_url),
        SESSION_COOKIE_NAME="mall_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.public_base_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=30 * 86400,
        # Signed and sent again only when it changed; a phone's does each day that it comes.
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=1024 * 1024,
        TESTING=config.app_env == "test",
    )
    app.extensions["mall_config"] = config
    app.extensions["cache"] = Cache(config.data_dir / "cache", config.redis_url)
    app.extensions["brief"] = Brief(version=audit.newest_entry_id)
    app.extensions["footprints"] = Footprints(app)
    app.extensions["traces"] = orders.EnteredTraces()
    db.init_app(app)
    Migrate(app, db, directory=str(configuration.ROOT / "migrations"), render_as_batch=True)
    commands.register(app)
    web.init_app(app)
    wechat.init_app(app)
    orders.subscribe()
    aftersales.subscribe()
    commission.subscribe()
    risk.subscribe()
    hooks.events.subscribe()
    app.register_blueprint(health.bp)
    app.register_blueprint(metrics.bp)
    app.extensions["gauges"] = _gauges_of(app)
    for part in (mall, admin, api, webhooks):
        part.init_app(app)
    web.register_app_errors(
        app, {"": mall.render_error, "admin": admin.render_error, "api": api.render_error}
    )
    _load_invariants()
    return app


def _gauges_of(app: Flask) -> metrics.Gauges:
    def read() -> Iterable[metrics.Gauge]:
        return operations.gauges(clock.now(), cache=app.extensions["cache"])

    return read


def _load_invariants() -> None:
    """Each domain registers its own; `ledger verify` runs what is registered."""
    for domain in ("catalog", "distribution", "orders", "aftersales", "commission", "withdrawals"):
        importlib.import_module(f"app.{domain}.invariants")


def _engine_options(url: str) -> dict[str, Any]:
    if make_url(url).get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": 5}}
    return {
        # Under REPEATABLE READ a request that waited for a lock would still see
        # the old rows.
        "isolation_level": "READ COMMITTED",
        # A server that takes no connections must not hold a page for long.
        "connect_args": {"connect_timeout": 5},
        # `core.db` ends open transactions and asks only lines that were idle.
        "pool_reset_on_return": None,
        "pool_recycle": 1800,
        "pool_size": 8,
        "max_overflow": 8,
    }
