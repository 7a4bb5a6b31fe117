"""The triage app: conditions, findings, guidelines, and the engines that use them."""

from django.apps import AppConfig


class TriageConfig(AppConfig):
    name = "triage"
    verbose_name = "Triage knowledge"

    def ready(self) -> None:
        from accounts import background
        from dermatech.core.release_triggers import TRIGGERS
        from dermatech.core.releases import starter_loaders
        from dermatech.core.triggers import protect
        from triage.services import load_starter_knowledge
        from triage.services.exchange.background import KIND

        if load_starter_knowledge not in starter_loaders:
            starter_loaders.append(load_starter_knowledge)
        protect(TRIGGERS, check="dermatech.E005")
        background.register(KIND)
