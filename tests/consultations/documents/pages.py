"""Leaflets without a consultation behind them: for what is shown of the paper alone."""

from datetime import UTC, datetime
from typing import Any

from consultations.documents import pdf
from consultations.documents.printing import Printer

MADE = datetime(2026, 1, 31, 9, 12, tzinfo=UTC)


def content(*texts: str, medicines: int = 0) -> dict[str, Any]:
    """What the template shows; every free text is one of `texts`."""
    first = texts[0]
    return {
        "title": "Your skin advice",
        "author": first,
        "reference": "0199e2b4-6c1f-7d3a-9c55-0a3b1f6e2d10",
        "patient": first,
        "date": "31 January 2026",
        "translation": "",
        "nothing": "",
        "no_antibiotic": [],
        "premises": {"name": first, "licence": "PC/1", "region": "Volta"},
        "pharmacist": {"name": first, "cadre": "pharmacist", "registration": ""},
        "banner": None,
        "what": {"name": first, "medical": "", "sure": True},
        "medicines": [medicine(number) for number in range(1, medicines + 1)],
        "fingertip": bool(medicines),
        "household": [],
        "expect": list(texts),
        "review_advice": [],
        "now": [],
        "today": [],
        "back": [],
        "review": "Reviewed.",
    }


def medicine(number: int) -> dict[str, Any]:
    """A cream with everything that can be said of one."""
    return {
        "name": f"Clotrimazole 1% cream {number}",
        "by_hand": False,
        "dose": "Thin layer",
        "fingertip": "At most 2.5 fingertip units each time, for 10 % of the skin (trunk)",
        "frequency": "2-3 times daily",
        "duration": "28 days (4 weeks)",
        "quantity": "120 g (6 tubes of 20 g)",
        "use": [f"Apply thinly to the rash and about {n} cm beyond." for n in range(2, 6)],
        "care": ["Cetostearyl alcohol may irritate", "Keep out of the eyes"],
        "storage": "Below 25 C, dry, out of reach of children",
    }


def page(*texts: str, medicines: int = 0) -> bytes:
    """The PDF of it."""
    shown = Printer().all(content(*texts, medicines=medicines))
    return pdf.build("leaflet", {**shown, "lost": ""}, made=MADE)
