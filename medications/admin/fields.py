"""Form fields of the formulary: choices to search in, and lists of known names."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.utils.choices import CallableChoiceIterator
from unfold.widgets import UnfoldAdminSelect2MultipleWidget, UnfoldAdminSelect2Widget

from triage.admin.fields import LinesField

Pairs = Iterable[tuple[str, str]]


class _Chosen(UnfoldAdminSelect2MultipleWidget):  # type: ignore[misc]  # unfold is untyped
    """Shows what is stored even where it is no longer among the choices, so that no save drops it."""

    def optgroups(self, name: str, value: list[str], attrs: Any = None) -> Any:
        whole: Any = getattr(self, "choices")  # noqa: B009  # set by the widget it comes from
        offered = list(whole)
        known = {code for code, _ in offered}
        unknown = [(code, f"{code} (not known)") for code in value if code and code not in known]
        self.choices = [*offered, *unknown]
        try:
            return super().optgroups(name, value, attrs)
        finally:
            self.choices = whole


class KnownListField(LinesField):
    """A list of known ids, chosen by typing a part of the name. A text gives one id per line."""

    def __init__(self, *, pairs: Callable[[], Pairs], kind: str, **kwargs: Any) -> None:
        super().__init__(known=lambda: {code for code, _ in pairs()}, kind=kind, **kwargs)
        chosen: Any = _Chosen(attrs={"data-placeholder": "Type to search"})
        chosen.choices = CallableChoiceIterator(pairs)  # asked for when the field is shown
        self.widget: forms.Widget = chosen

    def prepare_value(self, value: Any) -> Any:
        return value.splitlines() if isinstance(value, str) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """The order is no part of it: the page gives that of the choices."""
        return set(initial or []) != set(self.to_python(data))

    def to_python(self, value: Any) -> Any:
        return super().to_python("\n".join(map(str, value)) if isinstance(value, list) else value)


class SearchedChoiceField(forms.ChoiceField):
    """One of many, chosen by typing a part of the name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=UnfoldAdminSelect2Widget(), **kwargs)
