"""Medicines as a sheet: one row per medicine, its interactions in one cell."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.forms import modelform_factory
from import_export.results import RowResult

from medications import services
from medications.admin.medicine_forms import InteractionForm, MedicationForm
from medications.admin.sheets.cells import (
    Change,
    LeanForm,
    changes_of,
    columns_of,
    filled,
    form_field,
    key_text,
    number,
    problems_of,
    text_of,
)
from medications.admin.sheets.resource import REVIEW_STATE, SheetResource, SheetRow, review_of, state_of
from medications.admin.sheets.workbook import Column
from medications.models import Interaction, Medication
from triage.admin.fields import LinesField

INTERACTIONS = "interactions"
_SHAPE = "severity; medicine or class; with; effect"
_KINDS = {"medicine": Interaction.Kind.GENERIC, "class": Interaction.Kind.CLASS}
_KIND_WORDS = {kind.value: word for word, kind in _KINDS.items()}
_PARTS = 4
_FIELDS = (
    "code", "generic_name", "brand_examples", "atc", "form", "strength", "strength_mg", "strength_per",
    "route", "scored", "pack_size", "pack_unit", "legal_class", "legal_class_confidence", "aware_group",
    "pharmacological_class", "ingredients", "allergy_classes", "allergy_note", "age_min_months", "pregnancy",
    "pregnancy_note", "lactation", "lactation_note", "contraindications", "cautions",
    "body_site_restrictions", "application_limits", "max_duration_days", "max_weekly_grams",
    "counselling_points", "adverse_effects", "storage", "eml_ghana", "nhis_listed", "nhis_code", "nhis_level",
    "nhis_note", "confidence", "unverified_fields", "sources",
)  # fmt: skip
_WIDTHS = {
    "code": 30, "generic_name": 24, "counselling_points": 50, "contraindications": 40, "cautions": 40,
    "brand_examples": 20, "ingredients": 24, "pharmacological_class": 24, "adverse_effects": 30,
    "storage": 30, "unverified_fields": 30, "sources": 40, INTERACTIONS: 50,
}  # fmt: skip

_Base = modelform_factory(Medication, form=MedicationForm, fields=_FIELDS, formfield_callback=form_field)
_Entry = modelform_factory(Interaction, form=InteractionForm, fields=("severity", "kind", "other", "effect"))


class _EntryForm(LeanForm, _Entry):  # type: ignore[valid-type, misc]  # made by a factory
    """One line of the interactions."""


class MedicationSheetForm(LeanForm, _Base):  # type: ignore[valid-type, misc]  # made by a factory
    """The admin's form with the interactions as lines."""

    interactions = LinesField(
        help_text=f"One per line: {_SHAPE}. As: major; medicine; warfarin; bleeding, avoid."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial[INTERACTIONS] = [line_of(entry) for entry in self.instance.interactions.all()]

    def clean_interactions(self) -> list[Interaction]:
        entries, problems, seen = [], [], set()
        for place, line in enumerate(self.cleaned_data[INTERACTIONS], 1):
            try:
                entry = _entry(line)
            except ValidationError as wrong:
                problems += [f"Line {place}: {text}" for text in wrong.messages]
                continue
            if (entry.kind, entry.other) in seen:
                problems.append(f"Line {place}: {entry.other} stands there twice.")
            seen.add((entry.kind, entry.other))
            entries.append(entry)
        if problems:
            raise ValidationError(problems)
        return entries


def _entry(line: str) -> Interaction:
    parts = [part.strip() for part in line.split(";", _PARTS - 1)]
    if len(parts) != _PARTS or parts[1].lower() not in _KINDS:
        raise ValidationError(f"Write it as: {_SHAPE}.")
    severity, kind, other, effect = parts
    data = {"severity": severity.lower(), "kind": _KINDS[kind.lower()], "other": other, "effect": effect}
    form = _EntryForm(data)
    if not form.is_valid():
        raise ValidationError([text for texts in form.errors.values() for text in texts])
    entry: Interaction = form.save(commit=False)
    return entry


def line_of(entry: Interaction) -> str:
    """An interaction as one line of the cell."""
    return f"{entry.severity}; {_KIND_WORDS[entry.kind]}; {entry.other}; {entry.effect}"


class MedicationSheet(SheetResource):
    """Rows are found by `code`; one that no medicine has, or none, makes a new medicine."""

    title = "Medicines"
    needed = ("generic_name",)

    class Meta(SheetResource.Meta):
        model = Medication

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._stored: dict[str, Medication] = {}
        self._rows: dict[str, int] = {}
        # What is to be stored, without the forms: those of thousands of rows fill the memory.
        self._kept: list[tuple[Medication, list[Change], list[Interaction]]] = []

    def columns(self) -> list[Column]:
        return columns_of(MedicationSheetForm().fields, _WIDTHS)

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        super().before_import(dataset, **kwargs)
        rows = Medication.objects.prefetch_related("interactions")
        self._stored = {row.code: row for row in rows}

    def read_row(self, row: SheetRow, cells: Mapping[str, Any]) -> None:
        stored = self._stored.get(key_text(cells, "code"))
        row.import_type = RowResult.IMPORT_TYPE_UPDATE if stored else RowResult.IMPORT_TYPE_NEW
        form = filled(MedicationSheetForm, stored or Medication(), cells)
        row.name = key_text(cells, "code") or key_text(cells, "generic_name")
        if stored and not form.has_changed():
            row.import_type = RowResult.IMPORT_TYPE_SKIP
            self._once(stored.code, row)
            return
        if not form.is_valid():
            raise ValidationError(problems_of(form))
        code = row.name = form.cleaned_data["code"]
        self._once(code, row)
        row.state = state_of(stored) if stored else ""
        row.changes = differences(form, stored)
        if stored and not row.changes:
            row.import_type = RowResult.IMPORT_TYPE_SKIP
        else:
            self._kept.append((form.instance, list(row.changes), form.cleaned_data[INTERACTIONS]))

    def _once(self, code: str, row: SheetRow) -> None:
        if code in self._rows:
            raise ValidationError({"code": f"Row {self._rows[code]} is for the same medicine."})
        self._rows[code] = row.number

    def store(self, reason: str) -> None:
        for medicine, changes, interactions in self._kept:
            changed = [change.field for change in changes]
            services.save_medicine(
                actor=self.actor,
                medicine=medicine,
                changed=changed,
                reason=reason,
                interactions=interactions if INTERACTIONS in changed else None,
            )

    def touched(self) -> Iterator[Medication]:
        return (medicine for medicine, _, _ in self._kept)

    def rows_of(self, queryset: Any) -> Iterator[dict[str, Any]]:
        fields = MedicationSheetForm().fields
        for medicine in queryset.prefetch_related("interactions"):
            stored = {name: getattr(medicine, name) for name in _FIELDS}
            yield {
                **{
                    name: number(value) if _is_number(value) else text_of(fields[name], value)
                    for name, value in stored.items()
                },
                INTERACTIONS: "\n".join(line_of(entry) for entry in medicine.interactions.all()),
                REVIEW_STATE: review_of(medicine),
            }


def _is_number(value: Any) -> bool:
    return value is not None and not isinstance(value, str | bool | list)


def differences(form: Any, stored: Medication | None) -> list[Change]:
    """As `changes_of`, the interactions compared as lines."""
    found = [change for change in changes_of(form) if change.field != INTERACTIONS]
    before = [line_of(entry) for entry in stored.interactions.all()] if stored else []
    after = [line_of(entry) for entry in form.cleaned_data[INTERACTIONS]]
    if before != after:
        found.append(Change(INTERACTIONS, "Interactions", "\n".join(before), "\n".join(after)))
    return found
