"""What a release would have changed for cases that were seen: asked of whoever has cases.

Knowledge never imports cases. Whoever holds them registers a replayer here at start-up, by the label
of the kind of release (`triage.guidelinerelease`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from dermatech.core.releases import Release, canonical_json, content_hash

Progress = Callable[[int, int], None]  # cases done, cases in all


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the engines said about one case, as far as a release may change it."""

    level: str
    timeframe: str
    provisional: bool
    rules: tuple[str, ...]  # ids of those at the winning level
    conditions: tuple[str, ...]  # ids of the plausible ones, best first
    medicines: tuple[str, ...]  # ids of those proposed
    excluded: tuple[str, ...]  # "id: code" of those not proposed for a reason
    notify: str | None


@dataclass(frozen=True, slots=True)
class ChangedCase:
    """One case with another outcome. `key` names case and change, so that a reason given for it holds
    only as long as the change is the same. `downgrade`: less urgent, or less safe, than before."""

    key: str
    consultation: str
    date: str
    before: Outcome
    after: Outcome
    downgrade: bool
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay found. `base`: the release in force that it was compared with."""

    base: str | None
    limit: int
    considered: int
    unchanged: int
    changed: tuple[ChangedCase, ...]  # downgrades first
    skipped: tuple[Mapping[str, str], ...]  # consultation and why
    ran_at: str
    took_ms: int
    note: str = ""

    @property
    def downgrades(self) -> int:
        return sum(case.downgrade for case in self.changed)

    def as_dict(self) -> dict[str, Any]:
        """As it is kept with a proposal."""
        return asdict(self)


class Replayer(Protocol):
    """Replays the last `last` cases (None: as many as the settings say) under `snapshot`, which is what
    would be released, against the release in force."""

    def __call__(
        self, snapshot: Mapping[str, Any], *, last: int | None = None, progress: Progress | None = None
    ) -> ReplayReport: ...


_replayers: dict[str, Replayer] = {}
_sizes: dict[str, Callable[[], int]] = {}


def register(label: str, replayer: Replayer, *, size: Callable[[], int] | None = None) -> None:
    """Called at start-up; `label` is the release model's `_meta.label_lower`. `size` counts the cases that a
    replay would go through."""
    _replayers[label] = replayer
    if size is not None:
        _sizes[label] = size


def replay(
    model: type[Release],
    snapshot: Mapping[str, Any],
    *,
    last: int | None = None,
    progress: Progress | None = None,
) -> ReplayReport | None:
    """What releasing `snapshot` would have changed; None where nobody has cases."""
    replayer = _replayers.get(model._meta.label_lower)
    return None if replayer is None else replayer(snapshot, last=last, progress=progress)


def key_of(consultation: str, changes: Sequence[str]) -> str:
    """Names a case and what changes for it."""
    return f"{consultation}:{content_hash(canonical_json(list(changes)))[:12]}"


def known(model: type[Release]) -> bool:
    """Whether somebody has cases to replay."""
    return model._meta.label_lower in _replayers


def size(model: type[Release]) -> int:
    """How many cases a replay would go through; 0 where nobody has any."""
    count = _sizes.get(model._meta.label_lower)
    return 0 if count is None else count()
