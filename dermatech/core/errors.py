"""Domain errors. They know nothing of HTTP but a status; one handler turns them into RFC 9457
problem details."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: `field` is a dotted path as the caller wrote it, `code` a machine word."""

    field: str
    code: str
    message: str


class DomainError(Exception):
    """Something the caller must be told. `code` is stable, `detail` is for a person."""

    status: int = HTTPStatus.BAD_REQUEST
    code: str = "bad_request"
    detail: str = "The request could not be understood."

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.detail = detail or self.detail
        self.code = code or self.code
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        super().__init__(self.detail)


class ValidationFailed(DomainError):
    """400: one or more fields are wrong."""

    code = "validation_failed"
    detail = "Some fields are not valid."

    @classmethod
    def of(cls, field: str, code: str, message: str) -> "ValidationFailed":
        """The error of a single field."""
        return cls(errors=[FieldError(field, code, message)])


class Unauthenticated(DomainError):
    status = HTTPStatus.UNAUTHORIZED
    code = "not_authenticated"
    detail = "Sign in first."


class Forbidden(DomainError):
    """403: the caller may see it but not do this."""

    status = HTTPStatus.FORBIDDEN
    code = "permission_denied"
    detail = "Your role does not allow this."


class NotFound(DomainError):
    """404: it does not exist, or the caller may not know that it does."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"
    detail = "There is nothing at this address that you may see."


class Conflict(DomainError):
    status = HTTPStatus.CONFLICT
    code = "conflict"
    detail = "The state of the object does not allow this."


class PreconditionFailed(DomainError):
    status = HTTPStatus.PRECONDITION_FAILED
    code = "precondition_failed"
    detail = "The object was changed since you read it; read it again."


class PayloadTooLarge(DomainError):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "payload_too_large"
    detail = "The upload is larger than this server accepts."


class UnsupportedMedia(DomainError):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"
    detail = "This kind of file is not accepted."


class Unprocessable(DomainError):
    """422: well formed, but it cannot be carried out as it stands."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "unprocessable"
    detail = "The request is well formed but cannot be carried out."


class Throttled(DomainError):
    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "throttled"
    detail = "Too many requests; try again later."


class Unavailable(DomainError):
    """503: a part is down; the caller should come back after `retry_after` seconds."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"
    detail = "A part of the service is not available; try again shortly."

    def __init__(self, detail: str | None = None, *, code: str | None = None, retry_after: int = 5) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(retry_after)})
