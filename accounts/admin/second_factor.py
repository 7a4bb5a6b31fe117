"""The pages of the second factor: set it up, be asked for it, prove again who sits there."""

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.contrib.auth import login as open_session
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts import devices, services, totp
from accounts.admin import proof
from accounts.models import SecondFactor, User
from dermatech.core.errors import DomainError

_BACKEND: Final = "django.contrib.auth.backends.ModelBackend"
_COOKIE_PATH: Final = "/admin/"


class CodeForm(forms.Form):
    """The code of the app, or one from the paper."""

    code = forms.CharField(
        max_length=40,
        widget=UnfoldAdminTextInputWidget(
            attrs={
                "autocomplete": "one-time-code",
                "autofocus": True,
                "autocapitalize": "off",
                "spellcheck": "false",
            }
        ),
        help_text="Six digits, as 123 456. Without your phone: one of your recovery codes, "
        "as abcd-efgh-jkmn-pqrs.",
    )


class FirstCodeForm(forms.Form):
    """The first code of a new app."""

    code = forms.CharField(
        max_length=10,
        label="The code that the app shows now",
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "inputmode": "numeric"}
        ),
    )


class PasswordAgainForm(forms.Form):
    """One's password once more."""

    password = forms.CharField(
        max_length=256,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )


class ProofForm(CodeForm, PasswordAgainForm):
    """Password and code."""

    field_order = ("password", "code")


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
    context = {**admin.site.each_context(request), "title": title, "next": proof.after(request), **context}
    return TemplateResponse(request, f"admin/accounts/{template}.html", context)


def let_in(request: HttpRequest, user: User, *, factor: str) -> HttpResponse:
    """Open the session and go on to the page that was wanted."""
    there = proof.after(request)
    mark = _open(request, user, factor=factor)
    return devices.leave_mark(HttpResponseRedirect(there), mark, path=_COOKIE_PATH)


def _open(request: HttpRequest, user: User, *, factor: str) -> str:
    """Open the session; returns the mark by which the browser is known from now on."""
    mark = devices.mark_for(user, known=_known_device(request, user))
    open_session(request, user, backend=_BACKEND)
    proof.forget_password_step(request)
    proof.mark(request, factor=factor)
    services.admin_signed_in(actor=user, second_factor=factor)
    return mark


def _known_device(request: HttpRequest, user: User) -> str:
    return devices.known_device(request.COOKIES.get(devices.COOKIE, ""), user.pk)


@never_cache
@sensitive_post_parameters("code")
def ask_code(request: HttpRequest) -> HttpResponse:
    """After the password: the code. Who has no app yet, but must, sets it up here."""
    user = proof.who_is_signing_in(request)
    if user is None:
        return HttpResponseRedirect(reverse("admin:login"))
    if not services.is_enrolled(user):
        return _set_up(request, user, signing_in=True)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            kind = services.check_second_factor(
                user=user, code=form.cleaned_data["code"], device=_known_device(request, user)
            )
        except DomainError as error:
            form.add_error("code", error.detail)
        else:
            return let_in(request, user, factor=kind)
    return _page(request, "second_factor", "Second factor", form=form)


@sensitive_post_parameters("code")
def _set_up(request: HttpRequest, user: User, *, signing_in: bool) -> HttpResponse:
    """The picture to scan; after the right code, the recovery codes, once."""
    form = FirstCodeForm(request.POST if "code" in request.POST else None)
    try:
        factor = services.begin_enrolment(actor=user)
        if form.is_valid():
            codes = services.confirm_enrolment(actor=user, code=form.cleaned_data["code"])
            return _set_up_done(request, user, codes, signing_in=signing_in)
    except DomainError as error:
        form.add_error("code", error.detail)
        factor = SecondFactor.objects.get(user=user)
    return _page(
        request, "second_factor_set_up", "Set up your second factor",
        form=form, secret=_in_fours(factor.secret),
        # Drawn from a text that we made.
        picture=mark_safe(totp.picture(totp.address(factor.secret, account=user.email))),  # noqa: S308  # nosec
    )  # fmt: skip


def _set_up_done(request: HttpRequest, user: User, codes: list[str], *, signing_in: bool) -> HttpResponse:
    if not signing_in:
        proof.mark(request, factor="set up")
        return _page(request, "recovery_codes", "Your recovery codes", codes=codes)
    mark = _open(request, user, factor="set up")
    page = _page(request, "recovery_codes", "Your recovery codes", codes=codes)
    return devices.leave_mark(page, mark, path=_COOKIE_PATH)


def _in_fours(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


@never_cache
def own(request: HttpRequest) -> HttpResponse:
    """One's own second factor: set it up, or renew the recovery codes."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101  # the admin site lets nobody else in
    # Who can set up a factor at somebody's open screen can lock them out.
    if (again := proof.ask_again(request)) is not None:
        return again
    if not services.is_enrolled(user):
        return _set_up(request, user, signing_in=False)
    if request.method == "POST":
        codes = services.renew_recovery_codes(actor=user)
        return _page(request, "recovery_codes", "Your recovery codes", codes=codes)
    left = user.recovery_codes.filter(used_at__isnull=True).count()
    return _page(request, "second_factor_own", "Your second factor", factor=user.second_factor, left=left)


@never_cache
@sensitive_post_parameters("password", "code")
def confirm_identity(request: HttpRequest) -> HttpResponse:
    """Before a grave act: password and code once more."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101  # the admin site lets nobody else in
    kind = ProofForm if services.is_enrolled(user) else PasswordAgainForm
    form = kind(request.POST if request.method == "POST" else None)
    if form.is_valid() and _is_still(request, user, form):
        proof.renew(request)
        return HttpResponseRedirect(proof.after(request))
    return _page(request, "confirm_identity", "Is it still you?", form=form)


def _is_still(request: HttpRequest, user: User, form: forms.Form) -> bool:
    """Whether password and code are right; what is not stands beside its field afterwards."""
    field, data = "password", form.cleaned_data
    try:
        mark = request.COOKIES.get(devices.COOKIE, "")
        services.check_credentials(actor=None, email=user.email, password=data["password"], device_mark=mark)
        if "code" in data:
            field = "code"
            services.check_second_factor(user=user, code=data["code"], device=_known_device(request, user))
    except DomainError as error:
        form.add_error(field, error.detail)
        return False
    return True


def urls() -> list[URLPattern]:
    """Beside those of the admin site. The first is for people who are half signed in."""
    return [
        path("second-factor/", ask_code, name="second_factor"),
        path("second-factor/own/", admin.site.admin_view(own), name="second_factor_own"),
        path("confirm/", admin.site.admin_view(confirm_identity), name="confirm_identity"),
    ]


@admin.register(SecondFactor)
class SecondFactorAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Who has an authenticator app. The secret is shown to nobody; a reset is on the person's page."""

    list_display = ("user", "confirmed_at", "last_used_at")
    list_filter = (("confirmed_at", admin.EmptyFieldListFilter),)
    search_fields = ("user__email", "user__full_name")
    search_help_text = "Name or e-mail of the person"
    list_select_related = ("user",)
    list_max_show_all = 50
    show_full_result_count = False
    when_empty = "An authenticator app appears here when somebody of staff sets one up."
    fieldsets = (
        (
            "Authenticator app",
            {
                "fields": ("user", "created_at", "confirmed_at", "last_used_at"),
                "description": "Lost phone and lost recovery codes: open the person's page and choose "
                "“Reset second factor”. They set up a new one when they next sign in.",
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
