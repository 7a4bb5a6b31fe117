"""What the admin of every part of the formulary shares."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin

from medications.engine.lexicon import normalise
from medications.models import AllergyClass, HealthConcept
from triage.admin.base import KnowledgeAdmin, actor_of
from triage.facts import BODY_SITES, FACTS
from triage.services import save_item


class FormularyAdmin(SimpleHistoryAdmin, KnowledgeAdmin):  # type: ignore[misc]  # both are untyped
    """Every change is kept with its author; an edit in an inline counts as one of its parent."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save()
        if formset.has_changed():
            save_item(actor=actor_of(request), item=form.instance, changed=[formset.prefix])


def body_sites() -> set[str]:
    return set(BODY_SITES)


def facts() -> set[str]:
    return set(FACTS)


def allergy_codes() -> set[str]:
    return set(AllergyClass.objects.values_list("code", flat=True))


def concept_codes() -> set[str]:
    return set(HealthConcept.objects.values_list("code", flat=True))


def lower_case(names: Iterable[str]) -> list[str]:
    """The names, refused where one has no letter or digit."""
    cleaned = [name.lower() for name in names]
    empty = [name for name in cleaned if not normalise(name)]
    if empty:
        raise forms.ValidationError(f"{empty[0]!r} is no name.")
    return cleaned
