"""A report in words, as a letter, and its tables as files."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import Any

from app.core import money
from app.reports.boards import Board, Report, Span, files
from app.reports.boards.blocks import Tile, rate
from app.reports.exports import CellKind, FileFormat

# Of a table, in words; the file and the page have all of it.
ROWS_SAID = 5
_TYPES = {
    FileFormat.XLSX: ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    FileFormat.CSV: ("text", "csv"),
}


def summary_of(report: Report, span: Span, board: Board) -> dict[str, Any]:
    """What a reader learns at a glance, as plain texts that are kept."""
    shown = next((block for block in board.blocks if block.grid.rows), None)
    table: dict[str, Any] | None = None
    if shown is not None:
        kinds = [kind for _, kind in shown.grid.head]
        table = {
            "title": shown.title,
            "head": [title for title, _ in shown.grid.head],
            "rows": [
                [_said(kind, value) for kind, value in zip(kinds, row, strict=True)]
                for row in shown.grid.rows[:ROWS_SAID]
            ],
            "of": len(shown.grid.rows),
        }
    return {
        "title": f"{report.title}报表",
        "span": str(span),
        "before": str(span.before) if span.before else "",
        "tiles": [[tile.label, _figure(tile, tile.value), *_change(tile)] for tile in board.tiles],
        "notes": list(board.notes),
        "table": table,
        # Which of them can be had as files.
        "tables": [[block.key, block.title] for block in board.blocks if block.grid.rows],
    }


def text_of(summary: Mapping[str, Any], *, shop: str, link: str) -> str:
    lines = [f"{shop} · {summary['title']}", summary["span"]]
    if summary["before"]:
        lines.append(f"对比 {summary['before']}")
    lines.append("")
    for label, value, before, change in summary["tiles"]:
        against = f"（对比期 {before}{f'，{change}' if change else ''}）" if before else ""
        lines.append(f"{label}：{value}{against}")
    lines += summary["notes"]
    table = summary["table"]
    if table:
        lines += ["", _caption(table), "  ".join(table["head"])]
        lines += ["  ".join(row) for row in table["rows"]]
    return "\n".join([*lines, "", f"完整报表：{link}", "在后台“定期报表”里可以暂停或删除。", ""])


def html_of(summary: Mapping[str, Any], *, shop: str, link: str) -> str:
    """The same for mail programs that show more; styles stand in the tags, as they want."""
    cell = "padding:6px 14px 6px 0;border-bottom:1px solid #eee;text-align:left;white-space:nowrap"
    tiles = "".join(
        f'<tr><td style="{cell};color:#666">{escape(label)}</td>'
        f'<td style="{cell}"><b>{escape(value)}</b></td>'
        f'<td style="{cell};color:#666">{escape(before and f"对比期 {before}")}</td>'
        f'<td style="{cell}">{escape(change)}</td></tr>'
        for label, value, before, change in summary["tiles"]
    )
    table = summary["table"]
    rows = ""
    if table:
        head = "".join(f'<th style="{cell};color:#666">{escape(t)}</th>' for t in table["head"])
        body = "".join(
            "<tr>" + "".join(f'<td style="{cell}">{escape(value)}</td>' for value in row) + "</tr>"
            for row in table["rows"]
        )
        rows = (
            f'<h3 style="font-size:15px;margin:24px 0 6px">{escape(_caption(table))}</h3>'
            f'<table style="border-collapse:collapse;font-size:13px"><tr>{head}</tr>{body}</table>'
        )
    against = f"，对比 {escape(summary['before'])}" if summary["before"] else ""
    notes = "".join(f"<p>{escape(note)}</p>" for note in summary["notes"])
    return (
        '<!doctype html><html lang="zh-CN"><body style="font-family:sans-serif;color:#222">'
        f'<h2 style="font-size:18px;margin:0">{escape(shop)} · {escape(summary["title"])}</h2>'
        f'<p style="color:#666;margin:4px 0 16px">{escape(summary["span"])}{against}</p>'
        f'<table style="border-collapse:collapse;font-size:14px">{tiles}</table>{notes}{rows}'
        f'<p style="margin:24px 0 4px"><a href="{escape(link)}">查看完整报表</a></p>'
        '<p style="color:#999;font-size:12px">在后台“定期报表”里可以暂停或删除。</p></body></html>'
    )


def letter(
    summary: Mapping[str, Any],
    attached: Sequence[tuple[str, FileFormat, bytes]],
    *,
    sender: str,
    to: str,
    shop: str,
    link: str,
    message_id: str,
    now: datetime,
) -> EmailMessage:
    """One mail. Its id is the delivery's own: a second sending shows as the same letter."""
    mail = EmailMessage()
    mail["Subject"] = f"{shop} {summary['title']}（{summary['span']}）"
    mail["From"], mail["To"] = sender, to
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2].strip('> ')}>"
    # Asks absence notes and the like not to answer: RFC 3834.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text_of(summary, shop=shop, link=link))
    mail.add_alternative(html_of(summary, shop=shop, link=link), subtype="html")
    for name, kind, content in attached:
        main, sub = _TYPES[kind]
        mail.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return mail


def tables_of(span: Span, board: Board, kind: FileFormat) -> list[tuple[str, FileFormat, bytes]]:
    """Each table of the report as the panel exports it."""
    period = f"{span.first:%Y%m%d}-{span.last:%Y%m%d}"
    return [
        (f"{block.title}-{period}.{kind.value}", kind, files.content_of(block, kind))
        for block in board.blocks
        if block.grid.rows
    ]


def _caption(table: Mapping[str, Any]) -> str:
    cut = len(table["rows"]) < table["of"]
    return (
        f"{table['title']}（前 {len(table['rows'])} 行，共 {table['of']} 行）"
        if cut
        else table["title"]
    )


def _said(kind: CellKind, value: Any) -> str:
    if value is None:
        return "—"
    if kind is CellKind.MONEY:
        return money.format_yuan(value)
    return f"{value:,}" if kind is CellKind.NUMBER else str(value)


def _figure(tile: Tile, value: int | None) -> str:
    if value is None:
        return "—"
    if tile.kind is CellKind.MONEY:
        return f"¥{money.format_yuan(value)}"
    return rate(value) if tile.kind is CellKind.TEXT else f"{value:,}"


def _change(tile: Tile) -> tuple[str, str]:
    """The figure before, and by how much it changed; empty where nothing is compared."""
    if tile.before is None:
        return "", ""
    change = ""
    if tile.kind is not CellKind.TEXT and tile.change is not None:
        change = f"{'+' if tile.change > 0 else '−' if tile.change < 0 else ''}{abs(tile.change)}%"
    return _figure(tile, tile.before), change
