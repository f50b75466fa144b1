"""What a check finds, and what it looks at."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from config import Config


class Outcome(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One line of the result. `advice` is what to do; empty where all is well."""

    code: str
    title: str
    outcome: Outcome
    seen: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Address:
    """Something that must be entered in one of WeChat's consoles."""

    title: str
    where: str
    value: str


@dataclass(frozen=True)
class Patient:
    """What is examined; `verify_text` is that of the MP_verify file, empty without one."""

    config: Config
    verify_text: str

    @property
    def host(self) -> str:
        return urlsplit(self.config.public_base_url).netloc
