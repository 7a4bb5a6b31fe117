"""Twenty thousand random tamperings of bundles: `make campaign NAME=audit`.

Whole logs, parts by time and scattered parts, each with a kept checkpoint. Nothing may be missed and
no genuine bundle accused; every kind is counted.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.campaigns._database import scratch_database

_SHAPES = (("whole", 17), ("whole", 64), ("by person", 60), ("by action", 60), ("by time", 60))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="audit", description=__doc__)
    parser.add_argument("--tries", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=6962)
    asked = parser.parse_args(arguments)
    began = time.monotonic()
    with scratch_database(), tempfile.TemporaryDirectory() as folder:
        done: Counter[str] = Counter()
        missed, alarms, looked = [], 0, 0
        for at, trial in enumerate(_trials(Path(folder), asked.seed)):
            share = asked.tries // len(_SHAPES) + (1 if at < asked.tries % len(_SHAPES) else 0)
            trial.run(share)
            done += trial.done
            missed += trial.missed
            alarms, looked = alarms + trial.false_alarms, looked + trial.looked
    for kind, count in sorted(done.items()):
        print(f"  {kind:<26} {count:>6}")
    print(
        f"{sum(done.values()):,} tamperings of {len(done)} kinds: {len(missed)} missed; {looked:,} looks at "
        f"genuine bundles: {alarms} false alarms. Seed {asked.seed}, {time.monotonic() - began:.0f} s."
    )
    for one in missed[:20]:
        print(f"  missed: {one}")
    return 1 if missed or alarms or sum(done.values()) < asked.tries else 0


def _trials(folder: Path, seed: int) -> Iterator[Any]:
    """A bundle of each shape with an older one of the same log."""
    from accounts.audit.keys import signing_key
    from accounts.audit.selection import Selection
    from tests.accounts.audit.tampering import Trial

    key = signing_key().verifier_key
    for at, (shape, events) in enumerate(_SHAPES):
        first = _grow(events)
        selection = {
            "whole": Selection(),
            "by person": Selection(person="Am\u00e9 Mensah"),
            "by action": Selection(action="photo.read"),
            "by time": Selection(since=first),
        }[shape]
        older = _bundle(folder / f"{at}-older", selection)
        _grow(9)
        newer = _bundle(folder / f"{at}-newer", selection)
        yield Trial(newer, older, key, seed + at)


def _grow(events: int) -> Any:
    """Write and seal some events of several people; when the first of them was recorded."""
    from django.db import transaction

    from accounts.audit import Action, record
    from accounts.audit.sealer import seal_all
    from accounts.models import User

    people = []
    for name in ("Am\u00e9 Mensah", "Kofi Boateng"):
        email = f"{name[:2].lower()}@dermatech.example"
        people.append(
            User.objects.filter(full_name=name).first()
            or User(full_name=name, email=email, role="pharmacist", state="verified")
        )
    actions = (Action.CONSULTATION_LISTED, Action.PHOTO_READ, Action.CONSULTATION_READ)
    with transaction.atomic():
        made = [
            record(actor=people[at % 5 == 0], action=actions[at % 3], detail={"page": at})
            for at in range(events)
        ]
    seal_all()
    return made[0].recorded_at


def _bundle(folder: Path, selection: Any) -> Path:
    from accounts.audit.export import write_bundle
    from accounts.audit.sealer import latest_checkpoint

    checkpoint = latest_checkpoint()
    assert checkpoint is not None
    made = write_bundle(folder, checkpoint=checkpoint, selection=selection)
    assert made.faithful
    return made.path
