"""manage.py export_guidelines --out FILE [--table KIND --format xlsx|csv]"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from triage.services import exchange


class Command(BaseCommand):
    """Writes the working rows: all of them as JSON, or one table for a spreadsheet."""

    help = "Exports the working guidelines as one JSON document, or one table as XLSX or CSV."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, required=True, help="the file to write")
        parser.add_argument("--table", choices=tuple(exchange.TABLES), help="one table alone")
        parser.add_argument("--format", choices=exchange.FORMATS, default="xlsx", help="of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["table"]:
            content = exchange.export_table(options["table"], options["format"])
        else:
            content = exchange.export_set()
        options["out"].write_bytes(content)
        self.stdout.write(f"{len(content):,} bytes written to {options['out']}.")
