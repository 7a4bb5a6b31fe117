"""Treatments as a sheet: one row per regimen, what belongs to the treatment repeated in each of its rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import modelform_factory
from import_export.results import RowResult

from medications import services
from medications.admin.sheets.cells import (
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
from medications.admin.sheets.resource import (
    REVIEW_STATE,
    SheetResource,
    SheetResult,
    SheetRow,
    review_of,
    state_of,
)
from medications.admin.sheets.workbook import Column
from medications.admin.treatment_forms import RegimenForm, TreatmentForm, judge_together
from medications.models import Medication, Regimen, Treatment

CODE, REGIMEN = "code", "regimen"
_TREATMENT = (
    "condition", "medication", "line", "conditions_of_use", "stop_and_refer_if", "reviewer_notes",
    "confidence", "unverified_fields", "sources",
)  # fmt: skip
_REGIMEN = (
    "severity", "age_min_months", "age_max_months", "weight_min_kg", "weight_max_kg", "dose", "frequency",
    "duration_days", "instructions", "dose_mg_low", "dose_mg_high", "mg_per_kg_low", "mg_per_kg_high",
    "units_low", "units_high", "dose_ml_low", "dose_ml_high", "doses_per_day_low", "doses_per_day_high",
    "max_doses_per_day", "doses_per_week", "max_single_mg", "max_daily_mg", "max_daily_mg_per_kg", "max_dose",
    "grams_per_application", "grams_per_application_max",
)  # fmt: skip
_WIDTHS = {
    "condition": 24, "medication": 30, "conditions_of_use": 40, "stop_and_refer_if": 40, "reviewer_notes": 40,
    "dose": 24, "frequency": 24, "instructions": 40, "sources": 40, "unverified_fields": 30,
}  # fmt: skip
_CODE_COLUMN = Column(
    CODE, "Id of the treatment: the condition's, two hyphens, the medicine's. Not read.", (), 44
)
_REGIMEN_COLUMN = Column(
    REGIMEN, "Which regimen of the treatment, from 1. Empty or one more than there are: a new one.", (), 10
)

_TreatmentBase = modelform_factory(
    Treatment, form=TreatmentForm, fields=_TREATMENT, formfield_callback=form_field
)
_RegimenBase = modelform_factory(Regimen, form=RegimenForm, fields=_REGIMEN, formfield_callback=form_field)


class TreatmentSheetForm(LeanForm, _TreatmentBase):  # type: ignore[valid-type, misc]  # made by a factory
    """The admin's form, the medicine named by its code."""

    medication = forms.ModelChoiceField(
        Medication.objects.all(),
        to_field_name="code",
        help_text="The medicine's code, as permethrin-5-cream.",
        error_messages={"invalid_choice": "There is no medicine with this code."},
    )


class RegimenSheetForm(LeanForm, _RegimenBase):  # type: ignore[valid-type, misc]  # made by a factory
    """The admin's form of one regimen."""


@dataclass
class _Read:
    """One row that was fine by itself."""

    row: SheetRow
    place: int  # of the regimen in its treatment, from 0
    form: Any


@dataclass
class _Group:
    """The rows of one treatment."""

    first: int
    texts: dict[str, str]
    form: Any = None  # of the treatment; None where its first row is wrong
    medicine: Medication | None = None
    stored: list[Regimen] = field(default_factory=list)
    read: list[_Read] = field(default_factory=list)
    wrong: bool = False


