"""Installing, activating and retiring models, and what analyses get from the one in force."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from accounts.audit.models import AuditEvent
from consultations.inference import active
from consultations.inference.errors import PackageRefused
from consultations.inference.prediction import Standing
from consultations.inference.services import activate_model, install_model, retire_model
from consultations.inference.session import Session
from consultations.models import ModelVersion
from dermatech.core.errors import Conflict, Forbidden, Unavailable
from tests.consultations.inference import build

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("known")]
LESION: dict[str, Any] = {"presentation": "lesion", "facts": {}, "skin_tone": "light"}
Install = Callable[..., ModelVersion]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Install a package with the given manifest changes."""

    def of(actor: Any = None, *, activate: bool = False, **changes: Any) -> ModelVersion:
        folder = build.write_package(tmp_path / changes.get("version", "package"), **changes)
        version = install_model(actor=actor, path=folder)
        return activate_model(actor=actor, version=version) if activate else version

    return of


def events() -> list[tuple[str, str]]:
    """Audit events about models in their order: action and whom it is about."""
    rows = AuditEvent.objects.filter(action__startswith="model.").order_by("id")
    return [(row.action, str(row.entity_id)) for row in rows]


# --- States ----------------------------------------------------------------------------------------
def test_an_installed_model_is_a_draft_with_its_file_and_its_checks(install: Install, yaw: Any) -> None:
    version = install(yaw)
    assert (version.state, version.installed_by) == ("draft", yaw)
    assert version.sha256 in version.storage_key
    with default_storage.open(version.storage_key) as file:
        assert len(file.read()) == version.size_bytes
    assert [row["passed"] for row in version.checks] == [True] * 9
    assert events() == [("model.installed", str(version.pk))]


def test_a_refused_package_leaves_nothing_behind(install: Install, yaw: Any) -> None:
    with pytest.raises(PackageRefused):
        install(yaw, sha256="0" * 64)
    assert not ModelVersion.objects.exists()
    assert events() == []
    assert not default_storage.exists("models")


def test_the_same_name_and_version_cannot_be_installed_twice(install: Install) -> None:
    install()
    with pytest.raises(Conflict) as caught:
        install()
    assert caught.value.code == "model_exists"
    assert ModelVersion.objects.count() == 1


def test_activating_a_second_model_retires_the_first_in_the_same_step(install: Install, yaw: Any) -> None:
    first, second = install(yaw, activate=True), install(yaw, version="2.0.0", activate=True)
    first.refresh_from_db()
    assert (first.state, second.state) == ("retired", "active")
    assert (second.activated_by, first.retired_at is not None) == (yaw, True)
    assert events() == [
        ("model.installed", str(first.pk)),
        ("model.activated", str(first.pk)),
        ("model.installed", str(second.pk)),
        ("model.retired", str(first.pk)),
        ("model.activated", str(second.pk)),
    ]


def test_a_retired_model_can_be_brought_back(install: Install) -> None:
    first = install(activate=True)
    install(version="2.0.0", activate=True)
    activate_model(actor=None, version=first)
    assert [v.version for v in ModelVersion.objects.filter(state="active")] == ["1.0.0"]


def test_an_active_model_cannot_be_activated_again(install: Install) -> None:
    version = install(activate=True)
    with pytest.raises(Conflict) as caught:
        activate_model(actor=None, version=version)
    assert caught.value.code == "model_state"
    assert len(events()) == 2


def test_a_retired_model_cannot_be_retired_again(install: Install) -> None:
    version = retire_model(actor=None, version=install(activate=True))
    with pytest.raises(Conflict):
        retire_model(actor=None, version=version)


def test_the_database_itself_allows_only_one_active_model(install: Install) -> None:
    active_one, other = install(activate=True), install(version="2.0.0")
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=other.pk).update(state="active", activated_at=active_one.activated_at)


def test_a_pharmacist_and_an_auditor_may_not_install_or_activate(
    install: Install, ama: Any, efua: Any
) -> None:
    version = install()
    for person in (ama, efua):
        with pytest.raises(Forbidden):
            install(person, version="2.0.0")
        with pytest.raises(Forbidden):
            activate_model(actor=person, version=version)
        with pytest.raises(Forbidden):
            retire_model(actor=person, version=version)


def test_in_production_another_person_has_to_activate(
    install: Install, yaw: Any, abena: Any, settings: Any
) -> None:
    settings.PRODUCTION = True
    version = install(yaw)
    with pytest.raises(Forbidden) as caught:
        activate_model(actor=yaw, version=version)
    assert caught.value.code == "four_eyes"
    assert activate_model(actor=abena, version=version).state == "active"


