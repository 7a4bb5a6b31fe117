"""Files of pictures that no row names, and rows whose files are not there.

Neither comes about while the store works: a file that no row will name is deleted at once. A store that
dies between the two leaves an orphan; a store that loses files leaves a row without them.
"""

import os
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.core.files.storage import FileSystemStorage, default_storage
from django.db.models import Q
from django.utils import timezone

from consultations.models import Analysis, Photo, Upload
from consultations.services import storage

# A photo is written before its row is; whatever is older than this has no request behind it any more.
IN_FLIGHT = timedelta(hours=1)
_BATCH = 500
_CALLED = {"file": "picture"}
_UUID = 36
_IS_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in the store."""

    name: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Untidy:
    """What was found. `half` are rows with a file that is missing or empty, as sentences."""

    orphans: tuple[Stored, ...]
    half: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.orphans or self.half)


def look(*, older_than: timedelta = IN_FLIGHT) -> Untidy:
    """Compare the store with the rows; changes nothing. Raises StorageUnavailable."""
    until = timezone.now() - older_than
    files = {file.name: file for file in _listed()}
    old = [file for file in files.values() if file.modified <= until]
    orphans = [file for some in _batches(old) for file in _unnamed(some)]
    return Untidy(tuple(sorted(orphans, key=lambda file: file.name)), tuple(_half(files, until)))


def delete(orphans: Sequence[Stored]) -> int:
    """Delete orphans that still are some. Returns how many; what the store does not delete is logged
    and found again."""
    gone = 0
    for some in _batches(orphans):
        names = [file.name for file in _unnamed(some)]
        storage.discard(names)
        gone += sum(not _exists(name) for name in names)
    return gone


def _batches(files: Sequence[Stored]) -> Iterator[Sequence[Stored]]:
    for start in range(0, len(files), _BATCH):
        yield files[start : start + _BATCH]


def _unnamed(files: Sequence[Stored]) -> list[Stored]:
    names = [file.name for file in files]
    known: set[str] = set()
    fields = Photo.file_fields()
    named = reduce(or_, (Q(**{f"{field}__in": names}) for field in fields))
    for row in Photo.objects.filter(named).values_list(*fields):
        known.update(row)
    known.update(Analysis.objects.filter(heatmap__in=names).values_list("heatmap", flat=True))
    known.update(_of_uploads(names))
    return [file for file in files if file.name not in known]


def _of_uploads(names: Sequence[str]) -> Iterator[str]:
    """Parts that their uploads name; a part bears the id of its upload in front."""
    parts = [name.removeprefix(storage.UPLOADS) for name in names if name.startswith(storage.UPLOADS)]
    ids = {part[:_UUID] for part in parts if _IS_UUID.fullmatch(part[:_UUID])}
    for row in Upload.objects.filter(pk__in=ids).values_list("parts", flat=True):
        yield from (str(part["file"]) for part in row)


def _half(files: Mapping[str, Stored], until: datetime) -> Iterator[str]:
    """Rows older than the listing: a younger one's files may have been written after it."""
    rows = Photo.objects.filter(created_at__lte=until).order_by("pk")
    for photo in rows.only(*Photo.file_fields()).iterator(_BATCH):
        for field, name in photo.files.items():
            yield from _lack(files, name, f"Photo {photo.pk}: its {_CALLED.get(field, field)}")
    maps = Analysis.objects.exclude(heatmap="").filter(finished_at__lte=until).order_by("pk")
    for pk, name in maps.values_list("pk", "heatmap").iterator(_BATCH):
        yield from _lack(files, str(name), f"Analysis {pk}: its heat map")


def _lack(files: Mapping[str, Stored], name: str, whose: str) -> Iterator[str]:
    file = files.get(name)
    if file is None and not _exists(name):  # it may have been renamed meanwhile, by a change of keys
        yield f"{whose} {name} is missing."
    elif file is not None and file.size == 0:
        yield f"{whose} {name} is empty."


def _exists(name: str) -> bool:
    try:
        return bool(default_storage.exists(name))
    except storage.storage_errors() as error:
        raise storage.StorageUnavailable from error


def _listed() -> Iterator[Stored]:
    try:
        for prefix in storage.PICTURES:
            if isinstance(default_storage, FileSystemStorage):
                yield from _in_folder(default_storage.path(prefix), prefix.rstrip("/"))
            else:
                yield from _in_bucket(default_storage, prefix)
    except storage.storage_errors() as error:
        raise storage.StorageUnavailable from error


def _in_folder(root: str, prefix: str) -> Iterator[Stored]:
    for folder, _, names in os.walk(root):
        below = os.path.relpath(folder, root).replace(os.sep, "/")
        for name in names:
            try:
                told = os.stat(os.path.join(folder, name))
            except FileNotFoundError:
                continue  # deleted while we look
            where = posixpath.normpath(posixpath.join(prefix, below, name))
            yield Stored(where, told.st_size, datetime.fromtimestamp(told.st_mtime, UTC))


def _in_bucket(store: Any, prefix: str) -> Iterator[Stored]:
    """A thousand names a request; django-storages' own listing asks once for each folder."""
    for item in store.bucket.objects.filter(Prefix=prefix):
        yield Stored(item.key, item.size, item.last_modified)
