"""What the admin of every part of the formulary shares."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import HttpRequest

from medications.admin.history import ReadableHistoryAdmin
from medications.admin.live import LiveCheck
from medications.engine.bodysites import spoken
from medications.engine.lexicon import normalise
from medications.models import AllergyClass, HealthConcept, Medication, MedicineName
from triage.admin.base import KnowledgeAdmin, actor_of
from triage.facts import BODY_SITES, FACTS
from triage.services import save_item


class AsksForChoice:
    """A choice without a default starts empty: nobody makes a medicine over-the-counter by not looking."""

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if "choices" not in kwargs and not db_field.has_default():
            nothing = "Select value" if db_field.blank else "Choose"
            kwargs["choices"] = db_field.get_choices(include_blank=True, blank_choice=[("", nothing)])
        return super().formfield_for_choice_field(db_field, request, **kwargs)  # type: ignore[misc]


class FormularyAdmin(AsksForChoice, LiveCheck, ReadableHistoryAdmin, KnowledgeAdmin):
    """Every change is kept with its author; an edit in an inline counts as one of its parent."""

    change_form_before_template = "admin/medications/state.html"

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save()
        if formset.has_changed():
            save_item(actor=actor_of(request), item=form.instance, changed=[formset.prefix])


def body_sites() -> set[str]:
    return set(BODY_SITES)


def site_pairs() -> list[tuple[str, str]]:
    """Body sites with their spoken names."""
    return sorted((site, spoken(site).capitalize()) for site in BODY_SITES)


def facts() -> set[str]:
    return set(FACTS)


def allergy_codes() -> set[str]:
    return set(AllergyClass.objects.values_list("code", flat=True))


def allergy_pairs() -> list[tuple[str, str]]:
    """Allergy classes with their names, then single substances, for medicines that are in no class."""
    classes = dict(AllergyClass.objects.values_list("code", "title"))
    substances = set(MedicineName.objects.values_list("code", flat=True)).union(
        *Medication.objects.values_list("ingredients", flat=True)
    )
    alone = sorted(substances - classes.keys())
    return [*classes.items(), *((name, f"{name} alone") for name in alone)]


def concept_codes() -> set[str]:
    return set(HealthConcept.objects.values_list("code", flat=True))


def lower_case(names: Iterable[str]) -> list[str]:
    """The names, refused where one has no letter or digit."""
    cleaned = [name.lower() for name in names]
    empty = [name for name in cleaned if not normalise(name)]
    if empty:
        raise forms.ValidationError(f"{empty[0]!r} is no name.")
    return cleaned
