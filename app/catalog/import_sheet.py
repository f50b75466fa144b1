"""The columns of a product file (商品导入), and how a cell is read."""

import re
from dataclasses import dataclass, field

from app.core import sheets
from app.core.errors import InvalidInput
from app.core.money import parse_yuan

ROWS_MAX = 1000
# What a person types to take something away; an empty cell leaves it as it is.
NOTHING = "无"


@dataclass(frozen=True)
class Column:
    """`title` is its heading; `help` and `example` stand in the template."""

    name: str
    title: str
    help: str
    example: str = ""
    more: str = ""  # the example of the second row
    is_product: bool = False  # said once for all rows of a product


COLUMNS = (
    Column(
        "code",
        "商品编码",
        "店里自己的编号，必填（已有货号的修改除外）。同一个编码的几行是一个商品；没有这个编码就新建",
        "CH-001",
        "CH-001",
    ),
    Column("title", "商品名称", "新建时必填，最多 80 个字", "高山绿茶", is_product=True),
    Column("subtitle", "副标题", "一句话卖点，最多 120 个字", "明前采摘", is_product=True),
    Column(
        "category",
        "分类",
        "后台里已有的分类；重名时写上一级，如 茶叶/绿茶",
        is_product=True,
    ),
    Column("tags", "标签", "用顿号分开，最多 8 个", "新品、送礼", is_product=True),
    Column("unit", "单位", "不填为“件”", "盒", is_product=True),
    Column("limit", "每人限购", "数字；“无”为不限", is_product=True),
    Column("freight", "运费模板", "后台里已有的模板名称；“无”为包邮", is_product=True),
    Column(
        "specs",
        "规格",
        "如 颜色:雾蓝；尺寸:大。没有选择的商品不填，一个商品的每行规格名称要一致",
        "规格:一盒",
        "规格:两盒",
    ),
    Column("sku", "货号", "这个规格的编号；已有的货号就是修改它", "CH-001-1", "CH-001-2"),
    Column("price", "售价", "元，新规格必填", "99.00", "188.00"),
    Column("list", "划线价", "元", "129.00"),
    Column("member", "会员价", "元，不高于售价"),
    Column("cost", "成本价", "元", "45.00", "88.00"),
    Column("weight", "重量", "克", "250", "500"),
    Column("warn", "预警值", "库存不多于它时提醒补货", "5", "5"),
    Column("stock", "初始库存", "只对新规格有效；已有规格请用“库存导入”", "100", "50"),
)
TITLES = {column.title: column.name for column in COLUMNS}
COLUMN_OF = {column.name: column for column in COLUMNS}
_UNIT = re.compile(r"[（(][^）)]*[）)]|[*＊\s]")
_PAIRS = re.compile(r"[;；\n]+")
_PARTS = re.compile(r"[,，、;；\n]+")


@dataclass
class Line:
    """A row of the file: its number there, its cells by column, what is wrong with it."""

    number: int
    cells: dict[str, str]
    errors: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        return self.cells.get(name, "")

    def wrong(self, message: str) -> None:
        if message not in self.errors:
            self.errors.append(message)


def read(data: bytes, filename: str) -> list[Line]:
    """The rows of a product file below its heading.

    Raises:
        InvalidInput: no table, a heading nobody knows, or no row.
    """
    found = sheets.lines(
        data, filename, rows_max=ROWS_MAX, columns=len(COLUMNS) + 8, keep="商品的各列"
    )
    if len(found) < 2:
        raise InvalidInput("file", "文件里没有商品：第一行应为列名，从第二行起每行一个规格")
    (_, heads), *rows = found
    names: list[str] = []
    for head in heads:
        title = _UNIT.sub("", head)
        if title and title not in TITLES:
            raise InvalidInput("file", f"不认识的列“{head[:20]}”，请使用模板里的列名")
        name = TITLES.get(title, "")
        if name and name in names:
            raise InvalidInput("file", f"“{title}”有两列，请只留一列")
        names.append(name)
    if "code" not in names and "sku" not in names:
        raise InvalidInput("file", "缺少“商品编码”一列，请使用模板")
    return [
        Line(number, {name: text for name, text in zip(names, cells) if name})
        for number, cells in rows
    ]


def parts(text: str) -> tuple[str, ...]:
    found = (part.strip() for part in _PARTS.split(text))
    return tuple(dict.fromkeys(part for part in found if part))


def specs(line: Line) -> tuple[tuple[str, str], ...]:
    """`颜色:雾蓝；尺寸:大` as pairs; an unreadable cell is said at the line."""
    found = []
    for pair in _PAIRS.split(line.text("specs")):
        if not pair.strip():
            continue
        name, colon, value = pair.replace("：", ":").partition(":")
        if not (colon and name.strip() and value.strip()):
            line.wrong("“规格”应写成“颜色:雾蓝；尺寸:大”的样子")
            return ()
        found.append((name.strip(), value.strip()))
    if len({name for name, _ in found}) != len(found):
        line.wrong("“规格”里有重复的规格名称")
    return tuple(found)


def fen(line: Line, name: str, known: int | None) -> int | None:
    """The column's amount in fen, what was `known` where the cell is empty."""
    text = line.text(name).replace(",", "").removeprefix("¥").removesuffix("元").strip()
    if not text:
        return known
    if text == NOTHING and name != "price":
        return None
    try:
        return parse_yuan(text, field=name, label=f"“{COLUMN_OF[name].title}”")
    except InvalidInput as error:
        line.wrong(error.message)
        # Stands in, so that the rest of the row is judged as well.
        return known if known is not None else 1


def whole(line: Line, name: str, known: int) -> int:
    text = line.text(name)
    if not text:
        return known
    if text == NOTHING:
        return 0
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    line.wrong(f"“{COLUMN_OF[name].title}”应为 0 或正整数")
    return known
