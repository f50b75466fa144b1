"""What requests and answers have in common. Money is integer fen, times carry a zone."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from app.core import clock
from app.core.errors import InvalidInput
from app.core.pages import Page

T = TypeVar("T")

IDEMPOTENCY_KEY = "Idempotency-Key"
Moment = Annotated[
    AwareDatetime,
    AfterValidator(clock.local),
    Field(description="ISO 8601，带时区", examples=["2026-11-22T12:00:00+08:00"]),
]
Fen = Annotated[int, Field(description="金额，单位为分")]


class Body(BaseModel):
    """What a client sends: nothing is converted, and nothing unknown is taken."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Query(BaseModel):
    """The arguments of an address, which are text there."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """What a client is told. Attributes of rows are read where names agree."""

    model_config = ConfigDict(from_attributes=True)


class Problem(Answer):
    """出错时的统一格式（RFC 9457 problem+json）。"""

    type: str
    title: str
    status: int
    detail: str = Field(description="给人看的一句话")
    code: str = Field(description="给程序判断的代码，不会变")
    field: str | None = Field(description="出错的字段；与字段无关时为空")
    request_id: str


class WriteHeaders(BaseModel):
    """Asked of every write."""

    idempotency_key: str = Field(
        alias="Idempotency-Key",
        min_length=8,
        max_length=80,
        pattern=r"^[\x21-\x7e]+$",
        description="由调用方生成的唯一值；24 小时内用同一个值重发同样的请求，只执行一次并得到同样的答复",
    )


class Paged(Query):
    cursor: str = Field("", max_length=200, description="上一页答复里的 next_cursor")
    limit: int = Field(20, ge=1, le=100, description="每页条数")

    @property
    def before(self) -> int | None:
        """The key of a list that is paged by id. Raises InvalidInput."""
        if not self.cursor:
            return None
        text = unseal(self.cursor)
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise InvalidInput("cursor", "cursor 不正确，请使用上一页答复里的 next_cursor")
        return int(text)


def seal(key: object) -> str | None:
    """A place in a list as clients see it: not to be read, only to be sent back."""
    if key in (None, ""):
        return None
    return base64.urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


def unseal(cursor: str) -> str:
    """Raises InvalidInput."""
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, UnicodeError, ValueError):
        raise InvalidInput("cursor", "cursor 不正确，请使用上一页答复里的 next_cursor") from None


def next_of(page: Page[Any]) -> str | None:
    return seal(page.next_before)


def local(moment: datetime | None) -> datetime | None:
    return None if moment is None else clock.local(moment)


def first_of(items: Sequence[T]) -> T | None:
    return items[0] if items else None
