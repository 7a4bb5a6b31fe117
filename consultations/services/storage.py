"""Photo files: written before the transaction that names them, deleted if it does not commit; sealed
where a key is configured, and unsealed for whoever reads them here."""

import logging
import posixpath
import sys
from collections.abc import Iterable

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from consultations.services import sealing
from dermatech.core.errors import Unavailable

logger = logging.getLogger(__name__)

# Folders of pictures of patients, the last of those still on their way. Image models lie beside them and
# are no secret.
UPLOADS = "uploads/"
PICTURES = ("photos/", "heatmaps/", UPLOADS)


class StorageUnavailable(Unavailable):
    """503: the photo store does not take or give files at the moment."""

    code = "storage_unavailable"
    detail = "The photo store does not answer; nothing was saved. Try again shortly."


class PictureDamaged(StorageUnavailable):
    """503: the store gives a file that is not the one we gave it, or one that we have no key for."""

    code = "picture_damaged"
    detail = "The stored picture is damaged and cannot be shown; tell whoever runs this service."


def storage_errors() -> tuple[type[Exception], ...]:
    """Everything that a folder or an S3 server fails with. A client of S3 that nobody has imported, as
    where photos lie in a folder, raises nothing."""
    if "botocore" not in sys.modules:
        return (OSError,)
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    return (OSError, BotoCoreError, ClientError, Boto3Error)


def keys() -> sealing.Keyring:
    """The keys that pictures are sealed with; none are needed."""
    return sealing.keyring(settings.PHOTO_KEYS)


def key_in_use() -> str:
    """Id of the key that a picture written now is sealed with, "" for none."""
    return keys().current


def write(name: str, content: bytes) -> str:
    """Store `content`; returns the name it got. Raises StorageUnavailable."""
    sealed = name.startswith(PICTURES) and bool(key_in_use())
    data = sealing.seal(content, ring=keys(), owner=_owner(name)) if sealed else content
    try:
        stored = default_storage.save(name, ContentFile(data))
    except storage_errors() as error:
        logger.warning("storage refused a write: %s", type(error).__name__)
        discard([name])  # a full disk keeps what it took of the file
        raise StorageUnavailable from error
    if sealed and _owner(stored) != _owner(name):  # taken already: under another name it would not open
        discard([stored])
        raise StorageUnavailable
    return stored


def read(name: str | None, *, sealed: bool = False) -> bytes:
    """The content of `name`. `sealed` says that it must have been: a plain file in its place is refused.
    Raises StorageUnavailable, also when the file is gone, and PictureDamaged."""
    if not name:
        raise StorageUnavailable("The photo store has no such file.")
    content = _raw(name)
    if not name.startswith(PICTURES):
        return content
    if sealing.sealed_with(content) is None:
        if sealed:
            logger.error("a plain file lies where a sealed one was written: %s", name)
            raise PictureDamaged
        return content
    try:
        return sealing.unseal(content, ring=keys(), owner=_owner(name))
    except sealing.KeyMissing as error:
        logger.error("the key %r of %s is not in PHOTO_KEYS", str(error), name)
        raise PictureDamaged from error
    except sealing.SealBroken as error:
        logger.error("a sealed file does not open: %s", name)
        raise PictureDamaged from error


def sealed_with(name: str) -> str:
    """Id of the key of a stored file, "" for a plain one. Raises StorageUnavailable."""
    return sealing.sealed_with(_raw(name)) or ""


def discard(names: Iterable[str]) -> None:
    """Delete files that no row names. A store that fails here as well costs an orphan, not the caller."""
    for name in names:
        try:
            default_storage.delete(name)
        except storage_errors() as error:
            logger.error("a file without a row could not be deleted: %s (%s)", name, type(error).__name__)


def _raw(name: str) -> bytes:
    try:
        with default_storage.open(name, "rb") as file:
            content: bytes = file.read()
            return content
    except storage_errors() as error:
        logger.warning("storage refused a read: %s", type(error).__name__)
        raise StorageUnavailable("The photo store does not answer; try again shortly.") from error


def _owner(name: str) -> str:
    """What a sealed file is bound to: its last name, which holds the id of the photo and whether it is
    the picture or its thumbnail. The folders before it change when keys are changed."""
    return posixpath.basename(name)
