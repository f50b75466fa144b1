"""A plan's form as the desk fills it in, and the plans that are stored."""

from typing import Any

import sqlalchemy as sa

from app.commission import PlanVersion
from app.core.db import db

FORM = {
    "act": "save",
    "name": "秋季方案",
    "depth_cap": "2",
    "base": "profit",
    "mode": "fixed",
    "self_purchase": "off",
    "inactive_upline": "compress",
    "line_cap_bps": "25.5",
    "depths": "2",
    "default.1.kind": "bps",
    "default.1.value": "12.25",
    "default.2.kind": "",
}


def stored() -> list[tuple[Any, ...]]:
    db.session.rollback()
    columns = PlanVersion.__table__.columns
    return [tuple(row) for row in db.session.execute(sa.select(*columns).order_by("id"))]


def newest() -> PlanVersion:
    db.session.rollback()
    return db.session.scalars(sa.select(PlanVersion).order_by(PlanVersion.id.desc())).first()
