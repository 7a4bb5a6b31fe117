"""The front page: what is counted, who sees it, and that the table leaves the house without formulas."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Premises
from consultations.dashboard import figures
from consultations.dashboard.blocks import LEAST, Knowledge, case_blocks
from consultations.dashboard.figures import CaseFigures, case_figures, spoken_for
from consultations.models import Consultation, Photo
from tests.consultations.cases import CONSULTATIONS, breathless, ringworm

MOST_QUERIES = 12
SignIn = Callable[[Any], Client]


@pytest.fixture
def signed_in() -> SignIn:
    def sign_in(user: Any) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def day(as_ama: Any) -> list[Any]:
    """Three consultations of Ama's: ringworm supplied by advice, an emergency, one without a diagnosis."""
    supplied = {"action": "supply", "medications": ["clotrimazole-1-cream"]}
    bodies = [ringworm(decision=supplied), breathless(), ringworm(working_diagnosis=None)]
    return [as_ama.post(CONSULTATIONS, body, format="json").json() for body in bodies]


def _block(found: CaseFigures, key: str) -> Any:
    known = Knowledge({"tinea-corporis": "Tinea corporis"}, frozenset({"flucloxacillin-500-mg-capsule"}))
    return next(each for each in case_blocks(found, known) if each.key == key)


@pytest.mark.django_db
def test_consultations_are_counted_by_day_level_and_condition(day: list[Any], yaw: Any, ama: Any) -> None:
    row = Consultation.objects.get(pk=day[0]["id"])
    photo = {
        "sha256_in": "1",
        "sha256_out": "1",
        "width": 9,
        "height": 9,
        "bytes": 9,
        "ssim": 1,
        "ssim_full": 1,
    }
    tone = {"skin_tone": {"group": "dark"}}
    Photo.objects.create(consultation=row, format="jpeg", source_format="jpeg", quality=tone, **photo)

    found = case_figures(yaw, days=28)

    levels = _block(found, "cases").rows[-1]
    assert sum(levels[1:]) == 3
    assert levels[1] == 1  # the emergency
    assert [line[1:] for line in _block(found, "conditions").rows] == [["Tinea corporis", 1]]
    assert _block(found, "agreement").rows[0][:4] == ["Differential", 1, 1, "100%"]
    assert _block(found, "skin-tones").rows[0][:3] == ["Dark", 1, 1]
    assert _block(found, "antibiotics").rows[0][:3] == ["All supplies", 0, 1]
    assert _block(found, "rates").rows[1][:3] == ["Against the advice", 0, 1]
    assert _block(found, "notifiable").rows == [("FDA Ghana adverse drug reaction report", 1, 1)]


@pytest.mark.django_db
def test_a_supervisor_of_a_region_counts_that_region(day: list[Any], yaw: Any) -> None:
    Premises.objects.update(region="volta")
    yaw.supervised_region = "ashanti"
    yaw.save()
    assert case_figures(yaw, days=28).cases == []


@pytest.mark.django_db
@pytest.mark.one_database
def test_what_was_counted_is_kept_for_a_minute(day: list[Any], yaw: Any, as_ama: Any) -> None:
    before = case_figures(yaw, days=28)
    as_ama.post(CONSULTATIONS, ringworm(), format="json")
    assert case_figures(yaw, days=28) == before
    assert sum(row[3] for row in case_figures(yaw, days=7).cases) == 4


@pytest.mark.django_db
@pytest.mark.one_database
def test_the_page_shows_each_role_its_own_in_few_queries(
    day: list[Any], yaw: Any, efua: Any, adjoa: Any, signed_in: SignIn
) -> None:
    for person, sees, hidden in (
        (
            yaw,
            ["Consultations by day and level", "Guidelines to decide on", "Registrations"],
            ["Events in the"],
        ),
        (efua, ["Events in the audit log"], ["Consultations by day", "Registrations", "Notifiable"]),
        (adjoa, ["Consultations by day and level", "Registrations"], ["Guidelines to decide on"]),
    ):
        client = signed_in(person)
        client.get("/admin/?days=7")  # what conditions are called is asked for once a minute
        with CaptureQueriesContext(connection) as captured:
            text = client.get("/admin/").content.decode()
        assert len(captured) <= MOST_QUERIES, [query["sql"][:200] for query in captured]
        page = text.split('id="content"')[-1]
        for words in sees:
            assert words in page, words
        for words in hidden:
            assert words not in page, words


@pytest.mark.django_db
@pytest.mark.one_database
def test_nothing_counted_says_what_to_do(starter_knowledge: None, yaw: Any, signed_in: SignIn) -> None:
    text = signed_in(yaw).get("/admin/?days=7").content.decode()
    assert "No consultation in these days." in text
    assert "Nothing to pass on." in text
    assert "<svg" not in text.split('class="figures"')[1]


@pytest.mark.django_db
@pytest.mark.one_database
def test_the_table_comes_as_csv_without_formulas_and_is_recorded(
    day: list[Any], yaw: Any, efua: Any, signed_in: SignIn, events: Any
) -> None:
    Consultation.objects.filter(pk=day[0]["id"]).update(
        triage={**Consultation.objects.get(pk=day[0]["id"]).triage, "notify": "=HYPERLINK(1) - officer"}
    )
    client = signed_in(yaw)
    address = reverse("admin:consultations_consultation_figures", args=["notifiable"])
    events()

    answer = client.get(address)

    rows = list(csv.reader(io.StringIO(answer.content.decode())))
    assert rows[0] == ["What, and to whom", "Consultations", "Not passed on yet"]
    assert ["'=HYPERLINK(1) - officer", "1", "1"] in rows[1:]
    assert answer["Content-Type"].startswith("text/csv")
    assert events() == ["report.read"]
    assert signed_in(efua).get(address).status_code == 404
    assert client.get(address.replace("notifiable", "nonsense")).status_code == 404


@pytest.mark.one_database
def test_too_few_cases_are_not_drawn() -> None:
    few = CaseFigures("2026-01-01", 7, [["2026-01-01", "self_care", "acne", 5, 0, 5, 5, 0, 4, 5]], [], [], [])
    many = CaseFigures(
        "2026-01-01", 7, [["2026-01-01", "self_care", "acne", LEAST, 0, LEAST, 0, 0, 9, LEAST]], [], [], []
    )
    assert "too few to say" in _block(few, "agreement").chart
    assert '<circle class="chart-dot"' not in _block(few, "agreement").chart
    assert '<circle class="chart-dot"' in _block(many, "agreement").chart


@pytest.mark.one_database
def test_an_image_that_favours_nothing_speaks_for_nothing() -> None:
    assert spoken_for({"melanoma": 3.0, "nevus": 0.4}) == "melanoma"
    assert spoken_for({"melanoma": 1.0}) is None
    assert spoken_for({}) is None
    assert figures.span("84") == 84
    assert figures.span("5; drop") == 28
