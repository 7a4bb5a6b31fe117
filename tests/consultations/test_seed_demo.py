"""The command that fills a database for trying the admin at its size."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.audit.models import AuditEvent, AuditPending
from consultations.dashboard.figures import case_figures
from consultations.models import Analysis, Consultation
from consultations.reviewing import selectors
from medications.models import Medication

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def test_it_invents_what_the_admin_can_count_and_says_how_far_it_is(
    starter_knowledge: None, yaw: Any
) -> None:
    said = StringIO()

    call_command(
        "seed_demo", consultations=40, events=60, medications=70, pharmacists=4, days=20, stdout=said
    )

    assert (Consultation.objects.count(), Medication.objects.count()) == (40, 70)
    assert Analysis.objects.exists()
    assert AuditEvent.objects.count() >= 60
    assert not AuditPending.objects.exists()  # sealed as any other event
    assert sum(row[3] for row in case_figures(yaw, days=28).cases) == 40
    assert selectors.queue(yaw, order="risk").count() == 40
    assert "consultations: 40 of 40 (100%)" in said.getvalue()


def test_it_refuses_where_people_work(opened: dict[str, Any], settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="nothing is invented here"):
        call_command("seed_demo", consultations=1)
    assert Consultation.objects.count() == 1
