"""Who is asking, from where: set once per request or task, read by audit and logs."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Facts about the request in progress; a worker carries its submitter's `request_id`."""

    request_id: str = ""
    address: str = ""
    user_agent: str = ""
    device: str = ""  # id of the DeviceSession, set by authentication


_NOBODY = RequestContext()
_current: ContextVar[RequestContext] = ContextVar("dermatech_request_context", default=_NOBODY)


def current() -> RequestContext:
    """The context in force; an empty one outside any request."""
    return _current.get()


def amend(**changes: str) -> None:
    """Replace fields of the context in force (authentication learns the device late)."""
    _current.set(replace(_current.get(), **changes))


@contextmanager
def bound(context: RequestContext) -> Iterator[RequestContext]:
    """Run a block under `context`."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
