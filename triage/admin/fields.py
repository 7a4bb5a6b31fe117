"""Form fields for the structured parts of knowledge. Each error names the place in the text."""

import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from dermatech.core.errors import ValidationFailed
from triage.admin.widgets import Enhanced
from triage.engine.criteria import CriteriaError, parse_criteria
from triage.facts import validate_facts
from triage.models import Condition, Finding, Frequency, Guideline

MAX_TEXT = 200_000  # characters of a structured field; a rule has a few thousand
CHOSEN = ("condition", "finding", "rule")  # ids that the page can offer to choose from


def _textarea(rows: int, *, code: bool = False) -> forms.Widget:
    attrs = {"rows": rows, "spellcheck": "false", **({"data-kind": "code"} if code else {})}
    widget: forms.Widget = UnfoldAdminTextareaWidget(attrs=attrs)
    return widget


def condition_codes() -> set[str]:
    return set(Condition.objects.values_list("code", flat=True))


def finding_codes() -> set[str]:
    return set(Finding.objects.values_list("code", flat=True))


def rule_codes() -> set[str]:
    return set(Guideline.objects.values_list("code", flat=True))


class LinesField(forms.CharField):
    """A list of texts, one per line. `known` gives the ids that may be named, if only those may."""

    def __init__(
        self, *, known: Callable[[], set[str]] | None = None, kind: str = "", rows: int = 4, **kwargs: Any
    ) -> None:
        self.known = known
        self.kind = kind
        kwargs.setdefault("required", False)
        chosen = Enhanced(kind="codes", about=kind, rows=rows) if kind in CHOSEN else _textarea(rows)
        super().__init__(widget=chosen, max_length=MAX_TEXT, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = [line.strip() for line in (super().to_python(value) or "").splitlines()]
        return list(dict.fromkeys(line for line in lines if line))

    def validate(self, value: Any) -> None:
        super().validate(value)
        if self.known is None or not value:
            return
        known = self.known()
        unknown = [line for line in value if line not in known]
        if unknown:
            raise ValidationError([f"There is no {self.kind} {line[:80]!r}." for line in unknown[:20]])

    def run_validators(self, value: Any) -> None:
        super().run_validators("\n".join(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class StructuredField(forms.JSONField):
    """JSON shown indented; what cannot be read is said with its line and column."""

    def __init__(self, *, rows: int = 10, widget: forms.Widget | None = None, **kwargs: Any) -> None:
        super().__init__(widget=widget or _textarea(rows, code=True), **kwargs)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise ValidationError(f"Longer than {MAX_TEXT} characters.")
        try:
            if isinstance(value, str) and value.strip():
                json.loads(value)
            return super().to_python(value)
        except json.JSONDecodeError as wrong:
            raise ValidationError(f"Line {wrong.lineno}, column {wrong.colno}: {wrong.msg}.") from wrong
        except (RecursionError, ValueError) as wrong:
            raise ValidationError("This is nested too deep or holds a number that is too long.") from wrong

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)


class CriteriaField(StructuredField):
    """When a rule holds. Unknown facts, operators, values and conditions are refused with their place,
    which begins with `path`."""

    def __init__(self, *, path: str, rows: int = 10, **kwargs: Any) -> None:
        self.path = path
        super().__init__(widget=Enhanced(kind="criteria", about=path, rows=rows), **kwargs)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value in self.empty_values:
            return
        try:
            parse_criteria(value, path=self.path, conditions=condition_codes())
        except CriteriaError as wrong:
            raise ValidationError(f"{wrong.path}: {wrong.message}") from wrong


class FactsField(StructuredField):
    """Facts of a case, as a phone would send them."""

    def __init__(self, *, rows: int = 4, **kwargs: Any) -> None:
        super().__init__(widget=Enhanced(kind="facts", rows=rows), **kwargs)

    def clean(self, value: Any) -> Any:
        return super().clean(value) or {}

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value in self.empty_values:
            return
        try:
            validate_facts(value, field="", conditions=condition_codes())
        except ValidationFailed as failed:
            raise ValidationError([f"{each.field}: {each.message}" for each in failed.errors]) from failed


class FrequenciesField(forms.CharField):
    """How often each finding occurs: one `finding: word` per line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=_textarea(24, code=True), max_length=MAX_TEXT, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        order = {word: i for i, word in enumerate(Frequency.values)}
        rows = sorted(value.items(), key=lambda pair: (order.get(pair[1], 9), pair[0]))
        return "\n".join(f"{finding}: {word}" for finding, word in rows)

    def to_python(self, value: Any) -> Any:
        table: dict[str, str] = {}
        problems = []
        known = finding_codes()
        for number, line in enumerate((super().to_python(value) or "").splitlines(), start=1):
            if not line.strip():
                continue
            finding, _, word = (part.strip() for part in line.partition(":"))
            if finding not in known:
                problems.append(f"Line {number}: there is no finding {finding[:80]!r}.")
            elif word not in Frequency.values:
                problems.append(f"Line {number}: {word[:80]!r} is not one of {', '.join(Frequency.values)}.")
            elif finding in table:
                problems.append(f"Line {number}: {finding} stands there twice.")
            table[finding] = word
        if problems:
            raise ValidationError(problems[:20])
        return table

    def run_validators(self, value: Any) -> None:
        """The table was validated while it was read."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or {}) != self.to_python(data))
        except ValidationError:
            return True


class SourcesField(StructuredField):
    """Where the item comes from: objects with at least `id` and `document`."""

    def clean(self, value: Any) -> Any:
        return super().clean(value) or []

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value in self.empty_values:
            return
        if not isinstance(value, list):
            raise ValidationError("Must be a list of sources.")
        for number, source in enumerate(value, start=1):
            if not isinstance(source, dict) or not all(isinstance(v, str) for v in source.values()):
                raise ValidationError(f"Source {number} must be an object of texts.")
            if not source.get("id") or not source.get("document"):
                raise ValidationError(f'Source {number} needs an "id" and a "document".')
