"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    label = "accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # These register themselves: the system checks and the OpenAPI description of the access token.
        from accounts import checks, openapi  # noqa: F401
        from accounts.audit.triggers import connect_post_migrate
        from dermatech.core import checks as core_checks  # noqa: F401  # core is no app of its own

        connect_post_migrate()
