"""What speaks against a treatment for a patient, worked out anew from the snapshot.

Nothing of the engine is used: the tables below are typed by hand, words are compared here.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

Json = Mapping[str, Any]
_WITHIN = {
    "face": "forehead nose lips mouth eyelids periorbital", "periorbital": "eyelids",
    "trunk": "chest breast back abdomen", "chest": "breast", "skin_folds": "axillae groin genital",
    "groin": "genital", "arms": "elbows wrists", "hands": "finger_webs palms nails wrists",
    "legs": "thighs knees ankles", "feet": "toe_webs soles nails ankles",
    "nappy_area": "groin genital perianal buttocks",
}  # fmt: skip
# Age below (months), least and most kilograms that can be true.
_KILOGRAMS = (
    (3, 0.3, 12), (12, 2, 20), (36, 4, 30), (72, 7, 50), (144, 10, 110), (216, 12, 250), (99999, 15, 500),
)  # fmt: skip
URGENT = {"emergency", "refer_urgent"}


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def says(line: str, term: str) -> bool:
    return bool(words(term)) and f" {words(term)} " in f" {words(line)} "


def inside(site: str) -> set[str]:
    return {site, *_WITHIN.get(site, "").split()}


@dataclass(frozen=True)
class Word:
    """Something said of a patient, with what it means by construction. `known` False: partly or not
    at all understood."""

    text: str
    generics: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    concepts: frozenset[str] = frozenset()
    known: bool = True


@dataclass(frozen=True)
class Question:
    condition: str
    age_months: int | None
    weight_kg: str | None
    sex: str | None
    pregnant: bool | None
    breastfeeding: bool | None
    allergies: tuple[Word, ...]
    medicines: tuple[Word, ...]
    conditions: tuple[Word, ...]
    facts: Json
    cadre: str
    level: str
    prescription: bool
    level_rule: str = "ur-of-the-campaign"


class Release:
    """One snapshot, read as its README says."""

    def __init__(self, snapshot: Json) -> None:
        self.medications = {row["id"]: row for row in snapshot["medications"]}
        self.treatments = {row["id"]: row for row in snapshot["treatments"]}
        self.classes = {name: {words(m) for m in members}
                        for name, members in snapshot["interaction_classes"].items()}  # fmt: skip
        vocabulary = snapshot["vocabulary"]
        self.allergies = {row["id"]: row for row in vocabulary["allergy_classes"]}
        self.concepts = {row["id"]: row for row in vocabulary["health_concepts"]}
        self.limits = {row["phrase"]: row for row in vocabulary["use_limits"]}
        self.limit_ids = {row["id"] for row in vocabulary["use_limits"]}

    # --- What speaks against a treatment -------------------------------------------------------------
    def against(self, q: Question, treatment: Json) -> set[str]:
        """The codes of everything that speaks against it."""
        medication = self.medications[treatment["medication"]]
        if q.level in URGENT:
            return {"severity"}
        if q.cadre == "otc_medicine_seller" and self.legal_class(treatment) == "prescription_only":
            return {"legal_class"}
        found: set[str] = set()
        concepts = self._concepts(q)
        if any(self._allergic(word, medication) for word in q.allergies):
            found.add("allergy")
        pregnant, nursing = (
            self._stage(q, q.pregnant, "pregnancy"),
            self._stage(q, q.breastfeeding, "breastfeeding"),
        )
        if pregnant and medication["pregnancy"]["status"] == "avoid":
            found.add("pregnancy")
        if nursing and medication["lactation"]["status"] == "avoid":
            found.add("lactation")
        if self._interacts(q, medication):
            found.add("interaction")
        if self._contraindicated(concepts, medication):
            found.add("contraindication")
        if medication["age_min_months"] > (q.age_months if q.age_months is not None else 0):
            found.add("age")
        sites = self._sites(q)
        if medication["route"] == "topical" and self._barred(q, sites, medication["body_site_restrictions"]):
            found.add("body_site")
        for phrase in (*treatment["conditions_of_use"], *treatment["stop_and_refer_if"]):
            if limit := self.limits.get(phrase):
                found |= self._limit(q, limit, concepts, sites, pregnant=pregnant, nursing=nursing)
        return found | self._regimen_codes(q, treatment, medication)

    def legal_class(self, treatment: Json) -> str:
        return str(self.medications[treatment["medication"]]["legal_class"]["value"])

    def _allergic(self, word: Word, medication: Json) -> bool:
        ingredients = {words(name) for name in medication["ingredients"]}
        own = set(medication["allergy_classes"]) | {c for name in ingredients for c in self._classes_of(name)}
        meant = set(word.classes) | {c for name in word.generics for c in self._classes_of(name)}
        crossing = {other for name in meant for other in self.allergies.get(name, {}).get("cross_reacts", ())}
        names = {self.allergies[name]["name"] for name in meant if name in self.allergies}
        terms = {word.text, *word.generics, *meant, *names}
        named = any(says(line, term) for line in medication["contraindications"] for term in terms)
        return bool(ingredients & word.generics or own & (meant | crossing) or named)

    def _classes_of(self, generic: str) -> set[str]:
        listed = {key for key, row in self.allergies.items() if generic in {words(m) for m in row["members"]}}
        alone = (row for row in self.medications.values()
                 if len(row["ingredients"]) == 1 and words(row["ingredients"][0]) == generic)  # fmt: skip
        return listed.union(*(row["allergy_classes"] for row in alone))

    def _stage(self, q: Question, said: bool | None, concept: str) -> bool:
        """Whether it is so, or nobody knows and it may be."""
        if said is True or any(concept in word.concepts for word in q.conditions):
            return True
        fertile = q.age_months is None or 120 <= q.age_months <= 659
        return said is None and q.sex != "male" and fertile

    def _interacts(self, q: Question, medication: Json) -> bool:
        own = {words(name) for name in medication["ingredients"]}
        for word in q.medicines:
            taken = set(word.generics)
            if any(self._meets(entry, taken, own) for entry in _major(medication)):
                return True
            for other in self.medications.values() if medication["route"] == "oral" else ():
                parts = {words(name) for name in other["ingredients"]}
                if other["route"] != "oral" or not parts <= taken or parts & own:
                    continue
                if any(self._meets(entry, own, parts) for entry in _major(other)):
                    return True
        return False

    def _meets(self, entry: Json, names: set[str], own: set[str]) -> bool:
        if entry["with_kind"] == "class":
            return bool(self.classes.get(entry["with"], set()) & (names - own))
        return words(entry["with"]) in names

    def _concepts(self, q: Question) -> set[str]:
        found = {concept for word in q.conditions for concept in word.concepts}
        for key, row in self.concepts.items():
            if q.condition in row["conditions"] or any(q.facts.get(fact) is True for fact in row["facts"]):
                found.add(key)
        return found

    def _contraindicated(self, concepts: Iterable[str], medication: Json) -> bool:
        lines = [line for line in medication["contraindications"] if not words(line).startswith("with ")]
        lines += [line for line in medication["application_limits"] if words(line).startswith("not on ")]
        return any(
            says(line, term)
            for concept in concepts
            for term in self.concepts[concept]["record_terms"]
            for line in lines
        )

    def _sites(self, q: Question) -> set[str]:
        sites = set(q.facts.get("body_sites") or ())
        if q.facts.get("genital_involvement") is True:
            sites.add("genital")
        if q.facts.get("eye_involvement") is True:
            sites.add("periorbital")
        return sites

    def _barred(self, q: Question, sites: set[str], barred: Iterable[str]) -> bool:
        grown = q.age_months is not None and q.age_months >= 36
        area: set[str] = set()
        for site in barred:
            area |= {site} if site == "nappy_area" and grown else inside(site)
        return bool(sites & area) or ("nappy_area" in sites and bool(inside("nappy_area") & area))

    def _limit(
        self, q: Question, limit: Json, concepts: set[str], sites: set[str], *, pregnant: bool, nursing: bool
    ) -> set[str]:
        facts = q.facts
        allowed = {site for wide in limit["only_sites"] for site in inside(wide)}
        tests = {
            "pregnancy": limit["not_pregnant"] and pregnant,
            "lactation": limit["not_breastfeeding"] and nursing,
            "contraindication": bool(set(limit["concepts"]) & concepts)
            or any(facts.get(fact) is True for fact in limit["facts"]),
            "body_site": self._barred(q, sites, limit["not_sites"]) or bool(allowed and sites - allowed),
            # Not judged counts as mild.
            "severity": bool(
                limit["severities"] and (facts.get("severity") or "mild") not in limit["severities"]
            )
            or _above(facts.get("lesion_area_percent"), limit["max_area_percent"]),
            "duration": _above(facts.get("duration_days"), limit["max_duration_days"]),
            "age": _above(limit["min_age_months"], q.age_months),
            "weight": _above(limit["min_weight_kg"], None if q.weight_kg is None else float(q.weight_kg)),
        }
        return {code for code, hit in tests.items() if hit}

    # --- Which regimen is the patient's -----------------------------------------------------------------
    def regimens(self, q: Question, treatment: Json) -> Iterator[Json]:
        return (row for row in treatment["regimen"] if not self._unfit(q, row))

    def _unfit(self, q: Question, regimen: Json) -> str:
        people = regimen["population"]
        low, high = people["age_min_months"] or 0, people["age_max_months"]
        if q.age_months is None:
            if low or high is not None:
                return "age"
        elif q.age_months < low or (high is not None and q.age_months > high):
            return "age"
        if people["severity"] and q.facts.get("severity") != people["severity"]:
            return "severity"
        return "" if self._weight_fits(q, regimen) else "weight"

    def _weight_fits(self, q: Question, regimen: Json) -> bool:
        low, high = regimen["population"]["weight_min_kg"], regimen["population"]["weight_max_kg"]
        by_weight = span(regimen, "mg_per_kg")[1] or regimen["max_daily_mg_per_kg"]
        if low is None and high is None and not by_weight:
            return True
        if q.weight_kg is None or not possible(q.age_months, q.weight_kg):
            return False
        weight = float(q.weight_kg)
        return (low is None or weight >= low) and (high is None or weight < high)

    def _regimen_codes(self, q: Question, treatment: Json, medication: Json) -> set[str]:
        unfit = [self._unfit(q, row) for row in treatment["regimen"]]
        if "" in unfit:
            regimen = treatment["regimen"][unfit.index("")]
            return {"dose"} if self._unmeasurable(q, regimen, medication) else set()
        for code in ("weight", "severity"):
            if code in unfit:
                return {code}
        return {"age"}

    def _unmeasurable(self, q: Question, regimen: Json, medication: Json) -> bool:
        """Whether three quarters of the least dose wanted cannot be made of whole tablets or, where
        scored, halves, or of what a syringe measures."""
        if medication["route"] != "oral":
            return False
        low, high = span(regimen, "mg_per_kg")
        if high is not None and low is not None:
            caps = [Fraction(str(regimen["max_single_mg"]))]
            day = Fraction(str(regimen["max_daily_mg"]))
            if regimen["max_daily_mg_per_kg"] is not None:
                day = min(day, Fraction(str(regimen["max_daily_mg_per_kg"])) * Fraction(q.weight_kg or 0))
            times = span(regimen, "doses_per_day")[1] or 1
            if regimen["max_doses_per_day"] is not None:
                times = Fraction(str(regimen["max_doses_per_day"]))
            caps.append(day / times)
            low, high = (min(each * Fraction(q.weight_kg or 0), *caps) for each in (low, high))
        else:
            low, high = span(regimen, "dose_mg")
        if low is None or high is None:
            return False
        mg, per = strength(medication)
        if medication["form"] in ("tablet", "capsule"):
            step = mg / 2 if medication["scored"] is True and medication["form"] == "tablet" else mg
            return high // step * step < low * Fraction(3, 4) or high < step
        volume = high * per / mg
        fine = Fraction(1, 10) if volume < 2 else Fraction(1, 2)
        return volume // fine * fine * mg / per < low * Fraction(3, 4)


def possible(age_months: int | None, weight_kg: str) -> bool:
    """Whether somebody of this age can weigh that."""
    if age_months is None:
        return True
    low, high = next((low, high) for below, low, high in _KILOGRAMS if age_months < below)
    return Decimal(str(low)) <= Decimal(weight_kg) <= Decimal(str(high))


def _major(medication: Json) -> list[Json]:
    return [entry for entry in medication["interactions"] if entry["severity"] == "major"]


def _above(value: Any, limit: Any) -> bool:
    return value is not None and limit is not None and value > limit


def span(regimen: Json, name: str) -> tuple[Fraction | None, Fraction | None]:
    if regimen.get(f"{name}_range") is not None:
        low, high = regimen[f"{name}_range"]
        return Fraction(str(low)), Fraction(str(high))
    value = regimen.get(name)
    return (None, None) if value is None else (Fraction(str(value)), Fraction(str(value)))


def strength(medication: Json) -> tuple[Fraction, Fraction]:
    if given := medication["strength_quantity"]:
        return Fraction(str(given["mg"])), Fraction(str(given["per"]))
    mg, _, per = medication["strength"].partition("/")
    return Fraction(re.sub(r"[^\d.]", "", mg)), Fraction(re.sub(r"[^\d.]", "", per) or 1)
