"""A consultation as a case record: sentences and small tables where the row holds codes and JSON."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import User
from consultations.admin.base import bullets, table
from consultations.models import Consultation, Photo, Recommendation, Sex
from triage.engine.knowledge import Knowledge
from triage.engine.vocabulary import FACTS
from triage.engine.words import quantity, say

_ACTIONS = {
    "supply": "Supply a medicine",
    "refer": "Refer",
    "advise": "Advise, without a medicine",
    "no_action": "Nothing was done",
}
_KNOWN = {True: "yes", False: "no", None: "not known"}


def age(months: int | None) -> str:
    """As `7 years` or `5 months`."""
    return "not known" if months is None else quantity(FACTS["age_months"], months)


def patient(row: Consultation) -> SafeString:
    """Who was at the counter, on one line each."""
    sex = Sex(row.sex).label if row.sex else "Sex not known"
    weight = f"{row.weight_kg.normalize():f} kg" if row.weight_kg is not None else "weight not known"
    lines = [f"{sex}, age {age(row.age_months)}, {weight}"]
    if row.initials:
        lines.append(f"Initials {row.initials}")
    if row.sex != Sex.MALE:
        lines.append(f"Pregnant: {_KNOWN[row.pregnant]}. Breastfeeding: {_KNOWN[row.breastfeeding]}.")
    for label, values in (
        ("Allergies", row.allergies),
        ("Takes", row.current_medicines),
        ("Other illnesses", row.conditions),
    ):
        lines.append(f"{label}: {', '.join(map(str, values)) or 'none named'}")
    return format_html(
        '<ul class="plain">{}</ul>', format_html_join("", "<li>{}</li>", ((x,) for x in lines))
    )


def facts(row: Consultation, knowledge: Knowledge) -> SafeString | str:
    """What was said or measured first; what was asked and answered with no behind one click."""
    told = {name: value for name, value in row.facts.items() if value is not None}
    noes = [_fact(name, value, knowledge) for name, value in told.items() if value is False]
    others = [_fact(name, value, knowledge) for name, value in told.items() if value is not False]
    if not noes:
        return bullets(others)
    return format_html(
        "{}<details><summary>Asked, and answered with no: {}</summary>{}</details>",
        bullets(others) if others else "",
        len(noes),
        bullets(noes),
    )


def _fact(name: str, value: Any, knowledge: Knowledge) -> str:
    if name not in FACTS:  # a fact that the vocabulary has lost since
        return f"{name.replace('_', ' ')}: {value}"
    return say(name, value, knowledge.names)


def findings(codes: Sequence[str], knowledge: Knowledge) -> str:
    """Findings by name."""
    return ", ".join(_finding(code, knowledge) for code in codes) or "—"


def _finding(code: str, knowledge: Knowledge) -> str:
    known = knowledge.findings.get(code)
    return known.name if known else code.replace("_", " ")


def rules(triage: Mapping[str, Any] | None) -> SafeString | str:
    """The rules that decided, each with what made it fire and what it says."""
    rows = (triage or {}).get("rules", ())
    if not rows:
        return "—"
    return format_html_join(
        "",
        '<div class="mb-3"><strong>{}</strong>{}<div>{}</div></div>',
        ((rule["title"], bullets(rule.get("because", ())), _advice(rule.get("advice", ""))) for rule in rows),
    )


def _advice(text: str) -> SafeString | str:
    return format_html('<span class="quiet">Advice:</span> {}', text) if text else ""


def open_questions(triage: Mapping[str, Any] | None) -> SafeString | str:
    """What was still to be asked for a final answer."""
    asked = (triage or {}).get("ask") or ()
    return bullets(str(each.get("question") or each.get("fact")) for each in asked)


def ranking(result: Mapping[str, Any] | None) -> SafeString | str:
    """The differential, each condition with the evidence that moved it."""
    said = result or {}
    rows = [
        (
            format_html('<strong>{}</strong><br><span class="quiet">{}</span>', each["name"], each["icd10"]),
            format_html("{}<br>{}", each["band"], f"{each['probability']:.0%}"),
            _evidence(each.get("evidence", ())),
        )
        for each in said.get("conditions", ())
    ]
    shown = table(("Condition", "How likely", "Because"), rows) if rows else ""
    held_back = said.get("abstain_reason") if said.get("abstained") else ""
    if held_back:
        return format_html("<p>No ranking is claimed: {}</p>{}", held_back, shown)
    return shown or "—"


def _evidence(rows: Iterable[Mapping[str, Any]]) -> SafeString:
    return format_html(
        '<ul class="plain">{}</ul>',
        format_html_join(
            "",
            "<li>{} {}</li>",
            (
                (
                    "\N{BLACK UP-POINTING TRIANGLE}"
                    if each["weight"] > 0
                    else "\N{BLACK DOWN-POINTING TRIANGLE}",
                    each["text"],
                )
                for each in rows
            ),
        ),
    )


def medicines(rows: Iterable[Recommendation]) -> SafeString | str:
    """What was proposed, and what was not and why."""
    proposed, excluded = [], []
    for row in rows:
        said = row.payload
        name = _medicine_link(row)
        if row.proposed:
            proposed.append((name, directions(said), bullets(said.get("warnings", ()))))
        else:
            excluded.append((name, said.get("reason", "")))
    parts = []
    if proposed:
        parts.append(table(("Proposed", "How", "Careful"), proposed))
    if excluded:
        parts.append(table(("Not proposed", "Because"), excluded))
    if not parts:
        return "None was proposed or weighed at this level and with this diagnosis."
    return format_html_join("", '<div class="mb-3">{}</div>', ((part,) for part in parts))


def _medicine_link(row: Recommendation) -> SafeString:
    address = reverse("admin:consultations_recommendation_change", args=[row.pk])
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', address, medicine_name(row)
    )


def medicine_name(row: Recommendation) -> str:
    """The name that the pharmacist read; of an excluded medicine only the id was kept."""
    return str(row.payload.get("name") or row.medication.replace("-", " ").capitalize())


def directions(said: Mapping[str, Any]) -> str:
    """Dose, frequency, duration and quantity in one line."""
    parts = [str(said[name]) for name in ("dose", "frequency") if said.get(name)]
    if said.get("duration_days"):
        parts.append(f"for {said['duration_days']} days")
    if amount := said.get("quantity"):
        parts.append(f"{amount['amount']:g} {amount['unit']} in all")
    return ", ".join(parts)


def decision(row: Consultation, medicine_names: Mapping[str, str]) -> SafeString | str:
    """What the person at the counter decided, by whom and when."""
    said = row.decision
    if not said:
        return "No decision yet."
    names = [medicine_names.get(each, each) for each in said.get("medications", ())]
    lines = [f"{_ACTIONS.get(said['action'], said['action'])}{': ' if names else ''}{', '.join(names)}"]
    if said.get("override_reason"):
        lines.append(f"Against the advice, because: {said['override_reason']}")
    if said.get("against"):
        lines.append(f"The advice was: {said['against']}")
    who = User.objects.filter(pk=said.get("decided_by")).values_list("full_name", flat=True).first()
    when = parse_datetime(said.get("decided_at") or "")
    if who or when:
        at = f" on {date_format(when, 'DATETIME_FORMAT')}" if when else ""
        lines.append(f"Decided by {who or 'somebody unknown'}{at}")
    return bullets(lines)


def outcome(row: Consultation) -> str:
    """How it ended."""
    if not row.outcome:
        return "Not known yet; saying how it ended closes the consultation."
    note = row.outcome.get("note")
    return str(row.outcome["result"]).replace("_", " ").capitalize() + (f": {note}" if note else "")


def quality(said: Mapping[str, Any] | None) -> str:
    """The judgement of a photo in a sentence."""
    if not said:
        return "Not judged yet."
    advice = " ".join(str(each["advice"]) for each in said.get("problems", ()))
    return f"{'Good enough to judge.' if said['usable'] else 'Too poor to judge.'} {advice}".strip()


def gallery(photos: Iterable[Photo]) -> SafeString | str:
    """The photos side by side, each with what was found about its quality."""
    figures = [
        (
            reverse("admin:consultations_photo_picture", args=[photo.pk]),
            f"Photo {number}, {photo.width} by {photo.height} pixels",
            quality(photo.quality),
            reverse("admin:consultations_photo_change", args=[photo.pk]),
        )
        for number, photo in enumerate(photos, start=1)
    ]
    if not figures:
        return "No photo was sent."
    return format_html(
        '<div class="case-photos">{}</div>',
        format_html_join(
            "",
            '<figure><a href="{0}"><img src="{0}?size=thumbnail" alt="{1}"></a><figcaption>{1}. {2} '
            '<a class="text-primary-600 dark:text-primary-500" href="{3}">Details</a></figcaption></figure>',
            figures,
        ),
    )
