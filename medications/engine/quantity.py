"""How much to hand over.

Creams, ointments and gels go by the fingertip unit (FTU), the strip of cream from a 5 mm nozzle
along an adult's last finger joint, about 0.5 g (Long CC, Finlay AY. The finger-tip unit: a new
practical measure. Clin Exp Dermatol 1991;16:444-447). FTUs per region for children: Long CC,
Mills CM, Finlay AY. A practical guide to topical therapy in children. Br J Dermatol 1998;138:293-296.
Figures for single places inside a region (nose, palms, ...) are shares estimated for this product.
"""

from decimal import ROUND_CEILING, Decimal
from typing import Any

from medications.engine.bodysites import parts_of, spoken
from medications.engine.case import Case
from medications.engine.limits import as_number
from medications.engine.model import COUNTED_FORMS, LIQUID_FORMS, Medication, Pack, Regimen
from medications.engine.results import Dose, Packs, Quantity, listed, plain

GRAMS_PER_FTU = Decimal("0.5")
# Handed over at once for a long course; the rest after a look at how it goes.
REVIEW_AFTER_DAYS = 28
# (age below, months) -> FTUs of face and neck, one arm and hand, one leg and foot, front, back.
_CHILD_FTU = (
    (12, ("1", "1", "1.5", "1", "1.5")),
    (36, ("1.5", "1.5", "2", "2", "3")),
    (72, ("1.5", "2", "3", "3", "3.5")),
    (132, ("2", "2.5", "4.5", "3.5", "5")),
)
_ADULT_FTU = ("2.5", "4", "8", "7", "7")
# Region of each site and its share of that region (both sides counted for paired parts).
_SHARE: dict[str, tuple[str, str]] = {
    "scalp": ("face", "1"), "face": ("face", "0.8"), "forehead": ("face", "0.2"), "nose": ("face", "0.1"),
    "lips": ("face", "0.1"), "mouth": ("face", "0.1"), "eyelids": ("face", "0.1"),
    "periorbital": ("face", "0.2"), "ears": ("face", "0.2"), "neck": ("face", "0.4"),
    "trunk": ("trunk", "1"), "chest": ("trunk", "0.25"), "breast": ("trunk", "0.2"),
    "back": ("trunk", "0.4"), "abdomen": ("trunk", "0.25"), "axillae": ("trunk", "0.1"),
    "buttocks": ("trunk", "0.15"), "groin": ("trunk", "0.1"), "genital": ("trunk", "0.05"),
    "perianal": ("trunk", "0.05"), "nappy_area": ("trunk", "0.2"), "skin_folds": ("trunk", "0.2"),
    "arms": ("arms", "0.75"), "elbows": ("arms", "0.15"), "wrists": ("arms", "0.1"),
    "hands": ("arms", "0.25"), "finger_webs": ("arms", "0.1"), "palms": ("arms", "0.1"),
    "nails": ("arms", "0.05"), "legs": ("legs", "0.75"), "thighs": ("legs", "0.4"),
    "knees": ("legs", "0.1"), "ankles": ("legs", "0.1"), "feet": ("legs", "0.25"),
    "toe_webs": ("legs", "0.1"), "soles": ("legs", "0.1"),
}  # fmt: skip
# Estimated for this product: a palmful of shampoo, a soaked swab.
_ML_PER_USE = {"shampoo": Decimal(10), "solution": Decimal(5)}
# Emollients go on thickly: twice the thin layer that FTUs describe.
_GENEROUS = Decimal(2)
_SMALL_AREA_FTU = Decimal(1)


def quantity_to_supply(
    case: Case,
    medication: Medication,
    regimen: Regimen,
    dose: Dose,
    days: int | None,
    *,
    most_area: Decimal | None = None,
) -> Quantity:
    """The quantity for the course, rounded up to whole packs, with its arithmetic. `most_area`: the
    percentage of the skin above which the treatment may not be used at all."""
    courses = 2 if "repeat" in regimen.frequency else 1
    if medication.form in COUNTED_FORMS:
        return _tablets(medication, dose, days, courses)
    if dose.single_ml is not None:
        return _volume(medication, dose.single_ml, dose.per_day, days, courses)
    if medication.form in LIQUID_FORMS:
        return _one_pack(medication, "the dose has no fixed volume")
    return _topical(case, medication, regimen, days, courses, most_area)


