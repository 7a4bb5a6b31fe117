"""Reading a request that may be JSON, or multipart with the JSON in `data`, or multipart with flat
dotted names. Whatever the form, the same nested data comes out."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from dermatech.core.errors import FieldError, ValidationFailed
from dermatech.core.parsers import loads
from triage.facts import fact_from_text

GROUPS = frozenset({"patient", "consent", "facts", "findings", "decision", "outcome"})
# Flat form fields are texts; these are something else in JSON.
_LITERALS = frozenset(
    {
        "patient.age_months",
        "patient.weight_kg",
        "patient.pregnant",
        "patient.breastfeeding",
        "consent.photo",
        "consent.data_use",
    }
)
_LISTS = frozenset(
    {
        "patient.allergies",
        "patient.current_medicines",
        "patient.conditions",
        "findings",
        "findings.present",
        "findings.absent",
        "decision.medications",
    }
)
# An empty choice in a form is a choice not made.
_CHOICES = frozenset({"patient.sex", "consent.given_by", "consent.language", "working_diagnosis"})


@dataclass(frozen=True, slots=True)
class Body:
    """What was sent. `prefix` is what field names of `data` begin with in error answers."""

    data: Any
    uploads: "Sequence[UploadedFile[Any]]"
    fields: Mapping[str, str]
    prefix: str = ""

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Name wrong fields as the caller wrote them: inside the part `data` they begin with it."""
        try:
            yield
        except ValidationFailed as failed:
            if not self.prefix:
                raise
            raise ValidationFailed(
                failed.detail,
                code=failed.code,
                errors=[
                    error if error.field == "image" else replace(error, field=f"{self.prefix}{error.field}")
                    for error in failed.errors
                ],
            ) from failed


def read(request: Request, *, fields: Sequence[str] = ()) -> Body:
    """The body of `request`. `fields` are form fields beside the data. Raises ValidationFailed,
    ParseError, PayloadTooLarge."""
    sent = request.data
    if not hasattr(sent, "lists"):
        return Body(sent, (), {})
    parts: dict[str, list[Any]] = dict(sent.lists())
    uploads = parts.pop("image", [])
    if any(not isinstance(upload, UploadedFile) for upload in uploads):
        raise ValidationFailed.of("image", "invalid", "Must be a file: give the part a filename.")
    beside = {name: _single(name, parts.pop(name)) for name in fields if name in parts}
    if "data" not in parts:
        return Body(_nested(parts), uploads, beside)
    whole = _single("data", parts.pop("data"), file=True)
    if parts:
        raise ValidationFailed(
            errors=[
                FieldError(name, "unknown_field", "Everything but photos belongs into the part data.")
                for name in parts
            ]
        )
    return Body(_json(whole), uploads, beside, prefix="data.")


def _single(name: str, values: list[Any], *, file: bool = False) -> Any:
    if len(values) != 1:
        raise ValidationFailed.of(name, "repeated", "Give this once.")
    if isinstance(values[0], UploadedFile) and not file:
        raise ValidationFailed.of(name, "invalid", "Must be a text, not a file.")
    return values[0]


def _json(value: "str | UploadedFile[Any]") -> Any:
    """The part `data`: some clients send it as a file of type application/json."""
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    raw = value.read(limit + 1) if isinstance(value, UploadedFile) else value.encode()
    if len(raw) > limit:
        raise ValidationFailed.of("data", "too_long", f"At most {limit:,} bytes.")
    try:
        return loads(raw)
    except ParseError as error:
        raise ValidationFailed.of("data", "malformed", str(error.detail)) from error


def _nested(parts: Mapping[str, list[Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, values in parts.items():
        if name == "presentation" and values == [""]:
            continue  # not chosen, which null would not say here
        group, dot, rest = name.partition(".")
        value = _value(name, values)
        if dot and group in GROUPS:
            inner = data.setdefault(group, {})
            if not isinstance(inner, dict):
                raise ValidationFailed.of(name, "ambiguous", f"{group} is given as a whole as well.")
            inner[rest] = value
        elif name in data:
            raise ValidationFailed.of(name, "ambiguous", f"Parts of {group} are given as well.")
        else:
            data[name] = value
    return data


def _value(name: str, values: list[Any]) -> Any:
    """One flat field as JSON would hold it; what fits nothing stays a text and is refused later."""
    if name in _LISTS:
        return _list(name, values)
    group, _, rest = name.partition(".")
    if group == "facts" and len(values) > 1:
        return values
    value = _single(name, values)
    if group == "facts":
        return fact_from_text(rest, value)
    if name in _CHOICES:
        return value or None
    return _literal(value) if name in _LITERALS else value


def _list(name: str, values: list[Any]) -> Any:
    """A repeated field, or a single JSON list."""
    if any(isinstance(value, UploadedFile) for value in values):
        raise ValidationFailed.of(name, "invalid", "Must be a text, not a file.")
    if len(values) == 1 and values[0].lstrip().startswith("["):
        return _literal(values[0])
    return [value for value in values if value != ""]


def _literal(value: str) -> Any:
    if value.strip() == "":
        return None
    try:
        return loads(value.encode())
    except (ParseError, UnicodeError):
        return value
