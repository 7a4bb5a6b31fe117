"""Addresses of what phones keep, below /api/v1/."""

from django.urls import path

from dermatech.sync.views import BundleView, PhrasesView

urlpatterns = [
    path("sync/bundle", BundleView.as_view(), name="sync-bundle"),
    path("sync/phrases", PhrasesView.as_view(), name="sync-phrases"),
]
