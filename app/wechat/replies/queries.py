import sqlalchemy as sa

from app.core.db import db
from app.core.errors import NotFound
from app.wechat.replies import wording
from app.wechat.replies.models import ReplyKeyword, ReplyRule, RuleKind


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
