"""Tables as files for a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from urllib.parse import quote

from flask import Response, stream_with_context

# A spreadsheet takes a text that begins so for a formula and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A CSV download called `name`, with the BOM by which Excel knows UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([cell(value) for value in row] for row in rows)
    return download(name, b"\xef\xbb\xbf" + out.getvalue().encode(), "text/csv")


def csv_stream(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """The same for a table of any length: a row is written when it is fetched."""

    def lines() -> Iterator[bytes]:
        out = io.StringIO()
        writer = csv.writer(out)
        yield b"\xef\xbb\xbf"
        for row in chain([head], rows):
            writer.writerow([cell(value) for value in row])
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()

    response = Response(stream_with_context(lines()), mimetype="text/csv")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    return response


def download(name: str, content: bytes, mimetype: str) -> Response:
    """A file to keep, called `name`; no cache on the way holds it."""
    response = Response(content, mimetype=mimetype)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def cell(value: object) -> object:
    """Numbers as they are; a text that would run as a formula behind an apostrophe."""
    if isinstance(value, str) and value.lstrip().startswith(_FORMULA):
        return f"'{value}"
    return value
