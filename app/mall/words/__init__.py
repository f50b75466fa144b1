"""How states, rules and movements are said to members, each in one place, by subject.

Pages ask by the subject's name: `words.orders.ORDER_STATE`.
"""

from app.mall.words import aftersales, commissions, exported, orders, people, wallet, withdrawals
from app.mall.words.base import Step, member_actor

__all__ = [
    "Step",
    "aftersales",
    "commissions",
    "exported",
    "member_actor",
    "orders",
    "people",
    "wallet",
    "withdrawals",
]
