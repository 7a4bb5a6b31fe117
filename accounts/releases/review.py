"""What people need to see before they decide on a proposal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from accounts.policy import Permission, allows
from dermatech.core.releases import Fault, Release, ReleaseState, RemarkKind

Weakened = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Review:
    """Checks, replay, reasons, approvals and comments of one release.

    `replay` is the kept report with a `reason` on each changed case; `weakened` the emergency rules that
    say less than those in force.
    """

    release: Release
    blocking: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    replay: dict[str, Any] | None
    unexplained: int
    weakened: tuple[Weakened, ...]
    approvals_needed: int
    approvals: tuple[dict[str, Any], ...]
    comments: tuple[dict[str, Any], ...]

    def obstacles(self, actor: User) -> list[str]:
        """Why `actor` cannot approve now, in sentences; empty when nothing stands against it."""
        found = []
        if self.release.state != ReleaseState.PROPOSED:
            found.append("This release is not waiting for approval.")
        if not allows(actor, Permission.RELEASE_APPROVE):
            found.append("Only supervisors approve releases.")
        if self.release.proposed_by == actor:
            found.append("Another supervisor must approve what you proposed.")
        if any(each["user"] == actor.pk for each in self.approvals):
            found.append("You have approved it; a second supervisor must, too.")
        if self.blocking:
            found.append(f"{len(self.blocking)} findings of the checks stand against it.")
        if self.unexplained:
            found.append(f"{self.unexplained} milder outcomes of past cases have no reason yet.")
        return found


def review(release: Release, *, weakened: Sequence[Weakened]) -> Review:
    """The review of a release; two queries beside the release's own."""
    faults = [Fault.from_dict(kept) for kept in release.checks or ()]
    remarks = list(remarks_of(release))
    replay = with_reasons(release.replay, remarks)
    return Review(
        release=release,
        blocking=tuple(fault for fault in faults if fault.blocks),
        warnings=tuple(fault for fault in faults if not fault.blocks),
        replay=replay,
        unexplained=len(unexplained(replay)),
        weakened=tuple(weakened),
        approvals_needed=approvals_needed(weakened),
        approvals=tuple(
            {"by": name(each.author), "at": each.created_at, "user": each.author_id}
            for each in remarks
            if each.kind == RemarkKind.APPROVAL
        ),
        comments=tuple(
            {
                "id": each.pk,
                "by": name(each.author),
                "at": each.created_at,
                "about": each.about,
                "text": each.text,
            }
            for each in remarks
            if each.kind == RemarkKind.COMMENT
        ),
    )


def remarks_of(release: Release) -> Any:
    """Everything people said about it, oldest first."""
    return release.remarks.select_related("author")  # type: ignore[attr-defined]  # of each concrete table


def with_reasons(replay: Mapping[str, Any] | None, remarks: Sequence[Any]) -> dict[str, Any] | None:
    """The report with the latest reason of each changed case."""
    if replay is None:
        return None
    reasons = {
        each.about: {"text": each.text, "by": name(each.author), "at": each.created_at.isoformat()}
        for each in remarks
        if each.kind == RemarkKind.REASON
    }
    changed = [{**case, "reason": reasons.get(case["key"])} for case in replay["changed"]]
    return {**replay, "changed": changed}


def unexplained(replay: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Milder outcomes for which nobody gave a reason, of a report with reasons."""
    if replay is None:
        return []
    return [case for case in replay["changed"] if case["downgrade"] and not case["reason"]]


def approvals_needed(weakened: Sequence[Weakened]) -> int:
    """Two when an emergency rule would say less than it does."""
    return 2 if weakened else 1


def name(person: User | None) -> str:
    return person.full_name if person is not None else "the system"
