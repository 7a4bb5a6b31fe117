"""The history of a medicine or a treatment in words: who changed what, before and after, with what belongs
to it. Read from the historical rows; what `queryset.update()` did (a review by release) is not in them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from django.db import models

from medications.models import Interaction, Medication, Regimen, Treatment

# Rows written within this time by one person are one edit: an item and its inlines.
_TOGETHER = timedelta(seconds=2)
MOST_ROWS = 1_000  # historical rows of an item and of what belongs to it that are read
_UNTOLD = frozenset({"id", "created_at", "updated_at", "position"})
_KINDS = {"+": "added", "~": "changed", "-": "removed"}


class Change(NamedTuple):
    """One field."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Part:
    """What happened to one row: the item itself (`name` empty), or one of its inlines."""

    name: str
    kind: str  # added, changed, removed
    changes: tuple[Change, ...]
    first: bool = False  # the oldest version that is kept: what was before is not known
    version: Any = None  # the historical row of the item, to look at as it was


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit by one person."""

    when: datetime
    who: str
    why: str
    parts: list[Part] = field(default_factory=list)

    @property
    def version(self) -> Any:
        return next((part.version for part in self.parts if part.version is not None), None)


def edits_of(item: models.Model) -> list[Edit]:
    """Every edit of `item`, the latest first, those without a visible change left out."""
    told = sorted(_rows(item), key=lambda pair: pair[0].history_date)
    edits = []
    for rows in _together(told):
        first = rows[0][0]
        parts = [part for _, part in rows if part.changes or part.kind != "changed" or part.first]
        if parts:
            why = next((row.history_change_reason for row, _ in rows if row.history_change_reason), "")
            edits.append(Edit(first.history_date, _who(first), why, _own_first(parts)))
    return edits[::-1]


def _rows(item: models.Model) -> Iterator[tuple[Any, Part]]:
    manager: Any = item
    yield from _chain(manager.history.all(), "", own=True)
    children: Any = None
    if isinstance(item, Medication):
        children = Interaction.history.filter(medication_id=item.pk)
    elif isinstance(item, Treatment):
        children = Regimen.history.filter(treatment_id=item.pk)
    if children is None:
        return
    rows = list(children.select_related("history_user").order_by("id", "-history_date")[:MOST_ROWS])
    for _, chain in groupby(rows, key=lambda row: row.id):
        yield from _chain(list(chain), "child")


def _chain(rows: Any, name: str, *, own: bool = False) -> Iterator[tuple[Any, Part]]:
    """The changes between the historical rows of one object, given the latest first."""
    if own:
        rows = list(rows.select_related("history_user")[:MOST_ROWS])
    for row, older in zip(rows, [*rows[1:], None][: len(rows)], strict=True):
        kind = _KINDS[row.history_type]
        shown = "" if own else _name(row)
        if kind == "removed":
            yield row, Part(shown, kind, tuple(_differences(row, None, gone=True)))
        else:
            before = None if kind == "added" else older
            changes = tuple(_differences(before, row)) if kind == "added" or older is not None else ()
            first = kind == "changed" and older is None
            yield row, Part(shown, kind, changes, first, row if own else None)


def _differences(older: Any, newer: Any, *, gone: bool = False) -> Iterator[Change]:
    for each in (older or newer).tracked_fields:
        if each.name in _UNTOLD or (each.is_relation and each.name in ("medication", "treatment")):
            continue
        before = spoken(each, getattr(older, each.attname)) if older is not None else ""
        after = "" if gone else spoken(each, getattr(newer, each.attname))
        if before != after:
            label = str(each.verbose_name)
            yield Change(label[:1].upper() + label[1:], before, after)


def spoken(each: Any, value: Any) -> str:
    """A stored value as the admin shows it; lists one entry per line."""
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "\n".join(_entry(entry) for entry in value)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    choices = dict(each.flatchoices) if each.choices else {}
    return str(choices.get(value, value))


def _entry(entry: Any) -> str:
    """An entry of a list; a source is its document, edition and section."""
    if not isinstance(entry, dict):
        return str(entry)
    return ", ".join(str(part) for key, part in entry.items() if part and key not in ("id", "access"))


def _name(row: Any) -> str:
    if hasattr(row, "other"):
        return f"Interaction with {row.other}"
    return f"Regimen: {row.dose}, {row.frequency}"


def _together(rows: Sequence[tuple[Any, Part]]) -> Iterator[list[tuple[Any, Part]]]:
    group: list[tuple[Any, Part]] = []
    for row, part in rows:
        if group:
            last = group[-1][0]
            late = row.history_date - last.history_date > _TOGETHER
            if late or row.history_user_id != last.history_user_id:
                yield group
                group = []
        group.append((row, part))
    if group:
        yield group


def _own_first(parts: Iterable[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: bool(part.name))


def _who(row: Any) -> str:
    if row.history_user is not None:
        return str(row.history_user.full_name)
    return "the system"
