from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from app.notices.models import Channel


class SendRefused(Exception):
    """WeChat refuses this message for good; `words` say why, in Chinese."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class SendFailed(Exception):
    """No answer, or one that may be better later: try again."""


@dataclass(frozen=True)
class Outgoing:
    """A message as WeChat takes it. The same `client_id` is not shown twice."""

    channel: Channel
    openid: str
    template_id: str
    path: str
    fields: Mapping[str, str]
    client_id: str


class NoticeSender(Protocol):
    """The official account's messages (模板消息、订阅通知)."""

    def send(self, message: Outgoing) -> str:
        """Send; return WeChat's message id, empty where it gives none.

        Raises SendRefused, SendFailed.
        """
        ...
