import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.core.db import db
from app.core.errors import NotFound
from app.wechat.replies import builtin, wording
from app.wechat.replies.models import ReplyKeyword, ReplyRule, ReplyType, RuleKind


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


def find_reply(event: Event, text: str = "", *, fills: Fills) -> Reply:
    """The answer to what happened: exact before contains before default, then by `sort`."""
    for rule in _candidates(event, text, fills):
        if fills.inviter or not _names_inviter(rule):
            return reply_of(rule, fills)
    return Reply(ReplyType.TEXT, text=wording.fill(_builtin(event, fills), fills.values()))


def reply_of(rule: ReplyRule, fills: Fills) -> Reply:
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


def get(rule_id: int) -> ReplyRule:
    """Raises NotFound."""
    rule = db.session.get(ReplyRule, rule_id)
    if rule is None:
        raise NotFound("没有这条回复规则")
    return rule


def rules(
    kind: RuleKind | None = None, *, is_active: bool | None = None, keyword: str = ""
) -> list[ReplyRule]:
    """Rules in the order in which they answer; all of them, for their number is limited.

    `keyword` keeps those with this text in one of their keywords.
    """
    query = sa.select(ReplyRule)
    if kind is not None:
        query = query.filter_by(kind=kind)
    if is_active is not None:
        query = query.filter_by(is_active=is_active)
    rank = list(RuleKind)
    found = sorted(db.session.scalars(query), key=lambda r: (rank.index(r.kind), r.sort, r.id))
    wanted = wording.normal(keyword)
    if not wanted:
        return found
    return [r for r in found if any(wanted in wording.normal(k.keyword) for k in r.keywords)]


def counts_by_kind() -> dict[RuleKind, int]:
    rows = db.session.execute(sa.select(ReplyRule.kind, sa.func.count()).group_by(ReplyRule.kind))
    return {row[0]: row[1] for row in rows}


def owner_of(keyword: str) -> ReplyRule | None:
    """The active rule whose exact keyword this is."""
    return db.session.scalar(
        sa.select(ReplyRule)
        .join(ReplyKeyword)
        .where(ReplyKeyword.exact_key == wording.digest(keyword))
    )


def _candidates(event: Event, text: str, fills: Fills) -> Iterator[ReplyRule]:
    """The rules that fit, best first."""
    if event in (Event.TEXT, Event.CLICK):
        yield from _by_keyword(text)
    if event in (Event.TEXT, Event.CLICK, Event.OTHER):
        yield from _active(RuleKind.DEFAULT)
    if event in (Event.FOLLOW_BY_CODE, Event.SCAN):
        yield from _active(RuleKind.FOLLOW_BY_CODE)
    if event is Event.FOLLOW or (event is Event.FOLLOW_BY_CODE and not fills.is_invited):
        yield from _active(RuleKind.FOLLOW)


def _by_keyword(text: str) -> Iterator[ReplyRule]:
    said = wording.normal(text)
    if not said:
        return
    exact = owner_of(text)
    if exact is not None:
        yield exact
    for rule in _active(RuleKind.CONTAINS):
        if any(wording.normal(row.keyword) in said for row in rule.keywords):
            yield rule


def _active(kind: RuleKind) -> Sequence[ReplyRule]:
    return db.session.scalars(
        sa.select(ReplyRule)
        .filter_by(kind=kind, is_active=True)
        .order_by(ReplyRule.sort, ReplyRule.id)
    ).all()


def _names_inviter(rule: ReplyRule) -> bool:
    return any(map(wording.names_inviter, (rule.content, rule.title, rule.description)))


def _builtin(event: Event, fills: Fills) -> str:
    match event:
        case Event.FOLLOW | Event.FOLLOW_BY_CODE:
            words = builtin.FOLLOW
        case Event.SCAN | Event.RETURN:
            words = builtin.SCAN
        case _:
            return builtin.DEFAULT
    return builtin.INVITED + words if fills.is_invited else words
