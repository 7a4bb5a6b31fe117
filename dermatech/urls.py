"""Every address of the product."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from dermatech.admin import find_pages
from dermatech.docs import RedocView, redoc_bundle
from dermatech.search import search

api: list[URLPattern | URLResolver] = [
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("redoc", RedocView.as_view(url_name="schema"), name="redoc"),
    path("redoc/bundle.js", redoc_bundle, name="redoc-bundle"),
    path("", include("accounts.urls")),
    path("triage/", include("triage.urls")),
    path("", include("medications.urls")),
    path("", include("consultations.urls")),
    path("", include("dermatech.sync.urls")),
    path("", include("dermatech.health.urls")),
]

find_pages()
urlpatterns = [
    path("api/v1/", include(api)),
    path("admin/search/", admin.site.admin_view(search)),
    path("admin/", admin.site.urls),
]
