"""The vocabulary of the checks in the admin."""

from typing import Any

from django.contrib import admin

from accounts.admin.decorators import display
from medications.admin.base import FormularyAdmin, allergy_codes, body_sites, concept_codes, facts, lower_case
from medications.engine.model import SEVERITIES
from medications.models import AllergyClass, HealthConcept, InteractionClass, MedicineName, UseLimit
from triage.admin.base import PROVENANCE, ItemForm
from triage.admin.fields import LinesField, condition_codes

_GENERICS = "Generic names, one per line, as fluoxetine."


def _severities() -> set[str]:
    return set(SEVERITIES)


class MembersForm(ItemForm):
    """A class and its members."""

    members = LinesField(help_text=_GENERICS, rows=10)

    def clean_members(self) -> list[str]:
        return lower_case(self.cleaned_data["members"])


class AllergyClassForm(MembersForm):
    synonyms = LinesField(help_text="What people say, as sulfa; one per line.")
    cross_reacts = LinesField(
        known=allergy_codes, kind="allergy class", help_text="Classes excluded with it, one per line."
    )


class MedicineNameForm(ItemForm):
    synonyms = LinesField(help_text="Other spellings and brands, as panadol; one per line.", rows=6)


class HealthConceptForm(ItemForm):
    patient_terms = LinesField(help_text="What a patient says, as high sugar; one per line.", rows=6)
    record_terms = LinesField(help_text="Words of contraindications and cautions, as kidney; one per line.")
    facts = LinesField(known=facts, kind="fact", help_text="Facts that imply it when true.", rows=2)
    conditions = LinesField(
        known=condition_codes, kind="condition", help_text="Conditions that imply it.", rows=3
    )


class UseLimitForm(ItemForm):
    concepts = LinesField(
        known=concept_codes, kind="health concept", help_text="Must not be present.", rows=3
    )
    facts = LinesField(known=facts, kind="fact", help_text="Must not be true, as fever.", rows=3)
    not_sites = LinesField(known=body_sites, kind="body site", help_text="Excluded, with all parts.", rows=3)
    only_sites = LinesField(known=body_sites, kind="body site", help_text="The only ones allowed.", rows=3)
    severities = LinesField(known=_severities, kind="severity", help_text="Allowed, as mild.", rows=2)


class _Counted(FormularyAdmin):
    """Shows how many members a class has."""

    @display(description="Members")
    def size(self, obj: Any) -> int:
        return len(obj.members)


@admin.register(InteractionClass)
class InteractionClassAdmin(_Counted):
    form = MembersForm
    list_display = ("code", "size", "sureness", "review")
    list_filter = ("content_state", "confidence")
    search_fields = ("code", "members")
    fieldsets = (
        (
            None,
            {
                "description": "A patient's medicine belongs to the class when its generic name stands here; "
                "of a combination any part is enough.",
                "fields": ("code", "members"),
            },
        ),
        PROVENANCE,
    )


@admin.register(AllergyClass)
class AllergyClassAdmin(_Counted):
    form = AllergyClassForm
    list_display = ("code", "title", "size", "sureness", "review")
    list_filter = ("content_state", "confidence")
    search_fields = ("code", "title", "synonyms", "members")
    fieldsets = (
        (
            None,
            {
                "description": "An allergy to one member counts as an allergy to the class. "
                "As: penicillins, with amoxicillin; cross-reacts with cephalosporins.",
                "fields": ("code", "title", "synonyms", "members", "cross_reacts"),
            },
        ),
        PROVENANCE,
    )


@admin.register(MedicineName)
class MedicineNameAdmin(FormularyAdmin):
    form = MedicineNameForm
    list_display = ("code", "known_as", "sureness", "review")
    list_filter = ("content_state", "confidence")
    search_fields = ("code", "synonyms")
    fieldsets = (
        (
            None,
            {
                "description": "What a patient may be taking. A name that stands nowhere makes the check "
                "incomplete, and the pharmacist is told so.",
                "fields": ("code", "synonyms"),
            },
        ),
        PROVENANCE,
    )

    @display(description="Also known as")
    def known_as(self, obj: MedicineName) -> str:
        return ", ".join(obj.synonyms)


@admin.register(HealthConcept)
class HealthConceptAdmin(FormularyAdmin):
    form = HealthConceptForm
    list_display = ("code", "title", "sureness", "review")
    list_filter = ("content_state", "confidence")
    search_fields = ("code", "title", "patient_terms", "record_terms")
    fieldsets = (
        (
            None,
            {
                "description": "Brings the patient's words and the formulary's words together: who says "
                "'ckd' is matched with contraindications that say 'kidney'.",
                "fields": ("code", "title", "patient_terms", "record_terms", "facts", "conditions"),
            },
        ),
        PROVENANCE,
    )


@admin.register(UseLimit)
class UseLimitAdmin(FormularyAdmin):
    form = UseLimitForm
    list_display = ("code", "phrase", "sureness", "review")
    list_filter = ("not_pregnant", "not_breastfeeding", "content_state", "confidence")
    search_fields = ("code", "phrase")
    fieldsets = (
        (
            None,
            {
                "description": "Says to software what a sentence of a treatment means. Any violated part "
                "excludes the treatment; unknown answers do not.",
                "fields": ("code", "phrase"),
            },
        ),
        (
            "Who",
            {
                "fields": (
                    "concepts", "facts", ("not_pregnant", "not_breastfeeding"),
                    ("min_age_months", "min_weight_kg"),
                )
            },
        ),
        (
            "Where and how bad",
            {"fields": ("not_sites", "only_sites", "severities", ("max_area_percent", "max_duration_days"))},
        ),
        PROVENANCE,
    )  # fmt: skip
