"""The auditor's workbench: samples, who looked at a patient, exports, findings, a checkpoint to keep."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.audit import Action, denied, findings, jobs
from accounts.audit.models import AuditEvent, AuditExport, AuditFinding
from accounts.audit.sampling import draw
from accounts.audit.sealer import latest_checkpoint, seal_all
from dermatech.core.errors import Conflict, Forbidden
from dermatech.core.ids import uuid7

pytestmark = pytest.mark.one_database
SAMPLE = "/admin/accounts/auditevent/sample/"
PATIENT = "/admin/accounts/auditevent/patient/"
NEWEST = "/admin/accounts/auditcheckpoint/newest/"
EXPORTS = "/admin/accounts/auditexport/"
FINDINGS = "/admin/accounts/auditfinding/"


@pytest.fixture
def browser(guarded: None) -> Callable[[Any], Client]:
    def opening(person: Any) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return opening


def recorded() -> list[str]:
    return [
        action
        for action in AuditEvent.objects.order_by("id").values_list("action", flat=True)
        if action.startswith(("audit.", "finding."))
    ]


# --- The random sample ------------------------------------------------------------------------------
def test_a_sample_can_be_drawn_again_by_anybody() -> None:
    root = hashlib.sha256(b"").digest()
    numbers = draw("dice 4-2-6", root, 1000, 20)
    assert numbers == draw("dice 4-2-6", root, 1000, 20) == sorted(set(numbers))
    assert len(numbers) == 20
    assert numbers != draw("dice 4-2-5", root, 1000, 20)
    assert numbers != draw("dice 4-2-6", hashlib.sha256(b"x").digest(), 1000, 20)
    first = int.from_bytes(hashlib.sha256(f"dice 4-2-6:{root.hex()}:0".encode()).digest(), "big") % 1000
    assert first in numbers
    assert draw("all", root, 7, 20) == list(range(7))
    assert draw("none", root, 0, 20) == []


def test_the_sample_page_draws_from_a_signed_checkpoint(browser: Any, write: Any, efua: Any) -> None:
    write(30)
    seal_all()
    client = browser(efua)
    assert client.get(SAMPLE).status_code == 200
    page = client.get(SAMPLE, {"seed": "4-2-6-1", "count": "5"})
    checkpoint = latest_checkpoint()
    assert checkpoint is not None
    shown = [event.leaf.seq for event in page.context["events"]]
    assert shown == draw("4-2-6-1", bytes(checkpoint.root), 30, 5)
    seal_all()
    again = client.get(SAMPLE, {"seed": "4-2-6-1", "count": "5", "size": "30"})
    assert [event.leaf.seq for event in again.context["events"]] == shown
    assert (
        "no checkpoint of that many"
        in client.get(SAMPLE, {"seed": "1", "count": "5", "size": "29"}).content.decode()
    )
    assert recorded() == ["audit.read", "audit.read"]


# --- Who looked at this patient -----------------------------------------------------------------------
def test_everybody_who_looked_did_something_or_was_refused_is_listed(
    browser: Any, write: Any, efua: Any, ama: Any, esi: Any
) -> None:
    patient = uuid7()
    write(3, actor=ama, action=Action.CONSULTATION_READ, patient=patient)
    write(1, actor=ama, action=Action.CONSULTATION_UPDATED, patient=patient)
    denied(actor=esi, action=Action.ACCESS_DENIED, patient=patient)
    write(1, actor=esi, action=Action.CONSULTATION_READ, patient=uuid7())
    page = browser(efua).get(PATIENT, {"patient": str(patient)})
    people = {
        one["actor_name"]: (one["reads"], one["changes"], one["refused"]) for one in page.context["people"]
    }
    assert people["Ama Mensah"] == (3, 1, 0)
    assert people["Esi Alhassan"] == (0, 0, 1)
    assert people["Efua Quaye"] == (1, 0, 0)  # this look
    assert "This is not an id" in browser(efua).get(PATIENT, {"patient": "Kofi"}).content.decode()


# --- A checkpoint to take along -----------------------------------------------------------------------
def test_the_newest_checkpoint_is_a_text_and_a_picture(browser: Any, write: Any, efua: Any) -> None:
    assert "Nothing is sealed yet" in browser(efua).get(NEWEST).content.decode()
    write(2)
    seal_all()
    page = browser(efua).get(NEWEST).content.decode()
    assert "data:image/svg+xml;base64," in page
    assert 'alt="QR code of the signed checkpoint"' in page


@pytest.mark.parametrize("page", [SAMPLE, PATIENT, NEWEST, EXPORTS, FINDINGS])
def test_nobody_else_gets_to_these_pages(page: str, browser: Any, yaw: Any, ama: Any) -> None:
    assert [browser(person).get(page).status_code for person in (yaw, ama)] == [403, 302]


# --- Exports ------------------------------------------------------------------------------------------
def test_an_auditor_asks_for_an_export_watches_it_and_fetches_it(
    browser: Any, write: Any, efua: Any, ama: Any
) -> None:
    write(4, actor=ama)
    client = browser(efua)
    answer = client.post(f"{EXPORTS}add/", {"person": "Ama Mensah"}, follow=True)
    assert "A worker makes your export" in answer.content.decode()
    assert answer.headers["Refresh"] == "3"
    export = AuditExport.objects.get()
    page = reverse("admin:accounts_auditexport_change", args=[export.pk])
    fetch = reverse("admin:accounts_auditexport_download", args=[export.pk])
    assert "not ready" in client.get(fetch, follow=True).content.decode()
    AuditExport.objects.update(created_at="2026-01-01T00:00:00Z")
    assert "no worker is running" in client.get(page).content.decode()
    assert jobs.make_due() == 1
    done = client.get(page)
    assert "Refresh" not in done.headers
    assert "100% of" in done.content.decode()
    file = client.get(fetch)
    assert file["Content-Type"] == "application/zip"
    assert b"".join(file.streaming_content)[:2] == b"PK"
    assert recorded().count("audit.exported") == recorded().count("audit.downloaded") == 1
    assert client.post(page, {"person": "x"}).status_code == 403


def test_a_kept_checkpoint_is_pasted_whole(browser: Any, write: Any, efua: Any) -> None:
    write(4)
    seal_all()
    newest = latest_checkpoint()
    assert newest is not None
    client = browser(efua)
    wrong = client.post(f"{EXPORTS}add/", {"kept": "anything"})
    assert "does not bear the signature" in wrong.content.decode()
    client.post(f"{EXPORTS}add/", {"kept": newest.note.replace("\n", "\r\n"), "action": "photo.read"})
    assert AuditExport.objects.get().against == [4]


# --- Findings -----------------------------------------------------------------------------------------
def test_a_finding_is_asked_answered_by_another_and_closed(
    browser: Any, write: Any, efua: Any, adjoa: Any
) -> None:
    (event,) = write(1)
    auditor, admin = browser(efua), browser(adjoa)
    asked = auditor.post(
        f"{FINDINGS}add/",
        {"title": "A look by night", "question": "Why?", "about": str(event.pk)},
        follow=True,
    )
    assert asked.status_code == 200
    finding = AuditFinding.objects.get()
    page = reverse("admin:accounts_auditfinding_change", args=[finding.pk])
    assert auditor.post(page, {"verdict": "Too early."}).status_code == 403
    admin.post(page, {"reply": "An emergency; see the case."})
    auditor.post(page, {"verdict": "Explained."})
    finding.refresh_from_db()
    assert (finding.state, finding.answered_by, finding.closed_by) == ("closed", adjoa, efua)
    shown = auditor.get(page).content.decode()
    for text in ("A look by night", "An emergency; see the case.", "Explained."):
        assert text in shown
    assert admin.post(page, {"reply": "More."}).status_code == 403
    assert [one for one in recorded() if one.startswith("finding")] == [
        "finding.opened", "finding.answered", "finding.closed",
    ]  # fmt: skip
    opened = AuditEvent.objects.get(action="finding.opened")
    assert json.loads(opened.canonical_json)["detail"]["about_event"] == str(event.pk)


def test_who_may_do_what_with_a_finding(guarded: None, efua: Any, adjoa: Any, yaw: Any) -> None:
    with pytest.raises(Forbidden):
        findings.open_finding(actor=adjoa, title="t", question="q")
    finding = findings.open_finding(actor=efua, title="t", question="q")
    with pytest.raises(Forbidden, match="Somebody else"):
        findings.answer(actor=efua, finding=finding, text="a")
    with pytest.raises(Forbidden):
        findings.answer(actor=yaw, finding=finding, text="a")
    with pytest.raises(Conflict):
        findings.close(actor=efua, finding=finding, conclusion="c")
    findings.answer(actor=adjoa, finding=finding, text="a")
    with pytest.raises(Forbidden):
        findings.close(actor=adjoa, finding=finding, conclusion="c")


def test_a_finding_about_an_event_that_is_not_there_is_refused(browser: Any, efua: Any, write: Any) -> None:
    client = browser(efua)
    body = {"title": "t", "question": "q", "about": str(uuid7())}
    assert "There is no event with this id" in client.post(f"{FINDINGS}add/", body).content.decode()
    (event,) = write(1)
    answer = client.get(f"/admin/accounts/auditevent/{event.pk}/finding/")
    assert answer.url == f"{FINDINGS}add/?event={event.pk}"
