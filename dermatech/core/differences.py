"""What differs between two snapshots, in a form that people can read."""

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Row = Mapping[str, Any]
Words = Callable[[str, str, Row], str | None]  # kind, field, row -> the field in plain words, if any


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text: kept (` `), new (`+`) or gone (`-`)."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    field: str
    before: Any
    after: Any
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class RowChange:
    id: str
    title: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Named:
    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Section:
    """One list of the snapshot; `name` is what it holds, in words."""

    kind: str
    name: str
    added: tuple[Named, ...]
    removed: tuple[Named, ...]
    changed: tuple[RowChange, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """Everything that differs; sections without a difference are left out."""

    older: str
    newer: str
    sections: tuple[Section, ...]

    @property
    def identical(self) -> bool:
        return not self.sections

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "identical": self.identical}


def compare(
    older: Row, newer: Row, *, labels: tuple[str, str], names: Mapping[str, str], words: Words
) -> Diff:
    """The difference of two snapshots whose lists hold rows with an `id`.

    `names` says in words what a list holds; `words` what a field means, where its JSON would not be read.
    """
    kinds = [kind for kind in dict.fromkeys((*older, *newer)) if kind != "schema"]
    sections = (
        _section(kind, _rows(older.get(kind)), _rows(newer.get(kind)), names.get(kind, kind), words)
        for kind in kinds
    )
    found = tuple(each for each in sections if each.added or each.removed or each.changed)
    return Diff(*labels, found)


def _rows(content: Any) -> dict[str, Row]:
    """Rows by id; an object stands for a single row."""
    if isinstance(content, Mapping):
        return {"all": content}
    return {str(row["id"]): row for row in content or () if isinstance(row, Mapping) and "id" in row}


def _section(
    kind: str, before: Mapping[str, Row], after: Mapping[str, Row], name: str, words: Words
) -> Section:
    return Section(
        kind=kind,
        name=name,
        added=tuple(_named(row, id_) for id_, row in after.items() if id_ not in before),
        removed=tuple(_named(row, id_) for id_, row in before.items() if id_ not in after),
        changed=tuple(
            RowChange(id_, _title(row, id_), fields)
            for id_, row in after.items()
            if id_ in before and (fields := tuple(_fields(kind, before[id_], row, words)))
        ),
    )


def _named(row: Row, id_: str) -> Named:
    return Named(id_, _title(row, id_))


def _title(row: Row, id_: str) -> str:
    return str(row.get("title") or row.get("name") or row.get("description") or id_)


def _fields(kind: str, before: Row, after: Row, words: Words) -> Iterator[FieldChange]:
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        said = words(kind, name, before), words(kind, name, after)
        if old != new and said != ("", ""):
            texts = [
                _text(value) if text is None else text for value, text in zip((old, new), said, strict=True)
            ]
            yield FieldChange(name, old, new, tuple(_lines(*(text.splitlines() for text in texts))))


def _text(value: Any) -> str:
    """A value as people read it: lists and objects a line per entry."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {_plain(each)}" for name, each in sorted(value.items()))
    if isinstance(value, list):
        return "\n".join(_plain(each) for each in value)
    return _plain(value)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _lines(before: Sequence[str], after: Sequence[str]) -> Iterator[Line]:
    for line in difflib.ndiff(before, after):
        if line[0] != "?":
            yield Line(line[0], line[2:])
