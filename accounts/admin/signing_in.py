"""Signing in to the admin site, and changing one's own password there."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm

from accounts import devices, services
from accounts.admin import proof
from accounts.admin.second_factor import let_in
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


class SignInView(LoginView):
    """The password first; whoever has a second factor, or must have one, is asked for it next."""

    authentication_form = AdminLoginForm
    template_name = "admin/login.html"

    def form_valid(self, form: Any) -> HttpResponse:
        user: User = form.get_user()
        if not proof.needs_code(user):
            return let_in(self.request, user, factor=proof.NO_FACTOR)
        proof.remember_password_step(self.request, user)
        there = urlencode({"next": proof.after(self.request)})
        return HttpResponseRedirect(f"{reverse('admin:second_factor')}?{there}")


@never_cache
def sign_in(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """The admin site's sign-in page."""
    if request.method == "GET" and admin.site.has_permission(request):
        return HttpResponseRedirect(reverse("admin:index"))
    context = {
        **admin.site.each_context(request),
        "title": "Log in",
        "subtitle": None,
        "app_path": request.get_full_path(),
        "username": request.user.get_username(),
        REDIRECT_FIELD_NAME: proof.after(request),
        **(extra_context or {}),
    }
    request.current_app = admin.site.name
    return cast(HttpResponse, SignInView.as_view(extra_context=context)(request))


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
