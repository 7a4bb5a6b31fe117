"""A child killed, a full disk, a store that cannot be written: 503, and nothing is left of it."""

import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command

from consultations.models import Analysis, Consultation, Photo
from consultations.services import janitor, storage
from consultations.services.worker import run_analysis
from tests.consultations.cases import CONSULTATIONS, ringworm, upload

from .test_child import pool_of

pytestmark = pytest.mark.one_database


def send(client: Any) -> Any:
    parts = {"data": json.dumps(ringworm()), "image": upload()}
    return client.post(CONSULTATIONS, parts, format="multipart")


def files(settings: Any) -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


@pytest.fixture
def refused(settings: Any, events: Callable[[], list[str]]) -> Callable[[Any, str], None]:
    """Checks a 503 and that no record, no event and no file came of it."""
    events()

    def check(answer: Any, code: str) -> None:
        assert (answer.status_code, answer.json()["code"]) == (503, code)
        assert int(answer["Retry-After"]) > 0
        assert Consultation.objects.count() == Photo.objects.count() == Analysis.objects.count() == 0
        assert events() == []
        call_command("tidy_photos", older_than=0)
        assert files(settings) == []

    return check


def test_a_child_killed_at_work(
    as_ama: Any, refused: Callable[[Any, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_of("send({'ready': True}); take(); os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setattr("consultations.imaging.intake.POOL", pool)
    refused(send(as_ama), "photos_down")
    pool.close()


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    """The kernel lets no file of this process grow beyond `size` bytes: what was written stays, and
    writing on fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("good", "size"), [(0, 0), (0, 10_000), (1, 100)])
def test_a_disk_that_is_full(
    as_ama: Any, refused: Callable[[Any, str], None], monkeypatch: pytest.MonkeyPatch, good: int, size: int
) -> None:
    """From the first byte, in the middle of the picture, and after the picture: that one goes too."""
    save: Any = getattr(FileSystemStorage, "_save")  # noqa: B009 - private to Django
    names: list[str] = []

    def save_on_a_full_disk(store: Any, name: str, content: Any) -> str:
        names.append(name)
        if len(names) <= good:
            return str(save(store, name, content))
        with disk_full_after(size):  # only here: the test itself writes too
            return str(save(store, name, content))

    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "_save", save_on_a_full_disk)
        answer = send(as_ama)
    refused(answer, "storage_unavailable")
    assert len(names) == good + 1
    assert send(as_ama).status_code == 201


def test_a_store_that_cannot_be_written(
    as_ama: Any, refused: Callable[[Any, str], None], settings: Any, tmp_path: Path
) -> None:
    """Not even root may make a folder there: a file is in its place."""
    there = tmp_path / "a-file"
    there.write_text("")
    good = settings.STORAGES
    settings.STORAGES = {
        **good,
        "default": {**good["default"], "OPTIONS": {"location": str(there / "media"), "base_url": None}},
    }
    answer = send(as_ama)
    settings.STORAGES = good
    refused(answer, "storage_unavailable")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes wherever it likes")
def test_a_folder_without_permission(as_ama: Any, refused: Callable[[Any, str], None], settings: Any) -> None:
    folder = Path(settings.MEDIA_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o500)
    answer = send(as_ama)
    folder.chmod(0o700)
    refused(answer, "storage_unavailable")


# --- The janitor ----------------------------------------------------------------------------------
def leave(settings: Any, name: str, *, minutes: int = 120) -> Path:
    path = Path(settings.MEDIA_ROOT) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left behind")
    then = path.stat().st_mtime - 60 * minutes
    os.utime(path, (then, then))
    return path


def test_the_janitor_says_what_it_would_delete_and_deletes_it_when_told(
    photographed: dict[str, Any], settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    orphan = leave(settings, "photos/nobody/0.jpeg")
    young = leave(settings, "heatmaps/just-now-1.png", minutes=5)
    model = leave(settings, "models/abc.onnx")

    with pytest.raises(CommandError, match="1 files without a row, 0 deleted; 0 files missing"):
        call_command("tidy_photos")
    assert "photos/nobody/0.jpeg: no row names it (11 bytes" in capsys.readouterr().out
    assert orphan.exists()

    call_command("tidy_photos", delete=True)
    assert not orphan.exists()
    assert young.exists()
    assert model.exists()
    assert len(files(settings)) == 4  # those two, and the picture with its thumbnail
    call_command("tidy_photos")


def test_the_janitor_names_rows_whose_files_are_gone_and_keeps_them(
    photographed: dict[str, Any], settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = Photo.objects.get()
    Path(settings.MEDIA_ROOT, str(photo.file.name)).unlink()
    Path(settings.MEDIA_ROOT, str(photo.thumbnail.name)).write_bytes(b"")
    with pytest.raises(CommandError, match="2 files missing"):
        call_command("tidy_photos", older_than=0, delete=True)
    said = capsys.readouterr().out
    assert f"Photo {photo.pk}: its picture {photo.file.name} is missing." in said
    assert f"Photo {photo.pk}: its thumbnail {photo.thumbnail.name} is empty." in said
    assert Photo.objects.count() == 1


def test_a_heat_map_belongs_to_its_analysis(photographed: dict[str, Any]) -> None:
    row = Analysis.objects.get()
    run_analysis(row.pk)
    Analysis.objects.update(heatmap=storage.write(f"heatmaps/{row.pk}-1.png", b"heat"))
    assert not janitor.look(older_than=timedelta(0))
    storage.discard([f"heatmaps/{row.pk}-1.png"])
    assert "heat map" in janitor.look(older_than=timedelta(0)).half[0]


def test_a_file_that_found_its_row_meanwhile_is_not_deleted(
    photographed: dict[str, Any], settings: Any
) -> None:
    """The listing is old by the time of deleting: each file is looked up again."""
    from datetime import UTC, datetime

    photo = Photo.objects.get()
    stale = janitor.Stored(str(photo.file.name), 1, datetime.now(UTC))
    assert janitor.delete((stale,)) == 0
    assert len(files(settings)) == 2
