"""The H5 mall and the personal centre (商城、个人中心) in WeChat's webview.

`auth` logs people in silently; each other module is one corner of the mall:
`shop` home and product · `browse` categories and search · `cart` and `checkout` ·
`orders` · `paying` · `reviews` · `interests` · `addresses` · `me` · `privacy` · `messages` ·
`distribution` · `bonuses` · `inviter` · `joining` · `posters` · `materials` · `team` ·
`wallet` · `auto_receipt` · `payees` · `statements` · `identity` · `uploads`.
Views parse, call one service, render. Every view has a login rule.
"""

from flask import Flask

from app import privacy as members_data

# The pages are imported for the views that they add to `bp`.
from app.mall import (  # noqa: F401
    addresses,
    aftersales,
    auth,
    auto_receipt,
    bonuses,
    browse,
    cart,
    checkout,
    distribution,
    identity,
    interests,
    inviter,
    joining,
    materials,
    me,
    messages,
    orders,
    payees,
    paying,
    posters,
    privacy,
    reviews,
    shop,
    statements,
    team,
    uploads,
    wallet,
)
from app.mall.blueprint import bp, render_error

__all__ = ["bp", "init_app", "render_error"]


def init_app(app: Flask) -> None:
    members_data.register(posters.KEPT)
    app.register_blueprint(bp)
