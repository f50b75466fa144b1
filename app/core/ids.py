"""Public numbers and codes that nobody can guess or count."""

import secrets
from datetime import datetime

from app.core import clock

# No 0/O, 1/I/L: codes are read aloud and typed on phones.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def random_code(length: int) -> str:
    """A random code of `length` unambiguous characters (about 5 bits each)."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def public_number(prefix: str, now: datetime) -> str:
    """A number such as `M261121` + 14 random characters, 70 bits of chance.

    The date helps people; only letters and digits, at most 32 of them, so that
    WeChat takes it as `out_trade_no` and `out_bill_no` alike.
    """
    return f"{prefix}{clock.local(now):%y%m%d}{random_code(14)}"
