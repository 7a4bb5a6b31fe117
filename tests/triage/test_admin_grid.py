"""The grid of frequencies: what is saved, what is refused, and what happens when two save at once."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent
from triage.models import ConditionProfile, ContentState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starter_knowledge")]
GRID = "admin:triage_conditionprofile_as_grid"


@pytest.fixture
def site(yaw: Any) -> Client:
    client = Client()
    client.force_login(yaw)
    return client


def save(client: Client, changes: Any) -> Any:
    return client.post(reverse(GRID), json.dumps({"changes": changes}), content_type="application/json")


def _cell(finding: str, before: str, after: str, condition: str = "scabies") -> dict[str, str]:
    return {"condition": condition, "finding": finding, "before": before, "after": after}


def test_cells_are_saved_at_once_and_audited(site: Client, yaw: Any) -> None:
    row = ConditionProfile.objects.get(code="scabies")
    before = dict(row.findings)
    changes = [_cell("itchy", before["itchy"], "often"), _cell("fever", before["fever"], "")]
    answer = save(site, changes)
    assert answer.json() == {"saved": 2}
    row.refresh_from_db()
    assert row.findings["itchy"] == "often"
    assert "fever" not in row.findings
    assert row.content_state == ContentState.EDITED
    event = AuditEvent.objects.filter(action="knowledge.edited").latest("pk")
    assert "findings.itchy (always to often)" in str(event.__dict__)


def test_a_cell_that_somebody_else_changed_is_a_conflict_and_nothing_is_saved(site: Client) -> None:
    row = ConditionProfile.objects.get(code="scabies")
    row.findings = {**row.findings, "itchy": "sometimes"}
    row.save()
    changes = [_cell("itchy", "always", "often"), _cell("fever", row.findings["fever"], "never")]
    answer = save(site, changes)
    assert answer.status_code == 409
    assert answer.json()["conflicts"] == [{"place": "scabies/itchy", "now": "sometimes"}]
    after = ConditionProfile.objects.get(code="scabies")
    assert after.findings == row.findings


@pytest.mark.parametrize(
    "change",
    [
        _cell("antlers", "", "often"),
        _cell("itchy", "always", "daily"),
        _cell("itchy", "always", "often", condition="unicorn"),
        {"condition": "scabies"},
        "itchy",
    ],
)
def test_a_change_that_cannot_be_understood_is_refused(site: Client, change: Any) -> None:
    assert save(site, [change]).status_code == 400
    assert save(site, []).status_code == 400


def test_the_grid_shows_every_cell(site: Client) -> None:
    page = site.get(reverse(GRID))
    grid = page.context["grid"]
    assert grid["cells"]["scabies"] == ConditionProfile.objects.get(code="scabies").findings
    assert len(grid["findings"]) == 89
    assert page.context["may_edit"]


def test_an_auditor_may_look_at_the_grid_but_not_save(efua: Any) -> None:
    auditor = Client()
    auditor.force_login(efua)
    assert not auditor.get(reverse(GRID)).context["may_edit"]
    assert save(auditor, [_cell("itchy", "always", "often")]).status_code == 403
    assert ConditionProfile.objects.get(code="scabies").findings["itchy"] == "always"
