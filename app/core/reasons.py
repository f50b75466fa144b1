"""Why somebody did something (原因): asked for wherever an act must be explained later."""

from app.core.errors import InvalidInput

CHARS_MAX = 200


def given(text: str, missing: str, *, field: str = "reason", most: int = CHARS_MAX) -> str:
    """The reason without the blanks around it.

    Never shortened: somebody reads it. Raises InvalidInput for `field`: with the
    sentence `missing` where nothing was said, and for more than `most` characters.
    """
    said = text.strip()
    if not said:
        raise InvalidInput(field, missing)
    if len(said) > most:
        raise InvalidInput(field, f"最多 {most} 个字")
    return said
