"""What all words share: a word with its tone, and a share in percent."""

from collections.abc import Mapping

# Word and tone: "wait" somebody must act, "go" on its way, "good" done, "off"
# over, "bad" look at it now.
Word = tuple[str, str]


def word(words: Mapping[str, Word], value: object) -> Word:
    """The word and tone of a stored state; an unknown one speaks for itself."""
    return words.get(str(value), (str(value), "off"))


def percent(bps: int) -> str:
    """Basis points as percent, without needless zeros."""
    whole, rest = divmod(abs(bps), 100)
    text = f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)
    return f"{'-' if bps < 0 else ''}{text}%"
