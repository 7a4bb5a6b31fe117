"""An import of many rows, stored by a worker."""

import base64
import zlib
from typing import Any, Final

from django.urls import reverse

from accounts.background import Done, Kind, Run
from accounts.policy import Permission
from triage.services.exchange.plans import ImportPlan
from triage.services.exchange.reading import read
from triage.services.exchange.writing import carry_out

STORE: Final = "triage.store_file"
KIND: Final = Kind(STORE, Permission.KNOWLEDGE_CURATE, "triage.services.exchange.background.store")
# A row takes about 10 ms: more do not surely end within a few seconds.
IN_REQUEST: Final = 300


def store(run: Run) -> None:
    """What was confirmed, whole or not at all. Raises Conflict, Unprocessable."""
    given = run.given
    run.tell(0, 0, "Reading the file")
    incoming = read(given["kind"], given["form"], unpacked(given["content"]))
    run.write_now()

    def kept(done: ImportPlan) -> None:
        run.settle(Done(stored(done), reverse("admin:triage_guidelinerelease_add")))

    carry_out(
        actor=run.actor, incoming=incoming, digest=given["digest"], remove_missing=given["remove"], kept=kept
    )


def stored(done: ImportPlan) -> str:
    """What was written, in a sentence."""
    count = len(done.changes)
    were = "row was" if count == 1 else "rows were"
    return f"{count:,} {were} changed. Nothing takes effect before a release."


def packed(content: bytes) -> str:
    """A file as it waits in JSON."""
    return base64.b64encode(zlib.compress(content)).decode()


def unpacked(text: Any) -> bytes:
    return zlib.decompress(base64.b64decode(text))
