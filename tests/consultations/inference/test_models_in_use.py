"""What analyses get from the model in force."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage

from consultations.inference import active
from consultations.inference.prediction import Standing
from consultations.inference.session import Session
from consultations.models import ModelVersion
from dermatech.core.errors import Unavailable
from tests.consultations.inference import build

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("known"), pytest.mark.one_database]
LESION: dict[str, Any] = {"presentation": "lesion", "facts": {}, "skin_tone": "light"}
Install = Callable[..., ModelVersion]


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
