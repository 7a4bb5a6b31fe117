"""Guideline releases in the admin."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin

from triage import services
from triage.admin.releasing import ReleaseAdmin, refuse_faults
from triage.models import GuidelineRelease
from triage.selectors import snapshot_of, snapshot_text

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[GuidelineRelease]
else:
    _ModelForm = forms.ModelForm


class ReleaseForm(_ModelForm):
    """A title; what is released is the working rows as they are, if nothing stands against it."""

    class Meta:
        model = GuidelineRelease
        fields = ("title",)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.instance._state.adding:
            refuse_faults(services.check_working_rows())
        return data


@admin.register(GuidelineRelease)
class GuidelineReleaseAdmin(ReleaseAdmin):
    """Immutable snapshots of all guidelines."""

    form = ReleaseForm
    propose = staticmethod(services.propose_release)
    approve_release = staticmethod(services.approve_release)
    roll_back = staticmethod(services.roll_back)
    document = staticmethod(snapshot_of)
    snapshot_text = staticmethod(snapshot_text)
    parts = {
        "guidelines": "rules",
        "conditions": "conditions",
        "findings": "findings",
        "vignettes": "test cases",
    }
    checks = "references, test cases of rules, every vignette"
