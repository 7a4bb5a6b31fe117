"""Doses, in Decimal, never above the maxima of the regimen, only in what can be measured out."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal

from medications.engine.model import COUNTED_FORMS, LIQUID_FORMS, Medication, Regimen, Route, Span
from medications.engine.results import Dose, plain

# What an oral syringe of 5 mL (steps of 0.1 mL) and one of 10 mL (steps of 0.5 mL) can measure.
_FINE_UP_TO_ML = Decimal(2)
_FINE_STEP_ML = Decimal("0.1")
_COARSE_STEP_ML = Decimal("0.5")
_HALF = Decimal("0.5")
_FRACTIONS = {Decimal("0.5"): "half a"}
# The product's choice: a dose that rounding takes further below what is wanted is no treatment any more.
_ENOUGH = Decimal("0.75")


class DoseImpossible(ValueError):
    """The dose cannot be measured with this product; the text says why. `product` tells that it is the
    product (its form, its score line) that stands in the way, not the regimen."""

    def __init__(self, text: str, *, product: bool = False) -> None:
        self.product = product
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class _Amount:
    mg: Span
    ml: Span | None = None
    units: Span | None = None


def compute_dose(regimen: Regimen, medication: Medication, weight_kg: Decimal | None) -> Dose:
    """The dose of `regimen` for a patient of `weight_kg`.

    Raises DoseImpossible where it cannot be given with this product, or not within its maxima.
    """
    per_day = doses_per_day(regimen)
    if medication.route is Route.TOPICAL:
        amount_ml = regimen.dose_ml.high if regimen.dose_ml else None
        return Dose(regimen.dose, regimen.frequency, None, None, amount_ml, None, per_day)
    daily_cap = _daily_cap(regimen, weight_kg)
    wanted = _wanted(regimen, daily_cap, weight_kg)
    if wanted is None:
        return Dose(regimen.dose, _frequency(regimen, per_day), None, None, None, None, per_day)
    amount = _measured(wanted, regimen, medication)
    per_day = _within_day(daily_cap, amount.mg.high, per_day)
    return Dose(
        text=_words(amount, medication),
        frequency=_frequency(regimen, per_day),
        single_mg=amount.mg.high,
        daily_mg=amount.mg.high * per_day if per_day is not None else None,
        single_ml=amount.ml.high if amount.ml else None,
        units=amount.units.high if amount.units else None,
        per_day=per_day,
        maxima=_maxima(regimen, daily_cap, per_day),
    )


def doses_per_day(regimen: Regimen) -> Decimal | None:
    """The largest number of doses in 24 hours; None for `as needed`."""
    if regimen.max_doses_per_day is not None:
        return regimen.max_doses_per_day
    return regimen.doses_per_day.high if regimen.doses_per_day else None


def measurable_ml(volume: Decimal) -> Decimal:
    """`volume` rounded down to what an oral syringe can measure."""
    step = _FINE_STEP_ML if volume < _FINE_UP_TO_ML else _COARSE_STEP_ML
    return _down(volume, step)


def _wanted(regimen: Regimen, daily_cap: Decimal | None, weight_kg: Decimal | None) -> Span | None:
    """The mg of one dose before it is measured out, within every maximum."""
    single = regimen.max_single_mg
    if regimen.mg_per_kg is None:
        if regimen.dose_mg is None:
            return None
        caps = [cap for cap in (single, daily_cap) if cap is not None]
        if caps and regimen.dose_mg.low > min(caps):
            raise DoseImpossible(f"the usual dose is above the maximum of {plain(min(caps))} mg")
        return Span(regimen.dose_mg.low, min([regimen.dose_mg.high, *caps]))
    if weight_kg is None:
        raise DoseImpossible("the dose depends on a weight that is not known")
    caps = [cap for cap in (single,) if cap is not None]
    if daily_cap is not None and (count := doses_per_day(regimen)):
        caps.append(daily_cap / count)
    if not caps:
        raise DoseImpossible("the weight-based dose has no maximum")
    return Span(*(min(each * weight_kg, *caps) for each in (regimen.mg_per_kg.low, regimen.mg_per_kg.high)))


def _measured(wanted: Span, regimen: Regimen, medication: Medication) -> _Amount:
    """`wanted` rounded down to whole syringe marks, tablets or (where scored) halves."""
    if medication.form in LIQUID_FORMS:
        return _poured(wanted, regimen, medication)
    if medication.form in COUNTED_FORMS:
        return _counted(wanted, regimen, medication)
    return _Amount(wanted)


def _poured(wanted: Span, regimen: Regimen, medication: Medication) -> _Amount:
    strength = medication.strength
    if strength is None:
        if regimen.mg_per_kg is not None:
            raise DoseImpossible("the strength of this liquid is not known in mg per mL", product=True)
        given = regimen.dose_ml
        return _Amount(wanted, Span(measurable_ml(given.low), measurable_ml(given.high)) if given else None)
    low, high = (measurable_ml(mg * strength.per / strength.mg) for mg in (wanted.low, wanted.high))
    per_ml = strength.mg / strength.per
    _check_enough(high * per_ml, wanted, "the dose is smaller than what an oral syringe can measure")
    low = low if low > 0 else high
    return _Amount(Span(low * per_ml, high * per_ml), Span(low, high))


def _counted(wanted: Span, regimen: Regimen, medication: Medication) -> _Amount:
    strength = medication.strength
    if strength is None:
        if regimen.mg_per_kg is not None:
            raise DoseImpossible(f"the mg in one {medication.form} are not known", product=True)
        return _Amount(wanted, None, regimen.units)
    halves = medication.scored is True and medication.form == "tablet"
    step = _HALF if halves else Decimal(1)
    high = _down(wanted.high / strength.mg, step)
    why = f"the dose is less than one {medication.form}"
    if not halves and _down(wanted.high / strength.mg, _HALF) > high:
        why = _no_halves(medication)
    _check_enough(high * strength.mg, wanted, why)
    # Within a range whole tablets are as right as halves; below it they are not.
    low = min(_up(wanted.low / strength.mg, step), high)
    return _Amount(Span(low * strength.mg, high * strength.mg), None, Span(low, high))


def _no_halves(medication: Medication) -> str:
    if medication.form != "tablet":
        return f"a {medication.form} cannot be halved"
    if medication.scored is None:
        return (
            "half a tablet is needed, and the formulary does not say that this tablet is scored; "
            "look for a liquid"
        )
    return "half a tablet is needed, and this tablet is not scored; look for a liquid"


def _check_enough(mg: Decimal, wanted: Span, why: str) -> None:
    if mg <= 0 or mg < wanted.low * _ENOUGH:
        raise DoseImpossible(why, product=True)


def _daily_cap(regimen: Regimen, weight_kg: Decimal | None) -> Decimal | None:
    """The most mg in 24 hours, from the regimen's own maxima."""
    caps = [regimen.max_daily_mg] if regimen.max_daily_mg is not None else []
    if regimen.max_daily_mg_per_kg is not None:
        if weight_kg is None:
            raise DoseImpossible("the daily maximum depends on a weight that is not known")
        caps.append(regimen.max_daily_mg_per_kg * weight_kg)
    return min(caps, default=None)


