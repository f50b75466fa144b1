"""Reports that come by themselves (定期报表): by mail, in the panel, by the official account.

A subscription says which report, about which days and beside which others, when it comes,
what it brings and to whom. `sending.plan_due` writes a row for each (subscription, turn,
recipient) whose turn has come; their unique key is what sends a turn once, and missed
turns are written down late. `sending.send` makes and sends a row, and keeps state, tries
and the last error.

- Whether a recipient may see the report is asked when it is sent, not only when somebody
  subscribes: roles change. Who that is, `configure` says: admins belong to the panel.
- The files are those that the panel exports, so they hide what exports hide.
- Under 我的报表 in the panel it is in any case, also where no mail server is configured.
"""

from app.reports.subscriptions import sending
from app.reports.subscriptions.models import (
    Cadence,
    Content,
    DeliveryState,
    Period,
    ReportDelivery,
    ReportSubscription,
    SubscriptionState,
    Way,
)
from app.reports.subscriptions.ports import Mailer, Recipient, SmtpMailer
from app.reports.subscriptions.schedule import following
from app.reports.subscriptions.service import (
    MayNotSee,
    Wanted,
    configure,
    delete,
    delivery,
    history,
    inbox,
    mark_read,
    newest_of,
    pause,
    received,
    resume,
    save,
    send_again,
    send_now,
    subscription,
    subscriptions_for,
    unread_count,
)

__all__ = [
    "Cadence",
    "Content",
    "DeliveryState",
    "Mailer",
    "MayNotSee",
    "Period",
    "Recipient",
    "ReportDelivery",
    "ReportSubscription",
    "SmtpMailer",
    "SubscriptionState",
    "Wanted",
    "Way",
    "configure",
    "delete",
    "delivery",
    "following",
    "history",
    "inbox",
    "mark_read",
    "newest_of",
    "pause",
    "received",
    "resume",
    "save",
    "send_again",
    "send_now",
    "sending",
    "subscription",
    "subscriptions_for",
    "unread_count",
]
