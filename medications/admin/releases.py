"""Formulary releases in the admin."""

from django.contrib import admin

from medications.models import FormularyRelease, Medication, Treatment
from medications.selectors import snapshot_of, snapshot_text
from triage.admin.releasing import ReleaseAdmin


@admin.register(FormularyRelease)
class FormularyReleaseAdmin(ReleaseAdmin):
    """Immutable snapshots of the whole formulary."""

    document = staticmethod(snapshot_of)
    snapshot_text = staticmethod(snapshot_text)
    rows = {"medications": Medication, "treatments": Treatment}
    parts = {"medications": "medicines", "treatments": "treatments"}
    checks = "references, maxima, bands that overlap"
