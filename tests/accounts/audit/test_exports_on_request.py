"""Exports that an auditor asks for: made by the worker, fetched, forgotten after a week."""

import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.audit import Action, jobs, verifier
from accounts.audit.models import AuditEvent, AuditExport
from accounts.audit.selection import Selection
from dermatech.core import leases
from dermatech.core.errors import Conflict, Forbidden, ValidationFailed
from dermatech.core.ids import uuid7

pytestmark = pytest.mark.one_database
EXPORTS = "/api/v1/audit/exports"


def unpacked(content: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder / "fetched")
    (bundle,) = (folder / "fetched").iterdir()
    return bundle


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def test_an_auditor_asks_waits_and_fetches_a_bundle_that_verifies(
    write: Callable[..., list[Any]], as_user: Any, efua: Any, ama: Any, key: str, tmp_path: Path
) -> None:
    patient = uuid7()
    write(7)
    write(3, actor=ama, action=Action.PHOTO_READ, patient=patient)
    phone = as_user(efua)
    asked = phone.post(EXPORTS, {"patient": str(patient)}, format="json")
    assert asked.status_code == 202
    address = asked["Location"]
    assert (asked.json()["status"], asked.json()["file"]) == ("queued", None)
    early = phone.get(f"{address}/file")
    assert (early.status_code, early.json()["code"]) == (409, "export_not_ready")
    assert jobs.make_due() == 1
    found = phone.get(address).json()
    assert (found["status"], found["progress"], found["faithful"]) == ("ready", 1.0, True)
    assert found["events"] == 4  # the request itself names the patient too
    answer = phone.get(found["file"])
    assert answer["Content-Type"] == "application/zip"
    folder = unpacked(b"".join(answer.streaming_content), tmp_path)
    report = verifier.verify(str(folder), verifier.Key(key), table=True).as_dict()
    assert (report["verdict"], report["events"]) == ("intact", 4)
    assert "cannot prove that no other event" in " ".join(report["notes"])
    recorded = [action for action in actions() if action.startswith("audit.")]
    assert recorded == ["audit.exported", "audit.read", "audit.downloaded"]
    assert phone.get(EXPORTS).json()["results"][0]["id"] == found["id"]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"person": "Ama Mensah"}, 3),
        ({"action": "photo.read"}, 3),
        ({"since": "2020-01-01T00:00:00Z"}, 11),
        ({"until": "2020-01-01T00:00:00Z"}, 0),
        ({}, 11),
    ],
)
def test_a_selection_holds_what_was_asked_for(
    selection: dict[str, str], expected: int, write: Any, efua: Any, ama: Any, key: str, tmp_path: Path
) -> None:
    from django.utils.dateparse import parse_datetime

    write(7)
    write(3, actor=ama, action=Action.PHOTO_READ)
    times = {name: parse_datetime(value) for name, value in selection.items() if name in ("since", "until")}
    jobs.request_export(actor=efua, selection=Selection(**{**selection, **times}))  # type: ignore[arg-type]
    assert jobs.make_due() == 1
    export = AuditExport.objects.get()
    assert export.events == expected
    with jobs.open_file(actor=efua, export=export) as file:
        folder = unpacked(file.read(), tmp_path)
    assert verifier.verify(str(folder), verifier.Key(key), table=True).problems == []


def test_others_may_not_and_their_try_is_recorded(as_user: Any, ama: Any, yaw: Any, write: Any) -> None:
    for person in (ama, yaw):
        assert as_user(person).post(EXPORTS, {}, format="json").status_code == 403
    assert actions().count("access.denied") == 2
    with pytest.raises(Forbidden):
        jobs.request_export(actor=yaw, selection=Selection())
    assert not AuditExport.objects.exists()


def test_a_request_that_makes_no_sense_is_refused(as_user: Any, efua: Any, write: Any) -> None:
    now = timezone.now()
    with pytest.raises(ValidationFailed):
        jobs.request_export(actor=efua, selection=Selection(since=now, until=now))
    phone = as_user(efua)
    for body in ({"action": "photo.eaten"}, {"colour": "red"}, {"patient": "7"}, {"against": [0]}):
        assert phone.post(EXPORTS, body, format="json").status_code == 400
    assert phone.get(f"{EXPORTS}/{uuid7()}").status_code == 404


def test_the_file_is_deleted_after_a_week(write: Any, efua: Any, settings: Any) -> None:
    from django.core.files.storage import default_storage

    write(2)
    export = jobs.request_export(actor=efua, selection=Selection())
    jobs.make_due()
    export.refresh_from_db()
    name = export.file
    AuditExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert jobs.expire_due() == 1
    export.refresh_from_db()
    assert (export.state, default_storage.exists(name)) == ("expired", False)
    with pytest.raises(Conflict, match="expired"):
        jobs.open_file(actor=efua, export=export)


def test_one_whose_worker_died_is_taken_up_three_times_at_most(
    write: Any, efua: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(2)
    export = jobs.request_export(actor=efua, selection=Selection())

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "write_bundle", full)
        for _ in range(3):
            assert jobs.make_due() == 0
            AuditExport.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.make_due() == 0
    export.refresh_from_db()
    assert (export.state, export.attempts) == ("failed", 3)
    assert "could not be made" in export.error


def test_a_request_that_nobody_takes_says_so(write: Any, efua: Any) -> None:
    export = jobs.request_export(actor=efua, selection=Selection())
    assert not leases.nobody_works(export)
    export.created_at -= timedelta(minutes=1)
    assert leases.nobody_works(export)


def test_the_names_of_the_routes() -> None:
    assert reverse("audit-exports") == EXPORTS


def test_a_replayed_request_is_one_export(as_user: Any, efua: Any, write: Any) -> None:
    phone = as_user(efua)
    key = {"HTTP_IDEMPOTENCY_KEY": "one-and-only"}
    first, again = (phone.post(EXPORTS, {}, format="json", **key).json()["id"] for _ in range(2))
    assert first == again
    assert actions().count("audit.exported") == 1
