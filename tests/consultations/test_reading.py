"""Reading consultations: the detail, the list, and what a phone keeps a copy of."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consultations.models import Consultation
from tests.consultations.cases import CONSULTATIONS, breathless, ringworm

pytestmark = pytest.mark.django_db


def test_the_detail_is_what_was_answered_at_the_opening(as_ama: Any, opened: dict[str, Any]) -> None:
    answer = as_ama.get(f"{CONSULTATIONS}/{opened['id']}")

    assert answer.status_code == 200
    assert answer.json() == opened
    assert answer["ETag"] == f'"{opened["etag"]}"'
    assert "private" in answer["Cache-Control"]


def test_a_copy_that_is_still_good_is_not_sent_again(as_ama: Any, opened: dict[str, Any]) -> None:
    path = f"{CONSULTATIONS}/{opened['id']}"

    answer = as_ama.get(path, HTTP_IF_NONE_MATCH=f'"{opened["etag"]}"')

    assert answer.status_code == 304
    assert answer.content == b""


def test_the_etag_moves_with_the_analysis(as_ama: Any, photographed: dict[str, Any]) -> None:
    from consultations.models import Analysis
    from consultations.services.worker import run_analysis

    path = f"{CONSULTATIONS}/{photographed['id']}"
    queued = as_ama.get(path)["ETag"]
    run_analysis(Analysis.objects.get().pk)
    done = as_ama.get(path)["ETag"]

    assert queued != done
    assert as_ama.get(path, HTTP_IF_NONE_MATCH=queued).status_code == 200


def test_a_new_analysis_that_fails_like_the_last_one_has_another_etag(
    as_ama: Any, photographed: dict[str, Any]
) -> None:
    from consultations.models import Analysis
    from tests.consultations.cases import SKIN

    path = f"{CONSULTATIONS}/{photographed['id']}"
    failed = {"status": "failed", "fence": 1, "error_code": "quarantined", "finished_at": timezone.now()}
    Analysis.objects.update(**failed)
    before = as_ama.get(path)["ETag"]
    body = {"consultation": photographed["id"], "image": photographed["images"][0]["id"]}
    as_ama.post(SKIN, body, format="json")
    Analysis.objects.update(**failed)

    after = as_ama.get(path)["ETag"]

    assert before != after
    assert [f'"{row["etag"]}"' for row in as_ama.get(CONSULTATIONS).json()["results"]] == [after]


def test_the_detail_after_a_photo_is_what_was_answered_too(as_ama: Any, photographed: dict[str, Any]) -> None:
    assert as_ama.get(f"{CONSULTATIONS}/{photographed['id']}").json() == photographed


def test_the_list_is_newest_first_and_light(as_ama: Any, opened: dict[str, Any]) -> None:
    second = as_ama.post(CONSULTATIONS, breathless(), format="json").json()

    body = as_ama.get(CONSULTATIONS).json()

    assert [row["id"] for row in body["results"]] == [second["id"], opened["id"]]
    assert body["next"] is None
    assert body["previous"] is None
    first = body["results"][1]
    assert first["patient"] == {"age_months": 84, "sex": "female", "initials": "AB"}
    assert first["triage_level"] == "pharmacy_treatment"
    assert first["etag"] == opened["etag"]
    assert "notes" not in first
    assert "facts" not in first


def test_pages_follow_each_other_without_gap_or_double(as_ama: Any) -> None:
    made = [as_ama.post(CONSULTATIONS, {"patient": {}}, format="json").json()["id"] for _ in range(5)]

    seen, url = [], f"{CONSULTATIONS}?page_size=2"
    while url:
        page = as_ama.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]

    assert seen == made[::-1]


def test_the_list_costs_the_same_for_one_row_and_for_ten(as_ama: Any, photographed: dict[str, Any]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert as_ama.get(CONSULTATIONS).status_code == 200
        return len(captured)

    few = queries()
    for _ in range(9):
        as_ama.post(CONSULTATIONS, ringworm(), format="json")

    assert queries() == few


def test_the_detail_is_read_in_a_handful_of_queries(as_ama: Any, photographed: dict[str, Any]) -> None:
    with CaptureQueriesContext(connection) as captured:
        as_ama.get(f"{CONSULTATIONS}/{photographed['id']}")

    reads = [q["sql"] for q in captured if q["sql"].startswith("SELECT") and "consultations_" in q["sql"]]
    # the consultation with its releases, its photos, its latest analysis, its recommendations, its reviews
    assert len(reads) == 5, reads
    assert not any('"snapshot"' in sql for sql in reads)


def test_only_what_changed_since_is_listed_when_asked(as_ama: Any, opened: dict[str, Any]) -> None:
    later = as_ama.post(CONSULTATIONS, ringworm(), format="json").json()
    Consultation.objects.filter(pk=opened["id"]).update(updated_at=timezone.now() - timedelta(days=2))
    since = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    rows = as_ama.get(f"{CONSULTATIONS}?updated_since={since}").json()["results"]

    assert [row["id"] for row in rows] == [later["id"]]


def test_the_list_can_be_narrowed_by_level_and_state(as_ama: Any, opened: dict[str, Any]) -> None:
    urgent = as_ama.post(CONSULTATIONS, breathless(), format="json").json()

    def ids(query: str) -> list[str]:
        return [row["id"] for row in as_ama.get(f"{CONSULTATIONS}?{query}").json()["results"]]

    assert ids("triage_level=emergency") == [urgent["id"]]
    assert ids("state=closed") == []
    assert ids("state=open&triage_level=pharmacy_treatment") == [opened["id"]]


@pytest.mark.parametrize(
    "query",
    [
        "triage_level=worst",
        "state=half-open",
        "page_size=0",
        "page_size=101",
        "cursor=x",
        "updated_since=now",
        "q=1",
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(as_ama: Any, query: str) -> None:
    answer = as_ama.get(f"{CONSULTATIONS}?{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


def test_reads_are_recorded_with_whom_they_concern(as_ama: Any, opened: dict[str, Any], events: Any) -> None:
    import json

    from accounts.audit.models import AuditEvent

    events()

    as_ama.get(f"{CONSULTATIONS}/{opened['id']}")
    as_ama.get(CONSULTATIONS)

    assert events() == ["consultation.read", "consultation.listed"]
    read = AuditEvent.objects.get(action="consultation.read")
    listed = json.loads(AuditEvent.objects.get(action="consultation.listed").canonical_json)
    assert str(read.patient_id) == opened["id"]
    assert listed["detail"]["count"] == 1
    assert listed["detail"]["ids_1"] == opened["id"]
