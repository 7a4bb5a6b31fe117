"""Addresses below /api/v1/."""

from django.urls import path

from consultations import views
from consultations.documents.views import LeafletView, ReferralLetterView
from consultations.fhir.views import FhirView
from consultations.uploads.views import UploadListView, UploadView

urlpatterns = [
    path("consultations", views.ConsultationListView.as_view(), name="consultations"),
    path("consultations/<uuid:consultation_id>", views.ConsultationView.as_view(), name="consultation"),
    path(
        "consultations/<uuid:consultation_id>/images",
        views.ImageListView.as_view(),
        name="consultation-images",
    ),
    path(
        "consultations/<uuid:consultation_id>/images/<uuid:image_id>",
        views.ImageView.as_view(),
        name="consultation-image",
    ),
    path("consultations/<uuid:consultation_id>/leaflet", LeafletView.as_view(), name="consultation-leaflet"),
    path(
        "consultations/<uuid:consultation_id>/referral-letter",
        ReferralLetterView.as_view(),
        name="consultation-referral-letter",
    ),
    path("consultations/<uuid:consultation_id>/fhir", FhirView.as_view(), name="consultation-fhir"),
    path("analysis/skin", views.SkinAnalysisView.as_view(), name="analysis-skin"),
    path("analysis/<uuid:analysis_id>", views.AnalysisView.as_view(), name="analysis"),
    path("uploads", UploadListView.as_view(), name="uploads"),
    path("uploads/<uuid:upload_id>", UploadView.as_view(), name="upload"),
    path("analysis/<uuid:analysis_id>/heatmap", views.HeatmapView.as_view(), name="analysis-heatmap"),
]
