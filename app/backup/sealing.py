"""A file encrypted piece by piece: a changed, swapped or missing piece is refused.

First a line of JSON that says how the key is made, then AES-256-GCM over pieces of
1 MiB. The number of a piece and whether it is the last are its nonce, the first line
is signed along with each, and the key is this file's alone, so no nonce comes twice.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core import crypto

PIECE = 1024 * 1024
_TAG = 16
_HEADER_MAX = 1000


class Unreadable(Exception):
    """The file is no backup, is damaged, or was made with another key."""


def seal(source: BinaryIO, target: BinaryIO, *, passphrase: str = "") -> None:
    """Write `source` encrypted to `target`."""
    salt = os.urandom(32)
    how = {"key": "passphrase"} if passphrase else {"key": crypto.keyring().current_id}
    header = json.dumps({"mall-backup": 1, "salt": salt.hex(), **how}).encode() + b"\n"
    cipher = AESGCM(_key(how["key"], salt, passphrase))
    target.write(header)
    number, piece = 0, source.read(PIECE)
    while True:
        following = source.read(PIECE)
        target.write(cipher.encrypt(_nonce(number, is_last=not following), piece, header))
        if not following:
            return
        number, piece = number + 1, following


def unseal(source: BinaryIO, *, passphrase: str = "") -> Iterator[bytes]:
    """The pieces of what was sealed. Raises Unreadable, at the latest after the last one."""
    header = source.readline(_HEADER_MAX)
    try:
        facts: dict[str, Any] = json.loads(header)
        version, key_id, salt = facts["mall-backup"], facts["key"], bytes.fromhex(facts["salt"])
    except (ValueError, KeyError, TypeError):
        raise Unreadable("this is no backup of the mall") from None
    if version != 1:
        raise Unreadable(f"this program does not know backups of form {version}")
    if key_id == "passphrase" and not passphrase:
        raise Unreadable("it was made with a passphrase: set BACKUP_PASSPHRASE")
    cipher = AESGCM(_key(key_id, salt, passphrase))
    number, piece = 0, source.read(PIECE + _TAG)
    while True:
        following = source.read(PIECE + _TAG)
        try:
            yield cipher.decrypt(_nonce(number, is_last=not following), piece, header)
        except InvalidTag:
            raise Unreadable("it is damaged or cut, or the key is another one") from None
        if not following:
            return
        number, piece = number + 1, following


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _key(key_id: str, salt: bytes, passphrase: str) -> bytes:
    if key_id == "passphrase":
        # 128 MiB and about half a second for each guess.
        return hashlib.scrypt(
            passphrase.encode(), salt=salt, n=2**17, r=8, p=1, dklen=32, maxmem=2**28
        )
    try:
        return crypto.keyring().key_for(key_id, b"backup" + salt)
    except KeyError:
        raise Unreadable(f"DATA_KEYS has no key {key_id}, which it was made with") from None
