"""Posting to addresses that a shop chose, and nowhere inside (推送事件).

An admin types the address, so the server must not be led to itself or its neighbours:
https only, every address of the host on the open internet, and the connection goes to
the very address that was checked, whatever the name says a moment later. Redirects are
not followed. reference/security_checklist.md, 32.
"""

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import certifi
import structlog
import urllib3

from app.core.db import forbid_transaction
from app.integrations.hooks import HookAnswer

log = structlog.get_logger()

TIMEOUT = urllib3.Timeout(connect=3, read=7)
# A receiver says little; of what it says only the beginning is kept.
BYTES_MAX = 2048


class Refused(Exception):
    """The address must not be asked."""


@dataclass(frozen=True)
class HttpSender:
    """`also` is one origin that is trusted as it is: the receiver of a test."""

    also: str = ""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> HookAnswer:
        forbid_transaction()
        parts = urlsplit(url)
        try:
            pool = self._pool(url)
        except (Refused, ValueError):
            log.warning("hook_refused", host=parts.hostname)
            return HookAnswer(0, "地址不在公网上，或不是 https，没有发送")
        try:
            answer = pool.request(
                "POST",
                f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}",
                body=body,
                headers={**headers, "Host": parts.netloc, "User-Agent": "mall-webhooks/1"},
                timeout=TIMEOUT,
                redirect=False,
                retries=False,
                preload_content=False,
            )
            text = answer.read(BYTES_MAX).decode("utf-8", "replace")
            answer.close()
            return HookAnswer(answer.status, text)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return HookAnswer(0, f"没有答复：{type(error).__name__}")
        finally:
            pool.close()

    def _pool(self, url: str) -> urllib3.HTTPConnectionPool:
        """Connections to where `url` leads. Raises Refused, ValueError."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if self.also and f"{parts.scheme}://{parts.netloc}" == self.also:
            return urllib3.HTTPConnectionPool(host, parts.port)
        if parts.scheme != "https" or parts.username or parts.port not in (None, 443):
            raise Refused()
        return urllib3.HTTPSConnectionPool(
            public_address(host),
            443,
            server_hostname=host,
            assert_hostname=host,
            cert_reqs="CERT_REQUIRED",
            ca_certs=certifi.where(),
        )


def public_address(host: str) -> str:
    """An address of the host. Raises Refused unless all are on the open internet."""
    try:
        found = [row[4][0] for row in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        raise Refused() from None
    if not found or not all(_is_global(str(address)) for address in found):
        raise Refused()
    return str(found[0])


def _is_global(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_global) and not address.is_multicast
