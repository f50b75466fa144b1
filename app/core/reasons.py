"""Why somebody did something (原因): asked for wherever an act must be explained later."""

from app.core.errors import InvalidInput

CHARS_MAX = 200


def given(text: str, missing: str, *, field: str = "reason", most: int = CHARS_MAX) -> str:
    """The reason without the blanks around it, as `if_any` keeps it.

    Raises InvalidInput for `field`: with the sentence `missing` where nothing was
    said, and for more than `most` characters.
    """
    if not text.strip():
        raise InvalidInput(field, missing)
    return if_any(text, field=field, most=most)


def if_any(text: str, *, field: str = "note", most: int = CHARS_MAX) -> str:
    """What was said without the blanks around it, "" for nothing.

    Never shortened: somebody reads it. Raises InvalidInput for `field` for more than
    `most` characters.
    """
    said = text.strip()
    if len(said) > most:
        raise InvalidInput(field, f"最多 {most} 个字")
    return said
