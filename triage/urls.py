"""Addresses under /api/v1/triage/."""

from django.urls import path

from triage.views import AssessView, ConditionView, FindingView, GuidelineView

urlpatterns = [
    path("guidelines", GuidelineView.as_view(), name="triage-guidelines"),
    path("conditions", ConditionView.as_view(), name="triage-conditions"),
    path("findings", FindingView.as_view(), name="triage-findings"),
    path("assess", AssessView.as_view(), name="triage-assess"),
]
