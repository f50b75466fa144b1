"""The panel's words for what the domains store (措辞), each in one place, by subject.

Pages ask by the subject's name: `words.orders.ORDER`.
"""

from app.admin.words import (
    account,
    aftersales,
    api,
    audit,
    commissions,
    desk,
    fields,
    levels,
    money,
    notices,
    orders,
    payouts,
    people,
    plans,
    reports,
    shop,
)
from app.admin.words.base import Word, percent, word

__all__ = [
    "Word",
    "account",
    "aftersales",
    "api",
    "audit",
    "commissions",
    "desk",
    "fields",
    "levels",
    "money",
    "notices",
    "orders",
    "payouts",
    "people",
    "percent",
    "plans",
    "reports",
    "shop",
    "word",
]
