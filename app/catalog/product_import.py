"""Products from a file (商品导入): looked at first, then all of it or nothing.

A file is read and kept; what it would change is computed from the shop as it is and
shown. Applying computes it once more, with every product locked: if it is not what
was shown, because somebody changed a product meanwhile, nothing is done.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

import sqlalchemy as sa

from app import audit
from app.catalog import import_sheet, products
from app.catalog.import_plan import Change, Plan, RowReport, plan, reported
from app.catalog.models import Product, ProductImport, Sku
from app.core.db import db, require_transaction
from app.core.errors import DomainError
from app.core.rows import affected, lock_one, lock_rows

__all__ = [
    "Change",
    "Plan",
    "RowReport",
    "Stale",
    "apply",
    "get",
    "plan",
    "recent",
    "reported",
    "tidy",
    "upload",
]

KEPT = timedelta(days=30)


class Stale(DomainError):
    code = "stale"
    message = "核对之后有商品被改过，什么都没有导入。请按下面最新的结果重新核对"


def upload(data: bytes, *, filename: str, actor: audit.Actor, now: datetime) -> ProductImport:
    """Read a file and keep its rows; nothing of the shop is changed.

    Raises:
        InvalidInput: it is no table of products.
    """
    require_transaction()
    read = import_sheet.read(data, filename)
    row = ProductImport(
        filename=filename[-120:],
        lines=[[line.number, line.cells] for line in read],
        report=[],
        uploaded_by=actor.ref,
        uploaded_at=now,
    )
    db.session.add(row)
    db.session.flush()
    audit.record(
        "product.upload",
        subject="product_import",
        subject_id=row.id,
        actor=actor,
        now=now,
        after={"filename": row.filename, "rows": len(read)},
    )
    return row


def get(import_id: int) -> ProductImport | None:
    return db.session.get(ProductImport, import_id)


def recent(limit: int = 10) -> Sequence[ProductImport]:
    return db.session.scalars(
        sa.select(ProductImport).order_by(ProductImport.id.desc()).limit(limit)
    ).all()


def tidy(now: datetime) -> int:
    """Forget files after 30 days; what they changed is in the log."""
    return affected(sa.delete(ProductImport).where(ProductImport.uploaded_at < now - KEPT))


def apply(import_id: int, *, seen: str, actor: audit.Actor, now: datetime) -> ProductImport:
    """Do all that the file says (确认导入). A second time changes nothing.

    Raises:
        NotFound: there is no such file any more.
        Stale: it would do something else than what was `seen`; nothing is changed.
        DomainError: a row is wrong; nothing is changed.
    """
    row = lock_one(ProductImport, import_id, "导入的文件不存在或已过期，请重新上传")
    if row.applied_at is not None:
        return row
    ids = [product_id for product_id, _ in plan(row.lines).wanted if product_id is not None]
    # Products before SKUs, each in the order of their ids, as the editor does. A price
    # is changed under the SKU's lock alone, so that is wanted as well.
    lock_rows(Product, ids)
    lock_rows(Sku, list(db.session.scalars(sa.select(Sku.id).where(Sku.product_id.in_(ids)))))
    db.session.expire_all()
    made = plan(row.lines)
    if made.mark != seen:
        raise Stale()
    if not made.may_apply:
        raise DomainError("文件里有不正确的行，或没有要改的内容，什么都没有导入")
    for product_id, given in made.wanted:
        products.save(product_id, given, actor=actor, now=now)
    row.report = [asdict(line) for line in made.rows]
    row.applied_at, row.applied_by = now, actor.ref
    audit.record(
        "product.import",
        subject="product_import",
        subject_id=row.id,
        actor=actor,
        now=now,
        after={state: made.count(state) for state in ("new", "change", "same")},
    )
    return row
