"""Notices (消息通知): what happened, told to the person it concerns.

Domains publish what happened; `subscribers` turns each fact into a notice, once:
a row with typed values, which the member reads under 消息 in any case. Where an
admin mapped a template of the official account to its kind (`NoticeTemplate`),
and the member follows and did not mute the kind, the notice is also queued in the
outbox and sent there (`processes.send`), outside of any transaction.

- `kinds` lists every kind with the values it has; `fields` cuts a value to what
  WeChat's typed fields take.
- A direct upline hears of each sale, the others once a week (`write_digests`).
- WeChat's word on the delivery comes later as an event; it is kept on its own
  and joined by the message id, so it may come before the answer to the sending.
- A notice never holds up money: its outbox rows do not count as undelivered news.
"""

from app.notices.errors import TemplateUnfit
from app.notices.fields import FieldKind, field_kind
from app.notices.kinds import GROUPS, KINDS, Kind, Source, ValueType
from app.notices.models import (
    Channel,
    Notice,
    NoticeDelivery,
    NoticeState,
    NoticeTemplate,
)
from app.notices.ports import NoticeSender, Outgoing, SendFailed, SendRefused
from app.notices.processes import remind_confirmations, send, send_test, write_digests
from app.notices.queries import (
    counts_by_kind,
    deliveries,
    desk,
    get,
    muted_kinds,
    notices_of,
    template_of,
    templates,
    unread_count,
)
from app.notices.service import (
    Draft,
    erase,
    keep_delivery,
    map_template,
    mark_read,
    mute,
    switch_template,
    write,
)
from app.notices.subscribers import subscribe
from app.notices.wording import Line, lines_of

__all__ = [
    "GROUPS",
    "KINDS",
    "Channel",
    "Draft",
    "FieldKind",
    "Kind",
    "Line",
    "Notice",
    "NoticeDelivery",
    "NoticeSender",
    "NoticeState",
    "NoticeTemplate",
    "Outgoing",
    "SendFailed",
    "SendRefused",
    "Source",
    "TemplateUnfit",
    "ValueType",
    "counts_by_kind",
    "erase",
    "field_kind",
    "get",
    "keep_delivery",
    "lines_of",
    "deliveries",
    "desk",
    "map_template",
    "mark_read",
    "mute",
    "muted_kinds",
    "notices_of",
    "remind_confirmations",
    "send",
    "send_test",
    "subscribe",
    "switch_template",
    "template_of",
    "templates",
    "unread_count",
    "write",
    "write_digests",
]
