"""The events as rows of a spreadsheet: `events.csv` of a bundle."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

from accounts.audit.canonical import canonical_json

LINE_END: Final = "\r\n"
# What a spreadsheet may take for a formula or a command (OWASP, CSV injection). The apostrophe is
# among them so that the one put in front can always be told from one that was there.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
COLUMNS: Final = (
    "number", "recorded_at", "action", "fhir_action", "outcome", "purpose", "actor_id", "actor_name",
    "actor_role", "address", "device", "entity_type", "entity_id", "patient_id", "request_id",
    "changed_fields", "detail", "id", "leaf_hash",
)  # fmt: skip


def csv_row(cells: Iterable[object]) -> bytes:
    """One line of CSV (RFC 4180) with its end, no cell of which a spreadsheet takes for a formula."""
    return (_line(cells) + LINE_END).encode()


def neutral(cell: str) -> str:
    """`cell` with an apostrophe in front when a spreadsheet might run it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def event_row(number: int, digest: bytes, event: Mapping[str, Any]) -> str:
    """The row of an event, without the end of the line. `event` is its canonical JSON, read."""
    agent, entity = event["agent"], event["entity"] or {"type": "", "id": ""}
    return _line(
        (
            number, event["recorded_at"], event["action"], event["fhir"], event["outcome"], event["purpose"],
            agent["id"] or "", agent["name"], agent["role"], agent["address"], agent["device"],
            entity["type"], entity["id"], event["patient"] or "", event["request_id"],
            " ".join(sorted(event["changes"])), canonical_json(event["detail"]) if event["detail"] else "",
            event["id"], digest.hex(),
        )
    )  # fmt: skip


def _line(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator=LINE_END).writerow([neutral(str(cell)) for cell in cells])
    return text.getvalue().removesuffix(LINE_END)
