"""Columns that hold personal data: AES-256-GCM at rest, searched by keyed hash.

The stored text is `key id:base64(nonce + ciphertext)`. The newest key encrypts,
every configured key decrypts, so keys rotate without a stop.
"""

import base64
import hashlib
import hmac
import os
from functools import lru_cache

import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect


class Keyring:
    """The data keys, newest first, as `DATA_KEYS` lists them: `id:base64,…`."""

    def __init__(self, listed: str) -> None:
        self._keys: dict[str, bytes] = {}
        for item in filter(None, (part.strip() for part in listed.split(","))):
            key_id, _, encoded = item.partition(":")
            key = base64.b64decode(encoded, validate=True)
            if not key_id or len(key) != 32:
                raise ValueError("DATA_KEYS wants id:base64 with 32 bytes a key")
            self._keys[key_id] = key
        if not self._keys:
            raise ValueError("DATA_KEYS holds no key")
        self.current_id = next(iter(self._keys))

    def encrypt(self, text: str) -> str:
        nonce = os.urandom(12)
        key_id = self.current_id
        sealed = AESGCM(self._keys[key_id]).encrypt(nonce, text.encode(), key_id.encode())
        return f"{key_id}:{base64.b64encode(nonce + sealed).decode()}"

    def decrypt(self, stored: str) -> str:
        key_id, _, encoded = stored.partition(":")
        raw = base64.b64decode(encoded)
        return AESGCM(self._keys[key_id]).decrypt(raw[:12], raw[12:], key_id.encode()).decode()

    def search_hash(self, text: str) -> str:
        """A hash to look a value up by, useless without the oldest key.

        The oldest key is used because a hash, unlike a cipher text, cannot be
        made anew from itself when keys rotate.
        """
        oldest = list(self._keys.values())[-1]
        return hmac.new(oldest, text.encode(), hashlib.sha256).hexdigest()

    def key_for(self, key_id: str, purpose: bytes) -> bytes:
        """32 bytes for one purpose, made from one of the keys. Raises KeyError."""
        return hmac.new(self._keys[key_id], purpose, hashlib.sha256).digest()

    def chain_hash(self, text: str) -> str:
        """A hash for a chain of records, by a key made from the oldest one for this alone."""
        oldest = list(self._keys.values())[-1]
        own = hmac.new(oldest, b"chain of records", hashlib.sha256).digest()
        return hmac.new(own, text.encode(), hashlib.sha256).hexdigest()


_listed = ""


def configure(listed: str) -> None:
    """Use these `DATA_KEYS` in this process. Raises ValueError if malformed."""
    global _listed
    _keyring_of(listed)
    _listed = listed


@lru_cache(maxsize=4)
def _keyring_of(listed: str) -> Keyring:
    return Keyring(listed)


def keyring() -> Keyring:
    return _keyring_of(_listed)


class EncryptedText(sa.types.TypeDecorator[str]):
    """A text column that is readable in Python and sealed in the database."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else keyring().encrypt(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else keyring().decrypt(value)


class EncryptedFile(EncryptedText):
    """The same for a file in base64, which MariaDB's TEXT of 64 KB would not hold."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[str]:
        is_mysql = dialect.name in ("mysql", "mariadb")
        return dialect.type_descriptor(mysql.MEDIUMTEXT() if is_mysql else sa.Text())


def mask_phone(phone: str) -> str:
    """`13812345678` as `138****5678`."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 7 else "****"