def fingertip_units(case: Case, most_area: Decimal | None = None) -> tuple[Decimal, str]:
    """FTUs for one application and how they were found: from the area, else from the body sites
    (whole, but no more than `most_area` percent of the skin), else one (an area of two adult palms)."""
    regions, whole = _regions(case.age_months), _whole_body(case.age_months)
    area = as_number(case.facts.get("lesion_area_percent"))
    if area is not None and area > 0:
        return max(area * whole / 100, _SMALL_AREA_FTU / 4), f"{plain(area)} % of the skin"
    if case.sites:
        inner = frozenset().union(*(parts_of(site) - {site} for site in case.sites))
        sites = [site for site in case.sites if site not in inner and site in _SHARE]
        if sites:
            units = sum((regions[_SHARE[site][0]] * Decimal(_SHARE[site][1]) for site in sites), Decimal(0))
            places = listed([spoken(site) for site in sites])
            if most_area is not None and units > (most := most_area * whole / 100):
                return most, f"{plain(most_area)} % of the skin, the most for this treatment ({places})"
            return max(units, _SMALL_AREA_FTU / 4), f"all of: {places}"
    return _SMALL_AREA_FTU, "an area of two adult palms, as none was given"


def _regions(age_months: int | None) -> dict[str, Decimal]:
    row = _ADULT_FTU
    if age_months is not None:
        row = next((ftu for below, ftu in _CHILD_FTU if age_months < below), _ADULT_FTU)
    face, arm, leg, front, back = (Decimal(value) for value in row)
    return {"face": face, "arms": 2 * arm, "legs": 2 * leg, "trunk": front + back}


def _whole_body(age_months: int | None) -> Decimal:
    return sum(_regions(age_months).values(), Decimal(0))


def _tablets(medication: Medication, dose: Dose, days: int | None, courses: int) -> Quantity:
    if dose.units is None or dose.per_day is None or days is None:
        return Quantity(Decimal(1), "pack", "one pack; the dose has no fixed number of units")
    total = _ceil(dose.units * dose.per_day * days * courses)
    how = f"{plain(dose.units)} x {plain(dose.per_day)} a day x {_days(days)}{_twice(courses)}"
    return Quantity(total, f"{medication.form}s", f"{how} = {plain(total)} {medication.form}s at most")


def _volume(
    medication: Medication, single: Decimal, per_day: Decimal | None, days: int | None, courses: int
) -> Quantity:
    if per_day is None or days is None:
        return _one_pack(medication, "used as needed")
    total = single * per_day * days * courses
    how = f"{plain(single)} mL x {plain(per_day)} a day x {_days(days)}{_twice(courses)} = {plain(total)} mL"
    return _packs(medication, total, "mL", how, per_use=single)


def _topical(
    case: Case,
    medication: Medication,
    regimen: Regimen,
    days: int | None,
    courses: int,
    most_area: Decimal | None,
) -> Quantity:
    uses, spelled = _uses(regimen, days)
    if uses is None:
        return _one_pack(medication, f"used {regimen.frequency}")
    if medication.form == "paint":
        return _one_pack(medication, "a few drops each time")
    if medication.form in _ML_PER_USE:
        each = _ML_PER_USE[medication.form]
        total = each * uses
        how = f"{plain(each)} mL x {spelled} = {plain(total)} mL"
        return _packs(medication, total, "mL", how, per_use=each)
    grams, units, reason = _grams_per_use(case, regimen, most_area)
    total, note = _weekly_limit(medication, grams * uses * courses, days)
    unit = "mL" if medication.form == "lotion" else "g"
    how = f"{reason} x {spelled}{_twice(courses)}{note} = {plain(_tenth(total))} {unit}"
    return _packs(medication, total, unit, how, per_use=_tenth(grams), fingertip_units=units)


