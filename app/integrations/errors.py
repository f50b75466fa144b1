from app.core.errors import DomainError


class NoKey(DomainError):
    """No key, or one that does not work: the caller is not told which."""

    code = "no_key"
    status = 401
    message = "缺少有效的接口密钥"


class WrongNetwork(DomainError):
    code = "wrong_network"
    status = 403
    message = "这个密钥不能从当前 IP 地址使用"


class MissingScope(DomainError):
    code = "missing_scope"
    status = 403
    message = "这个密钥没有此项权限"


class KeyReused(DomainError):
    """The Idempotency-Key named another request before."""

    code = "idempotency_key_reused"
    status = 422
    message = "这个 Idempotency-Key 已用于另一个请求，请换一个"
    field = "Idempotency-Key"


class InProgress(DomainError):
    """The same request is being worked on."""

    code = "in_progress"
    status = 409
    message = "相同的请求正在处理，请稍后用同一个 Idempotency-Key 再试"
    field = "Idempotency-Key"
