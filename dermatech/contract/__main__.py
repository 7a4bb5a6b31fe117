"""`python -m dermatech.contract [FOLDER]`: writes openapi.json and postman.json, by default to .docs/."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import django

FOLDER = Path(__file__).resolve().parent.parent.parent / ".docs"
OPENAPI, POSTMAN = "openapi.json", "postman.json"


def files() -> dict[str, str]:
    """File name -> content, of this code."""
    from dermatech.contract.document import current
    from dermatech.contract.postman import collection

    document = current()
    return {OPENAPI: _text(document), POSTMAN: _text(collection(document))}


def _text(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermatech.settings")
    django.setup()
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (folder / name).write_text(content, encoding="utf-8")
        print(f"{folder / name}: {len(content) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
