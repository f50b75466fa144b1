"""Integer fen (分): reading, showing and dividing amounts without ever a float."""

import re
from collections.abc import Sequence

from app.core.errors import InvalidInput

# One billion yuan: far above any real amount, far below what BIGINT can hold.
AMOUNT_FEN_MAX = 1_000_000_000_00

_YUAN = re.compile(r"(0|[1-9]\d{0,9})(?:\.(\d{1,2}))?", re.ASCII)


def parse_yuan(text: str, *, field: str, label: str = "金额") -> int:
    """Read what a person typed as yuan, at most two decimals; return fen.

    Raises:
        InvalidInput: for anything else (signs, `1e9`, `NaN`, a third decimal),
            naming `field`, with `label` in the Chinese message.
    """
    cleaned = text.strip()
    if not cleaned:
        raise InvalidInput(field, f"请填写{label}")
    match = _YUAN.fullmatch(cleaned)
    if match is None:
        raise InvalidInput(field, f"{label}格式不正确，请输入最多两位小数的数字，例如 12.50")
    fen = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    if fen > AMOUNT_FEN_MAX:
        raise InvalidInput(field, f"{label}过大")
    return fen


def format_yuan(fen: int) -> str:
    """`123456` as `1,234.56`; a negative amount keeps its sign in front."""
    yuan, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{yuan:,}.{rest:02d}"


def plain_yuan(fen: int) -> str:
    """`123456` as `1234.56`: for fields that a person edits, and for WeChat's."""
    return format_yuan(fen).replace(",", "")


def share_fen(amount_fen: int, bps: int) -> int:
    """`bps` ten-thousandths of an amount, rounded down."""
    return amount_fen * bps // 10_000


def split_fen(total_fen: int, weights: Sequence[int]) -> list[int]:
    """Divide `total_fen` in proportion to `weights` without losing a fen.

    Largest remainder: every part is first rounded down, then the fen left over
    go one each to the largest remainders, ties to the earlier part.
    """
    whole = sum(weights)
    if total_fen < 0 or any(weight < 0 for weight in weights):
        raise ValueError("amounts and weights must not be negative")
    if whole == 0:
        if total_fen:
            raise ValueError("nothing to divide by")
        return [0] * len(weights)
    parts = [total_fen * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(total_fen * weights[i] % whole), i))
    for i in order[: total_fen - sum(parts)]:
        parts[i] += 1
    return parts
