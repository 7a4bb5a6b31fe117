"""What the checks gather about one treatment: reasons against it and warnings to give with it."""

from dataclasses import dataclass, field

from medications.engine.results import Code, Reason


@dataclass(slots=True)
class Findings:
    """`weight` sums how much speaks against a treatment that may still be used (for the order)."""

    reasons: list[Reason] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    weight: int = 0

    def against(self, code: Code, text: str, rule: str) -> None:
        """A reason not to propose; `rule` is the item of the release that says so."""
        if all((reason.code, reason.text) != (code, text) for reason in self.reasons):
            self.reasons.append(Reason(code, text, rule))

    def warn(self, text: str, weight: int = 0) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
            self.weight += weight
