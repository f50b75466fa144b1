"""A chart's table as a file."""

import tempfile
from pathlib import Path

from app.reports import exports
from app.reports.boards.blocks import Block
from app.reports.exports import FileFormat, Source


def content_of(block: Block, kind: FileFormat) -> bytes:
    """A block's table as a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        exports.write(path, Source(block.grid.head, [block.grid.rows]), kind)
        return path.read_bytes()
