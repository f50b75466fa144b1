"""Fetching people's pictures from WeChat's own hosts, and from nowhere else (取头像).

An avatar's address comes from WeChat, but is kept in our database: asked for without
care it could point the server at itself. reference/security_checklist.md, 32.
"""

import ipaddress
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import structlog

from app.core.db import forbid_transaction

log = structlog.get_logger()

# Where WeChat keeps avatars.
HOSTS = frozenset({"thirdwx.qlogo.cn", "wx.qlogo.cn"})
BYTES_MAX = 1024 * 1024
CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 2, 3, 5
_CHUNK = 16 * 1024


@dataclass(frozen=True)
class Avatars:
    """`fetch` never raises. `also` is one origin beside WeChat's: the sandbox's."""

    also: str = ""

    def fetch(self, url: str) -> bytes:
        """The bytes at `url`; b"" where they cannot be had or must not be asked for."""
        address = self._allowed(url)
        if not address:
            log.warning("avatar_refused", host=urlsplit(url).hostname)
            return b""
        try:
            return _read(address)
        except (requests.RequestException, OSError) as error:
            log.info("avatar_unavailable", error=type(error).__name__)
            return b""

    def _allowed(self, url: str) -> str:
        """The address to ask, empty for one that must not be asked."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return ""
        if self.also and f"{parts.scheme}://{parts.netloc}" == self.also:
            return url
        if parts.scheme not in ("http", "https") or parts.username or port not in (None, 80, 443):
            return ""
        host = parts.hostname or ""
        if host not in HOSTS or not _is_public(host):
            return ""
        # WeChat still hands out http addresses; its hosts speak https.
        return parts._replace(scheme="https", netloc=host).geturl()


def _is_public(host: str) -> bool:
    """Whether every address of the host is on the open internet."""
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(row[4][0]).is_global for row in found)


def _read(url: str) -> bytes:
    forbid_transaction()
    ends = time.monotonic() + WHOLE_SECONDS
    with requests.get(
        url, stream=True, allow_redirects=False, timeout=(CONNECT_SECONDS, READ_SECONDS)
    ) as answer:
        if answer.status_code != 200:
            return b""
        data = bytearray()
        for chunk in answer.iter_content(_CHUNK):
            data += chunk
            if len(data) > BYTES_MAX or time.monotonic() > ends:
                return b""
        return bytes(data)
