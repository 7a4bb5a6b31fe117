"""What `recommend` takes about a patient and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """Why a treatment is not proposed. The order is the order in which reasons lead."""

    LEGAL_CLASS = "legal_class"
    ALLERGY = "allergy"
    PREGNANCY = "pregnancy"
    LACTATION = "lactation"
    INTERACTION = "interaction"
    CONTRAINDICATION = "contraindication"
    AGE = "age"
    WEIGHT = "weight"
    DOSE = "dose"
    BODY_SITE = "body_site"
    SEVERITY = "severity"
    DURATION = "duration"

    @property
    def published(self) -> str:
        """The word phones know: a weight that does not fit, a dose that cannot be measured and a course
        that lasted too long are contraindications to them, and the reason says which."""
        return str(Code.CONTRAINDICATION if self in (Code.WEIGHT, Code.DOSE, Code.DURATION) else self)


@dataclass(frozen=True, slots=True)
class Patient:
    """Facts about one person; None means nobody asked, never "no".

    `age_months` in completed months, `weight_kg` as Decimal; allergies, medicines and conditions
    in the words they were given.
    """

    age_months: int | None = None
    weight_kg: Decimal | None = None
    sex: str | None = None
    pregnant: bool | None = None
    breastfeeding: bool | None = None
    allergies: tuple[str, ...] = ()
    current_medicines: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> "Patient":
        """The `patient` object of a consultation; unknown keys are ignored."""
        weight = data.get("weight_kg")
        return cls(
            age_months=data.get("age_months"),
            weight_kg=None if weight is None else Decimal(str(weight)),
            sex=data.get("sex"),
            pregnant=data.get("pregnant"),
            breastfeeding=data.get("breastfeeding"),
            allergies=tuple(data.get("allergies") or ()),
            current_medicines=tuple(data.get("current_medicines") or ()),
            conditions=tuple(data.get("conditions") or ()),
        )


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason against a treatment. `rule` is the place in the release that says so, as
    `medications.miconazole-2-cream.interactions.warfarin`, `treatments.<id>.regimen`, `use_limits.<id>`,
    `allergy_classes.<id>`; for what triage forbids `guidelines.<id of the rule>`."""

    code: Code
    text: str
    rule: str

    def as_dict(self) -> dict[str, Any]:
        return {"code": self.code.published, "reason": self.text, "rule": self.rule}


@dataclass(frozen=True, slots=True)
class Dose:
    """A computed dose. `per_day` is the largest number of doses in 24 hours, where countable; `maxima`
    are sentences."""

    text: str
    frequency: str
    single_mg: Decimal | None
    daily_mg: Decimal | None
    single_ml: Decimal | None
    units: Decimal | None
    per_day: Decimal | None
    maxima: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Packs:
    """Whole containers: 2 tubes of 20 g."""

    count: Decimal
    size: Decimal
    unit: str
    container: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "count": number(self.count),
            "size": number(self.size),
            "unit": self.unit,
            "container": self.container,
        }


@dataclass(frozen=True, slots=True)
class Quantity:
    """How much to hand over, and the arithmetic behind it in words. `per_use` in `unit` and
    `fingertip_units` are for one application of what goes on the skin; None elsewhere."""

    amount: Decimal
    unit: str
    how: str
    packs: Packs | None = None
    per_use: Decimal | None = None
    fingertip_units: Decimal | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "amount": number(self.amount),
            "unit": self.unit,
            "how": self.how,
            "packs": None if self.packs is None else self.packs.as_dict(),
            "per_use": None if self.per_use is None else number(self.per_use),
            "fingertip_units": None if self.fingertip_units is None else number(self.fingertip_units),
        }


