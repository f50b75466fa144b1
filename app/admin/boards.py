"""Charts of the dashboard and of reports as files, and the days that an address asks for."""

from collections.abc import Iterable
from datetime import date

from flask import Response, request

from app.admin.export import download
from app.core.errors import NotFound
from app.reports.boards import Block, files
from app.reports.exports import FileFormat

_TYPES = {
    FileFormat.CSV: "text/csv",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def asked_day(name: str) -> date | None:
    """A day of the address; None where there is none, or nonsense."""
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def file_of(blocks: Iterable[Block], key: str, *, period: str) -> Response:
    """The table of one block as the file that the address asks for. Raises NotFound."""
    found = next((block for block in blocks if block.key == key), None)
    if found is None:
        raise NotFound("没有这张图表")
    kind = FileFormat.XLSX if request.args.get("format") == "xlsx" else FileFormat.CSV
    name = f"{found.title}-{period}.{kind.value}"
    return download(name, files.content_of(found, kind), _TYPES[kind])
