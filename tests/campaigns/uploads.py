"""Photos sent in parts over a slow link that is cut at random places, until they are there.

`make campaign NAME=uploads ARGS="--cuts 200 --database postgres"`: real gunicorn. Every photo must be one
photo with the bytes that were sent, whatever was cut: a request in its middle (closed, reset, or silent, so
that the server waits), or the answer to the last byte.
"""

import argparse
import base64
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from dermatech.run import walk
from tests.campaigns._slow_link import ENDS, End, Link, Reply
from tests.services.stack import Stack

_TUS = {"Tus-Resumable": "1.0.0"}
_BYTES = {**_TUS, "Content-Type": "application/offset+octet-stream"}
_FORM = "multipart/form-data; boundary=photo"
# Tries until a busy server has let go of a dead request.
_PATIENCE = 100


@dataclass(slots=True)
class Found:
    """What came of it. A fault is a sentence."""

    photos: int = 0
    cuts: int = 0
    sent: int = 0
    """Bytes of bodies, heads and repetitions."""
    needed: int = 0
    lost: list[int] = field(default_factory=list)
    """Bytes given to the network before each cut that the server did not keep."""
    refused: dict[int, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def add(self, other: "Found") -> None:
        self.photos += other.photos
        self.cuts += other.cuts
        self.sent += other.sent
        self.needed += other.needed
        self.lost += other.lost
        self.faults += other.faults
        for status, count in other.refused.items():
            self.refused[status] = self.refused.get(status, 0) + count


def send(
    link: Link, consultation: str, photo: bytes, *, cuts: int, seed: int, ends: Sequence[End] = ENDS
) -> Found:
    """One photo, cut at `cuts` random places; then once more in one request, which must find it there."""
    chance, found = random.Random(seed), Found(photos=1, needed=len(photo))
    name = base64.b64encode(consultation.encode()).decode()
    begun = _expect(
        link.ask("POST", "/uploads", {**_TUS, "Upload-Length": str(len(photo)),
                                      "Upload-Metadata": f"consultation {name}"}), 201)  # fmt: skip
    address = begun.headers["location"].removeprefix("/api/v1")
    places = sorted(chance.randrange(len(photo)) for _ in range(cuts))
    at = 0
    for place in places:
        for _ in range(_PATIENCE):
            early = link.ask(
                "PATCH", address, {**_BYTES, "Upload-Offset": str(at)}, photo[at:],
                cut_after=max(place - at, 0), end=chance.choice(ends),
            )  # fmt: skip
            before, at = at, _offset(link, address)
            if early is None:
                found.cuts += 1
                found.lost.append(max(place - at, 0) if place > before else 0)
                break
            found.refused[early.status] = found.refused.get(early.status, 0) + 1
            time.sleep(1)
    image = _rest(link, address, photo, at, found, answer_lost=bool(seed % 2))
    found.sent = link.sent
    whole = b'--photo\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + photo
    again = link.ask(
        "POST", f"/consultations/{consultation}/images", {"Content-Type": _FORM}, whole + b"\r\n--photo--\r\n"
    )
    # The same file is known by its SHA-256, and is the photo that is there already.
    if again is None or (again.status, again.json().get("id")) != (200, image):
        found.faults.append(f"seed {seed}: the photo is not the bytes that were sent")
    case = _expect(link.ask("GET", f"/consultations/{consultation}"), 200).json()
    if len(case["images"]) != 1:
        found.faults.append(f"seed {seed}: {len(case['images'])} photos")
    return found


def _offset(link: Link, address: str) -> int:
    """What a phone asks after a cut."""
    answer = _expect(link.ask("HEAD", address, _TUS), 200)
    return int(answer.headers["upload-offset"])


def _rest(link: Link, address: str, photo: bytes, at: int, found: Found, *, answer_lost: bool) -> str:
    """The bytes that are left, and the id of the photo. With `answer_lost` nobody reads the last answer."""
    for _ in range(_PATIENCE):
        headers = {**_BYTES, "Upload-Offset": str(at)}
        if answer_lost:
            link.ask("PATCH", address, headers, photo[at:], cut_after=len(photo) - at)
        elif (answer := link.ask("PATCH", address, headers, photo[at:])) and answer.status != 204:
            found.refused[answer.status] = found.refused.get(answer.status, 0) + 1
        at = _offset(link, address)
        state = _expect(link.ask("GET", address), 200).json()
        if state["state"] == "done":
            return str(state["image"])
        answer_lost = False
        time.sleep(0.2)
    found.faults.append(f"never done: {state}")
    return ""


def _expect(answer: Reply | None, status: int) -> Reply:
    if answer is None or answer.status != status:
        raise AssertionError(
            f"{answer and answer.status} instead of {status}: {answer and answer.body[:300]!r}"
        )
    return answer


def run(stack: Stack, photos: Sequence[bytes], *, cuts: int, rate: int, ends: Sequence[End] = ENDS) -> Found:
    """`cuts` cuts over all photos, each photo to a consultation of its own, four at a time."""
    client = stack.client()
    walk.sign_in(client, stack.accounts()["ama"])
    cases = [client.post_json("/consultations", walk.CASE).json()["id"] for _ in photos]
    shares = [cuts // len(photos) + (index < cuts % len(photos)) for index in range(len(photos))]

    def one(index: int) -> Found:
        link = Link(stack.place.port, token=client.token, rate=rate)
        try:
            return send(link, cases[index], photos[index], cuts=shares[index], seed=index, ends=ends)
        finally:
            link.close()

    whole = Found()
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(one, range(len(photos))):
            whole.add(found)
    return whole


def report(found: Found) -> str:
    lost = sorted(found.lost) or [0]
    return (
        f"{found.photos} photos, {found.cuts} cuts: {found.sent / found.needed:.2f} times the bytes of the"
        f" photos went up; lost per cut, median {lost[len(lost) // 2]:,}, most {lost[-1]:,} bytes;"
        f" refused and repeated {found.refused or 'none'}; {len(found.faults)} faults"
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="uploads", description=__doc__)
    parser.add_argument("--photos", type=int, default=10)
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--rate", type=int, default=30_000, help="bytes a second of each phone")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    asked = parser.parse_args(arguments)
    from tests.campaigns._pictures import prescaled

    pictures = [prescaled(seed) for seed in range(asked.photos)]
    with tempfile.TemporaryDirectory(prefix="dt-up-") as folder:
        stack = Stack(Path(folder), database=asked.database)
        try:
            stack.start()
            began = time.monotonic()
            found = run(stack, pictures, cuts=asked.cuts, rate=asked.rate)
            left = [path for path in Path(folder).rglob("uploads/*") if path.is_file()]
        finally:
            stack.stop()
    if left:
        found.faults.append(f"{len(left)} parts are left in the store")
    print(f"{asked.database}, {asked.rate:,} B/s, {time.monotonic() - began:.0f} s: {report(found)}")
    print(*found.faults[:20], sep="\n")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
