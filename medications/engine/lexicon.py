"""Names as people say them, matched exactly once spelling is normalised. Never guessed: what is
not found is returned as such, with suggestions for a person."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from medications.engine.model import AllergyClass, Concept, Medication

_NOT_WORD = re.compile(r"[^a-z0-9]+")
_PARTS = re.compile(r"\s*(?:\+|/|,|;|&|-|\band\b|\bwith\b)\s*")
_AMOUNT = re.compile(
    r"\b\d+(?:[.,]\d+)?\s*(?:mg|mcg|micrograms?|g|ml|iu|units?|%)?(?:\s*/\s*\d*\s*ml)?(?!\w)"
)
_NOTHING = frozenset({
    "", "no", "none", "nil", "nothing", "nka", "nkda", "no known allergies", "no known drug allergies",
    "no known allergy", "not known", "na", "n a", "no allergies", "no allergy", "no medicines",
    "no medication",
})  # fmt: skip
_HOW_TAKEN = frozenset({
    "tab", "tabs", "tablet", "tablets", "cap", "caps", "capsule", "capsules", "syrup", "suspension", "cream",
    "ointment", "gel", "lotion", "injection", "inhaler", "drops", "daily", "once", "twice", "thrice",
    "weekly", "monthly", "nightly", "night", "at", "bd", "bid", "od", "tds", "tid", "qid", "qds", "prn",
    "xl", "xr", "sr", "mr", "la", "retard", "forte", "plus", "morning", "evening", "a", "day", "per",
    "times", "every", "hours", "hourly", "oral", "topical",
})  # fmt: skip
_ALLERGY_WORDS = frozenset({
    "allergy", "allergies", "allergic", "to", "severe", "mild", "reaction", "rash", "from", "medicines",
    "medicine",
})  # fmt: skip
_HISTORY_WORDS = frozenset({
    "history", "of", "known", "past", "previous", "has", "had", "severe", "mild", "moderate", "chronic",
    "acute", "controlled", "patient", "on",
})  # fmt: skip


def normalise(text: str) -> str:
    """Lower case, accents and punctuation gone, single spaces: `Co-Trimoxazole ` -> `co trimoxazole`."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _NOT_WORD.sub(" ", "".join(c for c in plain if not unicodedata.combining(c))).strip()


def mentions(text: str, term: str) -> bool:
    """Whether `text` holds `term` as whole words, both in any spelling of case and punctuation."""
    return f" {normalise(term)} " in f" {normalise(text)} "


def says_nothing(text: str) -> bool:
    """`none`, `nil`, `NKDA` and the like: an answer, but no item."""
    return normalise(text) in _NOTHING


