"""What a medicine and its interactions must be, each error beside its field."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify

from medications.admin.base import allergy_pairs, lower_case, site_pairs
from medications.admin.fields import KnownListField
from medications.engine.strength import parse_strength
from medications.models import Interaction, InteractionClass, Medication, Route
from medications.rules import atc
from triage.admin.base import ItemForm
from triage.admin.fields import LinesField

_ONE = "One per line."


class MedicationForm(ItemForm):
    """Lists are edited one entry per line, or chosen among what is known."""

    brand_examples = LinesField(label="Brands", help_text="As Canesten; one per line.", rows=3)
    ingredients = LinesField(
        required=True, help_text="Generic names, one per line; allergies are checked against them.", rows=2
    )
    allergy_classes = KnownListField(
        pairs=allergy_pairs,
        kind="allergy class",
        help_text="As imidazoles; a substance alone where it is in no class.",
    )
    contraindications = LinesField(
        help_text="As: Peptic ulcer. A health concept named here excludes the medicine for whoever has it."
    )
    cautions = LinesField(help_text="As: Kidney disease. A health concept named here warns.")
    body_site_restrictions = KnownListField(
        pairs=site_pairs, kind="body site", label="Not on", help_text="As eyelids; face is all of the face."
    )
    application_limits = LinesField(help_text="As: Not on broken skin.")
    counselling_points = LinesField(help_text="What to tell the patient, one sentence per line.")
    adverse_effects = LinesField(help_text=_ONE, rows=3)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "code" in self.fields:
            self.fields["code"].required = False
            self.fields["code"].help_text = "Empty: made from name, strength and form. It never changes."

    def clean_ingredients(self) -> list[str]:
        return lower_case(self.cleaned_data["ingredients"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        form, strength = data.get("form", ""), data.get("strength", "")
        if form.startswith("oral") and not parse_strength(strength, form) and not data.get("strength_mg"):
            self.add_error("strength", "Say how many mg are in how many mL, as 125 mg/5 mL.")
        if bool(data.get("strength_mg")) != bool(data.get("strength_per")):
            self.add_error("strength_per", "Give both numbers or neither: 125 (mg) in 5 (mL).")
        if bool(data.get("pack_size")) != bool(data.get("pack_unit")):
            self.add_error("pack_unit", "Give the size and its unit, as 20 g.")
        self._route(data, form)
        self._atc(data)
        for name in ("allergy_classes", "body_site_restrictions"):
            stored = self.initial.get(name)
            if stored and set(stored) == set(data.get(name) or ()):
                data[name] = stored  # in its own order, so that the history tells of changes alone
        if "code" in self.fields and not data.get("code") and data.get("generic_name"):
            data["code"] = code_of(data["generic_name"], strength, form)
        return data

    def _route(self, data: dict[str, Any], form: str) -> None:
        route = data.get("route")
        if route == Route.ORAL and data.get("body_site_restrictions"):
            self.add_error("body_site_restrictions", "A medicine taken by mouth has no body sites.")
        taken = form.startswith("oral") or form in ("tablet", "capsule")
        if route == Route.TOPICAL and taken:
            self.add_error("route", f"A medicine of the form {form} is taken by mouth.")
        if route == Route.ORAL and form and not taken:
            self.add_error("route", f"A medicine of the form {form} is used on the skin.")

    def _atc(self, data: dict[str, Any]) -> None:
        code, route = data.get("atc"), data.get("route")
        if not code or not route:
            return
        for wrong in atc.faults(code, route=route, aware_group=data.get("aware_group") or ""):
            if wrong.field in self.fields and wrong.field not in self.errors:
                self.add_error(wrong.field, wrong.message)
        mine = atc.Coded("", code, tuple(data.get("ingredients") or ()))
        others = Medication.objects.filter(atc=code).exclude(pk=self.instance.pk)
        clash = atc.conflict(mine, (atc.Coded(str(row), row.atc, tuple(row.ingredients)) for row in others))
        if clash and "atc" not in self.errors:
            self.add_error("atc", clash)


def code_of(generic_name: str, strength: str, form: str) -> str:
    """The id of a new medicine: `cetirizine-5-5-solution`."""
    numbers = "-".join(re.findall(r"\d+", strength))
    return slugify(f"{generic_name} {numbers} {form.removeprefix('oral ')}")[:80].strip("-")


class InteractionForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A class must exist; a generic name is kept in lower case."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():  # the row has no labels of its own
            field.widget.attrs["aria-label"] = str(field.label or name)
        if "other" in self.fields:
            self.fields["other"].widget.attrs |= {"list": "known-names", "autocomplete": "off"}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        other, kind = (data.get("other") or "").strip().lower(), data.get("kind")
        if kind == Interaction.Kind.CLASS and not InteractionClass.objects.filter(code=other).exists():
            self.add_error("other", ValidationError(f"There is no interaction class {other[:80]!r}."))
        data["other"] = other
        return data
