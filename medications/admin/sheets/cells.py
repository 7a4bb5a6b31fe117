"""Between the cells of a spreadsheet and the fields of a form: the same forms judge a file and the admin."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.utils import pretty_name
from django.utils.text import capfirst

from medications.admin.fields import KnownListField
from medications.admin.sheets.workbook import Column, Unusable, plain_text
from triage.admin.fields import LinesField, StructuredField

Cells = Mapping[str, Any]
_YES_NO = {"": "unknown", "yes": "true", "no": "false", "true": "true", "false": "false"}


class Change(NamedTuple):
    """What a row changes in one field, in words."""

    field: str
    label: str
    before: str
    after: str


def filled(form_class: type[Any], instance: Any, cells: Cells) -> Any:
    """The form as if somebody had typed the cells over what is stored; columns that the file does not have
    keep their values, or get their defaults. Raises ValidationError for cells that hold no plain value."""
    data: dict[str, Any] = {}
    form = form_class(data, instance=instance)
    problems: dict[str, Any] = {}
    for name, field in form.fields.items():
        value = cells.get(name)
        if name not in cells or (value is None and instance._state.adding):  # of a new item: its default
            stored = form.get_initial_for_field(field, name)
            data[form.add_prefix(name)] = _typed(field, text_of(field, stored))
            continue
        if isinstance(value, Unusable):
            problems[name] = value.reason
        else:
            data[form.add_prefix(name)] = _typed(field, plain_text(value))
    if problems:
        raise ValidationError(problems)
    return form


def changes_of(form: Any) -> list[Change]:
    """Every field of a valid form that is not what is stored."""
    found = []
    for name in form.changed_data:
        field = form.fields[name]
        before = text_of(field, form.get_initial_for_field(field, name), spoken=True)
        after = text_of(field, form.cleaned_data.get(name), spoken=True)
        if before != after:
            found.append(Change(name, label_of(name, field), before, after))
    return found


def text_of(field: forms.Field, value: Any, *, spoken: bool = False) -> str:
    """A field's value as it stands in a cell; `spoken`: choices by their names, as in the admin."""
    if isinstance(value, str) and isinstance(field, StructuredField):
        return value
    if isinstance(field, StructuredField):
        return json.dumps(value, ensure_ascii=False) if value else ""
    if isinstance(value, list):
        return "\n".join(map(str, value))
    if isinstance(field, forms.ModelChoiceField):
        return _code_of(field, value)
    if spoken and isinstance(field, forms.ChoiceField):
        return str(_flat(field).get("" if value is None else str(value), plain_text(value)))
    return plain_text(value)


def label_of(name: str, field: forms.Field) -> str:
    """A field's name as the admin shows it."""
    return str(field.label or pretty_name(name))


def number(value: Any) -> Any:
    """A decimal as a number that a spreadsheet can reckon with."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def columns_of(fields: Mapping[str, forms.Field], widths: Mapping[str, int]) -> list[Column]:
    """The fields of a form as columns, with their help as explanation."""
    return [
        Column(
            name, f"{label_of(name, field)}. {field.help_text}".strip(), _offers(field), widths.get(name, 16)
        )
        for name, field in fields.items()
    ]


def problems_of(form: Any) -> dict[str, list[str]]:
    """The errors of a form by column; those of no field stand beside the first column."""
    return {name: [str(text) for text in texts] for name, texts in form.errors.items()}


def _typed(field: forms.Field, text: str) -> Any:
    """What a browser would send for it."""
    if isinstance(field, forms.NullBooleanField):
        # Anything else stays as it is and is refused by `YesNoField`.
        return _YES_NO.get(text.lower(), text)
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        by_name = {str(label).casefold(): value for value, label in _flat(field).items()}
        folded = {value.casefold(): value for value in _flat(field)}
        return folded.get(text.casefold(), by_name.get(text.casefold(), text))
    if isinstance(field, LinesField):
        return text
    return text


def _flat(field: forms.ChoiceField) -> dict[str, str]:
    pairs: Any = field.choices
    return {str(value): str(label) for value, label in pairs}


def _offers(field: forms.Field) -> tuple[str, ...]:
    if isinstance(field, forms.NullBooleanField):
        return ("yes", "no")
    if isinstance(field, KnownListField | forms.ModelChoiceField) or not isinstance(field, forms.ChoiceField):
        return ()
    return tuple(value for value in _flat(field) if value)


def _code_of(field: Any, value: Any) -> str:
    if value in (None, ""):
        return ""
    if hasattr(value, "code"):
        return str(value.code)
    row = field.queryset.filter(pk=value).first()
    return str(row.code) if row else ""


class LeanForm:
    """For the forms of rows: the database's check constraints are left to the database, which holds them
    when a row is written. Asking it about each of them for each row took most of the time of an import."""

    instance: Any

    def _post_clean(self) -> None:
        vars(self.instance)["validate_constraints"] = lambda exclude=None: None
        try:
            super()._post_clean()  # type: ignore[misc]  # of the form this is mixed into
        finally:
            del vars(self.instance)["validate_constraints"]


def key_text(cells: Cells, name: str) -> str:
    """A cell that names something, as text. Raises ValidationError."""
    value = cells.get(name)
    if isinstance(value, Unusable):
        raise ValidationError({name: value.reason})
    return plain_text(value)


def form_field(field: Any, **kwargs: Any) -> Any:
    """How a model's field is read from a cell; for `modelform_factory`."""
    if isinstance(field, models.BooleanField) and field.null:
        return YesNoField(label=capfirst(field.verbose_name), help_text=field.help_text, required=False)
    return field.formfield(**kwargs)


class YesNoField(forms.NullBooleanField):
    """Yes, no, or empty; anything else is refused instead of counted as unknown."""

    widget = forms.TextInput

    def to_python(self, value: Any) -> Any:
        if value in ("true", True):
            return True
        if value in ("false", False):
            return False
        if value in ("unknown", "", None):
            return None
        raise ValidationError("Write yes, no or nothing.")

    def validate(self, value: Any) -> None:
        """`to_python` has refused what is none of the three."""
