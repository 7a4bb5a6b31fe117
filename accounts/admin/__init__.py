"""The admin site of accounts."""

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import background, mail, people, places, proof, second_factor
from accounts.admin.signing_in import AdminLoginForm, password_change, sign_in
from accounts.audit import admin as audit

_is_staff = admin.site.has_permission


def _has_permission(request: HttpRequest) -> bool:
    return _is_staff(request) and proof.passed(request)


# Sign-in and password change go through the same services as the API: counted, audited. The methods
# are read when the URLs are made.
admin.site.index_title = "What would you like to do?"
admin.site.login_form = AdminLoginForm
admin.site.login = sign_in  # type: ignore[method-assign]
admin.site.password_change = password_change  # type: ignore[method-assign]
admin.site.has_permission = _has_permission  # type: ignore[method-assign]
admin.site.extra_urls = second_factor.urls  # type: ignore[attr-defined]  # unfold's own hook

__all__ = ["audit", "background", "mail", "people", "places", "second_factor"]