class TreatmentSheet(SheetResource):
    """Rows are found by condition, medicine and the regimen's number. Nothing is ever removed by a file."""

    title = "Treatments"
    needed = ("condition", "medication")

    class Meta(SheetResource.Meta):
        model = Treatment

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._stored: dict[str, Treatment] = {}
        self._groups: dict[str, _Group] = {}

    def columns(self) -> list[Column]:
        treatment = columns_of(TreatmentSheetForm().fields, _WIDTHS)
        by_name = {column.name: column for column in treatment}
        own = [by_name[name] for name in _TREATMENT]
        return [_CODE_COLUMN, *own, _REGIMEN_COLUMN, *columns_of(RegimenSheetForm().fields, _WIDTHS)]

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        super().before_import(dataset, **kwargs)
        rows = Treatment.objects.select_related("medication").prefetch_related("regimens")
        self._stored = {row.code: row for row in rows}

    def read_row(self, row: SheetRow, cells: Mapping[str, Any]) -> None:
        condition, medicine = key_text(cells, "condition"), key_text(cells, "medication")
        if not condition or not medicine:
            missing = "medication" if condition else "condition"
            raise ValidationError({missing: "Every row names its condition and its medicine."})
        code = row.name = f"{condition}--{medicine}"
        stored = self._stored.get(code)
        row.state = state_of(stored) if stored else ""
        group = self._groups.get(code)
        try:
            if group is None:
                group = self._open(code, stored, row, cells)
            else:
                _agrees(group, cells)
            self._regimen(group, row, cells)
        except ValidationError:
            self._groups[code].wrong = True
            raise

    def _open(self, code: str, stored: Treatment | None, row: SheetRow, cells: Mapping[str, Any]) -> _Group:
        own = {name: value for name, value in cells.items() if name in _TREATMENT}
        group = self._groups[code] = _Group(row.number, {name: key_text(own, name) for name in own})
        if stored:
            group.stored = list(stored.regimens.all())
        form = filled(TreatmentSheetForm, stored or Treatment(), own)
        if not _stands(form, stored) and not form.is_valid():
            raise ValidationError(problems_of(form))
        group.form = form
        group.medicine = stored.medication if stored else form.cleaned_data["medication"]
        return group

    def _regimen(self, group: _Group, row: SheetRow, cells: Mapping[str, Any]) -> None:
        place = _place(group, key_text(cells, REGIMEN))
        there = group.stored[place] if place < len(group.stored) else None
        own = {name: value for name, value in cells.items() if name in _REGIMEN}
        form = filled(RegimenSheetForm, there or Regimen(position=_position(group, place)), own)
        if not _stands(form, there) and not form.is_valid():
            raise ValidationError(problems_of(form))
        if group.form is None:  # the row that says what the treatment is was refused
            raise ValidationError(f"Row {group.first} of the same treatment is wrong.")
        changes = changes_of(form) if form.has_changed() else []
        if row.number == group.first and group.form.has_changed():
            changes = [*changes_of(group.form), *changes]
        row.changes = changes
        new = there is None
        row.import_type = RowResult.IMPORT_TYPE_NEW if new else RowResult.IMPORT_TYPE_UPDATE
        if not new and not changes:
            row.import_type = RowResult.IMPORT_TYPE_SKIP
        row.name = f"{row.name}, regimen {place + 1}"
        group.read.append(_Read(row, place, form))

    def judge_all(self, result: SheetResult) -> None:
        """The bands of each treatment together, with those of its regimens that the file does not have."""
        for group in self._groups.values():
            if group.wrong or all(each.row.is_skip() for each in group.read):
                continue
            forms_ = {each.place: each.form for each in group.read}
            for place, stored in enumerate(group.stored):
                forms_.setdefault(place, filled(RegimenSheetForm, stored, {}))
            ordered = [forms_[place] for place in sorted(forms_)]
            if all(form.is_valid() for form in ordered):
                judge_together(ordered, group.medicine)
            self._report(result, group, forms_)

    def _report(self, result: SheetResult, group: _Group, forms_: Mapping[int, Any]) -> None:
        rows = {each.place: each.row for each in group.read}
        told: dict[int, dict[str, list[str]]] = {}
        for place, form in forms_.items():
            if not form.errors:
                continue
            row = rows.get(place, group.read[0].row)
            known = told.setdefault(id(row), {})
            for name, texts in problems_of(form).items():
                where = "" if place in rows else f"Regimen {place + 1}, which is not in this file: "
                known.setdefault(name, []).extend(f"{where}{text}" for text in texts)
        for each in group.read:
            if problems := told.get(id(each.row)):
                self.refuse(result, each.row, problems)

    def store(self, reason: str) -> None:
        for group in self._groups.values():
            changed = [each for each in group.read if not each.row.is_skip()]
            if changed:
                services.save_treatment(
                    actor=self.actor,
                    treatment=group.form.instance,
                    changed=sorted({change.field for each in changed for change in each.row.changes}),
                    reason=reason,
                    regimens=[each.form.instance for each in changed],
                )

    def touched(self) -> Iterator[Treatment]:
        """Saving a treatment marks it as edited, whichever of its regimens changed."""
        for group in self._groups.values():
            if not all(each.row.is_skip() for each in group.read):
                yield group.form.instance

    def rows_of(self, queryset: Any) -> Iterator[dict[str, Any]]:
        own, of_regimen = TreatmentSheetForm().fields, RegimenSheetForm().fields
        for treatment in queryset.select_related("medication").prefetch_related("regimens"):
            shared = {name: text_of(own[name], getattr(treatment, name)) for name in _TREATMENT}
            for place, regimen in enumerate(treatment.regimens.all(), 1):
                yield {
                    CODE: treatment.code,
                    **shared,
                    REGIMEN: place,
                    **{name: _cell(of_regimen[name], getattr(regimen, name)) for name in _REGIMEN},
                    REVIEW_STATE: review_of(treatment),
                }


def _cell(form_field_: forms.Field, value: Any) -> Any:
    return number(value) if isinstance(value, int | Decimal) else text_of(form_field_, value)


def _stands(form: Any, stored: Any) -> bool:
    """Nothing is asked of what is stored and stays as it is."""
    return stored is not None and not form.has_changed()


def _agrees(group: _Group, cells: Mapping[str, Any]) -> None:
    """Later rows of a treatment may leave its own columns empty, but say nothing else."""
    problems = {}
    for name in _TREATMENT:
        text = key_text(cells, name)
        if text and text != group.texts.get(name):
            problems[name] = f"Row {group.first} of the same treatment says otherwise."
    if problems:
        raise ValidationError(problems)


def _place(group: _Group, text: str) -> int:
    taken = {each.place for each in group.read}
    following = max([len(group.stored) - 1, *taken]) + 1
    if not text:
        return following
    if not text.isdecimal() or not 1 <= int(text) <= following + 1:
        raise ValidationError(
            {REGIMEN: f"Write a number from 1 to {following + 1}, or nothing for a new one."}
        )
    if int(text) - 1 in taken:
        raise ValidationError({REGIMEN: "Another row is for the same regimen."})
    return int(text) - 1


def _position(group: _Group, place: int) -> int:
    """A new regimen comes after those that there are."""
    last = max((regimen.position for regimen in group.stored), default=-1)
    return last + 1 + place - len(group.stored)
