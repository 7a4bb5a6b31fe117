"""One patient at one counter: what was asked, seen, decided, and what came of it."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT
from django.db.models.functions import NullIf

from accounts import policy
from accounts.models import User
from dermatech.core.fields import EncryptedTextField
from dermatech.core.models import BaseModel


class Sex(models.TextChoices):
    FEMALE = "female", "Female"
    MALE = "male", "Male"


class GivenBy(models.TextChoices):
    """Who gave consent."""

    PATIENT = "patient", "Patient"
    PARENT = "parent", "Parent"
    GUARDIAN = "guardian", "Guardian"


class Presentation(models.TextChoices):
    """What the person came with; an image model answers only for those in its scope."""

    RASH = "rash", "Rash"
    LESION = "lesion", "Single lesion"
    ULCER = "ulcer", "Ulcer"
    NAIL = "nail", "Nail"
    HAIR = "hair", "Hair or scalp"
    OTHER = "other", "Other"


class State(models.TextChoices):
    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"


class TriageLevel(models.TextChoices):
    """The five levels, worst first."""

    EMERGENCY = "emergency", "Emergency"
    REFER_URGENT = "refer_urgent", "Refer urgently"
    REFER_ROUTINE = "refer_routine", "Refer, routine"
    PHARMACY_TREATMENT = "pharmacy_treatment", "Treat in the pharmacy"
    SELF_CARE = "self_care", "Self care"


# At these levels no treatment may be proposed; a constraint on Recommendation repeats it.
URGENT_LEVELS = (TriageLevel.EMERGENCY, TriageLevel.REFER_URGENT)


def _said(path: str, *, length: int | None = None) -> Any:
    """A column that the database itself keeps equal to a text inside the JSON; NULL where there is none.
    The numbers and lists of the admin read these, and never thousands of documents."""
    kind = models.TextField(null=True) if length is None else models.CharField(max_length=length, null=True)
    # SQLite gives JSON's null as the text "null", PostgreSQL as NULL.
    return models.GeneratedField(
        expression=NullIf(KT(path), models.Value("null"), output_field=models.TextField()),
        output_field=kind,
        db_persist=True,
    )


class ConsultationQuerySet(models.QuerySet["Consultation"]):
    """Where visibility of patient records is decided, for the API, the admin and exports alike."""

    def visible_to(self, user: User | None) -> "ConsultationQuerySet":
        """Pharmacists see their own premises, supervisors and administrators everything, auditors
        (and whoever has no premises) nothing. A user of None is the system."""
        return self if user is None else self.filter(policy.scope(user, policy.Verb.READ, self.model))


class Consultation(BaseModel):
    """One consultation. Closed by an outcome; a closed one is not changed by people any more.

    `triage`, `assessment` and the current recommendations are what the engines said about the facts
    as they stand, under the pinned releases; they are recomputed with every change.
    """

    pharmacist = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="consultations", editable=False
    )
    premises = models.ForeignKey(
        "accounts.Premises", on_delete=models.PROTECT, related_name="consultations", editable=False
    )
    client_reference = models.CharField(
        max_length=100, blank=True, help_text="The phone's own id of this consultation."
    )

    age_months = models.PositiveSmallIntegerField(null=True, blank=True)
    sex = models.CharField(max_length=10, choices=Sex, blank=True)
    weight_kg = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    pregnant = models.BooleanField(null=True, blank=True)
    breastfeeding = models.BooleanField(null=True, blank=True)
    allergies = models.JSONField(default=list, blank=True)
    current_medicines = models.JSONField(default=list, blank=True)
    conditions = models.JSONField(default=list, blank=True)
    initials = EncryptedTextField(blank=True, default="")
    notes = EncryptedTextField(blank=True, default="")

    consent_photo = models.BooleanField(default=False)
    consent_data_use = models.BooleanField(default=False)
    consent_given_by = models.CharField(max_length=10, choices=GivenBy, blank=True)
    consent_language = models.CharField(max_length=35, blank=True)

    presentation = models.CharField(max_length=10, choices=Presentation, default=Presentation.OTHER)
    facts = models.JSONField(default=dict, blank=True, help_text="Known facts only; absent is unknown.")
    findings_present = models.JSONField(default=list, blank=True)
    findings_absent = models.JSONField(default=list, blank=True)
    working_diagnosis = models.SlugField(max_length=80, blank=True)

    decision = models.JSONField(null=True, blank=True)
    outcome = models.JSONField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)

    triage = models.JSONField(default=dict, blank=True, editable=False)
    triage_level = models.CharField(max_length=20, choices=TriageLevel, editable=False)
    assessment = models.JSONField(default=dict, blank=True, editable=False)
    guidelines_release = models.ForeignKey(
        "triage.GuidelineRelease", on_delete=models.PROTECT, related_name="+", editable=False
    )
    formulary_release = models.ForeignKey(
        "medications.FormularyRelease",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )
    version = models.PositiveIntegerField(default=1, editable=False)

    abstained = _said("assessment__abstained", length=5)
    leading = _said("assessment__conditions__0__condition", length=80)
    action = _said("decision__action", length=20)
    overridden = _said("decision__overridden", length=5)
    supplied = _said("decision__medications")
    notify = _said("triage__notify")

    objects = ConsultationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=("pharmacist", "client_reference"),
                condition=~Q(client_reference=""),
                name="consultation_client_reference_unique",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state=State.OPEN, closed_at__isnull=True)
                    | Q(state=State.CLOSED, closed_at__isnull=False)
                ),
                name="consultation_closed_has_time",
            ),
            models.CheckConstraint(
                condition=Q(triage_level__in=TriageLevel.values), name="consultation_triage_level_known"
            ),
            models.CheckConstraint(
                condition=Q(presentation__in=Presentation.values), name="consultation_presentation_known"
            ),
            models.CheckConstraint(
                condition=Q(weight_kg__isnull=True) | Q(weight_kg__gt=0), name="consultation_weight_positive"
            ),
        ]
        indexes = [
            # GET /consultations of one premises, newest first.
            models.Index(fields=("premises", "-created_at", "-id"), name="consultation_premises_list"),
            # GET /consultations of supervisors, and the admin's change list.
            models.Index(fields=("-created_at", "-id"), name="consultation_list"),
            # ?updated_since= of a phone that keeps a copy.
            models.Index(fields=("premises", "updated_at"), name="consultation_updated_since"),
            # Filter by level: the admin, and ?triage_level=.
            models.Index(fields=("triage_level", "-created_at"), name="consultation_level"),
            # The dashboard and the review queue, which read nothing but these.
            models.Index(
                fields=(
                    "created_at",
                    "triage_level",
                    "working_diagnosis",
                    "leading",
                    "abstained",
                    "action",
                    "overridden",
                    "premises",
                    "id",
                ),
                name="consultation_figures",
            ),
            # The list of what is to be passed on to the health authorities.
            models.Index(
                fields=("-created_at", "-id"),
                condition=Q(notify__isnull=False),
                name="consultation_notifiable",
            ),
        ]

    def __str__(self) -> str:
        return f"Consultation {self.pk}"

    @property
    def is_closed(self) -> bool:
        """Whether an outcome has closed it."""
        return self.state == State.CLOSED

    @property
    def patient_facts(self) -> dict[str, Any]:
        """The facts about the person that rules and medicines share; unknown ones are left out."""
        known = {
            "age_months": self.age_months,
            "sex": self.sex or None,
            "pregnant": self.pregnant,
            "breastfeeding": self.breastfeeding,
        }
        return {name: value for name, value in known.items() if value is not None}
