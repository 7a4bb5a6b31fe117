"""The formulary as frozen values: what a published snapshot says, nothing about patients.

Units: ages in completed months (both ends included), weights in kg (minimum in, maximum out),
doses in mg or mL, durations in days. Amounts are `Decimal`.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class LegalClass(StrEnum):
    """Ghana's classes C, B and A, most freely supplied first."""

    OTC = "otc"
    PHARMACY_ONLY = "pharmacy_only"
    PRESCRIPTION_ONLY = "prescription_only"


class Line(StrEnum):
    FIRST = "first"
    SECOND = "second"
    ADJUNCT = "adjunct"


class LifeStatus(StrEnum):
    """Use in pregnancy or breastfeeding."""

    ALLOWED = "allowed"
    CAUTION = "caution"
    AVOID = "avoid"


class Route(StrEnum):
    TOPICAL = "topical"
    ORAL = "oral"


class InteractionSeverity(StrEnum):
    MAJOR = "major"
    MODERATE = "moderate"
    MINOR = "minor"


AWARE_GROUPS = ("Access", "Watch", "Reserve")
FORMS = (
    "capsule",
    "cream",
    "gel",
    "lotion",
    "ointment",
    "oral solution",
    "oral suspension",
    "paint",
    "shampoo",
    "solution",
    "tablet",
)
LIQUID_FORMS = frozenset({"oral solution", "oral suspension"})
COUNTED_FORMS = frozenset({"tablet", "capsule"})
SEVERITIES = ("mild", "moderate", "severe")


@dataclass(frozen=True, slots=True)
class LifeStage:
    status: LifeStatus
    note: str


@dataclass(frozen=True, slots=True)
class Interaction:
    """`other` is a class id of the interaction classes when `is_class`, else a generic name."""

    other: str
    is_class: bool
    severity: InteractionSeverity
    effect: str


@dataclass(frozen=True, slots=True)
class Strength:
    """`mg` of active substance in `per` `unit`s: 125 mg in 5 mL, 500 mg in 1 tablet."""

    mg: Decimal
    per: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Pack:
    size: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Medication:
    id: str
    generic_name: str
    brands: tuple[str, ...]
    atc: str
    form: str
    strength_text: str
    strength: Strength | None
    route: Route
    legal_class: LegalClass
    pharmacological_class: str
    ingredients: tuple[str, ...]
    allergy_classes: tuple[str, ...]
    allergy_note: str | None
    aware_group: str | None
    age_min_months: int
    pregnancy: LifeStage
    lactation: LifeStage
    contraindications: tuple[str, ...]
    cautions: tuple[str, ...]
    interactions: tuple[Interaction, ...]
    body_site_restrictions: tuple[str, ...]
    application_limits: tuple[str, ...]
    max_duration_days: int | None
    max_weekly_grams: Decimal | None
    scored: bool | None
    counselling_points: tuple[str, ...]
    confidence: str
    pack: Pack | None
    name: str


@dataclass(frozen=True, slots=True)
class Population:
    age_min_months: int | None
    age_max_months: int | None
    weight_min_kg: Decimal | None
    weight_max_kg: Decimal | None
    severity: str | None

    @property
    def has_weight_band(self) -> bool:
        return self.weight_min_kg is not None or self.weight_max_kg is not None


@dataclass(frozen=True, slots=True)
class Span:
    """A number or a range; `low == high` for a single number."""

    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Regimen:
    """One way to give a medicine to one population. `mg_per_kg` is per dose."""

    population: Population
    dose: str
    frequency: str
    duration_days: int | None
    instructions: str
    mg_per_kg: Span | None
    max_dose: str | None
    dose_mg: Span | None
    units: Span | None
    dose_ml: Span | None
    doses_per_day: Span | None
    doses_per_week: Decimal | None
    max_doses_per_day: Decimal | None
    max_single_mg: Decimal | None
    max_daily_mg: Decimal | None
    max_daily_mg_per_kg: Decimal | None
    grams_per_application: Decimal | None


@dataclass(frozen=True, slots=True)
class Treatment:
    id: str
    condition: str
    medication: str
    line: Line
    regimens: tuple[Regimen, ...]
    conditions_of_use: tuple[str, ...]
    stop_and_refer_if: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class AllergyClass:
    id: str
    name: str
    synonyms: tuple[str, ...]
    members: tuple[str, ...]
    cross_reacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Concept:
    """A health problem that patients and formulary texts name in different words."""

    id: str
    name: str
    patient_terms: tuple[str, ...]
    record_terms: tuple[str, ...]
    facts: tuple[str, ...]
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConditionAdvice:
    """What to do without a medicine, and when to come back, in the release's words."""

    self_care: tuple[str, ...] = ()
    red_flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UseLimit:
    """A sentence of `conditions_of_use` or `stop_and_refer_if` in a form software can check."""

    id: str
    phrase: str
    concepts: tuple[str, ...]
    facts: tuple[str, ...]
    not_sites: tuple[str, ...]
    only_sites: tuple[str, ...]
    severities: tuple[str, ...]
    not_pregnant: bool
    not_breastfeeding: bool
    max_area_percent: Decimal | None
    max_duration_days: Decimal | None
    min_age_months: Decimal | None
    min_weight_kg: Decimal | None
