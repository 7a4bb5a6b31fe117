"""`python -m tests.bench [NAME ...] [--out DIR]`: measures, prints a table, writes JSON and plots."""

import argparse
import importlib
import json
import pkgutil
import platform
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from tests import bench
from tests.bench import Figure, _plots

_SIGN = {True: "kept", False: "MISSED", None: ""}


def names() -> list[str]:
    return [m.name for m in pkgutil.iter_modules(bench.__path__) if not m.name.startswith("_")]


def measured(name: str) -> list[Figure]:
    began = time.monotonic()
    module = importlib.import_module(f"tests.bench.{name}")
    figures = list(module.measure())
    print(f"\n{name} ({time.monotonic() - began:.0f} s)")
    print_table(figures)
    return figures


def print_table(figures: Iterable[Figure]) -> None:
    for figure in figures:
        promised = (
            "" if figure.bound is None else f"{'<=' if figure.better == 'lower' else '>='} {figure.bound:g}"
        )
        against = f"to {figure.peer}" if figure.peer else ""
        print(
            f"  {figure.name:<52} {figure.value:>10.3g} {figure.unit:<7}"
            f" {promised:<9} {_SIGN[figure.kept]:<7} {against}"
        )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"parts to measure: {', '.join(names())}")
    parser.add_argument(
        "--out", type=Path, default=Path(".bench"), help="folder of the JSON (default .bench)"
    )
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.names) - set(names()))
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(names())}")
    asked.out.mkdir(parents=True, exist_ok=True)
    measured_of: dict[str, list[Figure]] = {}
    for name in asked.names or names():
        figures = measured_of[name] = measured(name)
        found = {
            "python": platform.python_version(),
            "figures": [asdict(f) | {"kept": f.kept} for f in figures],
        }
        (asked.out / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n")
    plots = [path.name for path in _plots.draw(asked.out, measured_of)]
    missed = sum(figure.kept is False for figures in measured_of.values() for figure in figures)
    if plots:
        print(f"\nDrawn: {', '.join(plots)}")
    print(f"\n{missed} promises missed; written to {asked.out}/" if missed else f"\nWritten to {asked.out}/")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
