"""Photo files: written before the transaction that names them, deleted if it does not commit."""

import logging
from collections.abc import Iterable

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from dermatech.core.errors import Unavailable

logger = logging.getLogger(__name__)

# Everything that a folder or an S3 server fails with.
STORAGE_ERRORS = (OSError, BotoCoreError, ClientError, Boto3Error)


class StorageUnavailable(Unavailable):
    """503: the photo store does not take or give files at the moment."""

    code = "storage_unavailable"
    detail = "The photo store does not answer; nothing was saved. Try again shortly."


def write(name: str, content: bytes) -> str:
    """Store `content`; returns the name it got. Raises StorageUnavailable."""
    try:
        return default_storage.save(name, ContentFile(content))
    except STORAGE_ERRORS as error:
        logger.warning("storage refused a write: %s", type(error).__name__)
        discard([name])  # a full disk keeps what it took of the file
        raise StorageUnavailable from error


def read(name: str | None) -> bytes:
    """The content of `name`. Raises StorageUnavailable, also when the file is gone."""
    if not name:
        raise StorageUnavailable("The photo store has no such file.")
    try:
        with default_storage.open(name, "rb") as file:
            content: bytes = file.read()
            return content
    except STORAGE_ERRORS as error:
        logger.warning("storage refused a read: %s", type(error).__name__)
        raise StorageUnavailable("The photo store does not answer; try again shortly.") from error


def discard(names: Iterable[str]) -> None:
    """Delete files that no row names. A store that fails here as well costs an orphan, not the caller."""
    for name in names:
        try:
            default_storage.delete(name)
        except STORAGE_ERRORS as error:
            logger.error("a file without a row could not be deleted: %s (%s)", name, type(error).__name__)
