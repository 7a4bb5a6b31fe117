"""The consultations app: what happened to one patient."""

from django.apps import AppConfig


class ConsultationsConfig(AppConfig):
    """Cases, their photos, analyses and recommendations, and the image models that looked at them."""

    name = "consultations"
    verbose_name = "Consultations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """System checks, and the replay that the release workflow asks for."""
        from consultations import checks  # noqa: F401 - registers itself
        from consultations.services import rehearsing

        rehearsing.register()
