"""What sending a report needs from the outside."""

from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Protocol

from app.core import mail
from app.core.mail import Smtp
from app.reports.subscriptions.models import Content


@dataclass(frozen=True)
class Recipient:
    """An admin as a reader of one report, at this moment; `refusal` says why they may not."""

    admin_id: int
    name: str
    email: str = field(repr=False)
    member_id: int | None
    refusal: str = ""


class Readers(Protocol):
    """Who knows the admins: their addresses, and what each may see."""

    def __call__(self, admin_id: int, report: str, content: Content) -> Recipient: ...


class Mailer(Protocol):
    """Hands letters to a mail server. `sender` is what they come from."""

    @property
    def sender(self) -> str: ...

    def send(self, letter: EmailMessage) -> None:
        """Raises MailFailed."""
        ...


@dataclass(frozen=True)
class SmtpMailer:
    server: Smtp

    @property
    def sender(self) -> str:
        return self.server.sender

    def send(self, letter: EmailMessage) -> None:
        mail.send(self.server, letter)