def _uses(regimen: Regimen, days: int | None) -> tuple[Decimal | None, str]:
    """Applications in the part of the course that is handed over now."""
    if days is None:
        return None, ""
    now = min(days, REVIEW_AFTER_DAYS)
    later = f" (the rest of {days} days after a review)" if days > now else ""
    if regimen.doses_per_week is not None:
        uses = _ceil(regimen.doses_per_week * now / 7)
        return uses, f"{plain(uses)} uses in {_days(now)}{later}"
    if regimen.doses_per_day is None:
        return None, ""
    each = regimen.doses_per_day.high
    return each * now, f"{plain(each)} a day x {_days(now)}{later}"


def _grams_per_use(
    case: Case, regimen: Regimen, most_area: Decimal | None
) -> tuple[Decimal, Decimal | None, str]:
    """Grams for one application, the fingertip units they are (None where the regimen says the
    grams), and how they were found."""
    if regimen.grams_per_application is not None:
        grams = regimen.grams_per_application
        return grams, None, f"{plain(grams)} g each time"
    if "whole body" in regimen.dose:
        units, area = _whole_body(case.age_months), "the whole body"
    else:
        units, area = fingertip_units(case, most_area)
    factor = _GENEROUS if "generous" in regimen.dose else Decimal(1)
    grams = units * GRAMS_PER_FTU * factor
    thick = ", applied generously" if factor != 1 else ""
    shown = _tenth(units)
    noun = "fingertip unit" if shown == 1 else "fingertip units"
    return grams, shown, f"{plain(shown)} {noun} for {area}{thick} = {plain(_tenth(grams))} g"


def _weekly_limit(medication: Medication, total: Decimal, days: int | None) -> tuple[Decimal, str]:
    if medication.max_weekly_grams is None or days is None:
        return total, ""
    weeks = _ceil(Decimal(min(days, REVIEW_AFTER_DAYS)) / 7)
    most = medication.max_weekly_grams * weeks
    if total <= most:
        return total, ""
    return most, f", cut to at most {plain(medication.max_weekly_grams)} g a week"


def _packs(
    medication: Medication,
    total: Decimal,
    unit: str,
    how: str,
    *,
    per_use: Decimal | None = None,
    fingertip_units: Decimal | None = None,
) -> Quantity:
    pack = medication.pack
    if pack is None or pack.unit != unit:
        return Quantity(_ceil(total), unit, how, None, per_use, fingertip_units)
    packs = _whole(medication, pack, max(_ceil(total / pack.size), Decimal(1)))
    said = f"{how}: {plain(packs.count)} {packs.container} of {plain(pack.size)} {unit}"
    return Quantity(packs.count * pack.size, unit, said, packs, per_use, fingertip_units)


def _one_pack(medication: Medication, why: str) -> Quantity:
    pack = medication.pack or Pack(Decimal(1), "pack")
    packs = _whole(medication, pack, Decimal(1)) if medication.pack else None
    return Quantity(pack.size, pack.unit, f"one {_container(medication.form, Decimal(1))}: {why}", packs)


def _whole(medication: Medication, pack: Pack, count: Decimal) -> Packs:
    return Packs(count, pack.size, pack.unit, _container(medication.form, count))


def _container(form: str, count: Decimal) -> str:
    noun = "tube" if form in {"cream", "ointment", "gel"} else "bottle"
    return noun if count == 1 else f"{noun}s"


def _days(days: int) -> str:
    return f"{days} day{'' if days == 1 else 's'}"


def _twice(courses: int) -> str:
    return " x 2 (repeated once)" if courses == 2 else ""


def _tenth(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.1"), rounding=ROUND_CEILING)


def _ceil(value: Any) -> Decimal:
    return Decimal(value).to_integral_value(rounding=ROUND_CEILING)
