"""The bundle: every table of the published guidelines and formulary, whole or as what changed.

A phone that holds the bundle named in `from` applies a delta part by part. Of a table with `changed` and
`removed` it drops the items whose id is in `removed`, puts those of `changed` in the place of the ones
with their ids, and orders all by id; a table with `whole` it takes as it is; tables in `dropped` are gone;
`release` and `texts` it takes as they are. It then holds the whole bundle, and its RFC 8785 spelling has
the SHA-256 that the delta states.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dermatech.core.releases import Release, content_hash
from dermatech.sync import texts
from dermatech.sync.signing import spelled
from medications import selectors as formulary_selectors
from medications.models import FormularyRelease
from triage import selectors as guideline_selectors
from triage.models import GuidelineRelease

SCHEMA_VERSION = 1
FULL, DELTA = "full", "delta"
Tables = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """A pair of releases: what is in force, or what a phone says that it holds."""

    guidelines: GuidelineRelease
    formulary: FormularyRelease
    cadre: str = ""
    """Of who asks: what a cadre may not even read is not in its bundle."""

    @property
    def tag(self) -> str:
        """`<guidelines>.<formulary>.<texts and cadre>`, as 3-9f86d081.2-60303ae2.5feceb66: the ETag."""
        return f"{self.guidelines.label}.{self.formulary.label}.{_edition(self.cadre)}"


def in_force(cadre: str) -> Known:
    """What is published now. Raises Unavailable when guidelines or formulary are not."""
    return Known(guideline_selectors.current_release(), formulary_selectors.current_release(), cadre)


def known_by(tag: str, cadre: str) -> Known | None:
    """The releases that `tag` names; None when this server does not hold them, its texts are others, or
    the bundle was made for another cadre."""
    parts = tag.split(".")
    if len(parts) != 3 or parts[2] != _edition(cadre):
        return None
    guidelines, formulary = _released(GuidelineRelease, parts[0]), _released(FormularyRelease, parts[1])
    return Known(guidelines, formulary, cadre) if guidelines and formulary else None


def _edition(cadre: str) -> str:
    """Texts and cadre in eight letters."""
    return content_hash(f"{texts.VERSION} {cadre}".encode())[:8]


def full(known: Known) -> dict[str, Any]:
    """The whole bundle, unsigned."""
    return {
        "schema": SCHEMA_VERSION,
        "kind": FULL,
        "release": known.tag,
        "guidelines": _part(known.guidelines, guideline_selectors.snapshot_of(known.guidelines)),
        "formulary": _part(known.formulary, _readable(known)),
        "texts": texts.ALL,
    }


def delta(held: Known, known: Known) -> dict[str, Any]:
    """What turns the whole bundle of `held` into that of `known`, unsigned."""
    before, after = full(held), full(known)
    return {
        "schema": SCHEMA_VERSION,
        "kind": DELTA,
        "from": held.tag,
        "release": known.tag,
        "guidelines": _changes(before["guidelines"], after["guidelines"]),
        "formulary": _changes(before["formulary"], after["formulary"]),
        "texts": texts.ALL,
        "sha256": hashlib.sha256(spelled(after)).hexdigest(),
    }


def _released(model: Any, label: str) -> Any:
    """The release with this label that phones may have seen, or None."""
    number, _, start = label.partition("-")
    # A number beyond the column's range is an error in PostgreSQL, not a miss.
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    row = model.objects.defer("snapshot").filter(number=int(number), activated_at__isnull=False).first()
    return row if row is not None and row.label == f"{number}-{start}" else None


def _readable(known: Known) -> Mapping[str, Any]:
    """The formulary without the treatments that this cadre may not read."""
    snapshot = formulary_selectors.snapshot_of(known.formulary)
    catalogue = formulary_selectors.catalogue_of(known.formulary)
    hidden = {
        key
        for key in catalogue.medications
        if formulary_selectors.hidden_from(catalogue, key, known.cadre) is not None
    }
    return {
        **snapshot,
        "treatments": [row for row in snapshot["treatments"] if row["medication"] not in hidden],
    }


def _part(release: Release, snapshot: Mapping[str, Any]) -> Tables:
    return {"release": release.as_dict(), **snapshot}


def _changes(before: Tables, after: Tables) -> Tables:
    changed: Tables = {"release": after["release"], "dropped": sorted(set(before) - set(after))}
    for name, table in after.items():
        held = before.get(name)
        if name != "release" and table != held:
            both = _by_id(held) and _by_id(table)
            changed[name] = _rows(held, table) if both else {"whole": table}
    return changed


def _by_id(table: Any) -> bool:
    """Whether a table is a list of items in the order of their ids; then a delta names items only."""
    if not isinstance(table, list) or not all(isinstance(item, dict) and "id" in item for item in table):
        return False
    ids = [item["id"] for item in table]
    return ids == sorted(set(ids))


def _rows(held: Any, table: Any) -> dict[str, Any]:
    old = {item["id"]: item for item in held}
    return {
        "changed": [item for item in table if old.get(item["id"]) != item],
        "removed": sorted(set(old) - {item["id"] for item in table}),
    }
