"""Words that both documents share: levels, people, ages, languages, dates."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources

from accounts.models import User
from consultations.models import Consultation, Sex, TriageLevel
from triage.engine.vocabulary import FACTS
from triage.engine.words import quantity

REFERRED = (TriageLevel.EMERGENCY, TriageLevel.REFER_URGENT, TriageLevel.REFER_ROUTINE)
UNREVIEWED = (
    "The guidelines and medicines behind this page are starter content that no pharmacist in Ghana has "
    "reviewed yet."
)
REVIEWED = "The guidelines and medicines behind this page were reviewed and approved by two supervisors."
LOST_LETTERS = "A question mark in a name or word may stand for a letter that this page could not print."
_GROWN = 144  # months from which doses go by whole years
_LANGUAGES = {
    "ak": "Akan", "dag": "Dagbani", "dga": "Dagaare", "ee": "Ewe", "fat": "Fante", "fr": "French",
    "gaa": "Ga", "gur": "Frafra", "ha": "Hausa", "kus": "Kusaal", "nzi": "Nzema", "tw": "Twi",
}  # fmt: skip


@cache
def plain_names() -> dict[str, str]:
    """Conditions as patients would say them, by id."""
    text = resources.files("consultations.documents").joinpath("plain_names.json").read_text(encoding="utf-8")
    names: dict[str, str] = json.loads(text)["items"]
    return names


def date(moment: datetime) -> str:
    """`31 January 2026`; Ghana's clock is UTC."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y}"


def time(moment: datetime) -> str:
    """`09:12`."""
    return f"{moment.astimezone(UTC):%H:%M}"


def age(months: int | None) -> str:
    """`5 months`, `7 years 6 months`, `33 years`; empty when nobody said."""
    if months is None:
        return ""
    whole = months - months % 12 if months >= _GROWN else months
    return quantity(FACTS["age_months"], whole)


def sex(row: Consultation) -> str:
    """`Female`; empty when nobody said."""
    return Sex(row.sex).label if row.sex else ""


def days(count: int) -> str:
    """`28 days (4 weeks)`."""
    if count == 1:
        return "1 day"
    weeks, rest = divmod(count, 7)
    return f"{count} days" + (f" ({weeks} weeks)" if weeks > 1 and not rest else "")


def person(user: User | None) -> dict[str, str]:
    """Who stands behind a document."""
    if user is None:
        return {"name": "a member of the pharmacy", "cadre": "", "registration": ""}
    return {
        "name": user.full_name,
        "cadre": _cadre(user),
        "registration": user.registration_number,
    }


def _cadre(user: User) -> str:
    label: str = user.get_cadre_display()
    return label if label[:2].isupper() else label.lower()  # OTC stays in capitals


def premises(row: Consultation) -> dict[str, str]:
    """Where it was. There is no telephone number or address on file; the page leaves room for a stamp."""
    place = row.premises
    return {"name": place.name, "licence": place.licence, "region": place.get_region_display()}


def translation(tag: str) -> str:
    """What to say where the patient chose another language than the page is in; empty for English."""
    short = tag.replace("_", "-").split("-")[0].lower()
    if short in ("", "en", "eng"):
        return ""
    name = _LANGUAGES.get(short)
    into = f"into {name}" if name else "into your language"
    ask = f"in {name}" if name else "in your language"
    return (
        f"This page is in English: there is no reviewed translation {into} yet. Ask us to explain it {ask}."
    )


def review(states: Mapping[str, str]) -> str:
    """Whether anybody answers for the content yet. `states`: review state of each release used."""
    return REVIEWED if all(state == "reviewed" for state in states.values()) else UNREVIEWED


def sentence(text: str) -> str:
    """With a capital; the rest stays, because `mL` is not `ML`."""
    return text[:1].upper() + text[1:]


def unique(lines: Iterable[str]) -> list[str]:
    """Each line once, in order, whatever its capitals and full stop."""
    first: dict[str, str] = {}
    for line in lines:
        if line.strip():
            first.setdefault(line.strip().rstrip(".").lower(), line.strip())
    return list(first.values())
