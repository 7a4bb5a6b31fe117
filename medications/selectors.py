"""Reading the published formulary."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dermatech.core import releases
from dermatech.core.errors import NotFound, Unavailable
from medications.engine import Formulary, parse_formulary
from medications.engine.model import LegalClass
from medications.engine.search import Hit, SearchIndex
from medications.engine.supply import supply
from medications.models import FormularyRelease


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of medicines is narrowed to; None = not. `atc` is the beginning of a code."""

    condition: str | None = None
    legal_class: str | None = None
    form: str | None = None
    route: str | None = None
    atc: str | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A release for reading: its medicines by id, their treatments, and the search index."""

    medications: Mapping[str, Mapping[str, Any]]
    treatments: Mapping[str, tuple[Mapping[str, Any], ...]]
    conditions: Mapping[str, str]
    names: Mapping[str, str]
    index: SearchIndex


def current_release() -> FormularyRelease:
    """The active release, its snapshot deferred. Raises Unavailable when nothing is published yet."""
    release = releases.active(FormularyRelease)
    if release is None:
        raise Unavailable("No formulary has been published yet.", code="no_published_formulary")
    return release


def current_formulary() -> tuple[FormularyRelease, Formulary]:
    """The active release and what it says. Raises Unavailable (`no_published_formulary`)."""
    release = current_release()
    return release, formulary_of(release)


def formulary_of(release: FormularyRelease) -> Formulary:
    """What a release says, parsed once per process and content."""
    return releases.load(release, parse_formulary).of_release(release.label, release.review_state)


def snapshot_of(release: FormularyRelease) -> Mapping[str, Any]:
    """The release's own document, read once per process and content."""
    return releases.load(release, _document)


def catalogue_of(release: FormularyRelease) -> Catalogue:
    """The release for reading, built once per process and content."""
    return releases.load(release, _catalogue)


def find_medication(catalogue: Catalogue, medication_id: str) -> Mapping[str, Any]:
    """One medicine of the release. Raises NotFound."""
    item = catalogue.medications.get(medication_id)
    if item is None:
        raise NotFound("There is no such medicine in the published formulary.", code="medication_not_found")
    return item


def narrowed(catalogue: Catalogue, filters: Filters) -> list[str]:
    """Ids of the medicines that pass every filter, in alphabetical order."""
    return [key for key in sorted(catalogue.medications) if _passes(catalogue, key, filters)]


def search(catalogue: Catalogue, text: str, filters: Filters, *, limit: int) -> list[Hit]:
    """The best `limit` medicines for what somebody typed, of those that pass every filter."""
    among = None if filters == Filters() else frozenset(narrowed(catalogue, filters))
    return catalogue.index.search(text, limit=limit, among=among)


def hidden_from(catalogue: Catalogue, medication_id: str, cadre: str) -> str | None:
    """Why somebody of `cadre` does not see how this medicine is used (it says who may supply it); None
    where they do."""
    legal_class = LegalClass(catalogue.medications[medication_id]["legal_class"]["value"])
    may = supply(cadre, legal_class, prescription=False)
    return None if may.shown else may.reason


def _passes(catalogue: Catalogue, key: str, filters: Filters) -> bool:
    item = catalogue.medications[key]
    wanted = {
        "legal_class": (filters.legal_class, item["legal_class"]["value"]),
        "form": (filters.form, item["form"]),
        "route": (filters.route, item["route"]),
    }
    if any(want is not None and want != have for want, have in wanted.values()):
        return False
    if filters.atc is not None and not item["atc"].startswith(filters.atc):
        return False
    treated = (treatment["condition"] for treatment in catalogue.treatments.get(key, ()))
    return filters.condition is None or filters.condition in treated


def _document(snapshot: Mapping[str, Any]) -> Mapping[str, Any]:
    return snapshot


def _catalogue(snapshot: Mapping[str, Any]) -> Catalogue:
    formulary = parse_formulary(snapshot)
    treatments: dict[str, list[Mapping[str, Any]]] = {}
    for item in snapshot["treatments"]:
        treatments.setdefault(item["medication"], []).append(item)
    return Catalogue(
        medications={item["id"]: item for item in snapshot["medications"]},
        treatments={key: tuple(items) for key, items in treatments.items()},
        conditions={item["id"]: item["name"] for item in snapshot["conditions"]},
        names={key: item.name for key, item in formulary.medications.items()},
        index=SearchIndex.build(formulary),
    )


def snapshot_text(release: FormularyRelease) -> str:
    """The release's snapshot, indented for people (the stored text is canonical)."""
    return json.dumps(json.loads(release.snapshot), indent=2, ensure_ascii=False)
