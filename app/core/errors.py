"""The base of every refusal."""


class DomainError(Exception):
    """Something a person asked for that the business refuses.

    `code` is stable and for machines, `message` is Chinese and for people,
    `status` is the HTTP status that entry points answer with, `field` names the
    form field at fault, and `facts` hold the numbers.
    """

    code = "refused"
    status = 409
    message = "操作未能完成"
    field: str | None = None

    def __init__(self, message: str | None = None, **facts: object) -> None:
        self.facts = facts
        if message is not None:
            self.message = message
        super().__init__(self.message)


class NotFound(DomainError):
    """Absent, or somebody else's: the caller is not told which."""

    code = "not_found"
    status = 404
    message = "内容不存在或已被删除"


class InvalidInput(DomainError):
    """A value that cannot be read or is out of its range; `field` names it."""

    code = "invalid_input"
    status = 422

    def __init__(self, field: str, message: str, **facts: object) -> None:
        super().__init__(message, **facts)
        self.field = field


class TooMany(DomainError):
    """Asked too often in a short time; nothing was done."""

    code = "too_many"
    status = 429
    message = "操作太频繁，请稍等一分钟再试"


class IllegalMove(DomainError):
    """A state change that the tables of `money.md` do not list."""

    code = "illegal_move"
    message = "当前状态不能进行此操作，请刷新后查看"
