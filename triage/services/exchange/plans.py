"""What an import would change, found without changing anything."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from dermatech.core.releases import Fault, canonical_json, content_hash
from triage.checks import structure
from triage.engine.criteria import CriteriaError
from triage.models import ConditionProfile, KnowledgeItem
from triage.services.exchange.reading import Incoming
from triage.services.exchange.tables import SHOWN, TABLES, columns, problems
from triage.snapshot import WorkingRows, compose


@dataclass(frozen=True, slots=True)
class Change:
    """One row: what would become of it. `fields` are (name, before, after)."""

    kind: str
    code: str
    action: str  # added, changed or removed
    fields: tuple[tuple[str, Any, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The dry run. `faults` stand against the import; `digest` names this very plan."""

    changes: tuple[Change, ...]
    unchanged: int
    faults: tuple[Fault, ...]
    rows: Mapping[str, Mapping[str, KnowledgeItem]] = field(repr=False)  # as they would be
    removed: tuple[KnowledgeItem, ...] = field(repr=False)

    @property
    def digest(self) -> str:
        return content_hash(canonical_json([asdict(change) for change in self.changes]))

    def as_dict(self) -> dict[str, Any]:
        return {
            "changes": [asdict(change) for change in self.changes],
            "unchanged": self.unchanged,
            "faults": [fault.as_dict() for fault in self.faults],
            "digest": self.digest,
        }


def plan(incoming: Incoming, *, remove_missing: bool = False) -> ImportPlan:
    """What importing would change. With `remove_missing`, rows that a table brought does not hold go."""
    work = _Work()
    for kind in TABLES:
        rows = incoming.tables.get(kind)
        if rows is not None:
            work.take(kind, rows, remove_missing=remove_missing)
    faults = work.faults or [*_referring(work.rows)]
    return ImportPlan(tuple(work.changes), work.unchanged, tuple(faults), work.rows, tuple(work.removed))


@dataclass(slots=True)
class _Work:
    rows: dict[str, dict[str, KnowledgeItem]] = field(
        default_factory=lambda: {
            kind: {row.code: row for row in model._default_manager.all()} for kind, model in TABLES.items()
        }
    )
    changes: list[Change] = field(default_factory=list)
    removed: list[KnowledgeItem] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unchanged: int = 0

    def take(self, kind: str, rows: Sequence[Mapping[str, Any]], *, remove_missing: bool) -> None:
        there = self.rows[kind]
        if remove_missing:
            wanted = {row["code"] for row in rows}
            for code in [code for code in there if code not in wanted]:
                self.removed.append(there.pop(code))
                self.changes.append(Change(kind, code, "removed"))
        for row in rows:
            wrong = [*_wrong(kind, row)]
            self.faults += wrong
            if not wrong:
                self._merge(kind, row)

    def _merge(self, kind: str, row: Mapping[str, Any]) -> None:
        model, code = TABLES[kind], row["code"]
        old = self.rows[kind].get(code)
        new = model(code=code) if old is None else copy.copy(old)
        for name, value in row.items():
            setattr(new, name, value)
        if isinstance(new, ConditionProfile) and old is None:
            condition = self.rows["conditions"].get(code)
            if condition is None:
                self.faults.append(
                    Fault(f"profiles.{code}.code", f"There is no condition {code!r}.", "reference")
                )
                return
            new.condition = condition  # type: ignore[assignment]  # the table of conditions
        differing = tuple(
            (name, None if old is None else getattr(old, name), getattr(new, name))
            for name in columns(model)
            if old is None or getattr(old, name) != getattr(new, name)
        )
        if not differing:
            self.unchanged += 1
            return
        self.faults += _unfit(kind, new)
        self.rows[kind][code] = new
        self.changes.append(Change(kind, code, "added" if old is None else "changed", differing))


def _wrong(kind: str, row: Mapping[str, Any]) -> Iterator[Fault]:
    """Columns that do not exist, and values of the wrong type."""
    fields = columns(TABLES[kind])
    place = f"{kind}.{row['code'][:80]}"
    for name, value in row.items():
        if name not in fields:
            yield Fault(f"{place}.{str(name)[:SHOWN]}", "There is no such column.", "unknown_field")
            continue
        for inside, message in problems(fields[name], value):
            yield Fault(f"{place}.{name}{inside}", message, "wrong_type")


def _unfit(kind: str, row: KnowledgeItem) -> Iterator[Fault]:
    """What the model itself refuses: choices, ranges, lengths."""
    try:
        row.clean_fields(exclude=["id", "condition"])
    except ValidationError as wrong:
        for name, messages in wrong.message_dict.items():
            for message in messages:
                yield Fault(f"{kind}.{row.code[:80]}.{name}", message, "invalid")


def _referring(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    """What would hang in the air, as the checks of a release see it."""
    scoring = next(iter(rows["scoring"].values()), None)
    if scoring is None:
        yield Fault("scoring", "There is no row of numbers for the differential.", "reference")
        return
    known = {kind: list(held.values()) for kind, held in rows.items() if kind != "scoring"}
    try:
        yield from structure(compose(WorkingRows(scoring=scoring, **known)))
    except CriteriaError as wrong:
        yield Fault(f"guidelines.{wrong.path}", wrong.message, "unreadable")
