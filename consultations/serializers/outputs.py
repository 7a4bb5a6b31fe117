"""The shapes of answers, declared for the OpenAPI document. `render` makes them; a test compares."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from consultations.models import (
    Format,
    GivenBy,
    Presentation,
    Sex,
    State,
    Status,
    TriageLevel,
    Verdict,
)
from consultations.serializers.inputs import ACTIONS, RESULTS
from medications.engine.results import Code
from medications.serializers import LEGAL_CLASSES, LINES, ROUTES
from triage.serializers import TriageSerializer

_NULLABLE: dict[str, Any] = {"allow_null": True}
# Why a medicine is not proposed, in the words that phones know.
EXCLUSIONS = list(dict.fromkeys(code.published for code in Code))


class Out(serializers.Serializer[Any]):
    """An answer, or a part of one."""


@extend_schema_field({"type": "object", "additionalProperties": True})
class AnyObject(serializers.JSONField):
    """An object whose names are data."""


def texts(help_text: str | None = None) -> serializers.ListField:
    """A list of texts."""
    return serializers.ListField(child=serializers.CharField(), help_text=help_text)


class QualityProblemOut(Out):
    code = serializers.CharField()
    advice = serializers.CharField()


class SkinToneOut(Out):
    ita_degrees = serializers.FloatField()
    group = serializers.CharField()


class ImageQualityOut(Out):
    """All figures are 0 to 1; `score` is the quality in one."""

    usable = serializers.BooleanField()
    problems = QualityProblemOut(many=True)
    sharpness = serializers.FloatField()
    exposure = serializers.FloatField()
    glare = serializers.FloatField()
    score = serializers.FloatField()
    skin_fraction = serializers.FloatField()
    skin_tone = SkinToneOut(**_NULLABLE)


class ImageOut(Out):
    """A stored photo: upright, without metadata."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    thumbnail_url = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    bytes = serializers.IntegerField()
    format = serializers.ChoiceField(choices=Format.choices)
    ssim = serializers.FloatField()
    ssim_full = serializers.FloatField()
    quality = ImageQualityOut(**_NULLABLE)
    sha256 = serializers.CharField()
    created_at = serializers.DateTimeField()


class ConditionEvidenceOut(Out):
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field's own `source` is no class attribute
        choices=[(s, s) for s in ("findings", "image", "prior")]
    )
    text = serializers.CharField()
    weight = serializers.FloatField()


class RankedConditionOut(Out):
    condition = serializers.CharField()
    name = serializers.CharField()
    icd10 = serializers.CharField()
    probability = serializers.FloatField()
    band = serializers.ChoiceField(choices=[(b, b) for b in ("likely", "possible", "unlikely")])
    evidence = ConditionEvidenceOut(many=True)
    look_alikes = texts()


class NextQuestionOut(Out):
    """The most telling question that is still open."""

    finding = serializers.CharField(**_NULLABLE)
    question = serializers.CharField()
    help = serializers.CharField(allow_blank=True)
    reason = serializers.CharField()
    fact = serializers.CharField(**_NULLABLE)


class SuspiciousLesionOut(Out):
    score = serializers.FloatField()
    threshold = serializers.FloatField(**_NULLABLE)
    flag = serializers.BooleanField()


class ImageModelOut(Out):
    name = serializers.CharField()
    version = serializers.CharField()
    sha256 = serializers.CharField()
    clinical_use = serializers.BooleanField()
    scope = texts()


class PacksOut(Out):
    """Whole containers to hand over."""

    count = serializers.IntegerField()
    size = serializers.FloatField()
    unit = serializers.CharField()
    container = serializers.CharField()


class QuantityOut(Out):
    amount = serializers.FloatField()
    unit = serializers.CharField()
    how = serializers.CharField()
    packs = PacksOut(**_NULLABLE)
    per_use = serializers.FloatField(**_NULLABLE, help_text="Of `unit`, for one application.")
    fingertip_units = serializers.FloatField(**_NULLABLE, help_text="For one application.")


class ProposedMedicineOut(Out):
    treatment = serializers.CharField(help_text="Its id in the formulary.")
    medication = serializers.CharField()
    name = serializers.CharField()
    line = serializers.ChoiceField(choices=LINES)
    dose = serializers.CharField()
    frequency = serializers.CharField()
    route = serializers.ChoiceField(choices=ROUTES)
    duration_days = serializers.IntegerField(**_NULLABLE)
    quantity = QuantityOut()
    maxima = texts(help_text="The most at once, a day, a week, and for how long.")
    counselling = texts()
    warnings = texts()
    stop_and_refer = texts(help_text="Signs to stop it and refer.")
    may_supply = serializers.BooleanField()
    who_may_supply = serializers.CharField(**_NULLABLE, help_text="Where `may_supply` is false.")
    legal_class = serializers.ChoiceField(choices=LEGAL_CLASSES)
    because = texts()


