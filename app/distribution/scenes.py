"""A distributor's QR codes of the official account (公众号推广码), and what a scan says.

A member's own code is the scene itself; that of one product is `CODE-p12`, so that
whoever scans it is bound as by any code and shown the product. WeChat lets a temporary
scene live 30 days: those of products are made when they are asked for.
"""

import re
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.core.db import db, require_transaction
from app.core.rows import affected
from app.distribution.models import ProductScene

_OF_PRODUCT = re.compile(r"([0-9A-Za-z]{1,16})-p([1-9][0-9]{0,17})")


def name(code: str, product_id: int | None = None) -> str:
    """What WeChat tells us when somebody scans it."""
    return code if product_id is None else f"{code}-p{product_id}"


def read(scene: str) -> tuple[str, int | None]:
    """The code in a scene, and the product it is for."""
    found = _OF_PRODUCT.fullmatch(scene)
    return (found[1], int(found[2])) if found else (scene, None)


def of_product(code_id: int, product_id: int, *, now: datetime) -> ProductScene | None:
    """What WeChat made for this code and product, while it still works."""
    found = db.session.get(ProductScene, (code_id, product_id))
    return found if found is not None and found.expires_at > now else None


def keep_of_product(
    code_id: int, product_id: int, *, ticket: str, url: str, lasts: timedelta, now: datetime
) -> None:
    """Store what WeChat made, in place of what ended."""
    require_transaction()
    db.session.merge(
        ProductScene(
            code_id=code_id,
            product_id=product_id,
            qr_ticket=ticket,
            qr_url=url,
            expires_at=now + lasts,
        )
    )


def tidy(now: datetime) -> int:
    """Delete what no longer works; how many."""
    require_transaction()
    return affected(sa.delete(ProductScene).where(ProductScene.expires_at <= now))
