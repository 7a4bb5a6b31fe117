"""Bundles in the hands of a forger, and what the verifier says of them."""

import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.audit import verifier
from accounts.audit.keys import SigningKey, signing_key


def verdict(folder: Path, key: str, *kept: bytes) -> str:
    return str(report(folder, key, *kept)["verdict"])


def report(folder: Path, key: str, *kept: bytes) -> dict[str, Any]:
    try:
        named = [(f"kept{at}", raw) for at, raw in enumerate(kept)]
        return verifier.verify(str(folder), verifier.Key(key), named).as_dict()
    except verifier.Unusable as error:
        return {"verdict": "unusable", "problems": [{"message": str(error)}]}


def lines_of(folder: Path) -> list[bytes]:
    return (folder / "events.jsonl").read_bytes().splitlines(keepends=True)


def rewrite(folder: Path, lines: list[bytes]) -> None:
    (folder / "events.jsonl").write_bytes(b"".join(lines))


def messages(found: dict[str, Any]) -> str:
    return "\n".join(problem["message"] for problem in found["problems"])


def other_key() -> SigningKey:
    return SigningKey(signing_key().origin, Ed25519PrivateKey.from_private_bytes(b"\x05" * 32))


def sign_anew(folder: Path, key: SigningKey) -> None:
    """What a forger does who has a key, but not ours."""
    checkpoint = (folder / "checkpoint").read_text().partition("\n\n")[0] + "\n"
    (folder / "checkpoint").write_text(key.signed(checkpoint))
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, facts in manifest["files"].items():
        facts["sha256"] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    text = json.dumps(manifest) + "\n"
    (folder / "manifest.json").write_text(text)
    (folder / "manifest.sig").write_text(key.signature_line(text))
