"""What the official account answers by itself (自动回复).

Rules are kept by the shop; where none fits, the words of `builtin` answer.

- An exact keyword belongs to one active rule: the database holds its digest
  under a unique key. `contains` rules may overlap; `sort`, then age, decides.
- Keywords and what people write are compared normalised: full width as half
  width, without case, trimmed.
- A rule whose words name the inviter is passed over for those who have none,
  so that nobody reads a sentence with a hole in it.
- A code that was scanned (`follow_by_code`) falls back on the `follow` rules
  only where it brought no new inviter: who invited somebody is always said.
- In the chat a process answers by what it read of the rules at most three seconds
  ago (`KeptBook`); the admin panel's own trial reads them afresh.
- A tap on a menu is answered as if its key had been written.
"""

from app.wechat.replies.book import (
    Book,
    Event,
    Fills,
    KeptBook,
    Reply,
    find_reply,
    read_book,
    reply_of,
)
from app.wechat.replies.models import ReplyKeyword, ReplyRule, ReplyType, RuleKind
from app.wechat.replies.queries import counts_by_kind, get, rules
from app.wechat.replies.service import RuleInput, change, create, input_of, remove

__all__ = [
    "Book",
    "Event",
    "Fills",
    "KeptBook",
    "Reply",
    "ReplyKeyword",
    "ReplyRule",
    "ReplyType",
    "RuleInput",
    "RuleKind",
    "change",
    "counts_by_kind",
    "create",
    "find_reply",
    "get",
    "input_of",
    "read_book",
    "remove",
    "reply_of",
    "rules",
]
