"""Fixtures of the document tests: decided cases, and PDFs as text."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pypdfium2
import pytest

from consultations.models import Consultation, Recommendation
from tests.consultations.cases import CONSULTATIONS, ringworm


@dataclass(frozen=True)
class Pdf:
    """A PDF as a reader sees it."""

    content: bytes
    pages: tuple[str, ...]

    @property
    def text(self) -> str:
        """All pages in one line; a word broken at a line's end is whole again."""
        return " ".join(self.pages)


def read_pdf(content: bytes) -> Pdf:
    document = pypdfium2.PdfDocument(content)
    pages = []
    for page in document:
        raw = page.get_textpage().get_text_range()
        # pdfium marks a hyphen at the end of a line with U+FFFE; zero-width spaces only break lines.
        pages.append(re.sub(r"\s+", " ", re.sub(r"\ufffe\s*", "-", raw).replace("\u200b", "")))
    return Pdf(content, tuple(pages))


@pytest.fixture
def decide(as_ama: Any) -> Callable[..., dict[str, Any]]:
    """Ama opens the case given and decides; "first" supplies the first medicine proposed."""

    def go(case: dict[str, Any] | None = None, action: str = "supply", **decision: Any) -> dict[str, Any]:
        opened = as_ama.post(CONSULTATIONS, case or ringworm(), format="json").json()
        if action == "supply" and "medications" not in decision:
            decision["medications"] = [opened["recommendations"][0]["medication"]]
        answer = as_ama.patch(
            f"{CONSULTATIONS}/{opened['id']}", {"decision": {"action": action, **decision}}, format="json"
        )
        assert answer.status_code == 200, answer.content
        body: dict[str, Any] = answer.json()
        return body

    return go


@pytest.fixture
def leaflet(as_ama: Any) -> Callable[[dict[str, Any]], Pdf]:
    """The leaflet of a consultation, over the API."""

    def fetch(case: dict[str, Any]) -> Pdf:
        answer = as_ama.get(f"{CONSULTATIONS}/{case['id']}/leaflet")
        assert answer.status_code == 200, answer.content
        return read_pdf(answer.content)

    return fetch


@pytest.fixture
def letter(as_ama: Any) -> Callable[..., Pdf]:
    """The referral letter of a consultation, over the API."""

    def fetch(case: dict[str, Any], query: str = "") -> Pdf:
        answer = as_ama.get(f"{CONSULTATIONS}/{case['id']}/referral-letter{query}")
        assert answer.status_code == 200, answer.content
        return read_pdf(answer.content)

    return fetch


@pytest.fixture
def with_medicines(decide: Any) -> Callable[[list[dict[str, Any]]], Consultation]:
    """A decided case whose stored medicines are these, each on top of the one that was proposed."""

    def go(medicines: list[dict[str, Any]]) -> Consultation:
        case = decide()
        row = Consultation.objects.get(pk=case["id"])
        base = case["recommendations"][0]
        row.recommendations.filter(analysis__isnull=True).delete()
        for rank, changes in enumerate(medicines, start=1):
            payload = {**base, "medication": f"medicine-{rank}", **changes}
            Recommendation.objects.create(
                consultation=row, medication=payload["medication"], rank=rank, proposed=True,
                level=row.triage_level, payload=payload,
            )  # fmt: skip
        row.decision = {
            **{name: value for name, value in (row.decision or {}).items() if name != "basis"},
            "medications": [each.medication for each in row.recommendations.current()],
        }
        row.save()
        return row

    return go
