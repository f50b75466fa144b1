"""Read models across domains (报表): queues, figures, money at a glance.

Nothing here changes anything. Sums come from the books, grouped in the database;
a day is a day in Asia/Shanghai, counted by the time of booking.
"""

from app.reports import figures, pdf, statements
from app.reports.channels import ChannelFigures, channel_days, channel_totals
from app.reports.queries import (
    Money,
    Queue,
    money,
    queues,
)
from app.reports.statements import Line, Statement, TaxMonth, TaxYear
from app.reports.visitors import ProductNow, Visitor, product_now, visitor

__all__ = [
    "ChannelFigures",
    "Line",
    "Money",
    "ProductNow",
    "Queue",
    "Statement",
    "TaxMonth",
    "TaxYear",
    "Visitor",
    "channel_days",
    "channel_totals",
    "figures",
    "money",
    "pdf",
    "product_now",
    "queues",
    "statements",
    "visitor",
]
