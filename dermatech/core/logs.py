"""Structured logs: one JSON object a line in production, readable lines elsewhere.

Tracebacks never show local variables: those hold patients' data.
"""

import logging
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any

import structlog

from dermatech.core import context

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def _request_id(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request_id = context.current().request_id
    if request_id:
        event.setdefault("request_id", request_id)
    return event


def _one_line_a_request(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A request is logged when it is answered; a health check only when it fails. What was searched
    for, in the admin a person, stays out of it."""
    name = event.get("event")
    if "request" in event:
        event["request"] = str(event["request"]).partition("?")[0]
    healthy = "/health/" in str(event.get("request", "")) and event.get("code") == HTTPStatus.OK
    if name == "request_started" or (name == "request_finished" and healthy):
        raise structlog.DropEvent
    return event


def _no_line_breaks(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A path or header with a line break in it must not look like a line of ours."""
    event["event"] = str(event.get("event", "")).replace("\r", "\\r").replace("\n", "\\n")
    return event


def formatter(style: str) -> logging.Formatter:
    """The formatter of settings.LOGGING; `style` is json or console."""
    if not structlog.is_configured():
        structlog.configure(
            processors=[_one_line_a_request, *SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=True,
        )
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*SHARED, _request_id],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _request_id,
            *([structlog.processors.format_exc_info] if style == "json" else [_no_line_breaks]),
            renderer,
        ],
    )
