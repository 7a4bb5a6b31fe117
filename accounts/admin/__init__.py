"""The admin site of accounts."""

from django.contrib import admin

from accounts.admin import mail, people, places
from accounts.admin.signing_in import AdminLoginForm, password_change
from accounts.audit import admin as audit

# Sign-in and password change go through the same services as the API: counted, audited.
admin.site.index_title = "What would you like to do?"
admin.site.login_form = AdminLoginForm
admin.site.password_change = password_change  # type: ignore[method-assign]  # read when the URLs are made

__all__ = ["audit", "mail", "people", "places"]
