"""Everything breaks while analyses are asked for; none may be lost, none done twice.

    make campaign NAME=chaos ARGS="--analyses 1000 --kills 200 --database both"

Worker process groups are killed; Redis is killed, frozen, flushed and emptied; PostgreSQL is stopped
immediately; the clock of all processes is moved by an hour and back; a worker is made deaf. Only what this
campaign started, on unix sockets and loopback. `--poison` is about pictures that harm whoever looks at
them, `--frozen` about callers while Redis is frozen.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis as redis_client

from tests.campaigns import _poison_sizes as _poison
from tests.campaigns._trial import COMPILER, Broken, Sender, send_all, short_folder, small_photo

_HOUR = 3600
_DRAIN_SECONDS = 60.0
_UNSUBSCRIBE = """
from dermatech.celery import app
for queue in ("interactive", "bulk", "shadow"):
    app.control.cancel_consumer(queue, destination=["{destination}"])
"""


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    analyses: int
    kills: int
    rounds: int  # of each fault of Redis
    database_stops: int
    clock_moves: int
    deaf: int
    seed: int

    def faults(self, *, database: str, clock: bool) -> list[str]:
        names = ["kill"] * self.kills
        for fault in ("redis killed", "redis frozen", "redis flushed", "redis emptied"):
            names += [fault] * self.rounds
        names += ["deaf"] * self.deaf
        names += ["clock moved"] * (self.clock_moves if clock else 0)
        names += ["database stopped"] * (self.database_stops if database == "postgres" else 0)
        random.Random(self.seed).shuffle(names)
        return names


class Chaos:
    """One trial on one database."""

    def __init__(self, stack: Broken, plan: Plan) -> None:
        self.stack, self.plan = stack, plan
        self.random = random.Random(plan.seed)
        self.done: Counter[str] = Counter()
        self.hit = 0
        """Kills that met a worker in the middle of an analysis."""
        self.restarts: Counter[str] = Counter()
        self._moved = 0
        self._stop = threading.Event()
        self._ways: dict[str, Callable[[], None]] = {
            "kill": self._kill,
            "redis killed": self._redis_killed,
            "redis frozen": self._redis_frozen,
            "redis flushed": self._redis_flushed,
            "redis emptied": self._redis_emptied,
            "database stopped": self._database_stopped,
            "clock moved": self._clock_moved,
            "deaf": self._deaf,
        }

    def _supervise(self) -> None:
        while not self._stop.wait(0.3):
            self.restarts.update(self.stack.keep_up())

    def run(self) -> bool:
        """Whether all promises were kept; prints the figures."""
        began = time.monotonic()
        supervisor = threading.Thread(target=self._supervise, daemon=True)
        supervisor.start()
        ids, refused, sending = send_all(self.stack, self.plan.analyses)
        faults = self.plan.faults(database=self._database, clock=self.stack.clock)
        for number, fault in enumerate(faults):
            self._pace(ids, number / len(faults))
            self._strike(fault)
        if self._moved:
            self._strike("clock moved")
        last = time.monotonic()
        sending.join(600)
        drained = self._drain(len(ids)) - last
        self._stop.set()
        supervisor.join()
        print(f"  faults: {dict(sorted(self.done.items()))}; {self.hit} of the kills met a running analysis")
        print(
            f"  restarted: {dict(sorted(self.restarts.items()))}; answers that were not 201: {dict(refused)}"
        )
        print(f"  {time.monotonic() - began:.0f} s in all, drained {drained:.1f} s after the last fault")
        return self._verdict(ids, drained)

    @property
    def _database(self) -> str:
        return "postgres" if self.stack.cluster else "sqlite"

    def _pace(self, ids: list[str], share: float) -> None:
        """Faults are spread over the work: this one not before its share of the cases was taken."""
        until = time.monotonic() + 60
        while len(ids) < min(share, 0.97) * self.plan.analyses and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(self.random.uniform(0.0, 0.7))

    # --- faults -----------------------------------------------------------------------------------
    def _strike(self, fault: str) -> None:
        self._ways[fault]()
        self.done[fault] += 1

    def _kill(self) -> None:
        name = self.random.choice(self.stack.worker_names)
        # One that has just been started is only killed in the middle of its start, which shows nothing.
        until = time.monotonic() + 20
        while time.monotonic() < until and not self._running():
            time.sleep(0.05)
        self.hit += bool(self._running())
        self.stack.kill(name)

    def _running(self) -> int:
        try:
            return self.stack.states()["running"]
        except Exception:  # the database is busy or away
            return 0

    def _redis_killed(self) -> None:
        self.stack.redis.kill()
        time.sleep(self.random.uniform(0.5, 3))
        self.stack.redis.start()

    def _redis_frozen(self) -> None:
        self.stack.redis.freeze()
        time.sleep(self.random.uniform(1, 5))
        self.stack.redis.thaw()

    def _redis_flushed(self) -> None:
        client = redis_client.Redis(unix_socket_path=str(self.stack.redis.socket))
        client.flushall()
        client.close()

    def _redis_emptied(self) -> None:
        """It comes back without its file: a new machine."""
        self.stack.redis.kill()
        for path in (self.stack.place.data_dir / "redis").rglob("*"):
            if path.is_file() and path.name != "log":
                path.unlink()
        self.stack.redis.start()

    def _database_stopped(self) -> None:
        assert self.stack.cluster is not None
        self.stack.cluster.stop_immediately()
        time.sleep(self.random.uniform(0.2, 2))
        self.stack.cluster.start()

    def _clock_moved(self) -> None:
        """An hour ahead or back, then right again."""
        self._moved = 0 if self._moved else self.random.choice((_HOUR, -_HOUR))
        self.stack.set_clock(self._moved)
        time.sleep(1.5)

    def _deaf(self) -> None:
        """A worker that is there and no longer consumes: the watchdog has to end it."""
        name = self.random.choice(self.stack.worker_names)
        self.stack.run("-c", _UNSUBSCRIBE.format(destination=f"{name}@trial"), check=False)

    # --- the end ----------------------------------------------------------------------------------
    def _drain(self, count: int) -> float:
        """When nothing was left to do; the time it took at most is printed by who asks."""
        until = time.monotonic() + 300
        while time.monotonic() < until:
            states = self.stack.states()
            if states["succeeded"] + states["failed"] >= count and not states["queued"] + states["running"]:
                return time.monotonic()
            time.sleep(0.2)
        print(f"  NOT DRAINED: {dict(self.stack.states())}")
        return time.monotonic()

    def _verdict(self, ids: list[str], drained: float) -> bool:
        found = figures(self.stack)
        wanted = self.plan.analyses
        lost = wanted - found["succeeded"]
        twice = found["analyses"] - wanted + found["events twice"] + found["results twice"]
        for row in self.stack.rows(
            "SELECT id, status, error_code, attempts, interruptions, fence FROM consultations_analysis"
            " WHERE status <> 'succeeded'"
        )[:10]:
            print(f"  NOT DONE: {row}")
        print(
            f"  {wanted} asked for, {found['succeeded']} succeeded, {lost} lost, {twice} done twice;"
            f" most claims of one {found['most claims']}, interruptions {found['interruptions']},"
            f" errors {found['errors']}"
        )
        whole = self.stack.cluster is not None or self.stack.rows("PRAGMA integrity_check") == [("ok",)]
        if not whole:
            print("  THE DATABASE IS DAMAGED")
        verified = self._audit_verifies() and whole
        print(f"  the audit log {'verifies' if verified else 'DOES NOT VERIFY'}")
        return not lost and not twice and len(set(ids)) == wanted and drained <= _DRAIN_SECONDS and verified

    def _audit_verifies(self) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            key = self.stack.run("manage.py", "export_audit", "--public-key").stdout.strip()
            self.stack.run("manage.py", "seal_audit", "--once", check=False)
            self.stack.run("manage.py", "export_audit", "--out", f"{folder}/bundle")
            verify = ("-I", "accounts/audit/verifier.py", f"{folder}/bundle", "--key", key)
            status: int = self.stack.run(*verify, check=False).returncode
            return status == 0


def figures(stack: Broken) -> dict[str, int]:
    """What the database holds at the end."""
    events = (
        "SELECT count(*) FROM (SELECT entity_id FROM accounts_auditevent"
        " WHERE action = 'analysis.succeeded' GROUP BY entity_id HAVING count(*) <> 1) AS uneven"
    )
    results = (
        "SELECT count(*) FROM (SELECT analysis_id FROM consultations_recommendation WHERE analysis_id"
        " IS NOT NULL GROUP BY analysis_id, proposed, rank HAVING count(*) > 1) AS doubled"
    )
    missing = (
        "SELECT count(*) FROM consultations_analysis a WHERE a.status = 'succeeded' AND NOT EXISTS"
        " (SELECT 1 FROM accounts_auditevent e WHERE e.action = 'analysis.succeeded' AND {same})"
    )
    same = "e.entity_id = a.id::text" if stack.cluster else "replace(e.entity_id, '-', '') = a.id"
    whole = (
        "SELECT count(*), coalesce(sum(CASE WHEN status = 'succeeded' THEN 1 ELSE 0 END), 0),"
        " coalesce(max(fence), 0), coalesce(sum(interruptions), 0), coalesce(sum(attempts), 0)"
        " FROM consultations_analysis"
    )
    ((count, succeeded, fence, interruptions, errors),) = stack.rows(whole)
    uneven = int(stack.rows(events)[0][0]) + int(stack.rows(missing.format(same=same))[0][0])
    return {
        "analyses": int(count), "succeeded": int(succeeded), "events twice": uneven,
        "results twice": int(stack.rows(results)[0][0]), "most claims": int(fence),
        "interruptions": int(interruptions), "errors": int(errors),
    }  # fmt: skip


def frozen(folder: Path, *, database: str, posts: int) -> bool:
    """How long a caller waits while Redis is frozen; p99 of `posts` one after another."""
    stack = Broken(folder, database=database, workers=1)
    try:
        stack.begin()
        sender = Sender(stack)
        sender.client()
        calm = [sender.once(small_photo(number)).milliseconds for number in range(min(posts, 30))]
        stack.redis.freeze()
        try:
            answers = [sender.once(small_photo(1000 + number)) for number in range(posts)]
        finally:
            stack.redis.thaw()
    finally:
        stack.stop()
    times = sorted(answer.milliseconds for answer in answers)
    statuses = Counter(answer.status for answer in answers)
    p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
    print(
        f"{database}: POST while Redis is frozen: {dict(statuses)}, median {times[len(times) // 2]:.0f} ms,"
        f" p99 {p99:.0f} ms, slowest {times[-1]:.0f} ms"
        f" (median while it answers {sorted(calm)[len(calm) // 2]:.0f} ms)"
    )
    return p99 < 1000 and set(statuses) <= {201, 202}


def poisoned(folder: Path, *, database: str, others: int) -> bool:
    """Five pictures that harm the process that looks at them, among others that do not."""
    stack = Broken(
        folder, database=database, app="tests.campaigns._poison",
        extra={"ANALYSIS_SECONDS": "4", "WORKER_MEMORY_MB": "1500"},
    )  # fmt: skip
    try:
        stack.begin()
        sender = Sender(stack)
        began = time.monotonic()
        harmful = {kind: sender.send(small_photo(0, size)) for kind, size in _poison.SIZES.items()}
        _, _, sending = send_all(stack, others, most_live=40)
        stop = threading.Event()
        _keep_up_until(stack, stop)
        sending.join(1200)
        until = time.monotonic() + 240
        while stack.states()["queued"] + stack.states()["running"] and time.monotonic() < until:
            time.sleep(0.5)
        stop.set()
        rows = stack.rows(
            "SELECT id, status, error_code, attempts, interruptions, fence FROM consultations_analysis"
        )
        found = {str(row[0]).replace("-", ""): row[1:] for row in rows}
        kept = bool(sum(row[1] == "succeeded" for row in rows) == others)
        print(f"{database}: {others} others succeeded: {kept}; {time.monotonic() - began:.0f} s in all")
        for kind, analysis in harmful.items():
            status, code, attempts, interruptions, fence = found[analysis.replace("-", "")]
            kept = kept and (status, code) == ("failed", "quarantined") and int(fence) <= 3
            tries = f"{fence} tries ({attempts} errors, {interruptions} interruptions)"
            print(f"  {kind:<8} {status} {code}: {tries}")
    finally:
        stack.stop()
    return kept


def _keep_up_until(stack: Broken, stop: threading.Event) -> None:
    def run() -> None:
        while not stop.wait(0.5):
            stack.keep_up()

    threading.Thread(target=run, daemon=True).start()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--analyses", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5, help="of each fault of Redis")
    parser.add_argument("--stops", type=int, default=10, help="of PostgreSQL")
    parser.add_argument("--clock-moves", type=int, default=4)
    parser.add_argument("--deaf", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--poison", type=int, metavar="OTHERS", help="only this: five among so many others")
    parser.add_argument("--frozen", type=int, metavar="POSTS", help="only this: so many posts")
    asked = parser.parse_args(arguments)
    kept = True
    for database in ("sqlite", "postgres") if asked.database == "both" else (asked.database,):
        with tempfile.TemporaryDirectory(prefix=short_folder("chaos")) as folder:
            Path(folder).chmod(0o755)
            kept &= _trial(Path(folder), database, asked)
    print("kept" if kept else "BROKEN")
    return 0 if kept else 1


def _trial(folder: Path, database: str, asked: argparse.Namespace) -> bool:
    if asked.poison is not None:
        return poisoned(folder, database=database, others=asked.poison)
    if asked.frozen is not None:
        return frozen(folder, database=database, posts=asked.frozen)
    plan = Plan(
        asked.analyses, asked.kills, asked.rounds, asked.stops, asked.clock_moves, asked.deaf, asked.seed
    )
    stack = Broken(folder, database=database, workers=asked.workers, clock=asked.clock_moves > 0)
    try:
        stack.begin()
        how = (
            "moved by a library loaded into every process"
            if stack.clock
            else f"not moved ({'not asked' if COMPILER else 'no C compiler'})"
        )
        print(
            f"{database}: {plan.analyses} analyses, {plan.kills} kills, seed {plan.seed}; the clock is {how}"
        )
        return Chaos(stack, plan).run()
    finally:
        stack.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
