"""Addresses below /api/v1."""

from django.urls import path

from accounts import openapi, views  # noqa: F401  # the first describes the access token
from accounts.audit import api as audit
from accounts.audit.fhir_api import ExportFhirView

urlpatterns = [
    path("auth/register", views.RegisterView.as_view(), name="auth-register"),
    path("auth/register/answer", views.AnswerView.as_view(), name="auth-register-answer"),
    path("auth/confirm-email", views.ConfirmEmailView.as_view(), name="auth-confirm-email"),
    path("auth/login", views.LoginView.as_view(), name="auth-login"),
    path("auth/refresh", views.RefreshView.as_view(), name="auth-refresh"),
    path("auth/logout", views.LogoutView.as_view(), name="auth-logout"),
    path("auth/password-reset", views.PasswordResetView.as_view(), name="auth-password-reset"),
    path(
        "auth/password-reset/confirm",
        views.PasswordResetConfirmView.as_view(),
        name="auth-password-reset-confirm",
    ),
    path("auth/me", views.MeView.as_view(), name="auth-me"),
    path("auth/sessions", views.SessionsView.as_view(), name="auth-sessions"),
    path("auth/sessions/<uuid:session_id>", views.SessionView.as_view(), name="auth-session"),
    path("audit/exports", audit.ExportsView.as_view(), name="audit-exports"),
    path("audit/exports/<uuid:export_id>", audit.ExportView.as_view(), name="audit-export"),
    path("audit/exports/<uuid:export_id>/fhir", ExportFhirView.as_view(), name="audit-export-fhir"),
    path("audit/exports/<uuid:export_id>/file", audit.ExportFileView.as_view(), name="audit-export-file"),
]
