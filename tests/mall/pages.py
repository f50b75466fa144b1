"""Reading pages as people do."""

import re
from html import unescape
from typing import Any


def text_of(response: Any) -> str:
    """What a person reads, without tags and line breaks."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", response.text)))


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's form, as a browser would send them."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
