"""The panel's words for what the domains store (措辞), each in one place, by subject.

Pages ask by the subject's name: `words.orders.ORDER`.
"""

from app.admin.words import (
    account,
    audit,
    commissions,
    desk,
    fields,
    levels,
    money,
    orders,
    payouts,
    people,
    shop,
)
from app.admin.words.base import Word, percent, word

__all__ = [
    "Word",
    "account",
    "audit",
    "commissions",
    "desk",
    "fields",
    "levels",
    "money",
    "orders",
    "payouts",
    "people",
    "percent",
    "shop",
    "word",
]