@dataclass(frozen=True, slots=True)
class Allergen:
    """What an allergy entry means: `generics` and `classes` named by it, `related` classes that
    cross-react with those."""

    generics: frozenset[str]
    classes: frozenset[str]
    related: frozenset[str]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Normalised spellings: `medicines` -> generic names, `allergens` -> classes,
    `health` -> concept ids, `classes_of` a generic -> its allergy classes."""

    medicines: Mapping[str, frozenset[str]]
    allergens: Mapping[str, frozenset[str]]
    health: Mapping[str, frozenset[str]]
    classes_of: Mapping[str, frozenset[str]]
    cross: Mapping[str, frozenset[str]]

    @classmethod
    def build(
        cls,
        *,
        medications: Iterable[Medication],
        interaction_classes: Mapping[str, frozenset[str]],
        allergy_classes: Iterable[AllergyClass],
        concepts: Iterable[Concept],
        medicine_names: Mapping[str, tuple[str, ...]],
    ) -> "Lexicon":
        medications, allergy_classes = tuple(medications), tuple(allergy_classes)
        classes_of = _classes_of(medications, allergy_classes)
        return cls(
            medicines=_medicines(medications, interaction_classes, allergy_classes, medicine_names),
            allergens=_gather(
                (term, item.id) for item in allergy_classes for term in (item.id, item.name, *item.synonyms)
            ),
            health=_gather((term, item.id) for item in concepts for term in (item.name, *item.patient_terms)),
            classes_of=classes_of,
            cross={item.id: frozenset(item.cross_reacts) for item in allergy_classes},
        )

    def medicine(self, text: str) -> frozenset[str] | None:
        """The normalised generic names in `text` (all parts of a combination and the joined name),
        or None where any part is unknown."""
        for candidate in (normalise(text), _without_amounts(text)):
            if candidate in self.medicines:
                return self.medicines[candidate]
        parts = [_without_amounts(part) for part in _PARTS.split(text.casefold())]
        parts = [part for part in parts if part]
        if not parts or any(part not in self.medicines for part in parts):
            return None
        joined = frozenset({" ".join(parts)})
        return joined.union(*(self.medicines[part] for part in parts))

    def medicine_parts(self, text: str) -> frozenset[str]:
        """The generic names of those parts of `text` that are known, where not all of them are."""
        found = (self.medicine(part) for part in _PARTS.split(text.casefold()))
        return frozenset().union(*(names for names in found if names))

    def allergen(self, text: str) -> Allergen | None:
        """What the allergy `text` stands for, or None where it is unknown."""
        for candidate in (normalise(text), _without(normalise(text), _ALLERGY_WORDS)):
            generics = self.medicine(candidate) or frozenset()
            classes = self.allergens.get(candidate, frozenset())
            if generics or classes:
                return self._allergen(generics, classes)
        return None

    def allergen_parts(self, text: str) -> tuple[Allergen | None, bool]:
        """What the parts of an enumeration (`penicillin, sulfa`) stand for together, and whether every
        part was understood."""
        parts = [part for part in _PARTS.split(text.casefold()) if not says_nothing(part)]
        known = [each for part in parts if (each := self.allergen(part)) is not None]
        if not known:
            return None, False
        generics = frozenset().union(*(each.generics for each in known))
        classes = frozenset().union(*(each.classes for each in known))
        return self._allergen(generics, classes), len(known) == len(parts)

    def _allergen(self, generics: frozenset[str], classes: frozenset[str]) -> Allergen:
        own = classes.union(*(self.classes_of.get(name, frozenset()) for name in generics))
        related = frozenset().union(*(self.cross.get(name, frozenset()) for name in own))
        return Allergen(generics, own, related - own)

    def concepts_in(self, text: str) -> frozenset[str] | None:
        """The health concepts that `text` names, or None where any part of it names none."""
        for candidate in (normalise(text), _without(normalise(text), _HISTORY_WORDS)):
            if candidate in self.health:
                return self.health[candidate]
        parts = [_without(normalise(part), _HISTORY_WORDS) for part in _PARTS.split(text.casefold())]
        if len(parts) > 1 and all(part in self.health for part in parts):
            return frozenset().union(*(self.health[part] for part in parts))
        return None

    def concept_parts(self, text: str) -> frozenset[str]:
        """The health concepts of those parts of `text` that are known, where not all of them are."""
        parts = (_without(normalise(part), _HISTORY_WORDS) for part in _PARTS.split(text.casefold()))
        return frozenset().union(*(self.health.get(part, frozenset()) for part in parts))

    def suggestions(self, text: str, kind: str) -> tuple[str, ...]:
        """Up to three known spellings close to `text`, for a person to choose from."""
        choices = {
            "allergy": [*self.allergens, *self.medicines],
            "medicine": list(self.medicines),
            "condition": list(self.health),
        }[kind]
        found = process.extract(
            _without_amounts(text) or normalise(text),
            sorted(set(choices)),
            scorer=fuzz.ratio,
            score_cutoff=70,
            limit=3,
        )
        return tuple(choice for choice, _, _ in found)


def _without(text: str, words: frozenset[str]) -> str:
    return " ".join(word for word in text.split() if word not in words)


def _without_amounts(text: str) -> str:
    """`Warfarin 5mg tablets daily` -> `warfarin`."""
    return _without(normalise(_AMOUNT.sub(" ", text.casefold())), _HOW_TAKEN)


def _gather(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for term, meaning in pairs:
        if key := normalise(term):
            found.setdefault(key, set()).add(meaning)
    return {key: frozenset(values) for key, values in found.items()}


def _medicines(
    medications: tuple[Medication, ...],
    interaction_classes: Mapping[str, frozenset[str]],
    allergy_classes: tuple[AllergyClass, ...],
    medicine_names: Mapping[str, tuple[str, ...]],
) -> dict[str, frozenset[str]]:
    pairs: list[tuple[str, str]] = []
    for generic, synonyms in medicine_names.items():
        pairs += [(term, name) for term in (generic, *synonyms) for name in _joined_and_parts(generic)]
    known = {normalise(term) for term, _ in pairs}
    plain = [name for members in interaction_classes.values() for name in members]
    plain += [name for item in allergy_classes for name in item.members]
    plain += [entry.other for item in medications for entry in item.interactions if not entry.is_class]
    # A spelling that is a synonym of another generic keeps its meaning, and stands for itself too.
    pairs += [
        (name, part) for name in plain if normalise(name) not in known for part in _joined_and_parts(name)
    ]
    for item in medications:
        names = [normalise(name) for name in item.ingredients]
        labels = [item.generic_name, *(brand.removesuffix("-type") for brand in item.brands)]
        pairs += [(label, name) for label in labels if ";" not in label for name in names]
        pairs += [(name, name) for name in names]
    found = _gather(pairs)
    # Members of a class may be listed under a synonym (`condom`): keep that spelling as well.
    for name in plain:
        key = normalise(name)
        found[key] = found[key] | {key}
    # A part of a combination may itself be a synonym (`tenofovir`): it means what that means.
    return {
        key: names.union(*(found.get(name, frozenset()) for name in names)) for key, names in found.items()
    }


def _joined_and_parts(generic: str) -> tuple[str, ...]:
    """`artemether-lumefantrine` -> itself and both parts; short prefixes as in `co-` are no parts."""
    parts = [normalise(part) for part in generic.split("-") if len(part) > 3]
    return (normalise(generic), *(parts if len(parts) > 1 else ()))


def _classes_of(
    medications: tuple[Medication, ...], allergy_classes: tuple[AllergyClass, ...]
) -> dict[str, frozenset[str]]:
    """Classes of a generic: as a listed member, or as the only ingredient of a formulary entry
    (in a combination nobody can tell which part a class belongs to)."""
    pairs = [(member, item.id) for item in allergy_classes for member in item.members]
    pairs += [
        (item.ingredients[0], name)
        for item in medications
        if len(item.ingredients) == 1
        for name in item.allergy_classes
    ]
    return _gather(pairs)
