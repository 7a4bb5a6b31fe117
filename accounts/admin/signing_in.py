"""Signing in to the admin site, and changing one's own password there."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm

from accounts import devices, services
from accounts.models import User
from dermatech.core.errors import Throttled, Unauthenticated, ValidationFailed


class AdminLoginForm(AuthenticationForm):  # type: ignore[misc]  # unfold has no types
    """E-mail and password, through the service that counts and audits attempts."""

    error_messages = {
        "invalid_login": "The e-mail address or the password is wrong, or this account is not of staff.",
        "inactive": "This account is not active.",
    }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        if data.get("username") and data.get("password"):
            mark = self.request.COOKIES.get(devices.COOKIE, "") if self.request else ""
            try:
                self.user_cache = services.admin_login(
                    actor=None, email=data["username"], password=data["password"], device_mark=mark
                )
            except Unauthenticated:
                raise self.get_invalid_login_error() from None
            except Throttled as locked:
                raise ValidationError(locked.detail, code=locked.code) from None
        return data


class OwnPasswordForm(AdminOwnPasswordChangeForm):  # type: ignore[misc]  # unfold has no types
    """Asks for the old password; the service sets the new one."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if password := data.get("new_password1"):
            try:
                services.check_password_rules(password, user=self.user, field="new_password1")
            except ValidationFailed as weak:
                for item in weak.errors:
                    if not self.has_error("new_password2", item.code):
                        self.add_error("new_password2", ValidationError(item.message, code=item.code))
        return data

    def save(self, commit: bool = True) -> User:
        user: User = self.user
        services.change_own_password(actor=user, new_password=self.cleaned_data["new_password1"])
        return user


def password_change(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
    """The admin site's page to change one's own password."""
    request.current_app = admin.site.name
    view = PasswordChangeView.as_view(
        form_class=OwnPasswordForm,
        success_url=reverse("admin:password_change_done"),
        extra_context={**admin.site.each_context(request), **(extra_context or {})},
    )
    return cast(TemplateResponse, view(request))
