"""A product's description (图文详情): cleaned by an allowlist, plain lines of old kept."""

import html
import re

import nh3

LONGEST = 60_000
_TAGS = {
    *("p", "h2", "h3", "strong", "b", "em", "i", "u", "s", "br", "blockquote"),
    *("ul", "ol", "li", "img", "a", "hr"),
}
_OWN_PICTURE = re.compile(r"/media/[\w./-]+\.(?:jpg|jpeg|png|webp)", re.ASCII)
_OWN_PAGE = re.compile(r"/(?!/)[^\\\s]*")


def clean(text: str) -> str:
    """`text` as HTML that is safe to show: our own pictures and pages only.

    A shop's description that loads a foreign picture or leads elsewhere would tell
    that place who looks; scripts, styles, classes and frames are gone altogether.
    """
    if not text.lstrip().startswith("<"):
        lines = [line.strip() for line in text.splitlines()]
        text = "".join(f"<p>{html.escape(line)}</p>" for line in lines if line)
    return nh3.clean(
        text,
        tags=_TAGS,
        attributes={"img": {"src", "alt", "width", "height"}, "a": {"href"}},
        attribute_filter=_kept,
        set_tag_attribute_values={"img": {"loading": "lazy"}},
        link_rel=None,
    )


def _kept(tag: str, name: str, value: str) -> str | None:
    if (tag, name) == ("img", "src"):
        return value if _OWN_PICTURE.fullmatch(value) and ".." not in value else None
    if (tag, name) == ("a", "href"):
        return value if _OWN_PAGE.fullmatch(value) else None
    if name in ("width", "height"):
        return value if value.isascii() and value.isdigit() and len(value) < 5 else None
    return value


def is_empty(text: str) -> bool:
    """Whether nothing is to be seen in it: an editor leaves `<p><br></p>` behind."""
    return "<img" not in text and not nh3.clean(text, tags=set()).replace("&nbsp;", " ").strip()
