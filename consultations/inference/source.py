"""The files of a package, read into memory from a folder or a zip archive, never beyond a bound."""

import os
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from consultations.inference.errors import PackageRefused
from consultations.inference.limits import Limits

MODEL, MANIFEST = "model.onnx", "manifest.json"
_MOST_ENTRIES = 200
_SPARE_BYTES = 1_000_000  # for a notice, a licence, the archive's own tables

Source = Path | IO[bytes]


def read_files(source: Source, limits: Limits) -> dict[str, bytes]:
    """The content of `model.onnx` and `manifest.json`. Other files are left alone."""
    if isinstance(source, Path):
        if source.is_dir():
            return {name: _read_plain(source / name, bound) for name, bound in _bounds(limits).items()}
        if not source.is_file():
            raise PackageRefused("package_not_found", f"There is no package at {source}.")
    bound = limits.model_bytes + limits.manifest_bytes + _SPARE_BYTES
    if (size := _size_of(source)) > bound:
        raise PackageRefused(
            "package_too_large", f"The archive has {size:,} bytes; at most {bound:,} are allowed."
        )
    try:
        with zipfile.ZipFile(source) as archive:
            return _read_archive(archive, limits)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise PackageRefused(
            "package_unreadable", f"The package is neither a folder nor a readable zip archive: {error}."
        ) from None


def _size_of(source: Source) -> int:
    if isinstance(source, Path):
        return source.stat().st_size
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    return size


def _bounds(limits: Limits) -> dict[str, int]:
    return {MODEL: limits.model_bytes, MANIFEST: limits.manifest_bytes}


def _read_plain(path: Path, bound: int) -> bytes:
    """A regular file, opened without following a link that could lead out of the package."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise _missing(path.name) from None
    except OSError as error:
        raise PackageRefused("package_unsafe_file", f"{path.name}: {error.strerror}.") from None
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise PackageRefused("package_unsafe_file", f"{path.name} is not a plain file.")
        _check_size(path.name, facts.st_size, bound)
        return _read_bounded(file, path.name, bound)


def _read_archive(archive: zipfile.ZipFile, limits: Limits) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > _MOST_ENTRIES:
        raise PackageRefused("package_too_many_files", f"The archive holds more than {_MOST_ENTRIES} files.")
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if ".." in parts or entry.filename.startswith(("/", "\\")):
            raise PackageRefused(
                "package_unsafe_path", f"The archive holds an unsafe path: {entry.filename!r}."
            )
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise PackageRefused("package_unsafe_file", f"The archive holds a link: {entry.filename!r}.")
    files = {}
    for name, bound in _bounds(limits).items():
        found = [entry for entry in entries if _plain_name(entry) == name]
        if not found:
            raise _missing(name)
        if len(found) > 1:
            raise PackageRefused("package_ambiguous", f"The archive holds {name} more than once.")
        _check_size(name, found[0].file_size, bound)
        with archive.open(found[0]) as file:
            files[name] = _read_bounded(file, name, bound)
    return files


def _plain_name(entry: zipfile.ZipInfo) -> str:
    """The name inside the package; archives often wrap it in one folder."""
    parts = PurePosixPath(entry.filename).parts
    return parts[-1] if 1 <= len(parts) <= 2 and not entry.is_dir() else ""


def _read_bounded(file: IO[bytes], name: str, bound: int) -> bytes:
    """At most `bound` bytes, counted while reading: a declared size may be a lie."""
    content = file.read(bound + 1)
    _check_size(name, len(content), bound)
    return content


def _check_size(name: str, size: int, bound: int) -> None:
    if size <= bound:
        return
    code = "model_too_large" if name == MODEL else "manifest_too_large"
    raise PackageRefused(code, f"{name} has {size:,} bytes; at most {bound:,} are allowed.")


def _missing(name: str) -> PackageRefused:
    code = "model_missing" if name == MODEL else "manifest_missing"
    return PackageRefused(code, f"The package holds no {name}.")
