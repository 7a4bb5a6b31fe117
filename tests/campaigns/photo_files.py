"""Any folder of files, whoever made them, through the whole way of an upload.

    make campaign NAME=photo_files ARGS="~/Pictures --list"

Reports how many are accepted, refused by which code, and answered 5xx; exit 1 when any is 5xx, uncaught
or too slow. Files larger than the upload limit are sent too: they must be refused for it.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from consultations.imaging.pool import Pool
from tests.campaigns.photos import Found, try_one


def files_in(folders: list[Path]) -> Iterator[Path]:
    """Every plain file below the folders, in order; links are not followed."""
    for folder in folders:
        if folder.is_file():
            yield folder
            continue
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="photo_files", description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--list", action="store_true", help="a line for each file")
    parser.add_argument("--most", type=int, default=100_000, help="files to look at")
    asked = parser.parse_args(arguments)
    began, pool, found = time.monotonic(), Pool(1), Found()
    kinds: Counter[str] = Counter()
    blamed: list[str] = []
    try:
        for _, path in zip(range(asked.most), files_in(asked.folders), strict=False):
            before = len(found.findings), found.accepted, found.refused.copy()
            try_one(path.read_bytes(), pool, found)
            outcome = _outcome(before, found)
            kinds[f"{path.suffix.lower() or 'no suffix'}: {outcome}"] += 1
            if outcome not in {"accepted", *found.refused}:
                blamed.append(f"{path}: {outcome}")
            if asked.list:
                print(f"{outcome:24} {path}")
    finally:
        pool.close()
    _report(found, kinds, blamed, seconds=time.monotonic() - began)
    return 1 if found.findings else 0


def _outcome(before: tuple[int, int, Counter[str]], found: Found) -> str:
    findings, accepted, refused = before
    if len(found.findings) > findings:
        return found.findings[-1]
    if found.accepted > accepted:
        return "accepted"
    return next(iter(found.refused - refused))


def _report(found: Found, kinds: Counter[str], blamed: list[str], *, seconds: float) -> None:
    print(f"files      {found.inputs} in {seconds:.0f} s, slowest {found.slowest:.2f} s")
    print(f"accepted   {found.accepted}")
    for code, count in found.refused.most_common():
        print(f"refused    {count:6} {code}")
    print(f"5xx, slow  {len(found.findings)}")
    for line in blamed:
        print(f"           {line}")
    print(f"memory     child at most {found.peak_mb:.0f} MB")
    print("by suffix")
    for kind, count in sorted(kinds.items()):
        print(f"           {count:6} {kind}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
