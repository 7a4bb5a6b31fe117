"""Every page of the admin opens for those it is for, and for nobody else."""

import json
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dermatech.admin import find_pages
from tests.campaigns.admin_size import BUDGETS, MOST_QUERIES
from tests.cast import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starter_knowledge")]
OURS = {"accounts", "triage", "medications", "consultations"}


def _registered() -> list[Any]:
    find_pages()
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
    name = f"{page.model._meta.app_label}_{page.model._meta.model_name}_changelist"
    url = reverse(f"admin:{name}")
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    asked = [query["sql"] for query in captured if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    # What the campaign counts on a full database; here it may only be less.
    assert len(asked) <= json.loads(BUDGETS.read_text()).get(name, MOST_QUERIES), "\n".join(asked)
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


_CURATED = ("triage", "medications")


def test_every_page_refuses_what_the_role_may_not_do(yaw: Any, efua: Any, adjoa: Any) -> None:
    """On the page and on the request: lists, the form to add, and the request that the form would send."""
    for person in (yaw, efua, adjoa):
        client = Client()
        client.force_login(person)
        for page in _registered():
            meta = page.model._meta
            where = f"admin:{meta.app_label}_{meta.model_name}"
            may_read = person.has_perm(f"{meta.app_label}.view_{meta.model_name}")
            if not may_read:
                assert client.get(reverse(f"{where}_changelist")).status_code == 403, (person, where)
            if not may_read or (meta.app_label in _CURATED and person != yaw):
                assert client.get(reverse(f"{where}_add")).status_code == 403, (person, where)
                assert client.post(reverse(f"{where}_add"), {"code": "x"}).status_code == 403, (person, where)
    # Written by hand, so that a hole in the table of permissions shows.
    assert not efua.has_perm("consultations.view_review")
    assert not efua.has_perm("consultations.view_notifiablecase")
    assert not yaw.has_perm("accounts.view_auditevent")
    assert not adjoa.has_perm("triage.change_guideline")


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
