"""`python -m tests.campaigns NAME [ARGUMENTS]`."""

import importlib
import pkgutil
import sys

from tests import campaigns


def main(arguments: list[str]) -> int:
    names = [m.name for m in pkgutil.iter_modules(campaigns.__path__) if not m.name.startswith("_")]
    if not arguments or arguments[0] not in names:
        print(
            f"Usage: make campaign NAME=... ARGS=...; there are: {', '.join(names) or 'none'}",
            file=sys.stderr,
        )
        return 2
    return int(importlib.import_module(f"tests.campaigns.{arguments[0]}").main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
