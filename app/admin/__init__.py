"""The admin panel (管理后台).

`accounts` keeps admins and their sessions, `auth` asks each view's permission;
each other module is one corner of the desk. Views parse, call one service,
render. Every view names a `Permission`.
"""

from flask import Flask

from app.admin import (  # noqa: F401  Importing them registers their views.
    admins,
    aftersales,
    api_keys,
    audit_log,
    auth,
    bindings,
    bonus_runs,
    bonuses,
    categories,
    channels,
    commissions,
    connection,
    dashboard,
    debts,
    distributor_batch,
    distributors,
    exports,
    frame,
    freight,
    home,
    hooks,
    invoices,
    jobs,
    joining,
    ledger,
    levels,
    list_views,
    login,
    materials,
    members,
    menus,
    notices,
    oddities,
    orders,
    own_account,
    own_mail,
    payouts,
    picker,
    pickups,
    plan_editor,
    plan_publish,
    plan_replay,
    plan_try,
    plans,
    posters,
    product_batch,
    product_import,
    products,
    reconciliation,
    refunds,
    remittances,
    replies,
    report_subscriptions,
    reports,
    reviews,
    risks,
    settings,
    shipping,
    system,
    taxes,
    tree,
    withdrawals,
)
from app.admin.blueprint import bp, render_error

__all__ = ["bp", "init_app", "render_error"]


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
