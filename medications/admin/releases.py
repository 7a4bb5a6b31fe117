"""Formulary releases in the admin."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin

from medications import services
from medications.models import FormularyRelease
from medications.selectors import snapshot_of, snapshot_text
from triage.admin.releasing import ReleaseAdmin, refuse_faults

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[FormularyRelease]
else:
    _ModelForm = forms.ModelForm


class ReleaseForm(_ModelForm):
    """A title; what is released is the working rows as they are, if nothing stands against it."""

    class Meta:
        model = FormularyRelease
        fields = ("title",)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.instance._state.adding:
            refuse_faults(services.check_working_rows())
        return data


@admin.register(FormularyRelease)
class FormularyReleaseAdmin(ReleaseAdmin):
    """Immutable snapshots of the whole formulary."""

    form = ReleaseForm
    propose = staticmethod(services.propose_release)
    approve_release = staticmethod(services.approve_release)
    roll_back = staticmethod(services.roll_back)
    document = staticmethod(snapshot_of)
    snapshot_text = staticmethod(snapshot_text)
    parts = {"medications": "medicines", "treatments": "treatments"}
    checks = "references, maxima, bands that overlap"
