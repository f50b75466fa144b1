"""Working on the shop's own templates."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app import audit
from app.core.db import db, require_transaction
from app.core.errors import DomainError, NotFound
from app.core.rows import lock_rows
from app.distribution.posters import layout as layouts
from app.distribution.posters import queries
from app.distribution.posters.layout import InvalidLayout, Layout
from app.distribution.posters.models import PosterTemplate

NAME_MAX = 20
# Of one kind: a distributor swipes through all of them.
TEMPLATES_MAX = 12


@dataclass(frozen=True)
class TemplateInput:
    """A template as somebody typed it."""

    name: str
    layout: Layout
    is_active: bool = True


def faults(given: TemplateInput) -> dict[str, str]:
    """What is wrong with a template, field by field."""
    errors = layouts.faults(given.layout)
    if not 1 <= len(given.name.strip()) <= NAME_MAX:
        errors["name"] = f"请填写名称，最多 {NAME_MAX} 个字"
    if not errors and layouts.covered_code(given.layout.parts):
        errors["parts"] = "头像或昵称压住了二维码，请移开"
    return errors


def save(
    template_id: int | None, given: TemplateInput, *, actor: audit.Actor, now: datetime
) -> PosterTemplate:
    """Add a template at the end, or change one.

    Raises:
        InvalidLayout: what was typed makes no poster.
        NotFound: there is no such template.
        DomainError: there are `TEMPLATES_MAX` of this kind.
    """
    require_transaction()
    if errors := faults(given):
        raise InvalidLayout(errors)
    audience = given.layout.audience
    if template_id is None:
        rows = queries.page_of(audience)
        if len(rows) >= TEMPLATES_MAX:
            raise DomainError(f"每种海报最多 {TEMPLATES_MAX} 个模板，请先删除不用的")
        row = PosterTemplate(
            audience=audience, position=max((each.position for each in rows), default=0) + 1
        )
        before = None
    else:
        row = _locked(template_id)
        before = _facts(row)
        if row.audience is not audience:
            raise ValueError("a template keeps its kind")
    row.name, row.layout = given.name.strip(), layouts.write(given.layout)
    row.is_active, row.updated_at = given.is_active, now
    db.session.add(row)
    db.session.flush()
    _record("poster.save", row, actor, now, before=before, after=_facts(row))
    return row


def switch(template_id: int, *, is_active: bool, actor: audit.Actor, now: datetime) -> None:
    """Offer a template to distributors or not. Raises NotFound."""
    row = _locked(template_id)
    before, row.is_active = row.is_active, is_active
    if before != is_active:
        _record(
            "poster.switch",
            row,
            actor,
            now,
            before={"is_active": before},
            after={"is_active": is_active},
        )


def move(template_id: int, *, by: int, actor: audit.Actor, now: datetime) -> None:
    """Move a template up (-1) or down (1) among its kind. Raises NotFound."""
    row = _locked(template_id)
    ids = [each.id for each in queries.page_of(row.audience)]
    rows = {each.id: each for each in lock_rows(PosterTemplate, ids)}
    before = list(ids)
    at = ids.index(row.id)
    ids.insert(min(max(at + by, 0), len(ids) - 1), ids.pop(at))
    for position, each in enumerate(ids, start=1):
        rows[each].position = position
    if ids != before:
        _record("poster.move", row, actor, now, before={"order": before}, after={"order": ids})


def remove(template_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Take a template away for good; posters that were saved go on working. Raises NotFound."""
    row = _locked(template_id)
    _record("poster.remove", row, actor, now, before=_facts(row))
    db.session.delete(row)
    db.session.flush()


def _locked(template_id: int) -> PosterTemplate:
    rows = lock_rows(PosterTemplate, [template_id])
    if not rows:
        raise NotFound("没有这个海报模板，可能已被删除")
    return rows[0]


def _facts(row: PosterTemplate) -> dict[str, Any]:
    return {"name": row.name, "is_active": row.is_active, "layout": row.layout}


def _record(
    action: str, row: PosterTemplate, actor: audit.Actor, now: datetime, **facts: Any
) -> None:
    audit.record(
        action, subject="poster_template", subject_id=row.id, actor=actor, now=now, **facts
    )
