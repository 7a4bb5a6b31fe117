"""What must be true before anything starts; each failure is one clear line."""

import fcntl
import os
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"
OLDEST = (3, 11)
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})
_HIGHEST_PORT = 65535


class PreflightFailed(Exception):
    """A sentence for the person at the keyboard."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the environment asks of `make run`."""

    port: int
    data_dir: Path
    once: bool
    photo: Path | None


def read_options() -> Options:
    """PORT, DATA_DIR, ONCE and PHOTO, checked; raises PreflightFailed."""
    if sys.version_info < OLDEST:
        raise PreflightFailed(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    return Options(
        port=_port(os.environ.get("PORT", "")),
        data_dir=_writable_folder(os.environ.get("DATA_DIR") or str(ROOT / ".data")),
        once=_flag("ONCE"),
        photo=photo_path(os.environ.get("PHOTO", "")),
    )


def _port(raw: str) -> int:
    if not raw:
        return 8000
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw) <= _HIGHEST_PORT:
        raise PreflightFailed(f"PORT={raw} is not a port number (1 to {_HIGHEST_PORT}).")
    return int(raw)


def _flag(name: str) -> bool:
    word = os.environ.get(name, "").strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise PreflightFailed(f"{name}={word} is neither yes nor no; say {name}=1 or leave it out.")


def _writable_folder(raw: str) -> Path:
    folder = Path(raw).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
    except OSError as error:
        reason = error.strerror or str(error)
        raise PreflightFailed(f"DATA_DIR {folder} cannot be written: {reason}.") from None
    return folder


def photo_path(raw: str) -> Path | None:
    """The file that PHOTO names, None where it names none; raises PreflightFailed."""
    if not raw:
        return None
    path = Path(raw).expanduser()
    if not path.is_file():
        raise PreflightFailed(f"PHOTO={raw} is not a file; give the path of a JPEG, PNG, WebP or HEIC photo.")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise PreflightFailed(f"PHOTO={raw} cannot be read: {error.strerror}.") from None
    if empty:
        raise PreflightFailed(f"PHOTO={raw} is an empty file.")
    return path.absolute()


def check_port_is_free(port: int) -> None:
    """Raises PreflightFailed when something listens on the port already, or we may not."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except PermissionError:
            raise PreflightFailed(
                f"Port {port} needs more rights than you have; choose one above 1023."
            ) from None
        except OSError:
            other = port + 1 if port < _HIGHEST_PORT else 8000
            raise PreflightFailed(
                f"Port {port} is in use by another program; choose another, as in: make run PORT={other}"
            ) from None


def lock_data_dir(data_dir: Path) -> IO[str]:
    """Hold the data directory for this process alone until the returned file is closed."""
    lock = (data_dir / "run.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise PreflightFailed(
            f"Another `make run` is using {data_dir}; stop it or choose another DATA_DIR."
        ) from None
    return lock
