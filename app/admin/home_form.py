"""The home page editor's form: a block as it was typed, and as the service takes it."""

from dataclasses import dataclass, field
from datetime import datetime

from flask import request

from app.catalog import RowRule
from app.content import (
    Banner,
    BlockInput,
    Categories,
    Content,
    HomeBlock,
    Kind,
    Line,
    Notice,
    Picture,
    Pictures,
    Places,
    Products,
    blank,
)
from app.core import clock, web

_ROWS_MAX = 30


@dataclass
class Form:
    """What was typed, and what is wrong with it so far."""

    kind: Kind
    title: str
    content: Content
    shown_from: str = ""
    shown_until: str = ""
    limit: str = ""
    is_active: bool = True
    errors: dict[str, str] = field(default_factory=dict)


def new(kind: Kind) -> Form:
    return Form(kind, "", blank(kind), limit="6")


def of(block: HomeBlock) -> Form:
    """A block of the draft as the form's fields hold it."""
    content = block.typed
    return Form(
        block.kind,
        block.title,
        content,
        _local(block.shown_from),
        _local(block.shown_until),
        str(content.limit) if isinstance(content, Products) else "",
        block.is_active,
    )


def typed(kind: Kind, places: Places) -> tuple[Form, BlockInput]:
    """The request's form, as it came and as the service takes it."""
    errors: dict[str, str] = {}
    form = Form(
        kind,
        web.form_text("title", 60).strip(),
        _content(kind, places, errors),
        web.form_text("shown_from", 30).strip(),
        web.form_text("shown_until", 30).strip(),
        web.form_text("limit", 6).strip(),
        web.form_text("is_active") == "1",
        errors,
    )
    given = BlockInput(
        form.content,
        form.title,
        _moment(form.shown_from, "shown_from", "开始展示", errors),
        _moment(form.shown_until, "shown_until", "结束展示", errors),
        form.is_active,
    )
    return form, given


def _content(kind: Kind, places: Places, errors: dict[str, str]) -> Content:
    match kind:
        case Kind.BANNER:
            return Banner(_pictures(places))
        case Kind.NOTICE:
            return Notice(_lines(places))
        case Kind.CATEGORIES:
            return Categories(_ids("category_ids"))
        case Kind.PRODUCTS:
            return _products(errors)
        case Kind.PICTURES:
            return Pictures(web.whole_number(web.form_text("columns", 2)) or 0, _pictures(places))


def _products(errors: dict[str, str]) -> Products:
    limit = web.whole_number(web.form_text("limit", 6).strip())
    if limit is None:
        errors["limit"] = "展示数量应为整数"
    rule = web.form_text("rule", 20)
    # What another rule would need is not kept: it would only puzzle who reads it later.
    return Products(
        rule,
        _chosen() if rule == RowRule.HAND else (),
        web.whole_number(web.form_text("category_id", 18)) if rule == RowRule.CATEGORY else None,
        web.form_text("tag", 40).strip() if rule == RowRule.TAG else "",
        limit if limit is not None else 6,
        web.form_text("look", 20),
    )


def _chosen() -> tuple[int, ...]:
    """The products in their order; without a script rows are ticked to leave."""
    gone = set(_ids("drop_ids"))
    return tuple(number for number in _ids("product_ids") if number not in gone)


def _pictures(places: Places) -> tuple[Picture, ...]:
    columns = [_column(f"picture_{name}") for name in ("path", "size", "alt", "link")]
    found = []
    for path, size, alt, link in zip(*columns):
        width, _, height = size.partition("x")
        if path:
            found.append(
                Picture(
                    path,
                    web.whole_number(width) or 0,
                    web.whole_number(height) or 0,
                    alt,
                    places.tidy(link),
                )
            )
    return tuple(found)


def _lines(places: Places) -> tuple[Line, ...]:
    rows = zip(_column("line_text"), _column("line_link"))
    return tuple(Line(text, places.tidy(link)) for text, link in rows if text or link)


def _column(name: str) -> list[str]:
    texts = request.form.getlist(name)[:_ROWS_MAX]
    return [text[:600].replace("\x00", "").strip() for text in texts]


def _ids(name: str) -> tuple[int, ...]:
    numbers = (web.whole_number(text) for text in request.form.getlist(name)[:_ROWS_MAX])
    return tuple(dict.fromkeys(number for number in numbers if number))


def _moment(text: str, name: str, label: str, errors: dict[str, str]) -> datetime | None:
    if not text:
        return None
    try:
        return clock.parse(text)
    except (ValueError, OverflowError):
        errors[name] = f"{label}的时间格式不正确"
        return None


def _local(moment: datetime | None) -> str:
    return clock.local(moment).strftime("%Y-%m-%dT%H:%M") if moment else ""
