"""Every signature and cipher of WeChat's protocols, and nothing else.

Pure functions, so that the reference vectors can be laid against them.
"""

import base64
import hashlib
import os
import re
import secrets
import struct
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEMA = "WECHATPAY2-SHA256-RSA2048"


def sorted_sha1(*parts: str) -> str:
    """`signature` and `msg_signature` of the message server."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def jssdk_signature(*, ticket: str, noncestr: str, timestamp: str, url: str) -> str:
    text = f"jsapi_ticket={ticket}&noncestr={noncestr}&timestamp={timestamp}&url={url}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class MessageCrypto:
    """消息加解密: AES-256-CBC with PKCS#7 on blocks of 32 bytes."""

    def __init__(self, *, token: str, aes_key: str, appid: str):
        self.token = token
        self.appid = appid
        self._key = base64.b64decode(aes_key + "=")
        self._cipher = Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))

    def encrypt(self, xml: str, *, random16: bytes | None = None) -> str:
        data = xml.encode()
        plain = (random16 or os.urandom(16)) + struct.pack(">I", len(data)) + data
        plain += self.appid.encode()
        pad = 32 - len(plain) % 32
        encryptor = self._cipher.encryptor()
        done = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
        return base64.b64encode(done).decode()

    def decrypt(self, text: str) -> str:
        """Raises ValueError for anything that is not a message of this account."""
        decryptor = self._cipher.decryptor()
        plain = decryptor.update(base64.b64decode(text, validate=True)) + decryptor.finalize()
        if not plain or not 1 <= plain[-1] <= 32:
            raise ValueError("bad padding")
        plain = plain[16 : -plain[-1]]
        if len(plain) < 4:
            raise ValueError("too short")
        (length,) = struct.unpack(">I", plain[:4])
        if plain[4 + length :].decode() != self.appid:
            raise ValueError("appid differs")
        return plain[4 : 4 + length].decode()

    def signature(self, timestamp: str, nonce: str, encrypted: str) -> str:
        return sorted_sha1(self.token, timestamp, nonce, encrypted)


def rsa_sign(key, text: bytes) -> str:
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def rsa_verify(public_key, signature: str, text: bytes) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        public_key.verify(raw, text, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def request_text(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def parse_authorization(header: str) -> dict | None:
    """The five fields of a v3 Authorization header, None if it is not one."""
    schema, _, rest = header.partition(" ")
    fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    wanted = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}
    return fields if schema == SCHEMA and set(fields) == wanted else None


def answer_text(timestamp: str, nonce: str, body: bytes) -> bytes:
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def answer_headers(
    key, serial: str, body: bytes, *, timestamp: str | None = None, nonce: str | None = None
) -> dict[str, str]:
    """The five headers on WeChat Pay's answers and notices."""
    # Real time, never the sandbox's advanced clock: the receiver compares it with its own.
    timestamp = timestamp or str(int(time.time()))
    nonce = nonce or secrets.token_hex(16)
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": rsa_sign(key, answer_text(timestamp, nonce, body)),
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": SCHEMA,
    }


def pay_sign_text(appid: str, timestamp: str, nonce: str, package: str) -> bytes:
    return f"{appid}\n{timestamp}\n{nonce}\n{package}\n".encode()


def seal(apiv3_key: str, *, nonce: str, plaintext: str, associated_data: str) -> str:
    cipher = AESGCM(apiv3_key.encode())
    done = cipher.encrypt(nonce.encode(), plaintext.encode(), associated_data.encode())
    return base64.b64encode(done).decode()


def unseal(apiv3_key: str, *, nonce: str, ciphertext: str, associated_data: str) -> str:
    cipher = AESGCM(apiv3_key.encode())
    data = base64.b64decode(ciphertext)
    return cipher.decrypt(nonce.encode(), data, associated_data.encode()).decode()


def decrypt_name(key, text: str) -> str:
    """A person's name, encrypted by the merchant with WeChat Pay's public key."""
    oaep = padding.OAEP(
        # The protocol fixes SHA-1 here; OAEP does not rest on its collision resistance.
        mgf=padding.MGF1(hashes.SHA1()),  # noqa: S303
        algorithm=hashes.SHA1(),  # noqa: S303
        label=None,
    )
    return key.decrypt(base64.b64decode(text, validate=True), oaep).decode()
