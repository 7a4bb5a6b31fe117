"""Back up, wipe, restore, verify: the whole drill, on PostgreSQL and an S3 server (moto), with sealed
pictures.

    make campaign NAME=drill ARGS="--cases 50"

Two backups are made, one while cases come in and one at the end. Everything is wiped; the later one is
restored and the service started on it; wiped again; the earlier one must be told apart as older.
"""

import argparse
import base64
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.campaigns._trial import Broken, Sender, send_all, short_folder
from tests.campaigns.chaos import figures
from tests.services.processes import Service, eventually, free_port

_OLDER = 3


class Drill:
    """One service with its database and its bucket."""

    def __init__(self, stack: Broken, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        self.kept = True

    def check(self, what: str, holds: bool) -> None:
        print(f"  {'ok    ' if holds else 'BROKEN'} {what}")
        self.kept &= holds

    def timed(self, what: str, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        began = time.monotonic()
        done = self.stack.run("manage.py", *arguments, check=False)
        said = (done.stdout + done.stderr).strip().splitlines()
        self.check(
            f"{what}: {time.monotonic() - began:.1f} s; {said[-1] if said else ''}", done.returncode == status
        )
        return done

    def cases(self, count: int) -> None:
        _, _, sending = send_all(self.stack, count)
        sending.join(600)
        until = time.monotonic() + 120
        while self.stack.states()["queued"] + self.stack.states()["running"] and time.monotonic() < until:
            time.sleep(0.2)

    def wipe(self) -> None:
        """Database, bucket and data folder are gone; the secrets and what auditors keep are elsewhere."""
        import psycopg

        assert self.stack.cluster is not None
        with psycopg.connect(self.stack.cluster.url("postgres"), autocommit=True) as connection:
            connection.execute('DROP DATABASE IF EXISTS "trial" WITH (FORCE)')
            connection.execute('CREATE DATABASE "trial"')
        self.stack.run("-c", _EMPTY_BUCKET)
        for name in ("media", "audit", "redis", "exports"):
            shutil.rmtree(self.stack.place.data_dir / name, ignore_errors=True)

    def seen(self) -> dict[str, Any]:
        """What a pharmacist sees of the newest case, and what the database counts."""
        client = Sender(self.stack).client()
        newest = client.get("/consultations").json()["results"][0]["id"]
        case = client.get(f"/consultations/{newest}").json()
        picture = client.get(
            f"/consultations/{newest}/images/{case['images'][0]['id']}", headers={"Accept": "image/*, */*"}
        )
        return {"case": case, "picture": picture.body, "figures": figures(self.stack)}

    def run(self, cases: int) -> bool:
        first, second = self.folder / "backup-1", self.folder / "backup-2"
        self.cases(cases)
        _, _, sending = send_all(self.stack, max(4, cases // 5))
        self.timed("backup while cases come in", "backup", "--out", str(first))
        sending.join(600)
        self.cases(1)
        before = self.seen()
        eventually(lambda: not self._unsealed(), within=30, what="sealing")
        self.stack.end_services()
        self.timed("backup at the end", "backup", "--out", str(second))
        self.timed("a second time into the same folder is refused", "backup", "--out", str(second), status=1)
        checkpoint = self.stack.place.data_dir / "audit" / "checkpoint"
        auditors = self.folder / "kept-by-an-auditor"
        shutil.copy(checkpoint, auditors)
        self.timed("restore over what is there is refused", "restore", str(second), status=1)

        began = time.monotonic()
        self.wipe()
        self.timed("restore", "restore", str(second), "--against", str(auditors))
        self.timed("the picture store and the rows agree", "tidy_photos", "--older-than", "0")
        self.stack.start_services()
        after = self.seen()
        print(f"  from wiped to serving again: {time.monotonic() - began:.1f} s")
        self.check("the newest case reads the same", after["case"] == before["case"])
        self.check("its picture is the same, byte by byte", after["picture"] == before["picture"])
        self.check(f"the same counts: {after['figures']}", after["figures"] == before["figures"])
        self.check("the audit log verifies, against the kept checkpoint too", self._verifies(auditors))
        self.cases(1)
        self.stack.end_services()

        self.wipe()
        self.timed(
            "the older copy is told apart", "restore", str(first), "--against", str(auditors), status=_OLDER
        )
        checkpoint.parent.mkdir(exist_ok=True)
        shutil.copy(auditors, checkpoint)
        self.timed("and the sealer refuses to go on with it", "seal_audit", "--once", status=1)
        return self.kept

    def _unsealed(self) -> int:
        return int(self.stack.rows("SELECT count(*) FROM accounts_auditpending")[0][0])

    def _verifies(self, kept: Path) -> bool:
        key = self.stack.run("manage.py", "export_audit", "--public-key").stdout.strip()
        with tempfile.TemporaryDirectory() as folder:
            bundle = f"{folder}/bundle"
            self.stack.run("manage.py", "export_audit", "--out", bundle)
            verify = ("accounts/audit/verifier.py", bundle, "--key", key, "--checkpoint", str(kept))
            return self.stack.run("-I", *verify, check=False).returncode == 0


_EMPTY_BUCKET = """
import django; django.setup()
from django.core.files.storage import default_storage as store
store.bucket.objects.all().delete()
"""


@contextmanager
def object_store(folder: Path) -> Iterator[dict[str, str]]:
    """An S3 server of our own; the settings that lead to it."""
    port = free_port()
    server = Service(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], log=folder / "s3.log"
    )
    try:
        import urllib.request

        def answers() -> bool:
            try:
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{port}/")
            except OSError:
                return False
            return True

        eventually(answers, within=60, what="the S3 server's answer")
        yield {
            "S3_BUCKET": "photos", "S3_ENDPOINT_URL": f"http://127.0.0.1:{port}", "S3_REGION": "us-east-1",
            "S3_ACCESS_KEY": "key", "S3_SECRET_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
            "PHOTO_KEYS": "k1:" + base64.urlsafe_b64encode(os.urandom(32)).decode(),
        }  # fmt: skip
    finally:
        server.stop(signal.SIGTERM)


def drill(cases: int, *, database: str = "postgres") -> bool:
    """Whether everything held; prints the figures."""
    with tempfile.TemporaryDirectory(prefix=short_folder("drill")) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with object_store(folder) as settings:
            stack = Broken(folder / "d", database=database, workers=1, extra=settings)
            try:
                stack.run("-m", "dermatech.run.ensure_bucket")
                stack.begin()
                print(f"{database} and S3, {cases} cases with sealed pictures")
                return Drill(stack, folder).run(cases)
            finally:
                stack.stop()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="drill", description=__doc__)
    parser.add_argument("--cases", type=int, default=50)
    kept = drill(parser.parse_args(arguments).cases)
    print("kept" if kept else "BROKEN")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