@dataclass(frozen=True, slots=True)
class Proposed:
    """A treatment that nothing known speaks against. `who_may_supply` says who may where the person
    asking may not; `maxima` are the most at once, a day, a week and in days."""

    treatment: str
    medication: str
    name: str
    line: str
    dose: Dose
    route: str
    duration_days: int | None
    quantity: Quantity
    counselling: tuple[str, ...]
    warnings: tuple[str, ...]
    may_supply: bool
    who_may_supply: str | None
    legal_class: str
    because: tuple[str, ...]
    maxima: tuple[str, ...] = ()
    stop_and_refer: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "treatment": self.treatment,
            "medication": self.medication,
            "name": self.name,
            "line": self.line,
            "dose": self.dose.text,
            "frequency": self.dose.frequency,
            "route": self.route,
            "duration_days": self.duration_days,
            "quantity": self.quantity.as_dict(),
            "maxima": list(self.maxima),
            "counselling": list(self.counselling),
            "warnings": list(self.warnings),
            "stop_and_refer": list(self.stop_and_refer),
            "may_supply": self.may_supply,
            "who_may_supply": self.who_may_supply,
            "legal_class": self.legal_class,
            "because": list(self.because),
        }


@dataclass(frozen=True, slots=True)
class Excluded:
    """A treatment that is not proposed. `code` is that of the leading reason; all are in `reasons`."""

    treatment: str
    medication: str
    name: str
    reasons: tuple[Reason, ...]

    @property
    def code(self) -> Code:
        return self.reasons[0].code

    @property
    def reason(self) -> str:
        """Every reason as one text for a person, the leading one first."""
        first, *others = (reason.text for reason in self.reasons)
        return " ".join([first, *(f"Also: {text}" for text in others)])

    def as_dict(self) -> dict[str, Any]:
        return {
            "treatment": self.treatment,
            "medication": self.medication,
            "name": self.name,
            "code": self.code.published,
            "reason": self.reason,
            "rule": self.reasons[0].rule,
            "reasons": [reason.as_dict() for reason in self.reasons],
        }


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """A word nobody could place. `suggestions` are for a person to choose from, never applied."""

    kind: str
    text: str
    suggestions: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "text": self.text, "suggestions": list(self.suggestions)}


@dataclass(frozen=True, slots=True)
class NoAntibiotic:
    """That no antibiotic is needed today, as an answer of its own."""

    because: tuple[str, ...]
    expect: tuple[str, ...]
    meanwhile: tuple[str, ...]
    return_if: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "title": "No antibiotic today",
            "because": list(self.because),
            "expect": list(self.expect),
            "meanwhile": list(self.meanwhile),
            "return_if": list(self.return_if),
        }


@dataclass(frozen=True, slots=True)
class Contacts:
    """What one group of the household gets; `treatment` None means that it is referred."""

    who: str
    treatment: Proposed | None

    def as_dict(self) -> dict[str, Any]:
        item = self.treatment
        if item is None:
            return {"who": self.who, "refer": True, "medication": None}
        return {
            "who": self.who,
            "refer": False,
            "medication": item.medication,
            "name": item.name,
            "dose": item.dose.text,
            "frequency": item.dose.frequency,
            "quantity": item.quantity.as_dict(),
            "may_supply": item.may_supply,
            "who_may_supply": item.who_may_supply,
        }


@dataclass(frozen=True, slots=True)
class Household:
    """Treatment of the people a patient lives with. Quantities are for one person."""

    because: str
    people: tuple[Contacts, ...]
    advice: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "because": self.because,
            "people": [each.as_dict() for each in self.people],
            "advice": list(self.advice),
        }


@dataclass(frozen=True, slots=True)
class Recommendations:
    """Every candidate treatment of a condition, either proposed (best first) or excluded."""

    proposed: tuple[Proposed, ...]
    excluded: tuple[Excluded, ...]
    unrecognised: tuple[Unrecognised, ...]
    message: str | None
    no_antibiotic: NoAntibiotic | None = None
    household: Household | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "recommendations": [item.as_dict() for item in self.proposed],
            "excluded": [item.as_dict() for item in self.excluded],
            "unrecognised": [item.as_dict() for item in self.unrecognised],
            "message": self.message,
            "no_antibiotic": None if self.no_antibiotic is None else self.no_antibiotic.as_dict(),
            "household": None if self.household is None else self.household.as_dict(),
        }


def number(value: Decimal) -> int | float:
    """A Decimal as the shortest JSON number."""
    return int(value) if value == value.to_integral_value() else float(value)


def plain(value: Decimal) -> str:
    """A Decimal in ordinary digits without trailing zeros: `2.5`, `100`."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *head, last = items
    return f"{', '.join(head)} and {last}" if head else last
