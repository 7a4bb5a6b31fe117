"""Who may hand over what: cadre x legal class.

The product's reading of Ghana's classes A (prescription only), B (pharmacy only) and C (over the
counter). Where a rule depends on supervision that software cannot see, the answer is no.
"""

from dataclasses import dataclass
from enum import StrEnum

from medications.engine.model import LegalClass


class Cadre(StrEnum):
    PHARMACIST = "pharmacist"
    PHARMACY_TECHNICIAN = "pharmacy_technician"
    MEDICINE_COUNTER_ASSISTANT = "medicine_counter_assistant"
    OTC_MEDICINE_SELLER = "otc_medicine_seller"


_FREELY = {
    Cadre.PHARMACIST: frozenset({LegalClass.OTC, LegalClass.PHARMACY_ONLY}),
    Cadre.PHARMACY_TECHNICIAN: frozenset({LegalClass.OTC, LegalClass.PHARMACY_ONLY}),
    Cadre.MEDICINE_COUNTER_ASSISTANT: frozenset({LegalClass.OTC}),
    Cadre.OTC_MEDICINE_SELLER: frozenset({LegalClass.OTC}),
}
_WHO = {
    LegalClass.OTC: "Any licensed pharmacy or over-the-counter medicine seller may supply it.",
    LegalClass.PHARMACY_ONLY: (
        "Pharmacy-only medicine: a pharmacist or pharmacy technician may supply it; "
        "a medicine counter assistant only under the pharmacist's supervision."
    ),
    LegalClass.PRESCRIPTION_ONLY: (
        "Prescription-only medicine: a pharmacist may supply it on a valid prescription; "
        "refer to a prescriber."
    ),
}


@dataclass(frozen=True, slots=True)
class Supply:
    """`shown` False: the treatment is not even listed for this cadre. `reason` says who may."""

    may: bool
    shown: bool
    reason: str


def supply(cadre: str, legal_class: LegalClass, *, prescription: bool) -> Supply:
    """What someone of `cadre` may do with a medicine; a word that is no cadre may supply nothing."""
    if cadre not in Cadre.__members__.values():
        return Supply(False, True, f"This account has no dispensing cadre. {_WHO[legal_class]}")
    person = Cadre(cadre)
    if legal_class in _FREELY[person]:
        return Supply(True, True, "")
    if legal_class is LegalClass.PRESCRIPTION_ONLY:
        if person is Cadre.PHARMACIST and prescription:
            return Supply(True, True, "")
        return Supply(False, person is not Cadre.OTC_MEDICINE_SELLER, _WHO[legal_class])
    return Supply(False, True, _WHO[legal_class])
