"""`manage.py seal_audit`: number, hash and sign what was recorded."""

import signal
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, close_old_connections

from accounts.audit.receipts import mail_daily
from accounts.audit.sealer import (
    SealRefused,
    beat,
    check_kept,
    keep_checkpoint,
    kept_checkpoint_path,
    seal_all,
)

_MAIL_LOOK_SECONDS = 60.0


class Command(BaseCommand):
    # They load every page and view, and this process lives as long as the service.
    requires_system_checks = ()
    help = (
        "Seals pending audit events: contiguous numbers, Merkle tree, signed checkpoint. Runs until it "
        "is stopped, or once. Several may run; one at a time does the work."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Seal what is pending and stop.")
        parser.add_argument(
            "--every", type=float, default=1.0, metavar="SECONDS", help="Pause between looks (1)."
        )

    def handle(self, *_args: Any, once: bool, every: float, **_options: Any) -> None:
        if not 0.05 <= every <= 60:
            raise CommandError("--every must be between 0.05 and 60 seconds.")
        try:
            if once:
                sealed = self._seal()
                self.stdout.write(f"Sealed {sealed} events.")
            else:
                self._run(every)
        except SealRefused as error:
            raise CommandError(f"Sealing refused. {error}", returncode=1) from error

    def _run(self, every: float) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        looked = -_MAIL_LOOK_SECONDS
        while not stop.is_set():
            close_old_connections()
            try:
                beat()
                self._seal()
                if time.monotonic() - looked >= _MAIL_LOOK_SECONDS:
                    looked = time.monotonic()
                    mail_daily()
            except OperationalError as error:
                # A database that is away or busy comes back; the marks wait in it.
                self.stderr.write(f"The database does not answer, trying again: {error}")
            stop.wait(every)

    def _seal(self) -> int:
        path = kept_checkpoint_path()
        check_kept(path)
        sealed = seal_all()
        if sealed.count or not path.exists():
            keep_checkpoint(path)
        return sealed.count
