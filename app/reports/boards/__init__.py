"""Reports (报表): each chart with its table, from the figures by day."""

from app.reports.boards import files, overview
from app.reports.boards.blocks import Block, Board, Compare, Grid, Span, Tile
from app.reports.boards.reports import REPORTS, Report

__all__ = [
    "REPORTS",
    "Block",
    "Board",
    "Compare",
    "Grid",
    "Report",
    "Span",
    "Tile",
    "files",
    "overview",
]
