"""Passwords of admins: argon2id, and none that others guess."""

import re
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from zxcvbn import zxcvbn

from app.core.errors import InvalidInput

LEAST, MOST = 12, 128
# Of 0 to 4; 3 is "safe against an offline attack on a slow hash".
_STRONG_ENOUGH = 3
# What the library's lists of leaked passwords, words and keyboard rows do not know.
_COMMON = re.compile(
    r"(password|passw0rd|qwerty|admin|letmein|welcome|iloveyou|abc123|123456|111111|000000|woaini|mima)",
    re.IGNORECASE,
)

_hasher = PasswordHasher()
# Verified against where there is no such account, so that both take as long.
_NOBODY = _hasher.hash(secrets.token_hex(16))


def hashed(password: str) -> str:
    """For storing; takes 0.2 s on purpose."""
    return _hasher.hash(password)


def fits(stored: str, password: str) -> bool:
    """Whether this is the stored password; as slow where nothing is stored."""
    try:
        _hasher.verify(stored or _NOBODY, password)
    except VerificationError:
        return False
    return bool(stored)


def check(password: str, again: str, username: str) -> None:
    """Raises InvalidInput for what is too short, too long, easily guessed or mistyped."""
    if len(password) < LEAST:
        raise InvalidInput("password", f"密码至少 {LEAST} 位")
    if len(password) > MOST:
        raise InvalidInput("password", f"密码最多 {MOST} 位")
    guessable = (
        _COMMON.search(password)
        or username.lower() in password.lower()
        # Longer ones take the library too long and are no easier to guess.
        or zxcvbn(password[:72], user_inputs=[username])["score"] < _STRONG_ENOUGH
    )
    if guessable:
        raise InvalidInput("password", "密码过于常见，请换一个更难猜的")
    if password != again:
        raise InvalidInput("again", "两次输入的密码不一致")
