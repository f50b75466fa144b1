from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class HookAnswer:
    """What a receiver said: its status, 0 where none came, and how the text begins."""

    status: int
    text: str = ""

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


class HookSender(Protocol):
    """Posts to an address on the open internet. Never raises."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> HookAnswer: ...
