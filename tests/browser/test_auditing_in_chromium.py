"""An auditor's day in Chromium: look, draw a sample, take a checkpoint along, ask for an export."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from accounts.audit import Action, denied, findings, jobs, record
from accounts.audit.sealer import seal_all
from dermatech.core.ids import uuid7

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SHOTS = os.environ.get("AUDIT_SHOTS", "")


def shot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def test_an_auditor_looks_draws_keeps_and_exports(
    visitor: Callable[[], Any], efua: Any, adjoa: Any, ama: Any, esi: Any
) -> None:
    patient = uuid7()
    with transaction.atomic():
        for at in range(30):
            action = (Action.CONSULTATION_READ, Action.PHOTO_READ, Action.CONSULTATION_UPDATED)[at % 3]
            made = record(
                actor=ama, action=action, entity=("consultations.consultation", str(patient)), patient=patient
            )
    denied(actor=esi, action=Action.ACCESS_DENIED, patient=patient)
    seal_all()
    finding = findings.open_finding(
        actor=efua, title="Photo looked at by night", question="Who needed it at 02:14, and why?", event=made
    )
    findings.answer(actor=adjoa, finding=finding, text="An emergency; the patient came back at night.")
    auditor = visitor()
    page = auditor.sign_in(efua)
    auditor.open("/admin/accounts/auditevent/")
    shot(page, "events")
    page.get_by_role("link", name="Random sample").first.click()
    page.get_by_label("seed").fill("2026-01-31/4-2-6-1")
    page.get_by_label("How many").fill("8")
    page.get_by_role("button", name="Draw").click()
    assert page.get_by_text("of the 31 events").is_visible()
    shot(page, "sample")
    auditor.open(f"/admin/accounts/auditevent/patient/?patient={patient}")
    assert page.get_by_role("cell", name="Esi Alhassan").first.is_visible()
    shot(page, "patient")
    auditor.open("/admin/accounts/auditcheckpoint/newest/")
    assert page.get_by_alt_text("QR code of the signed checkpoint").is_visible()
    shot(page, "checkpoint")
    auditor.open("/admin/accounts/auditexport/add/")
    shot(page, "export-add")
    page.get_by_label("Person").fill("Ama Mensah")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("A worker makes your export").wait_for()
    shot(page, "export-waiting")
    assert jobs.make_due() == 1
    page.reload()
    assert page.get_by_role("link", name="Download", exact=True).is_visible()
    shot(page, "export-ready")
    auditor.open("/admin/accounts/auditexport/")
    shot(page, "exports")
    auditor.open(f"/admin/accounts/auditfinding/{finding.pk}/change/")
    shot(page, "finding")
    page.get_by_label("Conclusion").fill("Explained, no further step.")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Explained, no further step.").first.wait_for()
    shot(page, "finding-closed")
    assert auditor.sideways() <= 0
