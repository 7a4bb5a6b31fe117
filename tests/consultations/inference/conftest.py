"""What the tests of image models share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consultations.inference.errors import PackageRefused
from consultations.inference.limits import DEFAULT_LIMITS, Limits
from consultations.inference.manifest import Manifest
from consultations.inference.package import examine
from consultations.inference.services import activate_model, install_model
from consultations.inference.trial import Trial
from consultations.inference.trial_child import try_out
from consultations.models import ModelVersion
from tests.consultations.inference import build


def here(model: bytes, manifest: Manifest, limits: Limits) -> Trial:
    """The golden cases without a process of their own, whose start takes longer than they do."""
    found = try_out(model, manifest, seconds=limits.trial_seconds, latency_limit_ms=limits.latency_ms)
    return Trial(**found)  # type: ignore[arg-type]  # as the child's own answer is read


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages are tried by what the child does, not by a child."""
    monkeypatch.setattr("consultations.inference.package.run_trial", here)


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[..., PackageRefused]:
    """Examine a package made of the given model and manifest changes; its refusal."""

    def of(model: Any = None, *, limits: Limits = DEFAULT_LIMITS, **changes: Any) -> PackageRefused:
        folder = build.write_package(tmp_path / "package", model, **changes)
        report = examine(folder, known_conditions=build.KNOWN, limits=limits)
        assert report.refusal is not None, [check.detail for check in report.checks]
        return report.refusal

    return of


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A sound package in a folder."""
    return build.write_package(tmp_path / "package")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> frozenset[str]:
    """Published guidelines that know these conditions."""
    from consultations.inference import services
    from consultations.management.commands import install_model

    for module in (services, install_model):
        monkeypatch.setattr(module, "known_conditions", lambda: build.KNOWN)
    return build.KNOWN


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """Every test starts with no session made, as a fresh worker does."""
    from consultations.inference import active

    active.forget()
    yield
    active.forget()


@pytest.fixture
def install(tmp_path: Path, in_this_process: None) -> Callable[..., ModelVersion]:
    """Install a package with the given manifest changes."""

    def of(actor: Any = None, *, activate: bool = False, **changes: Any) -> ModelVersion:
        folder = build.write_package(tmp_path / changes.get("version", "package"), **changes)
        version = install_model(actor=actor, path=folder)
        return activate_model(actor=actor, version=version) if activate else version

    return of
