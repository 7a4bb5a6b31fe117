"""The medications app: the formulary, and the engine that recommends from it."""

from django.apps import AppConfig


class MedicationsConfig(AppConfig):
    name = "medications"
    verbose_name = "Formulary"

    def ready(self) -> None:
        from dermatech.core.releases import starter_loaders
        from medications.services import load_starter_formulary

        if load_starter_formulary not in starter_loaders:
            starter_loaders.append(load_starter_formulary)
