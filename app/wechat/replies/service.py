from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app import audit
from app.core.db import db, require_transaction
from app.core.errors import InvalidInput
from app.core.rows import lock_one
from app.wechat.replies import queries, wording
from app.wechat.replies.models import (
    FOLLOW_KINDS,
    KEYWORD_KINDS,
    ReplyKeyword,
    ReplyRule,
    ReplyType,
    RuleKind,
)

RULES_MAX = 200
KEYWORDS_MAX = 10
KEYWORD_CHARS_MAX = 30
SORT_MAX = 9999
MISSING = "没有这条回复规则"


@dataclass(frozen=True)
class RuleInput:
    """A rule as somebody typed it. What its kind or type does not use is left out."""

    kind: str
    reply_type: str
    keywords: tuple[str, ...] = ()
    content: str = ""
    title: str = ""
    description: str = ""
    picture_url: str = ""
    url: str = ""
    sort: int = 100
    is_active: bool = True

    def checked(self) -> "RuleInput":
        """Clean and complete. Raises InvalidInput naming the first field at fault."""
        kind = _choice(RuleKind, self.kind, "kind", "请选择触发方式")
        reply_type = _choice(ReplyType, self.reply_type, "reply_type", "请选择回复类型")
        if reply_type == ReplyType.SERVICE and kind in FOLLOW_KINDS:
            raise InvalidInput(
                "reply_type", "关注和扫码不是消息，微信不能转给客服，请改用文字或图文"
            )
        if not 0 <= self.sort <= SORT_MAX:
            raise InvalidInput("sort", f"排序应在 0 到 {SORT_MAX} 之间")
        bare = RuleInput(
            kind,
            reply_type,
            keywords=_keywords(self.keywords) if kind in KEYWORD_KINDS else (),
            sort=self.sort,
            is_active=self.is_active,
        )
        if reply_type == ReplyType.TEXT:
            return replace(bare, content=_content(self.content))
        if reply_type == ReplyType.NEWS:
            return replace(
                bare,
                title=_words(self.title, "title", "标题", 64, is_needed=True),
                description=_words(self.description, "description", "摘要", 120),
                picture_url=_address(self.picture_url, "picture_url", "图片地址"),
                url=_address(self.url, "url", "跳转地址", is_needed=True),
            )
        return bare


def create(given: RuleInput, *, actor: audit.Actor, now: datetime) -> ReplyRule:
    """Add a rule.

    Raises:
        InvalidInput: a field cannot be taken, an exact keyword belongs to
            another active rule, or there are too many rules.
    """
    require_transaction()
    clean = given.checked()
    # Two at once may pass by one: the limit keeps answering quick, no more.
    if (db.session.scalar(sa.select(sa.func.count()).select_from(ReplyRule)) or 0) >= RULES_MAX:
        raise InvalidInput("kind", f"最多 {RULES_MAX} 条规则，请先删除不用的规则")
    rule = ReplyRule(updated_by=actor.ref, updated_at=now)
    _refuse_taken(clean, rule_id=None)
    _write(rule, clean)
    audit.record(
        "reply.create",
        subject="reply",
        subject_id=rule.id,
        actor=actor,
        now=now,
        after=_facts(rule),
    )
    return rule


def change(rule_id: int, given: RuleInput, *, actor: audit.Actor, now: datetime) -> ReplyRule:
    """Give a rule new content. Nothing changed leaves no trace.

    Raises NotFound, and InvalidInput as `create` does.
    """
    require_transaction()
    clean = given.checked()
    rule = lock_one(ReplyRule, rule_id, MISSING)
    _refuse_taken(clean, rule_id=rule.id)
    before = _facts(rule)
    if before == _facts_of(clean):
        return rule
    rule.updated_by, rule.updated_at = actor.ref, now
    _write(rule, clean)
    audit.record(
        "reply.change",
        subject="reply",
        subject_id=rule.id,
        actor=actor,
        now=now,
        before=before,
        after=_facts(rule),
    )
    return rule


