"""Text areas that a script makes into something better; without the script they stay what they are."""

from typing import Any

from django.forms import Media, Script
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget


class Scripts(Media):
    """Scripts that import one another; such a script waits for the page."""

    def __init__(self, *paths: str) -> None:
        modules: list[Any] = [Script(path, type="module") for path in paths]
        super().__init__(js=modules)


class Enhanced(UnfoldAdminTextareaWidget):  # type: ignore[misc]  # unfold is untyped
    """JSON or lines for software, controls for people. `kind`: criteria, facts or codes; `about` says of
    what: the field's name, or which ids."""

    def __init__(self, *, kind: str, about: str = "", rows: int = 4) -> None:
        self.kind = kind
        super().__init__(
            attrs={"rows": rows, "spellcheck": "false", "data-kind": "code", f"data-{kind}": about}
        )

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["widget"]["attrs"] |= {
            "data-vocabulary": reverse("admin:triage_guideline_vocabulary"),
            "data-examine": reverse("admin:triage_guideline_examine"),
        }
        return context

    @property
    def media(self) -> Media:
        return Media(css={"all": ["triage/rules.css"]}) + Scripts("triage/rules/workbench.js")
