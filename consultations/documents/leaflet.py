"""The patient's leaflet: what it is, what to take and how, what to expect, when to come back."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from consultations.documents import words
from consultations.documents.netting import Netting, safety_net
from consultations.documents.source import Medicine, Source
from consultations.models import TriageLevel
from consultations.services.decisions import Action

TITLE = "Your skin advice"
_STOP = "Stop and refer if: "
# Lines of the recommendation that speak to the pharmacist, not to the patient.
_FOR_THE_PHARMACIST = (
    "Use only if: ", "Nobody has confirmed", "Prescription-only medicine:", "Pharmacy-only medicine:",
    "The check is incomplete:",
)  # fmt: skip
_NOT_SAID = "Where it is was not said. "
_COME_BACK = re.compile(r"(?:Return|Come back)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!])\s+")
# Quantities stored before they bore their parts name them in words.
_UNITS = re.compile(r"(?P<units>[\d.]+) fingertip units? for (?P<area>.+?) = ")
_PACKS = re.compile(r": (?P<packs>\d+ \w+ of [\d.]+ \w+)$")
_HOUSEHOLD = re.compile(r"\b(?:household|everyone|family|partners?|at home|in the home)\b", re.IGNORECASE)

_BANNERS = {
    TriageLevel.EMERGENCY: ("Go to a hospital emergency unit now", "Do not wait. Take this page with you."),
    TriageLevel.REFER_URGENT: (
        "See a doctor: {when}",
        "Do not wait to see if it gets better. Take this page with you.",
    ),
    TriageLevel.REFER_ROUTINE: ("See a doctor or clinic: {when}", "Take this page with you."),
}
_AMBULANCE = "Ambulance: 112 or 193."
_NOTHING = {
    Action.ADVISE: "No medicine was needed today. The advice on this page is your treatment.",
    Action.NO_ACTION: "No medicine was given today.",
}
_NO_ANTIBIOTIC = (
    "Your pharmacist found no need for an antibiotic today. Taken without need, antibiotics can harm, and "
    "they may not work when you do need them. If one of the signs below comes, return: that may change it."
)


def content(source: Source) -> dict[str, Any]:
    """What the template `leaflet` shows, every text as it was stored or derived from the releases."""
    row = source.row
    said = _own_words(source)
    household = _household(source)
    referred = row.triage_level in words.REFERRED or source.action is Action.REFER
    net = safety_net(source.facts, source.condition, source.knowledge)
    medicines = [_medicine(each) for each in source.medicines]
    return {
        "title": TITLE,
        "author": row.premises.name,
        "reference": str(row.pk),
        "patient": " · ".join(part for part in (row.initials, words.age(row.age_months)) if part),
        "date": words.date(source.decided_at),
        "premises": words.premises(row),
        "pharmacist": words.person(source.decided_by),
        "translation": words.translation(row.consent_language),
        "banner": _banner(source, said["steps"]) if referred else None,
        "what": _what(source),
        "nothing": "" if medicines or referred else _NOTHING.get(source.action, ""),
        "no_antibiotic": _no_antibiotic(source),
        "medicines": medicines,
        "fingertip": any(each["fingertip"] for each in medicines),
        "household": household,
        "expect": [line for line in said["expect"] if line not in household],
        "review_advice": said["back"],
        **_return(source, net),
        "review": words.review(source.review_states),
    }


def _banner(source: Source, steps: list[str]) -> dict[str, Any]:
    """How soon to be seen, first of all, and what the rules say to do until then."""
    level = source.level if source.level in words.REFERRED else TriageLevel.REFER_ROUTINE
    head, text = _BANNERS[TriageLevel(level)]
    when = str(source.row.triage.get("timeframe") or "")
    if source.level not in words.REFERRED or when in ("", "now", "self-care"):
        when = "as your pharmacist told you" if level != TriageLevel.REFER_URGENT else "today"
    if level == TriageLevel.EMERGENCY and not any("112" in step for step in steps):
        steps = [*steps, _AMBULANCE]
    return {"head": head.format(when=_when(when)), "text": text, "steps": steps}


def _when(timeframe: str) -> str:
    return "today" if timeframe == "same day" else timeframe


def _what(source: Source) -> dict[str, Any]:
    """The condition in plain words. Its medical name goes with what a pharmacy treats; a suspicion that
    others must confirm stands in the letter, not on a page that lies about at home."""
    entry = source.condition_entry
    if not entry:
        return {"name": "", "medical": "", "sure": False}
    name = str(entry["name"])
    plain = words.plain_names().get(source.condition, name)
    known = name.lower() in plain.lower() or not entry.get("pharmacy_manageable")
    return {
        "name": plain,
        "medical": "" if known else name,
        "sure": bool(source.row.working_diagnosis),
    }


def _medicine(medicine: Medicine) -> dict[str, Any]:
    said = medicine.said
    storage = str(medicine.listed.get("storage") or "")
    if said is None:  # chosen against the advice: no dose is on record, so it is written in by hand
        return {
            **dict.fromkeys(("dose", "frequency", "duration", "quantity", "fingertip"), ""),
            "name": medicine.name,
            "by_hand": True,
            "use": list(medicine.listed.get("counselling_points") or ()),
            "care": list(medicine.listed.get("application_limits") or ()),
            "storage": storage,
        }
    others = (_STOP, *_FOR_THE_PHARMACIST)
    lines = [line for line in said.get("counselling") or () if not line.startswith(others)]
    return {
        "name": medicine.name,
        "by_hand": False,
        "dose": words.sentence(str(said.get("dose") or "")),
        "frequency": words.sentence(str(said.get("frequency") or "")),
        "duration": words.days(said["duration_days"]) if said.get("duration_days") else "",
        "quantity": _quantity(said.get("quantity")),
        "fingertip": _fingertip(said.get("quantity")),
        "use": words.unique(lines),
        "care": words.unique([*_warnings(said.get("warnings") or ()), *map(str, said.get("maxima") or ())]),
        "storage": storage,
    }


def _warnings(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        if not line.startswith(_FOR_THE_PHARMACIST):
            yield line.removeprefix(_NOT_SAID)


def _quantity(said: Mapping[str, Any] | None) -> str:
    """`120 g (6 tubes of 20 g)`."""
    if not said:
        return ""
    total = f"{said['amount']:g} {said['unit']}"
    if packs := said.get("packs"):
        return f"{total} ({packs['count']:g} {packs['container']} of {packs['size']:g} {packs['unit']})"
    found = _PACKS.search(str(said.get("how") or ""))
    return total + (f" ({found['packs']})" if found else "")


def _fingertip(said: Mapping[str, Any] | None) -> str:
    """`2.5 fingertip units each time, for the trunk`; empty where the dose does not go by them."""
    found = _UNITS.match(str((said or {}).get("how") or ""))
    if not found or "generously" in found["area"] or "whole body" in found["area"]:
        return ""
    units, area = found["units"], found["area"]
    most = "At most " if "the most for this treatment" in area else "About "
    noun = "fingertip unit" if units == "1" else "fingertip units"
    for words_of_the_sum in ("all of: ", ", the most for this treatment", ", as none was given"):
        area = area.replace(words_of_the_sum, "")
    return f"{most}{units} {noun} each time, for {area}"


def _own_words(source: Source) -> dict[str, list[str]]:
    """What the rules that decided, and the condition's own page, say to the patient: steps until somebody
    else has seen them, what to do and expect, and when to be looked at again."""
    advice = [part for rule in source.rules for part in _SENTENCE.split(str(rule.get("advice") or ""))]
    back = words.unique([line for line in advice if _COME_BACK.match(line)])
    told = words.unique([line for line in advice if not _COME_BACK.match(line)])
    care = [str(line) for line in source.condition_entry.get("self_care") or ()]
    if source.level in (TriageLevel.EMERGENCY, TriageLevel.REFER_URGENT):
        return {"steps": told, "expect": [], "back": back}  # nothing that could keep anybody at home
    if source.level == TriageLevel.REFER_ROUTINE:
        return {"steps": told, "expect": words.unique(care), "back": back}
    return {"steps": [], "expect": words.unique([*told, *care]), "back": back}


def _household(source: Source) -> list[str]:
    """What those who live with the patient must do, where it can be caught."""
    if not source.condition_entry.get("contagious") or source.level in (
        TriageLevel.EMERGENCY,
        TriageLevel.REFER_URGENT,
    ):
        return []
    own = [str(line) for line in source.condition_entry.get("self_care") or ()]
    return words.unique(line for line in own if _HOUSEHOLD.search(line))


def _return(source: Source, net: Netting) -> dict[str, list[str]]:
    """Safety netting: at once, the same day, and back to the pharmacy."""
    told = (source.row.assessment.get("no_antibiotic") or {}).get("return_if") or ()
    stop = [
        line.removeprefix(_STOP)
        for each in source.medicines
        for line in (each.said or {}).get("counselling") or ()
        if line.startswith(_STOP)
    ]
    return {"now": list(net.emergency), "today": list(net.urgent), "back": words.unique([*stop, *told])}


def _no_antibiotic(source: Source) -> list[str]:
    """Said where the advice says so; of rows from before it did, where somebody may have hoped for one:
    the formulary holds one for this, or a virus does it. Empty when one was supplied, or others decide."""
    referred = source.level in words.REFERRED or source.action is Action.REFER
    if referred or not source.condition_entry or any(each.antibiotic for each in source.medicines):
        return []
    if "no_antibiotic" in source.row.assessment:
        said = source.row.assessment["no_antibiotic"]
        return words.unique([_NO_ANTIBIOTIC, *said.get("because", ())]) if said else []
    wanted = source.antibiotics_considered() or source.condition_entry.get("category") == "viral"
    return [_NO_ANTIBIOTIC] if wanted else []
