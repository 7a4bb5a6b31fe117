"""What one machine keeps for itself under DATA_DIR: generated secrets and the Redis socket."""

import base64
import hashlib
import os
import secrets
import tempfile
from pathlib import Path

# sun_path holds 108 bytes on Linux; a few are left for redis's own suffixes.
_LONGEST_SOCKET_PATH = 100


def development_secret(data_dir: Path, name: str) -> str:
    """The secret `name` of this data directory, made on first use, readable by its owner only."""
    path = data_dir / "secrets" / name.lower()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        value = f"dev1:{key}" if name == "FIELD_KEYS" else key
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(value)
        try:
            os.link(draft, path)  # two processes that start together agree on one secret
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def socket_path(data_dir: Path) -> Path:
    """Where the embedded Redis listens: below `data_dir`, or in the temporary directory where the
    path would be too long for a unix socket."""
    path = data_dir / "redis.sock"
    if len(str(path)) <= _LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"dermatech-{os.getuid()}-{digest}.sock"
