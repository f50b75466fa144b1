"""Long lists as files, made in the background (导出).

A row says who asked for what and how far it is. A worker claims it, writes the file
beside its place under another name, part by part, and puts it in place only when it is
whole: what is offered is never half a file. A worker that died is noticed by its silence;
the next one starts afresh, three times at most. Files end after the days that the
settings say; the row stays.

What a list is, this package does not know: `configure` names who turns a row into a
`Source`, because declarations of lists belong to the panel and the worker to the jobs.
"""

from app.reports.exports.files import CellKind, FileFormat, Source, write
from app.reports.exports.models import AdminExport, ExportState
from app.reports.exports.service import (
    AT_ONCE_MAX,
    OPEN_MAX,
    ROWS_MAX,
    TooManyExports,
    Wanted,
    cancel,
    configure,
    due,
    expire,
    export_of,
    exports_of,
    make,
    path_of,
    request,
    told,
    took,
)

__all__ = [
    "AT_ONCE_MAX",
    "OPEN_MAX",
    "ROWS_MAX",
    "AdminExport",
    "CellKind",
    "ExportState",
    "FileFormat",
    "Source",
    "TooManyExports",
    "Wanted",
    "cancel",
    "configure",
    "due",
    "expire",
    "export_of",
    "exports_of",
    "make",
    "path_of",
    "request",
    "told",
    "took",
    "write",
]
