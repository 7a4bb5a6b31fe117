"""Shape only: reading requests, writing answers. Meaning is in `consultations.services`."""

from consultations.views.analyses import AnalysisView, HeatmapView, SkinAnalysisView
from consultations.views.consultations import ConsultationListView, ConsultationView
from consultations.views.images import ImageListView, ImageView

__all__ = [
    "AnalysisView",
    "ConsultationListView",
    "ConsultationView",
    "HeatmapView",
    "ImageListView",
    "ImageView",
    "SkinAnalysisView",
]
