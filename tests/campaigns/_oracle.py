"""Judges the answers of the recommendation; shares no code with the engine."""

import re
from collections.abc import Iterator
from fractions import Fraction

from tests.campaigns._against import URGENT, Json, Question, Release, span, strength

_MAY = {
    "pharmacist": {"otc", "pharmacy_only"},
    "pharmacy_technician": {"otc", "pharmacy_only"},
    "medicine_counter_assistant": {"otc"},
    "otc_medicine_seller": {"otc"},
}
_PUBLISHED = {"weight": "contraindication", "dose": "contraindication", "duration": "contraindication"}
_MG = re.compile(r"^([\d.]+)(?: to ([\d.]+))? mg")
_ML = re.compile(r"\(([\d.]+)(?: to ([\d.]+))? mL of ")
_TABLETS = re.compile(r"\((?:([\d.]+)(?: to ([\d.]+))? x|half a) [\d.]+ mg (?:tablet|capsule)")
_AT_MOST = re.compile(r"at most ([\d.]+) doses? in 24 hours")


class Oracle(Release):
    """`wrong` answers with every fault of an answer, in words."""

    # --- What must be true of a whole answer ----------------------------------------------------
    def wrong(self, q: Question, answer: Json) -> list[str]:
        """Every fault, empty when the answer is right."""
        faults = list(self._whole(q, answer))
        for row in answer["recommendations"]:
            faults += [f"{row['treatment']}: {fault}" for fault in self._proposed(q, row)]
        for row in answer["excluded"]:
            faults += [f"{row['treatment']}: {fault}" for fault in self._excluded(q, row)]
        return faults

    def _whole(self, q: Question, answer: Json) -> Iterator[str]:
        judged = [row["treatment"] for row in (*answer["recommendations"], *answer["excluded"])]
        expected = [key for key, row in self.treatments.items() if row["condition"] == q.condition]
        if sorted(judged) != sorted(expected):
            yield "not every candidate is either proposed or excluded, once"
        if q.level in URGENT and answer["recommendations"]:
            yield f"medicines are proposed at {q.level}"
        unknown = {item.text for item in (*q.allergies, *q.medicines, *q.conditions) if not item.known}
        if unknown != {row["text"] for row in answer["unrecognised"]}:
            yield f"not understood were {sorted(unknown)}, said is {answer['unrecognised']}"
        lines = ["first", "second", "adjunct"]
        order = [lines.index(row["line"]) for row in answer["recommendations"]]
        if order != sorted(order):
            yield "the lines are out of order"
        for group in (answer.get("household") or {}).get("people", ()):
            named = self.medications.get(group["medication"] or "", {"legal_class": {"value": ""}})
            if q.cadre == "otc_medicine_seller" and named["legal_class"]["value"] == "prescription_only":
                yield "a seller sees a prescription-only medicine for the household"

    def _excluded(self, q: Question, row: Json) -> Iterator[str]:
        treatment = self.treatments[row["treatment"]]
        seen = self.against(q, treatment)
        for reason in row["reasons"]:
            if not reason["reason"]:
                yield "an exclusion without a reason"
            if not self._resolves(q, row, reason["rule"]):
                yield f"the rule {reason['rule']} is not in the release"
            if reason["code"] not in {_PUBLISHED.get(code, code) for code in seen}:
                yield f"excluded for {reason['code']} ({reason['reason']}), which is not so: {sorted(seen)}"
        hidden = q.cadre == "otc_medicine_seller" and self.legal_class(treatment) == "prescription_only"
        if hidden and re.search(r"\d", row["name"] + row["reason"]):
            yield f"a seller reads figures of a prescription-only medicine: {row['name']}: {row['reason']}"

    def _resolves(self, q: Question, row: Json, rule: str) -> bool:
        kind, _, rest = rule.partition(".")
        if kind == "guidelines":
            return q.level in URGENT and rest == q.level_rule
        if kind == "use_limits":
            phrases = self.treatments[row["treatment"]]
            used = (*phrases["conditions_of_use"], *phrases["stop_and_refer_if"])
            return rest in {self.limits[phrase]["id"] for phrase in used if phrase in self.limits}
        if kind == "allergy_classes":
            return rest in self.allergies
        if kind == "treatments":
            return rest == f"{row['treatment']}.regimen"
        if kind != "medications":
            return False
        key, _, place = rest.partition(".")
        part, _, item = place.partition(".")
        value = self.medications.get(key, {}).get(part, KeyError)
        if value is KeyError:
            return False
        if part == "interactions":
            return any(entry["with"] == item and entry["severity"] == "major" for entry in value)
        return not item or (item.isdigit() and int(item) < len(value))

    # --- What must be true of what is proposed -----------------------------------------------------
    def _proposed(self, q: Question, row: Json) -> Iterator[str]:
        treatment = self.treatments[row["treatment"]]
        medication = self.medications[treatment["medication"]]
        for code in sorted(self.against(q, treatment)):
            yield f"proposed against {code}"
        yield from self._who(q, row, medication)
        for item in (*q.allergies, *q.medicines, *q.conditions):
            if not item.known and not any(
                item.text in line and "incomplete" in line for line in row["warnings"]
            ):
                yield f"no warning that {item.text!r} was not checked"
        regimen = next(iter(self.regimens(q, treatment)), None)
        if regimen is not None:
            yield from self._dose(q, row, medication, regimen)
            yield from self._course(row, medication, regimen)

    def _who(self, q: Question, row: Json, medication: Json) -> Iterator[str]:
        legal = medication["legal_class"]["value"]
        may = legal in _MAY.get(q.cadre, set()) or (
            legal == "prescription_only" and q.cadre == "pharmacist" and q.prescription
        )
        if row["may_supply"] is not may:
            yield f"may_supply is {row['may_supply']} for {q.cadre or 'nobody'} and {legal}"
        if not may and not row["who_may_supply"]:
            yield "it is not said who may supply it"

    def _dose(self, q: Question, row: Json, medication: Json, regimen: Json) -> Iterator[str]:
        said = _MG.match(row["dose"])
        if medication["route"] != "oral" or said is None:
            return
        single = Fraction(said[2] or said[1])
        weight = Fraction(q.weight_kg) if q.weight_kg else None
        low, high = span(regimen, "mg_per_kg")
        if high is not None and weight is not None:
            high *= weight
            low *= weight  # type: ignore[operator]  # both ends or none
        else:
            low, high = span(regimen, "dose_mg")
        most = [Fraction(str(regimen["max_single_mg"]))] if regimen["max_single_mg"] is not None else []
        if high is not None:
            most.append(high)
        if most and single > min(most):
            yield f"{float(single)} mg at once, at most {float(min(most))} are allowed"
        day = [Fraction(str(regimen["max_daily_mg"]))] if regimen["max_daily_mg"] is not None else []
        if regimen["max_daily_mg_per_kg"] is not None and weight is not None:
            day.append(Fraction(str(regimen["max_daily_mg_per_kg"])) * weight)
        times = self._times(row, regimen)
        if day and times is not None and single * times > min(day):
            yield f"{float(single * times)} mg a day, at most {float(min(day))} are allowed"
        if low is not None and single < min(low, *most, *day) * Fraction(3, 4):
            yield f"{float(single)} mg is far below the {float(low)} mg wanted"
        yield from self._measured(row, medication, single)

    def _times(self, row: Json, regimen: Json) -> Fraction | None:
        if said := _AT_MOST.search(row["frequency"]):
            return Fraction(said[1])
        if regimen["max_doses_per_day"] is not None:
            return Fraction(str(regimen["max_doses_per_day"]))
        return span(regimen, "doses_per_day")[1]

    def _measured(self, row: Json, medication: Json, single: Fraction) -> Iterator[str]:
        if poured := _ML.search(row["dose"]):
            volume = Fraction(poured[2] or poured[1])
            step = Fraction(1, 10) if volume < 2 else Fraction(1, 2)
            if volume % step:
                yield f"{float(volume)} mL cannot be measured"
            mg, per = strength(medication)
            if abs(volume * mg / per - single) > Fraction(1, 100):
                yield f"{float(volume)} mL are not {float(single)} mg"
        elif counted := _TABLETS.search(row["dose"]):
            for said in (counted[1] or "0.5", counted[2]):
                if said and Fraction(said) % (Fraction(1, 2) if medication["scored"] is True else 1):
                    yield f"{said} of a {medication['form']} that is not scored"

    def _course(self, row: Json, medication: Json, regimen: Json) -> Iterator[str]:
        days, longest = row["duration_days"], medication["max_duration_days"]
        if longest is not None and days is not None and days > longest:
            yield f"{days} days, at most {longest} are allowed"
        quantity = row["quantity"]
        if quantity["amount"] <= 0 or not quantity["how"]:
            yield "nothing is handed over"
        if medication["max_weekly_grams"] is not None and days is not None:
            weeks = -(-min(days, 28) // 7)
            packs = quantity["packs"] or {"size": 0}
            if quantity["amount"] >= medication["max_weekly_grams"] * weeks + max(packs["size"], 1):
                yield f"{quantity['amount']} g in {weeks} weeks pass the weekly maximum"
        counted, times = _TABLETS.search(row["dose"]), self._times(row, regimen)
        if counted and times is not None and days is not None:
            each = Fraction(counted[2] or counted[1] or "0.5")
            courses = 2 if "repeat" in regimen["frequency"] else 1
            if quantity["amount"] > each * times * days * courses + Fraction(1, 2):
                yield f"{quantity['amount']} tablets for a course of {float(each * times * days * courses)}"
