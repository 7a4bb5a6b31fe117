"""Every page of the admin opens for those it is for, and for nobody else."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.cast import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starter_knowledge")]
OURS = {"accounts", "triage", "medications", "consultations"}


def _registered() -> list[Any]:
    return [a for model, a in admin.site._registry.items() if model._meta.app_label in OURS]


PAGES = [pytest.param(a, id=a.model._meta.label) for a in _registered()]


def _signed_in(person: Any) -> Client:
    client = Client()
    assert client.login(username=person.email, password=PASSWORD)
    return client


def test_every_model_a_supervisor_must_see_is_registered() -> None:
    names = {a.model.__name__ for a in _registered()}
    assert names >= {
        "User", "Premises", "Consultation", "Photo", "Analysis", "Recommendation", "Medication", "Treatment",
        "Condition", "Finding", "Guideline", "AuditEvent", "ModelVersion",
    }  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_every_list_opens_filters_and_searches_for_an_administrator(page: Any, adjoa: Any) -> None:
    client = _signed_in(adjoa)
    url = reverse(f"admin:{page.model._meta.app_label}_{page.model._meta.model_name}_changelist")
    assert client.get(url).status_code == 200
    if page.search_fields:
        assert client.get(url, {"q": "clotrimazole 'x\" %"}).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_every_row_of_the_starter_content_opens(page: Any, adjoa: Any) -> None:
    row = page.model._default_manager.first()
    if row is None:
        return
    client = _signed_in(adjoa)
    url = reverse(f"admin:{page.model._meta.app_label}_{page.model._meta.model_name}_change", args=[row.pk])
    assert client.get(url).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_no_pharmacist_gets_into_any_page(page: Any, ama: Any) -> None:
    client = Client()
    client.login(username=ama.email, password=PASSWORD)
    url = reverse(f"admin:{page.model._meta.app_label}_{page.model._meta.model_name}_changelist")
    answer = client.get(url)
    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]


@pytest.mark.parametrize(
    "label", ["consultations.Consultation", "consultations.Photo", "consultations.Analysis"]
)
def test_an_auditor_sees_no_patient_record(label: str, efua: Any) -> None:
    client = _signed_in(efua)
    app, model = label.lower().split(".")
    assert client.get(reverse(f"admin:{app}_{model}_changelist")).status_code == 403


def test_the_front_page_greets_a_supervisor(yaw: Any) -> None:
    page = _signed_in(yaw).get("/admin/")
    assert page.status_code == 200
    assert "DermaTech Ghana" in page.content.decode()
