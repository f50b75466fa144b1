"""Structured logs: one JSON object a line, with request id and without secrets."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

# Names whose values never belong in a log, whatever they are.
_SECRET_NAMES = re.compile(
    r"secret|password|token|ticket|authorization|cookie|api_?v?3?_?key|private|id_?number"
    r"|real_?name|bank|phone|ciphertext|body",
    re.IGNORECASE,
)
# Values that give themselves away inside other texts, such as an exception's.
_SECRET_VALUES = (
    (re.compile(r"((?:access_token|secret|code|ticket|sign)=)[^&\s\"']+"), r"\1***"),
    (re.compile(r"\b(1[3-9]\d)\d{4}(\d{4})\b"), r"\1****\2"),
    (re.compile(r"\b\d{6}(?:19|20)\d{9}[\dXx]\b"), "***"),
    # Six characters of an openid tell two people apart and nobody who they are.
    (re.compile(r"\b(o[A-Za-z0-9_-]{5})[A-Za-z0-9_-]{22,30}\b"), r"\1***"),
)


def redact(text: str) -> str:
    """`text` without tokens, phone numbers, identity numbers and whole openids."""
    for pattern, replacement in _SECRET_VALUES:
        text = pattern.sub(replacement, text)
    return text


def _redact_event(
    _logger: object, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key, value in event.items():
        event[key] = _redacted(key, value)
    return event


def _redacted(name: str, value: Any) -> Any:
    """`value` as it may be written under `name`, however deep it lies."""
    if _SECRET_NAMES.search(name):
        return "***"
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _redacted(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted("", item) for item in value]
    return value


def configure(level: str) -> None:
    """Send our own and the libraries' logs to stderr in one format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # These print addresses with tokens in them, or whole bodies.
    for noisy in ("urllib3", "wechatpy", "wechatpayv3", "apscheduler.executors"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
