"""Reads whose SQL Django writes once.

For the short reads of every request Django takes longer to write the SQL than the database to answer it.
What is written here is kept by the shape of its condition and takes other values each time. Nothing that was
read is kept: every call asks the database.
"""

import uuid
from collections import namedtuple
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Generic, TypeVar

from django.db import connection
from django.db.models import BooleanField, DateTimeField, Expression, Model, Q, QuerySet, TextField, UUIDField

M = TypeVar("M", bound=Model)
Order = tuple[str, ...]
Row = TypeVar("Row")
# The first rows of a condition, in an order.
Reader = Callable[[Q, Order, int], list[Row]]

_MOST_KEPT: Final = 500
# By the type of a value, the field that adapts it to the database. Others are left to Django.
_FIELDS: Final[dict[type, Any]] = {
    uuid.UUID: UUIDField(),
    datetime: DateTimeField(),
    str: TextField(),
    bool: BooleanField(),
}


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where in the parameters the value of that number goes."""

    number: int
    field: Any


class _Given(Expression):
    """Stands in a condition for a value that comes later."""

    def __init__(self, number: int, field: Any) -> None:
        super().__init__(output_field=field)
        self._slot = _Slot(number, field)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self._slot]


@dataclass(frozen=True, slots=True)
class _Written:
    """SQL, its parameters with gaps, and what Django makes of the columns that come back."""

    sql: str
    parameters: tuple[Any, ...]
    converters: tuple[tuple[int, Sequence[Callable[..., Any]], Any], ...]


class Prepared:
    """Rows of `queryset()`, a `values_list`, as named tuples."""

    def __init__(self, queryset: Callable[[], QuerySet[Any, Any]]) -> None:
        self._queryset = queryset
        self._written: dict[Any, _Written] = {}
        self._row: Any = None

    def rows(self, where: Q, *, order: Order = (), limit: int | None = None) -> list[Any]:
        """The rows for which `where` holds."""
        values: list[Any] = []
        shape = _shape(where, values)
        if shape is None:
            return self._named(list(self._asked(where, order, limit)))
        key = (connection.vendor, shape, order, limit)
        written = self._written.get(key)
        if written is None:
            if len(self._written) >= _MOST_KEPT:
                self._written.clear()
            slots = iter(range(len(values)))
            written = self._written[key] = _write(self._asked(_with_gaps(where, slots), order, limit))
        return self._named(_read(written, values))

    def _asked(self, where: Q, order: Order, limit: int | None) -> QuerySet[Any, Any]:
        return self._queryset().filter(where).order_by(*order)[:limit]

    def _named(self, rows: list[Any]) -> list[Any]:
        if self._row is None:
            self._row = namedtuple("Row", list(self._queryset().query.selected or ()))  # type: ignore[misc]
        return [self._row._make(row) for row in rows]


def _shape(where: Q, values: list[Any]) -> Any:
    """`where` without its values, which are appended to `values`; None where a value is not one of a few
    plain kinds."""
    parts = []
    for child in where.children:
        if isinstance(child, Q):
            part = _shape(child, values)
            if part is None:
                return None
        elif isinstance(child, tuple) and (field := _field(child[1])) is not None:
            values.append(child[1])
            part = (child[0], field)
        else:
            return None
        parts.append(part)
    return (where.connector, where.negated, *parts)


def _field(value: Any) -> Any:
    return next((field for kind, field in _FIELDS.items() if isinstance(value, kind)), None)


def _with_gaps(where: Q, slots: Iterator[int]) -> Q:
    """`where` with a gap for each value, in the order of `_shape`."""
    children: list[Any] = [
        _with_gaps(child, slots) if isinstance(child, Q) else _gap(child, slots) for child in where.children
    ]
    return Q(*children, _connector=where.connector, _negated=where.negated)


def _gap(leaf: Any, slots: Iterator[int]) -> tuple[str, _Given]:
    lookup, value = leaf
    return lookup, _Given(next(slots), _field(value))


def _write(asked: QuerySet[Any, Any]) -> _Written:
    compiler = asked.query.get_compiler(connection=connection)
    sql, parameters = compiler.as_sql()
    converters = compiler.get_converters([column[0] for column in compiler.select])
    return _Written(
        sql, tuple(parameters), tuple((place, found, what) for place, (found, what) in converters.items())
    )


def _read(written: _Written, values: Sequence[Any]) -> list[Any]:
    parameters = [
        each.field.get_db_prep_value(values[each.number], connection) if isinstance(each, _Slot) else each
        for each in written.parameters
    ]
    with connection.cursor() as cursor:
        cursor.execute(written.sql, parameters)
        rows: list[Any] = cursor.fetchall()
    if not written.converters:
        return rows
    converted = [list(row) for row in rows]
    for place, converters, what in written.converters:
        for row in converted:
            value = row[place]
            for convert in converters:
                value = convert(value, what, connection)
            row[place] = value
    return converted


class PreparedModel(Generic[M]):
    """Objects of `model` with those that the paths of `follow` lead to (nearer ones first), without the
    fields of `without`, which are read when somebody looks at them."""

    def __init__(self, model: type[M], *, follow: Sequence[str] = (), without: Sequence[str] = ()) -> None:
        self._model, self._follow, self._without = model, tuple(follow), frozenset(without)
        self._prepared = Prepared(self._queryset)

    def first(self, where: Q, *, order: Order = ()) -> M | None:
        """The first object for which `where` holds."""
        rows = self._prepared.rows(where, order=order, limit=1)
        return self._made(rows[0]) if rows else None

    def _queryset(self) -> QuerySet[Any, Any]:
        names = [name for part in self._parts for name in part.names]
        return self._model._default_manager.values_list(*names)

    def _made(self, row: Any) -> M:
        made: dict[str, Any] = {}
        start = 0
        for part in self._parts:
            values = row[start : start + len(part.fields)]
            start += len(part.fields)
            found = (
                None
                if values[part.key] is None
                else part.model.from_db(connection.alias, part.fields, values)
            )
            made[part.path] = found
            if part.path and made[part.parent] is not None:
                setattr(made[part.parent], part.name, found)
        return made[""]  # type: ignore[no-any-return]

    @cached_property
    def _parts(self) -> list["_Part"]:
        return [_part(self._model, path, self._without) for path in ("", *self._follow)]


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the objects in a row: where it hangs, its columns, and which of them is its primary key."""

    path: str
    parent: str
    name: str
    model: type[Model]
    fields: list[str]
    key: int

    @property
    def names(self) -> list[str]:
        return [f"{self.path}__{field}" if self.path else field for field in self.fields]


def _part(model: type[Model], path: str, without: Collection[str]) -> _Part:
    for step in filter(None, path.split("__")):
        model = model._meta.get_field(step).related_model  # type: ignore[assignment]
    prefix = f"{path}__" if path else ""
    fields = [f.attname for f in model._meta.concrete_fields if prefix + f.attname not in without]
    parent, _, name = path.rpartition("__")
    return _Part(path, parent, name, model, fields, fields.index(model._meta.pk.attname))