def _within_day(daily_cap: Decimal | None, single_mg: Decimal, per_day: Decimal | None) -> Decimal | None:
    """Fewer doses where the usual number would pass the daily maximum."""
    if per_day is None or daily_cap is None or single_mg * per_day <= daily_cap:
        return per_day
    return _down(daily_cap / single_mg, Decimal(1))


def _maxima(regimen: Regimen, daily_cap: Decimal | None, per_day: Decimal | None) -> tuple[str, ...]:
    lines = []
    if regimen.max_single_mg is not None:
        lines.append(f"No more than {plain(regimen.max_single_mg)} mg at once.")
    if regimen.max_doses_per_day is not None and per_day is not None:
        lines.append(f"No more than {plain(per_day)} doses in 24 hours.")
    if daily_cap is not None:
        lines.append(f"No more than {plain(_down(daily_cap, Decimal('0.1')))} mg in 24 hours.")
    return tuple(lines)


def _frequency(regimen: Regimen, per_day: Decimal | None) -> str:
    usual = regimen.doses_per_day.high if regimen.doses_per_day else None
    fewer = per_day is not None and usual is not None and per_day < usual
    if per_day is None or (regimen.max_doses_per_day is None and not fewer):
        return regimen.frequency
    return f"{regimen.frequency}, at most {plain(per_day)} dose{'' if per_day == 1 else 's'} in 24 hours"


def _words(amount: _Amount, medication: Medication) -> str:
    text = f"{_span(amount.mg)} mg"
    if amount.ml:
        return f"{text} ({_span(amount.ml)} mL of {medication.strength_text})"
    if amount.units and medication.strength:
        one = f"{plain(medication.strength.mg)} mg {medication.form}"
        if amount.units.low == amount.units.high and amount.units.high in _FRACTIONS:
            return f"{text} ({_FRACTIONS[amount.units.high]} {one})"
        plural = "" if amount.units.high == 1 else "s"
        return f"{text} ({_span(amount.units)} x {one}{plural})"
    return text


def _span(span: Span) -> str:
    def short(value: Decimal) -> str:
        return plain(value.quantize(Decimal("0.01"), rounding=ROUND_DOWN))

    return short(span.low) if span.low == span.high else f"{short(span.low)} to {short(span.high)}"


def _down(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(rounding=ROUND_DOWN) * step


def _up(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(rounding=ROUND_CEILING) * step
