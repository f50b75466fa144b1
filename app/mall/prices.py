"""What a product costs whoever looks at it (会员价), on its page and in every list.

Who it is was found out when the request began, so a list asks nothing more. What is
kept for many (`core.brief`) is kept once for each answer of `gets_member_price`.
"""

from collections.abc import Callable

from flask import g

from app import orders, settings
from app.catalog import Product
from app.mall.blueprint import shop_settings
from app.orders import Offer


def gets_member_price() -> bool:
    """Whether this visitor pays member prices."""
    return orders.is_special(
        str(shop_settings()[settings.registry.MEMBER_PRICE_FOR.key]),
        is_distributor=g.member is not None and bool(g.member.level),
        is_follower=g.member is not None and g.member.is_subscribed,
    )


def offers(*, is_special: bool) -> Callable[[Product], Offer | None]:
    """`offer` of the lists' templates: a page that forgets to pass it cannot be drawn."""
    return lambda product: orders.best_offer(product.skus, is_special=is_special)
