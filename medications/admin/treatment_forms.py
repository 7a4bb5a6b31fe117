"""What a treatment and its regimens must be, each error beside its field."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet

from medications.admin.fields import SearchedChoiceField
from medications.engine.model import Population, Strength
from medications.engine.results import plain
from medications.engine.strength import parse_strength
from medications.models import Medication, Treatment
from medications.rules import Wrong, amounts
from medications.rules.bands import gaps, overlap
from triage.admin.base import ItemForm
from triage.admin.fields import LinesField
from triage.models import Condition

_UNITS = {f"{name}_{end}" for name in ("mg_per_kg", "dose_mg", "dose_ml") for end in ("low", "high")}
_RANGES = ("mg_per_kg", "dose_mg", "units", "dose_ml", "doses_per_day")


def _conditions() -> list[tuple[str, str]]:
    return [("", ""), *Condition.objects.order_by("name").values_list("code", "name")]


class TreatmentForm(ItemForm):
    """The condition is chosen among those there are; the id follows from condition and medicine."""

    condition = SearchedChoiceField(choices=_conditions)
    conditions_of_use = LinesField(
        help_text="One sentence per line, as: Under 10% of skin. Sentences that are use limits exclude by "
        "themselves, the others are shown to the pharmacist."
    )
    stop_and_refer_if = LinesField(help_text="One sentence per line, as: No better in 7 days.")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        condition, medication = data.get("condition"), data.get("medication")
        if self.instance._state.adding and condition and medication:
            self.instance.code = f"{condition}--{medication.code}"
            if Treatment.objects.filter(condition=condition, medication=medication).exists():
                self.add_error("medication", "There is a treatment of this condition with it already.")
        return data


class RegimenForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """Each amount within its maximum; a single figure fills both ends of its range."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if name in _UNITS:
                label = str(field.label)
                field.label = label[0].lower() + label[1:]  # ML is no unit

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> Any:
        """Amounts as one writes them: 3, not 3.000."""
        value = super().get_initial_for_field(field, field_name)
        return Decimal(plain(value)) if isinstance(value, Decimal) else value

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in _RANGES:
            low, high = data.get(f"{name}_low"), data.get(f"{name}_high")
            data[f"{name}_low"], data[f"{name}_high"] = low or high, high or low
            if low and high and low > high:
                self.add_error(f"{name}_high", "Must not be below the lower end.")
        ages = data.get("age_min_months"), data.get("age_max_months")
        if ages[0] is not None and ages[1] is not None and ages[0] > ages[1]:
            self.add_error("age_max_months", "Must not be below the youngest age.")
        weights = data.get("weight_min_kg"), data.get("weight_max_kg")
        if weights[0] is not None and weights[1] is not None and weights[0] >= weights[1]:
            self.add_error("weight_max_kg", "Must be above the lower weight.")
        add_wrongs(self, amounts.faults(data))
        return data


class RegimenFormSet(BaseInlineFormSet):  # type: ignore[type-arg]  # generic in the stubs only
    """All regimens of a treatment, judged together and against the medicine."""

    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if form.is_valid() and _is_kept(form)]
        if not kept and not self.total_error_count():
            raise ValidationError("A treatment needs a regimen.")
        # The medicine of a new treatment may not be chosen yet.
        chosen = getattr(self.instance, "medication_id", None) is not None
        judge_together(kept, self.instance.medication if chosen else None)


def judge_together(forms_: Sequence[Any], medicine: Medication | None) -> None:
    """Add what is wrong with valid regimen forms as a whole: bands that overlap or leave patients out,
    and what the medicine does not allow."""
    for form in forms_:
        if medicine is not None:
            add_wrongs(form, within(medicine, form.cleaned_data))
    populations = [population_of(form.cleaned_data) for form in forms_]
    for one, other in combinations(range(len(forms_)), 2):
        if overlap(populations[one], populations[other]):
            _add(
                forms_[other],
                Wrong("age_min_months", "Another regimen is for some of the same patients; close the bands."),
            )
    for gap in gaps(populations):
        _add(forms_[gap.regimen], Wrong(gap.field, gap.message))


def within(medicine: Medication, data: dict[str, Any]) -> Iterator[Wrong]:
    """What the medicine does not allow: age, length of the course, doses that it cannot give."""
    if (data.get("age_min_months") or 0) < medicine.age_min_months:
        yield Wrong("age_min_months", f"The medicine itself is only from {medicine.age_min_months} months.")
    limit, days = medicine.max_duration_days, data.get("duration_days")
    if limit is not None and days is not None and days > limit:
        yield Wrong("duration_days", f"The medicine itself is only for up to {limit} days.")
    yield from amounts.faults_with(product_of(medicine), data)


def product_of(medicine: Medication) -> amounts.Product:
    """What a dose depends on."""
    strength = parse_strength(medicine.strength, medicine.form)
    if medicine.strength_mg and medicine.strength_per:
        strength = Strength(medicine.strength_mg, medicine.strength_per, medicine.form)
    return amounts.Product(medicine.form, medicine.route, strength, medicine.scored)


def population_of(data: dict[str, Any]) -> Population:
    """Whom a regimen is for."""
    return Population(
        age_min_months=data.get("age_min_months"),
        age_max_months=data.get("age_max_months"),
        weight_min_kg=data.get("weight_min_kg"),
        weight_max_kg=data.get("weight_max_kg"),
        severity=data.get("severity") or None,
    )


def add_wrongs(form: Any, wrongs: Iterator[Wrong]) -> None:
    """Beside each field its first fault; adding one drops the field's value, so read them all first."""
    for wrong in list(wrongs):
        _add(form, wrong)


def _add(form: Any, wrong: Wrong) -> None:
    if wrong.field not in form.errors:
        kept = dict(form.cleaned_data)
        form.add_error(wrong.field, wrong.message)
        # Later checks compare with this value too.
        form.cleaned_data = kept


def _is_kept(form: Any) -> bool:
    return bool(form.cleaned_data) and not form.cleaned_data.get("DELETE")
