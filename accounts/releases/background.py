"""Proposals and replays of releases over many past cases, done by a worker."""

from typing import Any, Final

from django.apps import apps
from django.urls import reverse

from accounts.background import Done, Kind, Run
from accounts.policy import Permission
from accounts.releases.workflow import Workflow, workflow_of
from dermatech.core.errors import NotFound
from dermatech.core.releases import Release

PREVIEW, PROPOSE, REPLAY = "release.preview", "release.propose", "release.replay"
# A case takes about 10 ms: more do not surely end within a few seconds.
IN_REQUEST: Final = 200
KINDS: Final = tuple(
    Kind(name, Permission.RELEASE_PROPOSE, f"accounts.releases.background.{work}")
    for name, work in ((PREVIEW, "preview"), (PROPOSE, "propose"), (REPLAY, "replay"))
)
_CHECKING: Final = "Checking the working rows"
_CASES: Final = "Past cases replayed"


def preview(run: Run) -> Done:
    """What proposing the working rows would find. Writes nothing."""
    workflow = _workflow(run)
    run.tell(0, 0, _CHECKING)
    found = workflow.preview(actor=run.actor, progress=_progress(run))
    data = {
        "faults": [fault.as_dict() for fault in found.faults],
        "replay": found.replay,
        "weakened": [dict(each) for each in found.weakened],
    }
    there = f"{address(workflow.model, 'add')}?previewed={run.job.pk}"
    return Done("The working rows were checked and past cases replayed.", there, data, onward=True)


def propose(run: Run) -> None:
    """The proposal, with what the checks and the replay found."""
    workflow = _workflow(run)
    run.tell(0, 0, _CHECKING)

    def kept(release: Any) -> None:
        there = address(workflow.model, "change", release.pk)
        run.settle(Done(f"Release {release.label} waits for another supervisor.", there, onward=True))

    title = run.given["title"]
    workflow.propose_release(actor=run.actor, title=title, progress=_progress(run), kept=kept)


def replay(run: Run) -> Done:
    """A proposal against the release that is in force now."""
    workflow = _workflow(run)
    release = workflow.model._default_manager.filter(pk=run.given["release"]).first()
    if release is None:
        raise NotFound
    workflow.replay_again(actor=run.actor, release=release, progress=_progress(run))
    there = f"{address(workflow.model, 'change', release.pk)}#past-cases"
    return Done("The past cases were replayed.", there, onward=True)


def address(model: type[Release], page: str, key: object = None) -> str:
    """One of the admin's pages of a kind of release."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    return reverse(name, args=None if key is None else [key])


def _workflow(run: Run) -> Workflow[Any]:
    model: Any = apps.get_model(run.given["model"])
    return workflow_of(model)


def _progress(run: Run) -> Any:
    def progress(done: int, total: int) -> None:
        run.tell(done, total, _CASES if done <= 100 else "")

    return progress
