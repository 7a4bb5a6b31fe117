"""Random tampering of every kind: all of it is found, and nobody is accused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from accounts.audit import Action, record
from tests.accounts.audit.tampering import Tamperer, Trial

Bundler = Callable[..., Path]
pytestmark = pytest.mark.one_database
EVENTS = 40
TRIES = 200


@pytest.mark.slow
def test_a_campaign_of_random_tampering_finds_everything_and_accuses_nobody(
    bundle: Bundler, key: str, ama: Any
) -> None:
    ama.full_name = "Am\u00e9 Mensah"
    with transaction.atomic():
        for at in range(EVENTS - 7):
            record(actor=ama, action=Action.CONSULTATION_LISTED, detail={"page": at})
    older = bundle(0, name="older")
    folder = bundle(7, name="newer", actor=ama)
    trial = Trial(folder, older, key, seed=8032)
    trial.run(TRIES, look_every=25)
    assert (trial.missed, trial.false_alarms) == ([], 0)
    assert trial.looked == TRIES // 25
    assert min(trial.done[kind] for kind in Tamperer.kinds()) >= TRIES // len(Tamperer.kinds()) - 5
