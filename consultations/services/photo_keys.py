"""Changing the keys that stored pictures are encrypted with, one picture at a time, at any time.

Each picture is written anew under another name and its row pointed there before the old file goes, so that
whoever reads meanwhile finds one of the two, and an end at any moment costs at most a file that the
janitor finds.
"""

import logging
import posixpath
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet

from consultations.models import Analysis, Photo
from consultations.services import photos, storage

logger = logging.getLogger(__name__)

_BATCH = 200


@dataclass(slots=True)
class Progress:
    """How far a change of keys is."""

    total: int = 0
    done: int = 0
    failed: int = 0
    """Pictures that could not be read or written; the log names them."""


def outdated() -> QuerySet[Photo]:
    """Photos that are not encrypted with the current key."""
    return Photo.objects.exclude(key_id=storage.key_in_use()).order_by("pk")


def rotate() -> Iterator[Progress]:
    """Encrypt all photos and heat maps with the current key; yields after each picture. Pictures in
    plain text are encrypted too. Raises ImproperlyConfigured without a key."""
    if not storage.key_in_use():
        raise ImproperlyConfigured("PHOTO_KEYS names no key to encrypt with.")
    # Heat maps bear no key in their row: each is looked at, which is why they are counted in.
    maps = Analysis.objects.exclude(heatmap="").order_by("pk")
    progress = Progress(total=outdated().count() + maps.count())
    for photo in outdated().iterator(_BATCH):
        yield _counted(progress, _rotate_photo(photo))
    for analysis in maps.only("heatmap").iterator(_BATCH):
        yield _counted(progress, _rotate_heatmap(analysis))


def _counted(progress: Progress, fine: bool) -> Progress:
    progress.done += 1
    progress.failed += not fine
    return progress


def _rotate_photo(photo: Photo) -> bool:
    old = photo.files
    new: dict[str, str] = {}
    try:
        for field, name in old.items():
            if content := _content(photo, field):
                new[field] = storage.write(_elsewhere(name), content)
    except storage.StorageUnavailable as error:
        logger.error("photo %s keeps its key: %s", photo.pk, error.code)
        storage.discard(new.values())
        return False
    names = dict.fromkeys(old, "") | new
    moved = Photo.objects.filter(pk=photo.pk, **old).update(**names, key_id=storage.key_in_use())
    storage.discard(old.values() if moved else new.values())
    return True


def _content(photo: Photo, field: str) -> bytes | None:
    """None for a rendition that is lost: the photo goes on without one, where any other file stops it."""
    if field == "rendition":
        return photos.rendition(photo)
    return photos.stored_picture(photo, thumbnail=field == "thumbnail")


def _rotate_heatmap(analysis: Analysis) -> bool:
    old = str(analysis.heatmap.name)
    try:
        if storage.sealed_with(old) == storage.key_in_use():
            return True
        new = storage.write(_elsewhere(old), storage.read(old))
    except storage.StorageUnavailable as error:
        logger.error("the heat map of analysis %s keeps its key: %s", analysis.pk, error.code)
        return False
    moved = Analysis.objects.filter(pk=analysis.pk, heatmap=old).update(heatmap=new)
    storage.discard([old] if moved else [new])
    return True


def _elsewhere(name: str) -> str:
    """Another place for a file; its last name, which encryption binds it to, stays."""
    folder, last = posixpath.split(name)
    generation = secrets.token_hex(4)
    parts = folder.split("/")
    # photos/CONSULTATION[/OLD] -> photos/CONSULTATION/NEW; heatmaps[/OLD] -> heatmaps/NEW
    kept = parts[: 2 if parts[0] == "photos" else 1]
    return "/".join((*kept, generation, last))
