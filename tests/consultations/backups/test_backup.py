"""Backups: whole, of one moment, never over another, and told apart from newer ones."""

import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection

from consultations.backups import folder, making, restoring
from consultations.backups.folder import BackupFailed, Manifest, faults, object_path
from consultations.models import Photo

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backup(photographed: dict[str, Any], tmp_path: Path) -> Path:
    """A backup of one case with a photo."""
    making.make(tmp_path / "backup", tell=lambda _: None)
    return tmp_path / "backup"


def test_it_holds_the_database_and_every_file_that_rows_name(backup: Path) -> None:
    manifest = Manifest.read(backup)
    photo = Photo.objects.get()
    names = {entry.name for entry in manifest.files}
    assert {photo.file.name, photo.thumbnail.name} <= names
    for entry in manifest.files:
        with default_storage.open(entry.name) as stored:
            content = stored.read()
        assert hashlib.sha256(content).hexdigest() == entry.sha256
        assert object_path(backup, entry.sha256).read_bytes() == content
    assert manifest.rows["consultations_photo"] == 1
    assert manifest.vendor == connection.vendor
    assert list(faults(backup, manifest)) == []
    assert not list(backup.rglob("*.draft"))


def test_it_is_never_written_over_another(backup: Path) -> None:
    with pytest.raises(CommandError, match="never written over"):
        call_command("backup", "--out", str(backup))


def test_it_is_never_restored_over_a_database_that_holds_something(backup: Path) -> None:
    with pytest.raises(CommandError, match="not empty"):
        call_command("restore", str(backup))


def test_an_interrupted_one_goes_on_and_was_none_before(
    photographed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    real = folder.copy_hashed

    def once(source: Any, target: Path) -> Any:
        if copied:
            raise OSError("the disk is full")
        copied.append("one")
        return real(source, target)

    monkeypatch.setattr(folder, "copy_hashed", once)
    with pytest.raises(BackupFailed, match="run it again"):
        making.make(tmp_path / "backup", tell=lambda _: None)
    assert not (tmp_path / "backup").exists()

    def again(source: Any, target: Path) -> Any:
        copied.append("again")
        return real(source, target)

    monkeypatch.setattr(folder, "copy_hashed", again)
    manifest = making.make(tmp_path / "backup", tell=lambda _: None)
    assert len(copied) == len(manifest.files), "what was copied before is not copied again"
    assert not (tmp_path / "backup.partial").exists()


def test_a_file_that_the_store_has_lost_is_named(
    photographed: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = str(Photo.objects.get().thumbnail.name)
    default_storage.delete(name)
    with pytest.raises(CommandError, match="not in the store") as refused:
        call_command("backup", "--out", str(tmp_path / "backup"))
    assert refused.value.returncode == 3
    assert Manifest.read(tmp_path / "backup").missing == (name,)


def test_a_file_that_is_renamed_meanwhile_is_found_under_its_new_name(
    photographed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = Photo.objects.get()
    old = photo.thumbnail.name
    real = making._Copied.get

    def get(self: Any, name: str) -> Any:
        if name == old and default_storage.exists(old):  # a change of keys, between two looks
            with default_storage.open(old) as stored:
                content = stored.read()
            Photo.objects.update(thumbnail=default_storage.save("photos/k2/new.jpeg", ContentFile(content)))
            default_storage.delete(old)
        return real(self, name)

    monkeypatch.setattr(making._Copied, "get", get)
    manifest = making.make(tmp_path / "backup", tell=lambda _: None)
    names = {entry.name for entry in manifest.files}
    assert "photos/k2/new.jpeg" in names
    assert old not in names


@pytest.mark.parametrize("what", ["object", "database", "manifest"])
def test_a_damaged_one_restores_nothing(backup: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(restoring, "_tables", list)
    victims = {
        "object": next((backup / "objects").rglob("*/*")),
        "database": next((backup / "database").iterdir()),
        "manifest": backup / "manifest.json",
    }
    content = bytearray(victims[what].read_bytes())
    content[len(content) // 2] ^= 1
    victims[what].write_bytes(content[: len(content) // 2] if what == "manifest" else content)
    put: list[Any] = []
    monkeypatch.setattr(restoring, "_put_files", lambda *a, **k: put.append(a))
    with pytest.raises(BackupFailed):
        restoring.restore(backup, tell=lambda _: None)
    assert put == []


def test_one_of_another_database_or_of_a_newer_version_is_refused(
    backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "_tables", list)
    said = json.loads((backup / "manifest.json").read_text())
    for changes, words in (
        ({"vendor": "oracle"}, "backup of oracle"),
        ({"migrations": [["consultations", "9999_later"]]}, "newer version"),
        ({"format": 99}, "another version of this command"),
    ):
        (backup / "manifest.json").write_text(json.dumps({**said, **changes}))
        with pytest.raises(BackupFailed, match=words):
            restoring.restore(backup, tell=lambda _: None)


def test_files_come_back_once_and_over_no_other(backup: Path) -> None:
    manifest = Manifest.read(backup)
    entry = manifest.files[0]
    default_storage.delete(entry.name)
    restoring._put_files(backup, manifest, lambda _: None)
    restoring._put_files(backup, manifest, lambda _: None)
    with default_storage.open(entry.name) as stored:
        assert hashlib.sha256(stored.read()).hexdigest() == entry.sha256
    default_storage.delete(entry.name)
    default_storage.save(entry.name, ContentFile(b"somebody else's"))
    with pytest.raises(BackupFailed, match="nothing is overwritten"):
        restoring._put_files(backup, manifest, lambda _: None)


def test_a_copy_that_is_older_than_a_kept_checkpoint_is_told_apart(backup: Path, tmp_path: Path) -> None:
    from accounts.audit.sealer import keep_checkpoint, seal_all

    seal_all()
    kept = tmp_path / "kept"
    keep_checkpoint(kept)
    size, older = restoring._compared(Manifest.read(backup), kept)
    assert size == 0
    assert older is not None
    assert older > 0


@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite")
def test_a_copy_of_sqlite_opens_by_itself_and_takes_the_place_of_an_empty_one(
    backup: Path, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "new" / "dermatech.sqlite3"
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(target))
    monkeypatch.setattr(connection, "close", lambda: None)
    restoring._put_sqlite(backup, Manifest.read(backup))
    copy = sqlite3.connect(target)
    assert copy.execute("SELECT count(*) FROM consultations_photo").fetchone() == (1,)
    copy.close()
