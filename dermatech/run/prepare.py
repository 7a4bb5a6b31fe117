"""Bring database, starter knowledge and demo accounts to where the service can start.

    python -m dermatech.run.prepare

Safe to run again and again: nothing that a person edited is overwritten.
"""

import io
import os
import re
import sys
import traceback
from collections.abc import Iterable
from contextlib import redirect_stderr
from pathlib import Path

from dermatech.run.accounts_file import Account, ensure_accounts
from dermatech.run.terminal import Terminal, terminal


def _migrate() -> str:
    """Apply what is missing; how much that was, in words."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    # Always called: its post_migrate handlers also put the audit triggers back.
    call_command("migrate", verbosity=0, interactive=False)
    kind = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(connection.vendor, connection.vendor)
    return f"{kind}, {missing} migrations applied" if missing else f"{kind}, up to date"


def _load_knowledge() -> str:
    """Insert what is missing of the starter knowledge and publish it where nothing is published."""
    from django.core.management import call_command

    from medications.selectors import current_formulary
    from triage.selectors import current_knowledge

    said = io.StringIO()
    call_command("load_starter_knowledge", publish=True, stdout=said, no_color=True)
    new = sum(int(number) for number in re.findall(r"(\d+) new", said.getvalue()))
    guidelines, formulary = current_knowledge()[0], current_formulary()[0]
    return (
        f"guidelines {guidelines.label}, formulary {formulary.label}"
        + (f"; {new} starter rows loaded" if new else "; nothing new to load")
        + (" (not reviewed)" if guidelines.review_state != "reviewed" else "")
    )


def _make_accounts(accounts: Iterable[Account]) -> int:
    """Create those that do not exist; how many that were."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    known = set(get_user_model().objects.values_list("email", flat=True))
    made = 0
    for account in accounts:
        if account.email in known:
            continue
        options: dict[str, object] = {"role": account.role, "full_name": account.full_name}
        options |= {"verified": True, "password_stdin": True}
        if account.cadre:
            options |= {"cadre": account.cadre, "premises": account.premises}
        stdin, sys.stdin = sys.stdin, io.StringIO(account.password + "\n")
        try:
            call_command("create_user", account.email, stdout=io.StringIO(), **options)
        finally:
            sys.stdin = stdin
        made += 1
    return made


def prepare(told: Terminal) -> None:
    """Everything, each step told in a line."""
    import django
    from django.conf import settings

    django.setup()
    told.item(f"database: {_migrate()}", mark="✓")
    told.item(f"knowledge: {_load_knowledge()}", mark="✓")
    accounts = ensure_accounts(Path(settings.DATA_DIR))
    made = _make_accounts(accounts.values())
    told.item(f"accounts: {len(accounts)} for the demonstration, {made} of them new", mark="✓")


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermatech.settings")
    noise = io.StringIO()  # kept only where something goes wrong
    try:
        with redirect_stderr(noise):
            prepare(terminal())
    except Exception as error:
        log = Path(os.environ.get("DATA_DIR") or ".data") / "logs" / "prepare.log"
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        log.write_text(noise.getvalue() + traceback.format_exc())
        print(f"{type(error).__name__}: {error}\nAll of it is in {log}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
