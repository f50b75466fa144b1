"""What the sections share: how rows are read, and reasons and times given more than once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.core.db import Model, Rows, db

TRADE_LAW = "电子商务法要求的交易记录"
TRADE_KEPT = "交易完成后 3 年；注销后不再对应到你本人"
UNTIL_GONE = "直到你删除，或注销账号"
TAX_LAW = "佣金结算、代扣个人所得税"


def every(query: Rows) -> Sequence[Any]:
    return db.session.scalars(query).all()


def read(rows: Iterable[Model], columns: Sequence[tuple[str, str]]) -> list[Mapping[str, Any]]:
    return [{name: getattr(row, name) for name, _ in columns} for row in rows]
