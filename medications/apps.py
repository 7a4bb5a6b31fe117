"""The medications app: the formulary, and the engine that recommends from it."""

from django.apps import AppConfig

_SHEETS = "medications.admin.sheets.background"


class MedicationsConfig(AppConfig):
    name = "medications"
    verbose_name = "Formulary"

    def ready(self) -> None:
        from accounts import background
        from accounts.policy import Permission
        from dermatech.core.releases import starter_loaders
        from medications.services import load_starter_formulary

        if load_starter_formulary not in starter_loaders:
            starter_loaders.append(load_starter_formulary)
        background.register(
            *(
                background.Kind(f"medications.{name}_file", Permission.KNOWLEDGE_CURATE, f"{_SHEETS}.{name}")
                for name in ("check", "store")
            )
        )
