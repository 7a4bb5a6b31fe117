"""Doses, in Decimal, never above the maxima of the regimen."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from medications.engine.model import COUNTED_FORMS, LIQUID_FORMS, Medication, Regimen, Route, Span
from medications.engine.results import Dose, plain

# What an oral syringe of 5 mL (steps of 0.1 mL) and one of 10 mL (steps of 0.5 mL) can measure.
_FINE_UP_TO_ML = Decimal(2)
_FINE_STEP_ML = Decimal("0.1")
_COARSE_STEP_ML = Decimal("0.5")
_HALF = Decimal("0.5")
_FRACTIONS = {Decimal("0.5"): "half a", Decimal("0.25"): "a quarter of a"}


class DoseImpossible(ValueError):
    """The dose cannot be measured with this product; the text says why."""


@dataclass(frozen=True, slots=True)
class _Amount:
    mg: Span
    ml: Span | None
    units: Span | None


def compute_dose(regimen: Regimen, medication: Medication, weight_kg: Decimal | None) -> Dose:
    """The dose of `regimen` for a patient of `weight_kg`.

    Raises DoseImpossible where a weight-based dose cannot be given with this form.
    """
    per_day = doses_per_day(regimen)
    if medication.route is Route.TOPICAL:
        amount_ml = regimen.dose_ml.high if regimen.dose_ml else None
        return Dose(regimen.dose, regimen.frequency, None, None, amount_ml, None, per_day)
    amount = _weighed(regimen, medication, weight_kg) if regimen.mg_per_kg else _fixed(regimen, medication)
    if amount is None:
        return Dose(regimen.dose, _frequency(regimen, per_day), None, None, None, None, per_day)
    per_day = _within_day(regimen, amount.mg.high, per_day)
    daily = amount.mg.high * per_day if per_day is not None else None
    return Dose(
        text=_words(amount, medication, regimen),
        frequency=_frequency(regimen, per_day),
        single_mg=amount.mg.high,
        daily_mg=daily,
        single_ml=amount.ml.high if amount.ml else None,
        units=amount.units.high if amount.units else None,
        per_day=per_day,
    )


def doses_per_day(regimen: Regimen) -> Decimal | None:
    """The largest number of doses in 24 hours; None for `as needed`."""
    if regimen.max_doses_per_day is not None:
        return regimen.max_doses_per_day
    return regimen.doses_per_day.high if regimen.doses_per_day else None


def measurable_ml(volume: Decimal) -> Decimal:
    """`volume` rounded down to what an oral syringe can measure."""
    step = _FINE_STEP_ML if volume < _FINE_UP_TO_ML else _COARSE_STEP_ML
    return (volume / step).to_integral_value(rounding=ROUND_DOWN) * step


def _fixed(regimen: Regimen, medication: Medication) -> _Amount | None:
    if regimen.dose_mg is None:
        return None
    ml, units = regimen.dose_ml, regimen.units
    strength = medication.strength
    if strength and ml is None and medication.form in LIQUID_FORMS:
        ml = Span(
            *(
                measurable_ml(mg * strength.per / strength.mg)
                for mg in (regimen.dose_mg.low, regimen.dose_mg.high)
            )
        )
    if strength and units is None and medication.form in COUNTED_FORMS:
        units = Span(regimen.dose_mg.low / strength.mg, regimen.dose_mg.high / strength.mg)
    return _Amount(regimen.dose_mg, ml, units)


def _weighed(regimen: Regimen, medication: Medication, weight_kg: Decimal | None) -> _Amount:
    """mg/kg, capped by the single and the daily maximum, then rounded down to what can be measured."""
    if weight_kg is None or regimen.mg_per_kg is None or medication.strength is None:
        raise DoseImpossible("the dose depends on a weight and a strength that are not known")
    cap = _single_cap(regimen, weight_kg)
    wanted = [min(each * weight_kg, cap) for each in (regimen.mg_per_kg.low, regimen.mg_per_kg.high)]
    strength = medication.strength
    if medication.form in LIQUID_FORMS:
        low, high = (measurable_ml(mg * strength.per / strength.mg) for mg in wanted)
        if high <= 0:
            raise DoseImpossible("the dose is smaller than what can be measured")
        low = low if low > 0 else high
        return _Amount(
            Span(low * strength.mg / strength.per, high * strength.mg / strength.per), Span(low, high), None
        )
    step = _HALF if medication.scored else Decimal(1)
    low, high = ((mg / strength.mg / step).to_integral_value(rounding=ROUND_DOWN) * step for mg in wanted)
    if high <= 0:
        raise DoseImpossible(f"the dose is less than one {medication.form}")
    low = low if low > 0 else high
    return _Amount(Span(low * strength.mg, high * strength.mg), None, Span(low, high))


def _single_cap(regimen: Regimen, weight_kg: Decimal) -> Decimal:
    """The most mg one dose may hold when the day's doses must stay within the daily maxima."""
    caps = [cap for cap in (regimen.max_single_mg,) if cap is not None]
    day = [cap for cap in (regimen.max_daily_mg,) if cap is not None]
    if regimen.max_daily_mg_per_kg is not None:
        day.append(regimen.max_daily_mg_per_kg * weight_kg)
    if day and (count := doses_per_day(regimen)):
        caps.append(min(day) / count)
    if not caps:
        raise DoseImpossible("the weight-based dose has no maximum")
    return min(caps)


def _within_day(regimen: Regimen, single_mg: Decimal, per_day: Decimal | None) -> Decimal | None:
    """Fewer doses where the usual number would pass the daily maximum."""
    if per_day is None or regimen.max_daily_mg is None:
        return per_day
    return min(per_day, (regimen.max_daily_mg / single_mg).to_integral_value(rounding=ROUND_DOWN))


def _frequency(regimen: Regimen, per_day: Decimal | None) -> str:
    if regimen.max_doses_per_day is None or per_day is None:
        return regimen.frequency
    return f"{regimen.frequency}, at most {plain(per_day)} doses in 24 hours"


def _words(amount: _Amount, medication: Medication, regimen: Regimen) -> str:
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
