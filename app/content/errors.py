from app.core.errors import DomainError


class NothingToPublish(DomainError):
    """The draft is what people see already, or shows nothing at all."""

    code = "nothing_to_publish"
    message = "首页没有改动，不需要发布"
