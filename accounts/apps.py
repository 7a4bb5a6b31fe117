"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    label = "accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import (
            background,
            checks,  # noqa: F401  # registers itself
        )
        from accounts.audit import triggers
        from accounts.releases.background import KINDS
        from dermatech.core import checks as core_checks  # noqa: F401  # core is no app of its own

        triggers.connect()
        background.register(*KINDS)
