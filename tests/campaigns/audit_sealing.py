"""Sealing while many write and the sealers are killed: `make campaign NAME=audit_sealing`.

Sixteen writers on PostgreSQL, four on SQLite; two sealers at a time, each killed without warning after
a moment, fifty times in all and on each database. Afterwards every event that was committed has one
number, the numbers have no gap, and every checkpoint is a beginning of the same log.
"""

import argparse
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WRITERS = {"postgres": 16, "sqlite": 4}
_THREADS = 4  # writers in one process
_fork = multiprocessing.get_context("fork")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="audit_sealing", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=9162)
    parser.add_argument("--database", choices=WRITERS, action="append")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.inside:
        return _trial(asked.database[0], asked.kills, asked.seed, Path(asked.inside))
    return max(_in_its_own_process(name, asked) for name in asked.database or WRITERS)


def _in_its_own_process(name: str, asked: argparse.Namespace) -> int:
    from tests.bench.audit import environment_of

    with tempfile.TemporaryDirectory(prefix="dermatech-sealing-") as folder:
        environment = environment_of(name, Path(folder))
        words = ["audit_sealing", "--database", name, "--kills", asked.kills, "--seed", asked.seed]
        command = [sys.executable, "-m", "tests.campaigns", *map(str, words), "--inside", folder]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _trial(name: str, kills: int, seed: int, folder: Path) -> int:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0, interactive=False)
    connection.close()  # what is forked from here opens its own
    began, stop, written = time.monotonic(), _fork.Event(), _fork.Queue()
    writers = [
        _fork.Process(target=_write, args=(stop, written, WRITERS[name] // (WRITERS[name] // _THREADS)))
        for _ in range(WRITERS[name] // _THREADS)
    ]
    for writer in writers:
        writer.start()
    in_the_act = _kill_sealers(kills, random.Random(seed))
    stop.set()
    committed = [one for _ in writers for one in written.get(timeout=60)]
    for writer in writers:
        writer.join()
    found = _judge(committed, folder)
    print(
        f"{name}: {WRITERS[name]} writers, {len(committed):,} events committed, {kills} sealers killed, "
        f"{in_the_act} of them in the act; {found['checkpoints']:,} checkpoints. "
        f"{'Contiguous, each once, all checkpoints agree' if not found['faults'] else found['faults']}. "
        f"{time.monotonic() - began:.0f} s."
    )
    return 1 if found["faults"] else 0


def _write(stop: Any, written: Any, threads: int) -> None:
    """Write until told to stop, take every tenth act back; the ids of what was committed."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        waiting = [
            pool.submit(_write_as_one, stop, random.Random(os.getpid() * 10 + n)) for n in range(threads)
        ]
        written.put([one for some in waiting for one in some.result()])


def _write_as_one(stop: Any, chance: random.Random) -> list[str]:
    from django.db import connection, transaction

    from accounts.audit import Action, record

    committed = []
    while not stop.is_set():
        takes_back = chance.random() < 0.1
        with transaction.atomic():
            made = [
                record(actor=None, action=Action.CONSULTATION_LISTED, detail={"page": page})
                for page in range(chance.randrange(1, 4))
            ]
            time.sleep(chance.random() * 0.01)  # others commit in between, in another order
            transaction.set_rollback(takes_back)
        committed += [] if takes_back else [str(event.pk) for event in made]
        time.sleep(chance.random() * 0.03)
    connection.close()
    return committed


def _kill_sealers(kills: int, chance: random.Random) -> int:
    """Two sealers at a time; how many died while they were sealing."""
    busy = _fork.Array("b", 2)
    sealers = [_fork.Process(target=_seal, args=(busy, n)) for n in range(2)]
    for sealer in sealers:
        sealer.start()
    in_the_act = 0
    for number in range(kills):
        place = number % 2
        time.sleep(0.3 + chance.random() * 0.9)
        os.kill(sealers[place].pid or 0, signal.SIGKILL)
        sealers[place].join()
        in_the_act += busy[place]
        busy[place] = 0
        sealers[place] = _fork.Process(target=_seal, args=(busy, place))
        sealers[place].start()
    for sealer in sealers:
        sealer.kill()
        sealer.join()
    return in_the_act


def _seal(busy: Any, place: int) -> None:
    """What `manage.py seal_audit` does, without a pause and in small batches."""
    from accounts.audit.sealer import check_kept, keep_checkpoint, kept_checkpoint_path, seal_pending

    path = kept_checkpoint_path()
    while True:
        check_kept(path)
        busy[place] = 1
        sealed = seal_pending(limit=20)
        busy[place] = 0
        if sealed.count:
            keep_checkpoint(path)
        else:
            time.sleep(0.005)


def _judge(committed: list[str], folder: Path) -> dict[str, Any]:
    from accounts.audit import verifier
    from accounts.audit.checkpoint import Checkpoint
    from accounts.audit.export import write_bundle
    from accounts.audit.keys import signing_key
    from accounts.audit.merkle import Frontier
    from accounts.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf, AuditPending
    from accounts.audit.sealer import check_kept, kept_checkpoint_path, latest_checkpoint, seal_all

    check_kept(kept_checkpoint_path())
    seal_all()
    faults, tree, roots = [], Frontier(), {}
    leaves = list(AuditLeaf.objects.order_by("seq").values_list("seq", "event_id", "leaf_hash"))
    for _, _, digest in leaves:
        tree.add(bytes(digest))
        roots[tree.size] = tree.root
    if [seq for seq, _, _ in leaves] != list(range(len(leaves))):
        faults.append("the numbers have a gap")
    if sorted(str(event) for _, event, _ in leaves) != sorted(committed):
        faults.append(f"{len(leaves)} are numbered, {len(committed)} were committed")
    if AuditPending.objects.exists() or AuditEvent.objects.count() != len(committed):
        faults.append("something waits or was left behind")
    checkpoints = list(AuditCheckpoint.objects.all())
    key = signing_key()
    if any(Checkpoint.opened(one.note, key) != Checkpoint(one.size, roots[one.size]) for one in checkpoints):
        faults.append("a checkpoint is no beginning of the log")
    newest = latest_checkpoint()
    assert newest is not None
    bundle = write_bundle(folder / "bundle", checkpoint=newest)
    kept = ("kept", kept_checkpoint_path().read_bytes())
    report = verifier.verify(str(bundle.path), verifier.Key(key.verifier_key), [kept], table=True)
    faults += [problem["message"] for problem in report.problems]
    return {"faults": "; ".join(faults), "checkpoints": len(checkpoints)}