class ReasonOut(Out):
    """One reason against a medicine, and the place in the release that says so."""

    code = serializers.ChoiceField(choices=EXCLUSIONS)
    reason = serializers.CharField()
    rule = serializers.CharField(help_text="As use_limits.use-area-10, or guidelines.<id of the rule>.")


class ExcludedMedicineOut(Out):
    """`code`, `rule` are those of the leading reason; `reason` is every reason in one text."""

    treatment = serializers.CharField()
    medication = serializers.CharField()
    name = serializers.CharField()
    code = serializers.ChoiceField(choices=EXCLUSIONS)
    reason = serializers.CharField()
    rule = serializers.CharField()
    reasons = ReasonOut(many=True)


class NoAntibioticOut(Out):
    """That no antibiotic is needed today, as an answer of its own."""

    title = serializers.CharField()
    because = texts()
    expect = texts()
    meanwhile = texts()
    return_if = texts()


class ContactsOut(Out):
    """What one group of the household gets, for one person; `refer`: nothing, they are referred."""

    who = serializers.CharField()
    refer = serializers.BooleanField()
    medication = serializers.CharField(**_NULLABLE)
    name = serializers.CharField(required=False)
    dose = serializers.CharField(required=False)
    frequency = serializers.CharField(required=False)
    quantity = QuantityOut(required=False)
    may_supply = serializers.BooleanField(required=False)
    who_may_supply = serializers.CharField(required=False, **_NULLABLE)


class HouseholdOut(Out):
    """Treatment of the people a patient lives with."""

    because = serializers.CharField()
    people = ContactsOut(many=True)
    advice = texts()


class UnrecognisedOut(Out):
    """A word of the patient's that nobody could place; it was not used."""

    kind = serializers.CharField()
    text = serializers.CharField()
    suggestions = texts()


class PinnedReleaseOut(Out):
    id = serializers.CharField()
    sha256 = serializers.CharField()
    review_state = serializers.CharField()
    activated_at = serializers.DateTimeField(**_NULLABLE)


class ReleasesOut(Out):
    guidelines = PinnedReleaseOut(**_NULLABLE)
    formulary = PinnedReleaseOut(**_NULLABLE)
    model = ImageModelOut(**_NULLABLE)


class AnalysisErrorOut(Out):
    code = serializers.CharField()
    detail = serializers.CharField()


class _Assessed(Out):
    """What the engines said."""

    conditions = RankedConditionOut(many=True)
    abstained = serializers.BooleanField(**_NULLABLE)
    abstain_reason = serializers.CharField(**_NULLABLE)
    next_question = NextQuestionOut(**_NULLABLE)
    recommended_for = serializers.CharField(**_NULLABLE)
    recommendations = ProposedMedicineOut(many=True)
    excluded = ExcludedMedicineOut(many=True)
    unrecognised = UnrecognisedOut(many=True)
    no_antibiotic = NoAntibioticOut(**_NULLABLE)
    household = HouseholdOut(**_NULLABLE)
    message = serializers.CharField(allow_blank=True, **_NULLABLE)
    releases = ReleasesOut()


class AnalysisOut(_Assessed):
    """GET /analysis/{id}. Until it has succeeded the parts of the answer are null or empty."""

    id = serializers.UUIDField()
    consultation = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Status.choices)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(**_NULLABLE)
    duration_ms = serializers.IntegerField(**_NULLABLE)
    error = AnalysisErrorOut(**_NULLABLE)
    image_quality = ImageQualityOut(**_NULLABLE)
    image_note = serializers.CharField(**_NULLABLE)
    suspicious_lesion = SuspiciousLesionOut(**_NULLABLE)
    heatmap = serializers.CharField(**_NULLABLE)
    model = ImageModelOut(**_NULLABLE)
    triage = TriageSerializer(**_NULLABLE)
    disclaimer = serializers.CharField(**_NULLABLE)


