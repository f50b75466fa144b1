"""Which rule answers: every active rule in one query, kept for a moment."""

import enum
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa

from app import settings
from app.core.db import db
from app.wechat.replies import builtin, wording
from app.wechat.replies.models import ReplyKeyword, ReplyRule, ReplyType, RuleKind

# Phones show a reply within a second or two of what they say; an edit may take as long.
KEPT_SECONDS = 3


class Event(enum.StrEnum):
    """What happened in the chat."""

    TEXT = "text"
    CLICK = "click"  # `text` is the menu's key
    OTHER = "other"  # a message that is no text
    FOLLOW = "follow"
    FOLLOW_BY_CODE = "follow_by_code"
    SCAN = "scan"  # a code, by somebody who follows already
    RETURN = "return"  # the same with a code by which nobody invites


@dataclass(frozen=True)
class Fills:
    """What fills the placeholders.

    `inviter` is the member's upline, empty without one; `is_invited` whether
    the code that was just scanned made them so.
    """

    shop: str
    mall: str
    inviter: str = ""
    is_invited: bool = False

    def values(self) -> dict[str, str]:
        return {
            "shop": self.shop,
            "mall": self.mall.rstrip("/"),
            "inviter": wording.harmless(self.inviter),
        }


@dataclass(frozen=True)
class Reply:
    """An answer with its gaps filled; `rule_id` is None for built-in words."""

    type: ReplyType
    text: str = ""
    title: str = ""
    description: str = ""
    picture_url: str = ""
    url: str = ""
    rule_id: int | None = None


@dataclass(frozen=True)
class Words:
    """What a rule says (`ReplyRule`), without its row."""

    id: int | None
    reply_type: ReplyType
    content: str
    title: str
    description: str
    picture_url: str
    url: str

    @property
    def names_inviter(self) -> bool:
        return any(map(wording.names_inviter, (self.content, self.title, self.description)))


@dataclass(frozen=True)
class Book:
    """Every active rule, and the shop's name, as they were at one moment."""

    shop: str
    # In the order in which they answer.
    of_kind: dict[RuleKind, list[Words]] = field(default_factory=dict)
    by_exact_key: dict[str, Words] = field(default_factory=dict)
    # Normalised keywords of `contains` rules.
    within: list[tuple[str, Words]] = field(default_factory=list)

    @property
    def names_inviter(self) -> bool:
        """Whether a reply may depend on who invited somebody."""
        return any(words.names_inviter for found in self.of_kind.values() for words in found)

    def candidates(self, event: Event, text: str, *, is_invited: bool) -> Iterator[Words]:
        """The rules that fit, best first."""
        if event in (Event.TEXT, Event.CLICK):
            yield from self._by_keyword(text)
        if event in (Event.TEXT, Event.CLICK, Event.OTHER):
            yield from self.of_kind.get(RuleKind.DEFAULT, ())
        if event in (Event.FOLLOW_BY_CODE, Event.SCAN):
            yield from self.of_kind.get(RuleKind.FOLLOW_BY_CODE, ())
        if event is Event.FOLLOW or (event is Event.FOLLOW_BY_CODE and not is_invited):
            yield from self.of_kind.get(RuleKind.FOLLOW, ())

    def _by_keyword(self, text: str) -> Iterator[Words]:
        said = wording.normal(text)
        if not said:
            return
        exact = self.by_exact_key.get(wording.digest(text))
        if exact is not None:
            yield exact
        yield from (words for keyword, words in self.within if keyword in said)


def read_book() -> Book:
    """The rules as they are now, in one query, and the shop's name."""
    book = Book(shop=settings.value(settings.registry.SHOP_NAME))
    of_kind: dict[RuleKind, dict[int, Words]] = defaultdict(dict)
    for row in db.session.execute(_ACTIVE):
        words = of_kind[row.kind].setdefault(
            row.id,
            Words(
                row.id,
                row.reply_type,
                row.content,
                row.title,
                row.description,
                row.picture_url,
                row.url,
            ),
        )
        if row.exact_key is not None:
            book.by_exact_key[row.exact_key] = words
        if row.kind is RuleKind.CONTAINS and row.keyword is not None:
            book.within.append((wording.normal(row.keyword), words))
    book.of_kind.update({kind: list(found.values()) for kind, found in of_kind.items()})
    return book


_ACTIVE = (
    sa.select(
        ReplyRule.id,
        ReplyRule.kind,
        ReplyRule.reply_type,
        ReplyRule.content,
        ReplyRule.title,
        ReplyRule.description,
        ReplyRule.picture_url,
        ReplyRule.url,
        ReplyKeyword.keyword,
        ReplyKeyword.exact_key,
    )
    .join_from(ReplyRule, ReplyKeyword, isouter=True)
    .where(ReplyRule.is_active)
    .order_by(ReplyRule.sort, ReplyRule.id, ReplyKeyword.position)
)


class KeptBook:
    """The book for the chat, read anew after `seconds` by each process.

    An edit in the admin panel, or a new name of the shop, is in every process's
    answers after that time at the latest.
    """

    def __init__(
        self, seconds: float = KEPT_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._kept: tuple[float, Book] | None = None

    def now(self) -> Book:
        # Taken before the reading: what is committed meanwhile must not wait twice.
        asked_at, kept = self._clock(), self._kept
        if kept is not None and asked_at - kept[0] < self.seconds:
            return kept[1]
        book = read_book()
        self._kept = asked_at, book
        return book


def find_reply(event: Event, text: str = "", *, fills: Fills, book: Book | None = None) -> Reply:
    """The answer to what happened: exact before contains before default, then by `sort`.

    Without a `book` the rules are read for this one answer.
    """
    book = book or read_book()
    for words in book.candidates(event, text, is_invited=fills.is_invited):
        if fills.inviter or not words.names_inviter:
            return reply_of(words, fills)
    return Reply(ReplyType.TEXT, text=wording.fill(_builtin(event, fills), fills.values()))


def reply_of(rule: ReplyRule | Words, fills: Fills) -> Reply:
    """What a rule answers."""
    values = fills.values()
    return Reply(
        rule.reply_type,
        text=wording.cut(wording.fill(rule.content, values)),
        title=wording.fill(rule.title, values),
        description=wording.fill(rule.description, values),
        picture_url=wording.fill(rule.picture_url, values),
        url=wording.fill(rule.url, values),
        rule_id=rule.id,
    )


def _builtin(event: Event, fills: Fills) -> str:
    match event:
        case Event.FOLLOW | Event.FOLLOW_BY_CODE:
            words = builtin.FOLLOW
        case Event.SCAN | Event.RETURN:
            words = builtin.SCAN
        case _:
            return builtin.DEFAULT
    return builtin.INVITED + words if fills.is_invited else words
