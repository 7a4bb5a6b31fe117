"""What tests.bench.triage measures, in a process of its own; the last line is JSON."""

import importlib
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import django

PLAUSIBLE = ("scabies", "tinea-corporis", "urticaria", "warts")
ROUNDS = 5


def main(cases: int) -> None:
    django.setup()
    from django.core.management import call_command

    from tests.triage.conftest import compose_starter

    snapshot = compose_starter()
    found: dict[str, Any] = {"cases": cases, **_assessing(snapshot)}
    call_command("migrate", verbosity=0)
    found |= _replaying(cases)
    print(json.dumps(found))


def _assessing(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    from tests.campaigns.jsonlogic import patients
    from triage.engine import assess, parse_knowledge

    knowledge = parse_knowledge(snapshot)
    conditions = sorted(knowledge.conditions)
    facts = [row["facts"] for row in snapshot["vignettes"]] + list(patients(300, conditions))
    each = _times(lambda known: assess(known, knowledge), facts)
    exported = [row["jsonlogic"] for row in snapshot["guidelines"]]
    peer = None
    if importlib.util.find_spec("json_logic") is not None:
        logic = importlib.import_module("json_logic").jsonLogic
        peer = statistics.mean(_times(lambda known: [logic(rule, known) for rule in exported], facts))
    return {
        "rules": len(exported),
        "assess_ms": statistics.mean(each),
        "assess_p99_ms": statistics.quantiles(each, n=100)[98],
        "assess_five_ms": statistics.mean(_times(lambda k: assess(k, knowledge, plausible=PLAUSIBLE), facts)),
        "fires_ms": statistics.mean(_times(lambda k: [rule.fires(k) for rule in knowledge.rules], facts)),
        "peer_ms": peer,
    }


def _times(act: Callable[[Any], Any], given: Sequence[Any]) -> list[float]:
    """Milliseconds of each call, the best of several rounds: others use this machine as well."""
    best = [float("inf")] * len(given)
    for _ in range(ROUNDS):
        for i, known in enumerate(given):
            began = time.perf_counter()
            act(known)
            best[i] = min(best[i], 1000 * (time.perf_counter() - began))
    return best


def _replaying(cases: int) -> dict[str, float]:
    from consultations.services.rehearsing import rehearse_guidelines
    from dermatech.core.releases import starter_loaders
    from tests.cast import enrol
    from tests.consultations.seeding import seed
    from triage.selectors import current_release, snapshot_of

    for load in starter_loaders:
        load(publish=True)
    seed(cases, pharmacist=enrol("ama"))
    snapshot: Any = json.loads(json.dumps(snapshot_of(current_release())))
    rules = [row for row in snapshot["guidelines"] if row["id"] != "rr-treatment-failed"]
    other_rules = {**snapshot, "guidelines": rules}
    scoring = {**snapshot["scoring"], "abstain_below": 0.45}
    took = {}
    for name, changed in (("rules", other_rules), ("matrix", {**snapshot, "scoring": scoring})):
        began = time.process_time()
        report = rehearse_guidelines(changed, last=cases, progress=_bar)
        print(
            f"\n{name}: {report.considered} considered, {len(report.changed)} changed, {report.downgrades} "
            f"milder, {len(report.skipped)} skipped",
            file=sys.stderr,
        )
        assert report.considered == cases
        took[f"replay_{name}_s"] = report.took_ms / 1000
        took[f"replay_{name}_cpu_s"] = time.process_time() - began
    return took


def _bar(done: int, total: int) -> None:
    if done % 1000 == 0 or done == total:
        filled = 40 * done // total
        print(f"\r[{'#' * filled}{'.' * (40 - filled)}] {done}/{total}", end="", file=sys.stderr)


if __name__ == "__main__":
    main(int(sys.argv[1]))
