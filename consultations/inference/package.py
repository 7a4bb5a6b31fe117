"""A model package and the checks it has to pass before anything may run it."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass

from consultations.inference.errors import PackageRefused
from consultations.inference.graph import (
    GraphFacts,
    check_names,
    check_operators,
    check_self_contained,
    read_graph,
)
from consultations.inference.limits import DEFAULT_LIMITS, Limits
from consultations.inference.manifest import Manifest
from consultations.inference.manifest_reader import read_manifest
from consultations.inference.source import MANIFEST, MODEL, Source, read_files
from consultations.inference.trial import Trial, run_trial


@dataclass(frozen=True, slots=True)
class Check:
    """One check and its result: `passed` is None where an earlier failure kept it from running."""

    name: str
    title: str
    passed: bool | None
    detail: str

    def as_dict(self) -> dict[str, object]:
        """For storage beside the model version."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Package:
    """A package that passed every check."""

    manifest: Manifest
    model: bytes
    trial: Trial
    checks: tuple[Check, ...]

    @property
    def sha256(self) -> str:
        """The hash of the model file, checked against its bytes."""
        return self.manifest.sha256


@dataclass(frozen=True, slots=True)
class Report:
    """Every check with its result, and either the package or the refusal."""

    checks: tuple[Check, ...]
    package: Package | None
    refusal: PackageRefused | None


class _Examination:
    """The checks in their order; each returns the fact it found, or raises PackageRefused."""

    def __init__(self, source: Source, known_conditions: Collection[str], limits: Limits) -> None:
        self._source = source
        self._known = known_conditions
        self._limits = limits
        self._files: dict[str, bytes]
        self.manifest: Manifest
        self._graph: GraphFacts
        self.trial: Trial

    @property
    def model(self) -> bytes:
        return self._files[MODEL]

    def steps(self) -> tuple[tuple[str, str, Callable[[], str]], ...]:
        return (
            ("files", "Files are there and within their size", self._read),
            ("manifest", "Manifest, model card, licence and scope are complete", self._read_manifest),
            ("labels", "Labels point to known conditions", self._check_labels),
            ("hash", "The model file is the one the manifest names", self._check_hash),
            ("format", "The model file is readable ONNX", self._read_graph),
            ("self_contained", "The model needs no other file", self._check_self_contained),
            ("operators", "Only allowed operators are used", self._check_operators),
            ("names", "Inputs and outputs are those of the manifest", self._check_names),
            ("golden", "Golden cases give what they should, in time", self._run_golden),
        )

    def _read(self) -> str:
        self._files = read_files(self._source, self._limits)
        return f"{MODEL} {len(self.model):,} bytes, {MANIFEST} {len(self._files[MANIFEST]):,} bytes"

    def _read_manifest(self) -> str:
        self.manifest = read_manifest(self._files[MANIFEST], self._limits)
        return f"{self.manifest.name} {self.manifest.version}, for {', '.join(self.manifest.scope)}"

    def _check_labels(self) -> str:
        check_conditions(self.manifest, self._known)
        return f"{len(self.manifest.labels)} labels, {len(self.manifest.conditions)} conditions"

    def _check_hash(self) -> str:
        found = hashlib.sha256(self.model).hexdigest()
        if found != self.manifest.sha256:
            raise PackageRefused(
                "hash_mismatch",
                f"model.onnx has SHA-256 {found}; the manifest says {self.manifest.sha256}.",
            )
        return f"SHA-256 {found}"

    def _read_graph(self) -> str:
        self._graph = read_graph(self.model, self._limits)
        return f"IR version {self._graph.ir_version}"

    def _check_self_contained(self) -> str:
        return check_self_contained(self._graph)

    def _check_operators(self) -> str:
        return check_operators(self._graph, self._limits)

    def _check_names(self) -> str:
        return check_names(self._graph, self.manifest.input_names, set(self.manifest.output_names))

    def _run_golden(self) -> str:
        trial = self.trial = run_trial(self.model, self.manifest, self._limits)
        return (
            f"{trial.cases} cases, off by {trial.deviation:.1e} at most, {trial.latency_ms:.1f} ms a photo, "
            f"ready in {trial.session_ms:.0f} ms, {trial.peak_mb:.0f} MB"
        )


def check_conditions(manifest: Manifest, known: Collection[str]) -> None:
    """Every condition a label points to is known; PackageRefused `label_unknown_condition`."""
    if unknown := sorted(manifest.conditions - set(known)):
        raise PackageRefused(
            "label_unknown_condition",
            f"The labels name unknown conditions: {', '.join(unknown)}.",
        )


def examine(source: Source, *, known_conditions: Collection[str], limits: Limits = DEFAULT_LIMITS) -> Report:
    """Run the checks up to the first that fails. `source` is a folder, a zip file or an open one."""
    examination = _Examination(source, known_conditions, limits)
    checks: list[Check] = []
    refusal: PackageRefused | None = None
    for name, title, step in examination.steps():
        if refusal is not None:
            checks.append(Check(name, title, None, "not checked, as an earlier check failed"))
            continue
        try:
            checks.append(Check(name, title, True, step()))
        except PackageRefused as failure:
            refusal = failure
            checks.append(Check(name, title, False, failure.detail))
    if refusal is not None:
        return Report(tuple(checks), None, refusal)
    package = Package(examination.manifest, examination.model, examination.trial, tuple(checks))
    return Report(package.checks, package, None)


def load_package(
    source: Source, *, known_conditions: Collection[str], limits: Limits = DEFAULT_LIMITS
) -> Package:
    """The package at `source`, checked in full; raises the first `PackageRefused`."""
    report = examine(source, known_conditions=known_conditions, limits=limits)
    if report.package is None:
        raise report.refusal or PackageRefused("package_refused", PackageRefused.detail)
    return report.package
