"""Mail by the shop's own server (邮件): SMTP with TLS, one letter at a time.

What went wrong is told in plain Chinese and without the server's own words: those may
repeat an address or a login, and are shown in the panel.
"""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from app.core.db import forbid_transaction

TIMEOUT_SECONDS = 20
ADDRESS_CHARS_MAX = 120
# What mail servers take in practice; whether somebody reads it, only a letter shows.
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}")


@dataclass(frozen=True)
class Smtp:
    """The mail server of `.env`. `security` is starttls, ssl, or none for one on this host."""

    host: str
    port: int
    security: str
    user: str
    password: str = field(repr=False)
    sender: str = ""

    @property
    def is_configured(self) -> bool:
        return bool(self.host and self.sender)


class MailFailed(Exception):
    """The letter was not taken; `is_final` where trying again would not help."""

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.message, self.is_final = message, is_final


def is_address(text: str) -> bool:
    return len(text) <= ADDRESS_CHARS_MAX and _ADDRESS.fullmatch(text) is not None


def mask_address(address: str) -> str:
    """`linxia@example.com` as `l***@example.com`."""
    name, _, host = address.partition("@")
    return f"{name[:1]}***@{host}" if host else ""


def send(server: Smtp, letter: EmailMessage) -> None:
    """Hand one letter over. Raises MailFailed."""
    forbid_transaction()
    if not server.is_configured:
        raise MailFailed("服务器还没有配置发信邮箱", is_final=True)
    try:
        with _opened(server) as line:
            line.send_message(letter)
    except smtplib.SMTPAuthenticationError:
        raise MailFailed("发信邮箱登录失败，请核对邮箱账号和授权码") from None
    except smtplib.SMTPRecipientsRefused as error:
        code = next((code for code, _ in error.recipients.values()), 0)
        raise _refused("收件地址被邮件服务器拒绝", code) from None
    except smtplib.SMTPSenderRefused as error:
        raise _refused("发信地址被邮件服务器拒绝", error.smtp_code) from None
    except smtplib.SMTPResponseException as error:
        raise _refused("邮件服务器没有接受这封邮件", error.smtp_code) from None
    except smtplib.SMTPNotSupportedError:
        raise MailFailed("邮件服务器不支持配置的加密或登录方式") from None
    except ssl.SSLError:
        raise MailFailed("与邮件服务器的加密连接没有建立，请核对端口和加密方式") from None
    except (OSError, smtplib.SMTPException):
        raise MailFailed("连不上邮件服务器，或连接中断") from None


def _refused(said: str, code: int) -> MailFailed:
    # 5xx is for good, 4xx for now: RFC 5321, 4.2.1.
    return MailFailed(f"{said}（{code}）", is_final=code >= 500)


@contextmanager
def _opened(server: Smtp) -> Iterator[smtplib.SMTP]:
    if server.security == "ssl":
        line: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host,
            server.port,
            timeout=TIMEOUT_SECONDS,
            context=ssl.create_default_context(),
        )
    else:
        line = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    with line:
        if server.security == "starttls":
            line.starttls(context=ssl.create_default_context())
        if server.user:
            line.login(server.user, server.password)
        yield line
