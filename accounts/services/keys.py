"""Encrypting again what was encrypted under an older key, while the service runs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast

from dermatech.core.fields import BlindIndexField, EncryptedTextField, current_key


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one field is. `done` of `found` rows under an older key are under the present one."""

    field: str
    found: int
    done: int


def encrypted_fields() -> Iterator[tuple[type[models.Model], EncryptedTextField]]:
    """Every encrypted field of every table, histories included."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_concrete_fields:
            if isinstance(field, EncryptedTextField):
                yield model, field


def under_older_keys(model: type[models.Model], field: EncryptedTextField) -> models.QuerySet[Any]:
    """The rows whose text the present key cannot read, with the stored text as `raw`."""
    stored = model._base_manager.annotate(raw=Cast(field.attname, models.TextField()))
    return stored.exclude(raw="").exclude(raw=None).exclude(raw__startswith=f"{current_key()}.")


def rotate(*, batch: int = 200, told: Callable[[Progress], None] = lambda progress: None) -> int:
    """Put every encrypted text and blind index under the present key; returns how many rows that were.

    Batch by batch, each row by itself and only if nobody changed it meanwhile: it may be broken off and
    begun again, and beside a running service. The old key may go when it has returned 0.
    """
    return sum(_rotate(model, field, batch, told) for model, field in encrypted_fields()) + _rebuild_indexes(
        batch, told
    )


def _rotate(
    model: type[models.Model], field: EncryptedTextField, batch: int, told: Callable[[Progress], None]
) -> int:
    waiting = under_older_keys(model, field)
    found, done, last = waiting.count(), 0, None
    while rows := list(
        (waiting.filter(pk__gt=last) if last is not None else waiting)
        .order_by("pk").values_list("pk", "raw", field.attname)[:batch]
    ):  # fmt: skip
        for pk, raw, text in rows:
            # The text is encrypted again as it is written.
            done += waiting.filter(pk=pk, raw=raw).update(**{field.attname: text})
        last = rows[-1][0]
        told(Progress(field.purpose, found, done))
    return done


def _rebuild_indexes(batch: int, told: Callable[[Progress], None]) -> int:
    done = 0
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, BlindIndexField):
                done += _rebuild_index(model, field, batch, told)
    return done


def _rebuild_index(
    model: type[models.Model], field: BlindIndexField, batch: int, told: Callable[[Progress], None]
) -> int:
    waiting = model._base_manager.exclude(
        Q(**{f"{field.attname}__startswith": f"{current_key()}."}) | Q(**{field.of: ""})
    )
    found, done, last = waiting.count(), 0, None
    while rows := list(
        (waiting.filter(pk__gt=last) if last is not None else waiting).order_by("pk")
        .values_list("pk", field.attname, field.of)[:batch]
    ):  # fmt: skip
        for pk, before, text in rows:
            fresh = field.candidates(text)[0]
            done += waiting.filter(pk=pk, **{field.attname: before}).update(**{field.attname: fresh})
        last = rows[-1][0]
        told(Progress(f"{model._meta.label_lower}.{field.attname}", found, done))
    return done