def remove(rule_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Delete a rule; the audit entry keeps what it said. Raises NotFound."""
    require_transaction()
    rule = lock_one(ReplyRule, rule_id, MISSING)
    audit.record(
        "reply.remove",
        subject="reply",
        subject_id=rule.id,
        actor=actor,
        now=now,
        before=_facts(rule),
    )
    db.session.delete(rule)
    db.session.flush()


def _write(rule: ReplyRule, clean: RuleInput) -> None:
    rule.kind, rule.reply_type = RuleKind(clean.kind), ReplyType(clean.reply_type)
    rule.content, rule.title, rule.description = clean.content, clean.title, clean.description
    rule.picture_url, rule.url = clean.picture_url, clean.url
    rule.sort, rule.is_active = clean.sort, clean.is_active
    is_exact = rule.kind is RuleKind.EXACT and rule.is_active
    try:
        with db.session.begin_nested():
            db.session.add(rule)
            # First the old ones go: an insert before its delete meets its own unique key.
            rule.keywords.clear()
            db.session.flush()
            rule.keywords.extend(
                ReplyKeyword(
                    position=position,
                    keyword=keyword,
                    exact_key=wording.digest(keyword) if is_exact else None,
                )
                for position, keyword in enumerate(clean.keywords)
            )
    except IntegrityError as error:
        # Somebody else's rule took the keyword since it was looked for.
        raise InvalidInput("keywords", "关键词刚被另一条规则使用，请刷新后再试") from error


def _refuse_taken(clean: RuleInput, *, rule_id: int | None) -> None:
    if clean.kind != RuleKind.EXACT or not clean.is_active:
        return
    for keyword in clean.keywords:
        owner = queries.owner_of(keyword)
        if owner is not None and owner.id != rule_id:
            raise InvalidInput("keywords", f"关键词“{keyword}”已在规则 {owner.id} 中使用")


def input_of(rule: ReplyRule) -> RuleInput:
    """A rule as its form holds it."""
    return RuleInput(
        rule.kind,
        rule.reply_type,
        keywords=tuple(row.keyword for row in rule.keywords),
        content=rule.content,
        title=rule.title,
        description=rule.description,
        picture_url=rule.picture_url,
        url=rule.url,
        sort=rule.sort,
        is_active=rule.is_active,
    )


def _facts(rule: ReplyRule) -> dict[str, Any]:
    return _facts_of(input_of(rule))


def _facts_of(given: RuleInput) -> dict[str, Any]:
    """For the audit entry; what is empty is left out."""
    facts: dict[str, Any] = {
        "kind": str(given.kind),
        "keywords": "、".join(given.keywords),
        "reply_type": str(given.reply_type),
        "content": given.content,
        "title": given.title,
        "description": given.description,
        "picture_url": given.picture_url,
        "url": given.url,
        "sort": given.sort,
        "is_active": given.is_active,
    }
    return {name: value for name, value in facts.items() if value != ""}


def _choice(
    choices: type[RuleKind] | type[ReplyType], value: str, field: str, message: str
) -> RuleKind | ReplyType:
    try:
        return choices(value)
    except ValueError:
        raise InvalidInput(field, message) from None


def _keywords(given: tuple[str, ...]) -> tuple[str, ...]:
    """Trimmed, on one line each, none of them equal to another."""
    found: dict[str, str] = {}
    for typed in given:
        keyword = " ".join(wording.printable(typed).split())
        normal = wording.normal(keyword)
        if not normal:
            continue
        if len(keyword) > KEYWORD_CHARS_MAX:
            raise InvalidInput("keywords", f"每个关键词最多 {KEYWORD_CHARS_MAX} 个字")
        if normal in found:
            raise InvalidInput("keywords", f"关键词“{keyword}”重复了")
        found[normal] = keyword
    if not found:
        raise InvalidInput("keywords", "请填写至少一个关键词")
    if len(found) > KEYWORDS_MAX:
        raise InvalidInput("keywords", f"一条规则最多 {KEYWORDS_MAX} 个关键词")
    return tuple(found.values())


def _content(typed: str) -> str:
    text = wording.printable(typed)
    if not text:
        raise InvalidInput("content", "请填写回复内容")
    if len(text) > 600:
        raise InvalidInput("content", "回复内容最多 600 个字")
    _refuse_unknown_gaps(text, "content")
    if wording.longest_bytes(text) > wording.TEXT_BYTES_MAX:
        raise InvalidInput("content", "回复内容超过了微信 2048 字节的上限，请缩短（表情占 4 字节）")
    return text


def _words(typed: str, field: str, label: str, longest: int, *, is_needed: bool = False) -> str:
    text = " ".join(wording.printable(typed).split())
    if is_needed and not text:
        raise InvalidInput(field, f"请填写{label}")
    if len(text) > longest:
        raise InvalidInput(field, f"{label}最多 {longest} 个字")
    _refuse_unknown_gaps(text, field)
    return text


def _address(typed: str, field: str, label: str, *, is_needed: bool = False) -> str:
    """A web address, or one of the mall's own that begins with `{mall}`."""
    text = wording.printable(typed)
    if not text and not is_needed:
        return ""
    if not text:
        raise InvalidInput(field, f"请填写{label}")
    if len(text) > 500:
        raise InvalidInput(field, f"{label}最多 500 个字符")
    rest = text.removeprefix("{mall}")
    if "{" in rest or "}" in rest:
        raise InvalidInput(field, f"{label}里只能在开头使用 {{mall}}")
    whole = f"https://mall.invalid{rest}" if rest != text else text
    try:
        parts = urlsplit(whole)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_good = False
    # `{mall}x` would lead to another host than the mall's.
    if not is_good or text.split() != [text] or (rest != text and rest[:1] not in ("", "/", "?")):
        raise InvalidInput(field, f"{label}应以 https:// 或 {{mall}}/ 开头")
    return text


def _refuse_unknown_gaps(text: str, field: str) -> None:
    unknown = wording.unknown_gaps(text)
    if unknown:
        raise InvalidInput(field, f"不认识 {unknown[0]}，可用的有 {{shop}}、{{mall}}、{{inviter}}")