class SubmittedOut(Out):
    """POST /analysis/skin."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Status.choices)
    consultation = serializers.UUIDField()


class PersonOut(Out):
    id = serializers.UUIDField()
    full_name = serializers.CharField()


class _Identity(Out):
    id = serializers.UUIDField()
    client_reference = serializers.CharField(**_NULLABLE)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=State.choices)
    closed_at = serializers.DateTimeField(**_NULLABLE)
    pharmacist = PersonOut()
    presentation = serializers.ChoiceField(choices=Presentation.choices)
    working_diagnosis = serializers.CharField(**_NULLABLE)
    etag = serializers.CharField()


class PatientOut(Out):
    age_months = serializers.IntegerField(**_NULLABLE)
    sex = serializers.ChoiceField(choices=Sex.choices, **_NULLABLE)
    weight_kg = serializers.FloatField(**_NULLABLE)
    pregnant = serializers.BooleanField(**_NULLABLE)
    breastfeeding = serializers.BooleanField(**_NULLABLE)
    allergies = texts()
    current_medicines = texts()
    conditions = texts()
    initials = serializers.CharField(allow_blank=True)


class ConsentOut(Out):
    photo = serializers.BooleanField()
    data_use = serializers.BooleanField()
    given_by = serializers.ChoiceField(choices=GivenBy.choices, **_NULLABLE)
    language = serializers.CharField(**_NULLABLE)


class FindingsOut(Out):
    present = texts()
    absent = texts()


class OverrideOut(Out):
    """A medicine chosen against the advice, with the code and the rule that spoke against it."""

    medication = serializers.CharField()
    code = serializers.CharField()
    rule = serializers.CharField(allow_blank=True)


class DecisionOut(Out):
    action = serializers.ChoiceField(choices=ACTIONS)
    medications = texts()
    override_reason = serializers.CharField(allow_blank=True)
    overridden = serializers.BooleanField(required=False, help_text="Whether it goes against the advice.")
    against = serializers.CharField(
        required=False, allow_blank=True, help_text="What it goes against, as a sentence."
    )
    overrides = OverrideOut(many=True, required=False)
    decided_by = serializers.UUIDField()
    decided_at = serializers.DateTimeField()


class OutcomeOut(Out):
    result = serializers.ChoiceField(choices=RESULTS)
    note = serializers.CharField(allow_blank=True)


class ReviewOut(Out):
    """What a supervisor thinks of the case; `right_*` where they disagree."""

    id = serializers.UUIDField()
    reviewer = PersonOut()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    diagnosis = serializers.ChoiceField(choices=Verdict.choices, help_text="On the working diagnosis.")
    right_diagnosis = serializers.CharField(
        **_NULLABLE, help_text="A condition's id, or `other` where none of the guidelines' fits."
    )
    level = serializers.ChoiceField(choices=Verdict.choices, help_text="On the level of triage.")
    right_level = serializers.ChoiceField(choices=TriageLevel.choices, **_NULLABLE)
    medicine = serializers.ChoiceField(choices=Verdict.choices, help_text="On what was done.")
    comment = serializers.CharField(allow_blank=True, help_text="For the pharmacist.")


class ConsultationOut(_Identity, _Assessed):
    """GET /consultations/{id}: what was sent, and what is known now."""

    patient = PatientOut()
    consent = ConsentOut()
    facts = AnyObject()
    findings = FindingsOut()
    notes = serializers.CharField(allow_blank=True)
    decision = DecisionOut(**_NULLABLE)
    outcome = OutcomeOut(**_NULLABLE)
    images = ImageOut(many=True)
    analysis = AnalysisOut(**_NULLABLE)
    triage = TriageSerializer()
    reviews = ReviewOut(many=True)
    disclaimer = serializers.CharField()


class PatientRowOut(Out):
    age_months = serializers.IntegerField(**_NULLABLE)
    sex = serializers.ChoiceField(choices=Sex.choices, **_NULLABLE)
    initials = serializers.CharField(allow_blank=True)


class AnalysisRowOut(Out):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Status.choices)


class ConsultationRowOut(_Identity):
    """One of the list: enough to recognise it."""

    patient = PatientRowOut()
    triage_level = serializers.ChoiceField(choices=TriageLevel.choices)
    provisional = serializers.BooleanField()
    decision = serializers.CharField(**_NULLABLE)
    images = serializers.IntegerField()
    analysis = AnalysisRowOut(**_NULLABLE)


class ConsultationPageOut(Out):
    next = serializers.CharField(**_NULLABLE)
    previous = serializers.CharField(**_NULLABLE)
    results = ConsultationRowOut(many=True)
