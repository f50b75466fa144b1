"""Text of replies: what is equal, what may stand in it, how its gaps are filled."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping

# WeChat drops a text reply that is longer.
TEXT_BYTES_MAX = 2048
INVITER_CHARS_MAX = 20
# What a gap may grow to, in bytes: 20 characters of up to 4; the address at hand is shorter.
PLACEHOLDER_BYTES = {"shop": 80, "mall": 120, "inviter": 80}

_GAP = re.compile(r"\{([^{}]*)\}")
# Invisible, and so never meant: zero-width spaces and the byte order mark.
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))


def normal(text: str) -> str:
    """The form in which keywords and messages are compared."""
    seen = unicodedata.normalize("NFKC", text.translate(_UNSEEN))
    return seen.casefold().strip()


def digest(text: str) -> str:
    """The unique key of an exact keyword."""
    return hashlib.sha256(normal(text).encode()).hexdigest()


def printable(text: str) -> str:
    """Trimmed, with plain line ends, without what XML cannot carry."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char for char in lines if char == "\n" or _is_shown(char)).strip()


def unknown_gaps(text: str) -> list[str]:
    """Placeholders in `text` that nothing fills, with their braces."""
    return [f"{{{name}}}" for name in _GAP.findall(text) if name not in PLACEHOLDER_BYTES]


def names_inviter(text: str) -> bool:
    return "{inviter}" in text


def longest_bytes(text: str) -> int:
    """The size of `text` with every gap filled as far as it goes."""
    gaps = sum(PLACEHOLDER_BYTES.get(name, 0) for name in _GAP.findall(text))
    return len(_GAP.sub("", text).encode()) + gaps


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with its gaps filled, once: what fills a gap has none of its own."""
    return _GAP.sub(lambda found: values.get(found[1], found[0]), text)


def harmless(name: str) -> str:
    """A name that somebody chose: WeChat would make links of tags in a text."""
    plain = " ".join(printable(name).split()).translate({ord("<"): "＜", ord(">"): "＞"})
    return plain[:INVITER_CHARS_MAX]


def cut(text: str, most: int = TEXT_BYTES_MAX) -> str:
    """At most `most` bytes of `text`, ending between two characters."""
    return text.encode()[:most].decode(errors="ignore")


def _is_shown(char: str) -> bool:
    # Cc control characters, Cs lone surrogates; U+FFFE and U+FFFF are no XML either.
    return unicodedata.category(char) not in ("Cc", "Cs") and char not in "\ufffe\uffff"
