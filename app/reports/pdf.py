"""Pages of figures as PDF, with the Chinese font that posters use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, TextEmphasis
from fpdf.fonts import FontFace

from app.core.errors import DomainError
from app.distribution.posters import fonts

_Turn = Literal["landscape", "portrait"]
_INK, _SOFT, _RULE = (32, 33, 36), (110, 114, 120), (222, 224, 228)


class NoFont(DomainError):
    code = "no_font"
    status = 503
    message = "服务器没有中文字体，暂时不能生成 PDF"


@dataclass(frozen=True)
class Table:
    """`widths` in parts of the page; `right` are the columns of figures, from 0."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[int]
    right: frozenset[int] = frozenset()


def document(
    title: str,
    *,
    shop: str,
    facts: Sequence[tuple[str, str]],
    tables: Sequence[Table],
    notes: Sequence[str],
    made_at: str,
    now: datetime,
    is_wide: bool = False,
) -> bytes:
    """A4 pages: a title, facts in two columns, tables, notes. Raises NoFont."""
    page = _Page(title, shop, made_at, now, "landscape" if is_wide else "portrait")
    page.set_font("text", size=17)
    page.set_text_color(*_INK)
    page.cell(0, 11, _clean(title), new_x="LMARGIN", new_y="NEXT")
    page.ln(2)
    _facts(page, facts)
    for table in tables:
        _table(page, table)
    page.set_font("text", size=8.5)
    page.set_text_color(*_SOFT)
    for note in notes:
        page.multi_cell(0, 5, _clean(note), new_x="LMARGIN", new_y="NEXT")
    return bytes(page.output())


class _Page(FPDF):
    """Shop and page number at the foot of each page."""

    def __init__(self, title: str, shop: str, made_at: str, now: datetime, turned: _Turn) -> None:
        super().__init__(orientation=turned)
        found = fonts.files()
        if found is None:
            raise NoFont()
        regular, _, index = found
        self.add_font("text", fname=regular, collection_font_number=index)
        self.set_title(title)
        self.set_author(shop)
        self.set_creation_date(now)
        self.set_margins(16, 16, 16)
        self.set_auto_page_break(True, margin=20)
        self._foot = f"{_clean(shop)} · 生成于 {made_at}"
        self.add_page()

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font("text", size=8)
        self.set_text_color(*_SOFT)
        self.cell(self.epw / 2, 5, self._foot)
        self.cell(self.epw / 2, 5, f"第 {self.page_no()} 页，共 {{nb}} 页", align="R")


def _facts(page: FPDF, facts: Sequence[tuple[str, str]]) -> None:
    half = page.epw / 2
    for first in range(0, len(facts), 2):
        for label, value in facts[first : first + 2]:
            page.set_font("text", size=9)
            page.set_text_color(*_SOFT)
            page.cell(28, 7, _clean(label))
            page.set_font("text", size=10.5)
            page.set_text_color(*_INK)
            page.cell(half - 28, 7, _clean(value))
        page.ln(7)
    page.ln(3)


def _table(page: FPDF, table: Table) -> None:
    page.set_font("text", size=11)
    page.set_text_color(*_INK)
    page.cell(0, 8, _clean(table.title), new_x="LMARGIN", new_y="NEXT")
    page.set_font("text", size=8.5)
    page.set_draw_color(*_RULE)
    with page.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        col_widths=tuple(table.widths),
        line_height=6,
        text_align=tuple("RIGHT" if i in table.right else "LEFT" for i in range(len(table.head))),
        headings_style=FontFace(emphasis=TextEmphasis.NONE, color=_SOFT),
    ) as grid:
        for row in (table.head, *table.rows):
            grid.row([_clean(text) for text in row])
    page.ln(4)


def _clean(text: str) -> str:
    """Without what the font cannot draw."""
    return fonts.clean(text)
