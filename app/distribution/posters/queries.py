from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app import settings
from app.core.db import db
from app.core.errors import NotFound
from app.distribution.posters.layout import Audience, Layout
from app.distribution.posters.models import PosterTemplate
from app.distribution.posters.starters import STARTERS


@dataclass(frozen=True)
class Choice:
    """A poster that may be chosen; `key` names it in addresses."""

    key: str
    name: str
    layout: Layout


def page_of(audience: Audience) -> Sequence[PosterTemplate]:
    """The shop's own templates in their order, switched off ones included."""
    return db.session.scalars(
        sa.select(PosterTemplate)
        .filter_by(audience=audience)
        .order_by(PosterTemplate.position, PosterTemplate.id)
    ).all()


def get(template_id: int) -> PosterTemplate:
    """Raises NotFound."""
    found = db.session.get(PosterTemplate, template_id)
    if found is None:
        raise NotFound("没有这个海报模板，可能已被删除")
    return found


def choices(audience: Audience) -> list[Choice]:
    """What a distributor chooses from: the shop's own, then those that come with it.

    The latter also where the shop switched them off but has none of its own: a
    distributor without any poster is the worse surprise.
    """
    own = [Choice(str(row.id), row.name, row.typed) for row in page_of(audience) if row.is_active]
    if own and not settings.value(settings.registry.POSTER_STARTERS):
        return own
    return [
        *own,
        *(
            Choice(key, name, layout)
            for key, (name, layout) in STARTERS.items()
            if layout.audience is audience
        ),
    ]


def choice(audience: Audience, key: str) -> Choice:
    """One of `choices`. Raises NotFound."""
    for found in choices(audience):
        if found.key == key:
            return found
    raise NotFound("这张海报已下架，请换一张")
