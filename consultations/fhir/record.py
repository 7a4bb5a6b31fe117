"""What a bundle is made of: one consultation, frozen. No name, initials or notes of a patient are in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the published knowledge."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Disease:
    """A condition with its codes, as the pinned guidelines hold them; empty where they hold none."""

    id: str
    name: str
    icd10: str = ""
    icd11: str = ""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One condition of the differential. `probability` is 0 to 1."""

    disease: Disease
    probability: float
    band: str
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the pharmacy."""

    id: str
    name: str
    registration_number: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """The pharmacy."""

    id: str
    name: str
    licence_number: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A stored photo. `url` gives the picture to who is signed in and may see the consultation."""

    id: str
    url: str
    media_type: str
    width: int
    height: int
    bytes: int
    sha256: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What an image model said of the newest photos: a score, 0 to 1, and whether it raised its flag."""

    score: float
    flag: bool
    model: str
    version: str


@dataclass(frozen=True, slots=True)
class Supplied:
    """A medicine that was decided on. `advice` is the recommendation as stored; None when it was chosen
    against the advice, for which no dose is on record."""

    id: str
    name: str
    atc: str
    advice: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the person at the counter decided. `stands`: the advice is still what it was decided on."""

    action: str
    decided_at: datetime
    decided_by: Person
    medicines: tuple[Supplied, ...] = ()
    stands: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """One consultation as it stands."""

    id: str
    version: int
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    pharmacist: Person
    premises: Place
    presentation: Term
    triage: Mapping[str, Any]
    guidelines: str
    formulary: str
    disclaimer: str
    sex: str = ""
    language: str = ""
    weight_kg: Decimal | None = None
    allergies: tuple[str, ...] = ()
    current_medicines: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)  # those about the person among them
    present: tuple[Term, ...] = ()
    absent: tuple[Term, ...] = ()
    photos: tuple[Picture, ...] = ()
    suspicion: Suspicion | None = None
    diagnosis: Disease | None = None
    ranked: tuple[Ranked, ...] = ()
    abstained: str = ""
    decision: Decision | None = None
    outcome: str = ""

    @property
    def closed(self) -> bool:
        """Whether an outcome has closed it."""
        return self.closed_at is not None

    @property
    def result_status(self) -> str:
        """Of what was seen and worked out: a consultation that is open may still change."""
        return "final" if self.closed else "preliminary"
