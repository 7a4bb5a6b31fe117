"""Addresses of the formulary, below /api/v1/."""

from django.urls import path

from medications import views

urlpatterns = [
    path("medications", views.MedicationsView.as_view(), name="medications"),
    path("medications/search", views.MedicationSearchView.as_view(), name="medication-search"),
    path("medications/<slug:medication_id>", views.MedicationView.as_view(), name="medication"),
]
