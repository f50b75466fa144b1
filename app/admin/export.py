"""Tables as files of the panel; how they are written is `core.export`'s."""

from app.core.export import csv_file, csv_stream, download

__all__ = ["csv_file", "csv_stream", "download"]
