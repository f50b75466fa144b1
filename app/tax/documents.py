"""`tax quote`: payments of one person as a document, what is withheld of each."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.core.errors import InvalidInput
from app.core.money import AMOUNT_FEN_MAX
from app.tax.methods import Before, period_of, withhold
from app.tax.tables import Method, table_for

_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])", re.ASCII)


def quote_document(document: object) -> dict[str, list[int]]:
    """`{"method", "payments": [{"month", "gross_fen"}]}` as `{"tax_fen": [...]}`.

    The payments are made one after another, in the order of the list.

    Raises InvalidInput naming the path of the value at fault.
    """
    if not isinstance(document, Mapping):
        raise InvalidInput("document", "应为一个对象")
    for name in document:
        if name not in ("method", "payments"):
            raise InvalidInput(str(name), f"不认识的字段 {name}")
    method = _method(document.get("method"))
    listed = document.get("payments")
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise InvalidInput("payments", "应为一个列表")
    payments = [_payment(item, f"payments.{i}") for i, item in enumerate(listed)]
    return {"tax_fen": _taxes(method, payments)}


def _taxes(method: Method, payments: Sequence[tuple[str, int]]) -> list[int]:
    taxes: list[int] = []
    if method is Method.NONE:
        return [0] * len(payments)
    periods: dict[str, Before] = {}
    for month, gross_fen in payments:
        period = period_of(method, month)
        before = periods.get(period, Before())
        table = table_for(method, month)
        tax_fen = withhold(table, month=month, gross_fen=gross_fen, before=before).tax_fen
        taxes.append(tax_fen)
        periods[period] = Before(
            before.gross_fen + gross_fen,
            before.tax_fen + tax_fen,
            min(before.first_month or month, month),
        )
    return taxes


def _method(value: object) -> Method:
    try:
        return Method(value)  # type: ignore[arg-type]
    except ValueError:
        raise InvalidInput("method", "应为 none、monthly 或 cumulative") from None


def _payment(item: Any, path: str) -> tuple[str, int]:
    if not isinstance(item, Mapping):
        raise InvalidInput(path, "应为一个对象")
    for name in item:
        if name not in ("month", "gross_fen"):
            raise InvalidInput(f"{path}.{name}", f"不认识的字段 {name}")
    month, gross = item.get("month"), item.get("gross_fen")
    if not isinstance(month, str) or not _MONTH.fullmatch(month):
        raise InvalidInput(f"{path}.month", "应为月份，例如 2026-11")
    if type(gross) is not int or not 0 <= gross <= AMOUNT_FEN_MAX:
        raise InvalidInput(f"{path}.gross_fen", "应为不小于 0 的整数（分）")
    return month, gross
