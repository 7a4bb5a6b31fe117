"""Whether a regimen's numbers agree with each other and can be given with the medicine at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from medications.engine.dosing import measurable_ml
from medications.engine.model import COUNTED_FORMS, LIQUID_FORMS, Strength
from medications.engine.results import plain
from medications.rules import Wrong

# More at once than this is a slip of the decimal point or of the unit.
MOST_UNITS = 10
MOST_ML = 30
# By how much mL and mg may differ: 4 mL of 120 mg/5 mL are written as 100 mg.
_ROUNDED = Decimal("0.05")
_HALF = Decimal("0.5")
_NEEDED_BY_WEIGHT = ("max_single_mg", "max_daily_mg", "doses_per_day_high")
Numbers = Mapping[str, Any]  # the fields of a regimen, Decimal or None


@dataclass(frozen=True, slots=True)
class Product:
    """The medicine as far as a dose depends on it."""

    form: str
    route: str
    strength: Strength | None
    scored: bool | None

    @property
    def step(self) -> Decimal:
        """The smallest part of a tablet or capsule: half, unless it is known not to be scored."""
        return _HALF if self.form == "tablet" and self.scored is not False else Decimal(1)


def faults(numbers: Numbers) -> Iterator[Wrong]:
    """What is wrong with the numbers alone."""
    single, daily = numbers.get("max_single_mg"), numbers.get("max_daily_mg")
    dose, per_day = numbers.get("dose_mg_high"), numbers.get("doses_per_day_low") or Decimal(1)
    if dose and single and dose > single:
        yield Wrong("dose_mg_high", f"Above the most at once, {plain(single)} mg.")
    if dose and daily and dose * per_day > daily:
        yield Wrong("dose_mg_high", f"Above the most a day, {plain(daily)} mg, at that frequency.")
    if single and daily and single > daily:
        yield Wrong("max_daily_mg", f"Below the most at once, {plain(single)} mg.")
    yield from _by_weight(numbers)


def faults_with(product: Product, numbers: Numbers) -> Iterator[Wrong]:
    """What is wrong with the numbers for this medicine."""
    if product.route == "topical":
        for field in ("dose_mg_high", "mg_per_kg_high", "units_high"):
            if numbers.get(field):
                yield Wrong(field, "A medicine used on the skin has no such dose; say grams each time.")
        return
    if not any(numbers.get(field) for field in ("dose_mg_high", "mg_per_kg_high")):
        yield Wrong("dose_mg_high", "A medicine taken by mouth needs its dose in mg, or in mg/kg below.")
    elif not (numbers.get("doses_per_day_high") or numbers.get("doses_per_week")):
        yield Wrong("doses_per_day_high", "Say how often: the day's maximum is checked with it.")
    if product.form in COUNTED_FORMS:
        yield from _counted(product, numbers)
    elif product.form in LIQUID_FORMS:
        yield from _poured(product, numbers)


def _by_weight(numbers: Numbers) -> Iterator[Wrong]:
    each = numbers.get("mg_per_kg_high")
    if not each:
        return
    for field in _NEEDED_BY_WEIGHT:
        if not numbers.get(field):
            yield Wrong(field, "A dose by weight needs this, so that nobody gets too much.")
    if numbers.get("dose_mg_high"):
        yield Wrong("mg_per_kg_high", "Give a fixed dose in mg or one by weight, not both.")
    most = numbers.get("max_daily_mg_per_kg")
    per_day = numbers.get("max_doses_per_day") or numbers.get("doses_per_day_high")
    if most and per_day and each * per_day > most:
        yield Wrong(
            "max_daily_mg_per_kg",
            f"{plain(each)} mg/kg {plain(per_day)} times a day are {plain(each * per_day)} mg/kg a day.",
        )


def _counted(product: Product, numbers: Numbers) -> Iterator[Wrong]:
    """Tablets and capsules: whole ones, halves only of tablets that may be halved."""
    if numbers.get("dose_ml_high"):
        yield Wrong("dose_ml_high", f"A {product.form} has no mL.")
    for end in ("low", "high"):
        units = numbers.get(f"units_{end}")
        if units and units % product.step:
            yield Wrong(f"units_{end}", f"Only {_parts(product)} can be given.")
    if product.strength is None:
        return
    each = product.strength.mg
    for end in ("low", "high"):
        dose, units = numbers.get(f"dose_mg_{end}"), numbers.get(f"units_{end}")
        if not dose:
            continue
        if (dose / each) % product.step:
            yield Wrong(f"dose_mg_{end}", f"{_not_makeable(product, dose, each)}")
        elif units and units * each != dose:
            yield Wrong(
                f"units_{end}", f"{plain(units)} of {plain(each)} mg are {plain(units * each)} mg, "
                f"not {plain(dose)} mg."
            )  # fmt: skip
        elif dose / each > MOST_UNITS:
            yield Wrong(f"dose_mg_{end}", f"That is {plain(dose / each)} {product.form}s at once.")
    single = numbers.get("max_single_mg")
    if single and single < each * product.step:
        yield Wrong("max_single_mg", f"Less than the smallest dose, {plain(each * product.step)} mg.")


def _parts(product: Product) -> str:
    return "whole and half tablets" if product.step == _HALF else f"whole {product.form}s"


def _not_makeable(product: Product, dose: Decimal, each: Decimal) -> str:
    step = each * product.step
    below = (dose / step).to_integral_value(rounding=ROUND_DOWN) * step
    near = " or ".join(plain(mg) for mg in (below, below + step) if mg > 0)
    return f"{plain(dose)} mg cannot be given with {_parts(product)} of {plain(each)} mg: {near} mg can."


def _poured(product: Product, numbers: Numbers) -> Iterator[Wrong]:
    """Liquids: the volume is what the dose in mg needs, and a syringe can measure it."""
    if numbers.get("units_high"):
        yield Wrong("units_high", "A liquid is not counted; say mL.")
    for end in ("low", "high"):
        dose, ml = numbers.get(f"dose_mg_{end}"), numbers.get(f"dose_ml_{end}")
        if ml and ml > MOST_ML:
            yield Wrong(f"dose_ml_{end}", f"That is {plain(ml)} mL at once.")
        elif ml and measurable_ml(ml) != ml:
            yield Wrong(
                f"dose_ml_{end}",
                f"A syringe measures by 0.1 mL below 2 mL, by 0.5 mL above: {plain(measurable_ml(ml))} mL.",
            )
        elif dose and ml and product.strength:
            inside = ml * product.strength.mg / product.strength.per
            if abs(inside - dose) > dose * _ROUNDED:
                yield Wrong(
                    f"dose_ml_{end}", f"{plain(ml)} mL hold {_short(inside)} mg, not {plain(dose)} mg."
                )
        elif dose and not ml and product.strength:
            wanted = dose * product.strength.per / product.strength.mg
            if wanted > MOST_ML:
                yield Wrong(f"dose_mg_{end}", f"That is {_short(wanted)} mL at once.")


def _short(amount: Decimal) -> str:
    return plain(amount.quantize(Decimal("0.1")))