def test_a_model_whose_condition_is_published_no_more_is_not_activated(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = install()
    monkeypatch.setattr("consultations.inference.services.known_conditions", lambda: frozenset({"warts"}))
    with pytest.raises(PackageRefused) as caught:
        activate_model(actor=None, version=version)
    assert caught.value.code == "label_unknown_condition"
    version.refresh_from_db()
    assert version.state == "draft"


# --- In force --------------------------------------------------------------------------------------
def test_without_any_model_the_answer_says_so() -> None:
    prediction = active.predict(build.picture(build.RED), **LESION)
    assert prediction.standing is Standing.NO_MODEL
    assert active.active_model() is None
    assert not active.warm()


def test_a_draft_is_used_for_nothing(install: Install) -> None:
    install()
    assert active.predict(build.picture(build.RED), **LESION).standing is Standing.NO_MODEL


def test_the_active_model_reads_a_lesion(install: Install) -> None:
    version = install(activate=True)
    prediction = active.predict(build.picture(build.RED), **LESION)
    assert prediction.standing is Standing.USED
    assert prediction.flag
    assert prediction.version_id == version.pk


@pytest.mark.parametrize("presentation", ["rash", "nail", None])
def test_out_of_its_scope_the_model_is_not_asked(install: Install, presentation: str | None) -> None:
    install(activate=True)
    prediction = active.predict(build.picture(build.RED), presentation=presentation, facts={})
    assert prediction.standing is Standing.OUT_OF_SCOPE
    assert prediction.as_evidence() is None
    assert prediction.as_dict()["suspicious_lesion"] is None
    assert prediction.as_dict()["model"]["scope"] == ["lesion"]  # type: ignore[index]
    assert "not asked" in prediction.note


def test_the_session_is_made_once_however_many_photos_come(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(activate=True)
    made: list[int] = []
    original = Session.__init__

    def counted(self: Session, *args: Any, **kwargs: Any) -> None:
        made.append(1)
        original(self, *args, **kwargs)

    monkeypatch.setattr(Session, "__init__", counted)
    for _ in range(3):
        active.predict(build.picture(build.RED), **LESION)
    assert len(made) == 1


def test_a_newly_activated_model_is_used_from_the_next_photo_on(install: Install) -> None:
    install(activate=True)
    before = active.predict(build.picture(build.RED), **LESION)
    second = install(version="2.0.0", activate=True)
    after = active.predict(build.picture(build.RED), **LESION)
    assert before.version_id != after.version_id == second.pk


def test_a_retired_model_can_still_be_loaded_for_a_replay(install: Install) -> None:
    first = install(activate=True)
    then = active.predict(build.picture(build.RED), **LESION)
    install(version="2.0.0", activate=True)
    now = active.loaded(first).predict(build.picture(build.RED), **LESION)
    assert now.as_dict() == then.as_dict()


def test_a_forked_process_makes_its_own_session(install: Install) -> None:
    install(activate=True)
    model = active.active_model()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"%d" % len(active._process.loaded))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"0"
    assert active.active_model() is model


def test_a_stored_file_that_was_tampered_with_is_not_run(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    version = install(activate=True)
    Path(default_storage.path(version.storage_key)).write_bytes(build.endless_model().SerializeToString())
    with caplog.at_level(logging.ERROR):
        prediction = active.predict(build.picture(build.RED), **LESION)
    assert prediction.standing is Standing.FAILED
    assert "could not be loaded" in prediction.note
    assert "not the one that was installed" in caplog.text


def test_a_file_that_is_gone_costs_the_evidence_and_not_the_analysis(install: Install) -> None:
    version = install(activate=True)
    default_storage.delete(version.storage_key)
    assert active.predict(build.picture(build.RED), **LESION).standing is Standing.FAILED
    with pytest.raises(active.ModelUnavailable):
        active.active_model()
    assert not active.warm()


def test_a_model_that_cannot_be_loaded_is_not_tried_for_every_photo(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = install(activate=True)
    reads: list[str] = []

    def read(name: str) -> bytes:
        reads.append(name)
        raise Unavailable

    monkeypatch.setattr("consultations.services.storage.read", read)
    for _ in range(3):
        assert active.predict(build.picture(build.RED), **LESION).standing is Standing.FAILED
    assert reads == [version.storage_key]


def test_a_photo_that_cannot_be_read_is_a_failed_prediction(install: Install) -> None:
    install(activate=True)
    prediction = active.predict(b"no photo", **LESION)
    assert prediction.standing is Standing.FAILED
    assert prediction.manifest is not None


def test_the_number_of_threads_comes_from_the_environment(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(activate=True)
    monkeypatch.setenv("INFERENCE_THREADS", "2")
    asked: list[int] = []
    original = Session.__init__

    def noted(self: Session, *args: Any, threads: int, **kwargs: Any) -> None:
        asked.append(threads)
        original(self, *args, threads=threads, **kwargs)

    monkeypatch.setattr(Session, "__init__", noted)
    active.predict(build.picture(build.RED), **LESION)
    assert asked == [2]
