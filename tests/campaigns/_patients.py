"""Patients made by chance, whose words mean what they are made to mean."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.campaigns._against import Question, Word, words

Json = Mapping[str, Any]
_CADRES = ("pharmacist", "pharmacy_technician", "medicine_counter_assistant", "otc_medicine_seller", "")
_LEVELS = ("pharmacy_treatment", "pharmacy_treatment", "pharmacy_treatment", "self_care", "refer_routine",
           "refer_urgent", "emergency")  # fmt: skip
# Around these ages (months) and weights (kg) something changes in one regimen or another.
_AGES = (0, 1, 2, 3, 6, 12, 24, 36, 60, 72, 96, 120, 144, 192, 216, 360, 660)
_WEIGHTS = ("14.9", "15", "17", "24.9", "25", "31", "36", "51", "66", "80", "120")
_USUAL_KG = ((12, 3, 11), (36, 8, 16), (72, 12, 24), (144, 18, 48), (216, 35, 85), (99999, 40, 120))
_NOISE = ("blue pills", "zzqx", "sobolo drink 2 cups", "white mixture from the market", "Qwertol 20 mg")
_SITES = (
    "scalp face forehead nose lips eyelids periorbital neck chest back abdomen arms elbows wrists hands "
    "palms finger_webs groin genital buttocks nappy_area skin_folds legs knees feet toe_webs soles nails "
    "trunk"
)


class Generator:
    """Questions about one snapshot, the same for the same seed."""

    def __init__(self, snapshot: Json, seed: int) -> None:
        self.chance = random.Random(seed)
        self.conditions = sorted({row["condition"] for row in snapshot["treatments"]})
        vocabulary = snapshot["vocabulary"]
        self.medicines = _medicines(snapshot)
        self.allergens: dict[str, set[str]] = {}
        for row in vocabulary["allergy_classes"]:
            for term in (row["id"], row["name"], *row["synonyms"]):
                self.allergens.setdefault(words(term), set()).add(row["id"])
        self.problems: dict[str, set[str]] = {}
        for row in vocabulary["health_concepts"]:
            for term in (row["name"], *row["patient_terms"]):
                self.problems.setdefault(words(term), set()).add(row["id"])
        self.allergy_words = sorted({*self.allergens, *self.medicines})
        self.medicine_words = sorted(self.medicines)
        self.problem_words = sorted(self.problems)
        self.telling = _telling(snapshot, self.conditions)
        facts = {fact for row in vocabulary["use_limits"] for fact in row["facts"]}
        facts |= {fact for row in vocabulary["health_concepts"] for fact in row["facts"]}
        self.facts = sorted(facts | {"genital_involvement", "previous_treatment_failed"})

    def questions(self, count: int) -> Iterator[Question]:
        for _ in range(count):
            yield self.question()

    def question(self) -> Question:
        chance = self.chance
        age = self._age()
        condition = chance.choice(self.conditions)
        allergies, medicines = self.telling[condition]
        sex = chance.choice(("female", "male", "female", "male", None))
        return Question(
            condition=condition,
            age_months=age,
            weight_kg=self._weight(age),
            sex=sex,
            pregnant=chance.choice((False, False, True, None))
            if sex != "male"
            else chance.choice((None, False)),
            breastfeeding=chance.choice((False, False, True, None)) if sex != "male" else None,
            allergies=self._said(self._some(self.allergy_words, allergies), self._allergy, "allergic to "),
            medicines=self._said(self._some(self.medicine_words, medicines), self._medicine, ""),
            conditions=self._said(self.problem_words, self._problem, "history of "),
            facts=self._facts(),
            cadre=chance.choice(_CADRES),
            level=chance.choice(_LEVELS),
            prescription=chance.random() < 0.3,
        )

    def _some(self, every: Sequence[str], telling: Sequence[str]) -> Sequence[str]:
        """Any word, or half of the time one that matters for the condition."""
        known = [word for word in telling if word in every]
        return known if known and self.chance.random() < 0.5 else every

    def _age(self) -> int | None:
        chance = self.chance
        if chance.random() < 0.05:
            return None
        if chance.random() < 0.5:
            return max(chance.choice(_AGES) + chance.choice((-1, 0, 0, 1)), 0)
        return chance.randint(0, 1080)

    def _weight(self, age: int | None) -> str | None:
        chance = self.chance
        kind = chance.random()
        if kind < 0.25:
            return None
        if kind < 0.35:
            return chance.choice(_WEIGHTS)
        low, high = next((low, high) for below, low, high in _USUAL_KG if (age or 400) < below)
        tenths = chance.randint(low * 10, high * 10)
        if kind > 0.97:
            tenths *= 10  # a slip of the finger
        return f"{tenths / 10:g}"

    def _said(self, known: Sequence[str], mean: Any, before: str) -> tuple[Word, ...]:
        """None, one or two entries: a known word as people write it, an enumeration, or noise."""
        chance = self.chance
        found: dict[str, Word] = {}
        for _ in range(chance.choice((0, 0, 0, 1, 1, 2))):
            word = chance.choice(known)
            plain = word.isalpha()
            kind = chance.random()
            if kind < 0.12:
                entry = Word(chance.choice(_NOISE), known=False)
            elif plain and kind < 0.2:
                entry = _named(f"{word} and {_NOISE[1]}", mean([word]), known=False)
            elif plain and kind < 0.28:
                other = chance.choice([each for each in known[:: max(len(known) // 40, 1)] if each.isalpha()])
                entry = _named(f"{word} and {other}", mean([word, other]))
            elif plain and kind < 0.4 and before:
                entry = _named(before + word, mean([word]))
            elif plain and kind < 0.5 and not before:
                entry = _named(f"{word.upper()} 5 mg tablets daily", mean([word]))
            else:
                entry = _named(word.upper() if kind < 0.6 else word, mean([word]))
            found.setdefault(entry.text, entry)
        return tuple(found.values())

    def _allergy(self, terms: Iterable[str]) -> dict[str, set[str]]:
        terms = list(terms)
        return {
            "generics": set().union(*(self.medicines.get(term, set()) for term in terms)),
            "classes": set().union(*(self.allergens.get(term, set()) for term in terms)),
        }

    def _medicine(self, terms: Iterable[str]) -> dict[str, set[str]]:
        return {"generics": set().union(*(self.medicines[term] for term in terms))}

    def _problem(self, terms: Iterable[str]) -> dict[str, set[str]]:
        return {"concepts": set().union(*(self.problems[term] for term in terms))}

    def _facts(self) -> dict[str, Any]:
        chance = self.chance
        facts: dict[str, Any] = {}
        if chance.random() < 0.7:
            facts["severity"] = chance.choice(("mild", "mild", "moderate", "severe", None))
        if chance.random() < 0.6:
            facts["body_sites"] = chance.sample(_SITES.split(), k=chance.choice((0, 1, 1, 2, 3)))
        if chance.random() < 0.4:
            facts["lesion_area_percent"] = chance.choice((0, 1, 2.5, 5, 9.9, 10, 11, 30, 31, 90, None))
        if chance.random() < 0.4:
            facts["duration_days"] = chance.choice((0, 3, 10, 11, 42, 43, 90, 91, 400, None))
        for fact in self.facts:
            if chance.random() < 0.12:
                facts[fact] = chance.choice((True, False, False, None))
        return facts


def _telling(snapshot: Json, conditions: Iterable[str]) -> dict[str, tuple[list[str], list[str]]]:
    """Words of allergies and of medicines that bear on the treatments of each condition."""
    medications = {row["id"]: row for row in snapshot["medications"]}
    found = {}
    for condition in conditions:
        rows = [medications[row["medication"]] for row in snapshot["treatments"]
                if row["condition"] == condition]  # fmt: skip
        allergies = {name for row in rows for name in (*row["ingredients"], *row["allergy_classes"])}
        others: set[str] = set()
        for row in rows:
            for entry in row["interactions"]:
                others |= set(snapshot["interaction_classes"].get(entry["with"], [entry["with"]]))
        found[condition] = sorted(map(words, allergies)), sorted(map(words, others))
    return found


def _named(text: str, meaning: Mapping[str, set[str]], *, known: bool = True) -> Word:
    sets = {name: frozenset(values) for name, values in meaning.items()}
    return Word(text, **sets, known=known)


def _medicines(snapshot: Json) -> dict[str, set[str]]:
    """Every name of a medicine with the generic names it stands for."""
    vocabulary = snapshot["vocabulary"]
    found: dict[str, set[str]] = {}
    for row in vocabulary["medicine_names"]:
        for term in (row["id"], *row["synonyms"]):
            found.setdefault(words(term), set()).update(_whole_and_parts(row["id"]))
    named = set(found)
    others = {name for members in snapshot["interaction_classes"].values() for name in members}
    others |= {name for row in vocabulary["allergy_classes"] for name in row["members"]}
    others |= {entry["with"] for row in snapshot["medications"] for entry in row["interactions"]
               if entry["with_kind"] == "generic"}  # fmt: skip
    for name in others:
        meaning = _whole_and_parts(name) if words(name) not in named else {words(name)}
        found.setdefault(words(name), set()).update(meaning)
    for row in snapshot["medications"]:
        ingredients = {words(name) for name in row["ingredients"]}
        labels = [row["generic_name"], *(brand.removesuffix("-type") for brand in row["brand_examples"])]
        for label in labels:
            if ";" not in label:
                found.setdefault(words(label), set()).update(ingredients)
        for name in ingredients:
            found.setdefault(name, set()).add(name)
    return {
        name: meaning.union(*(found.get(part, set()) for part in meaning)) for name, meaning in found.items()
    }


def _whole_and_parts(generic: str) -> set[str]:
    parts = {words(part) for part in generic.split("-") if len(part) > 3}
    return {words(generic), *(parts if len(parts) > 1 else set())}
