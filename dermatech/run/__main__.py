"""`make run`: everything this machine needs, one guided consultation, then serve.

Exit status: 0 after a good ONCE=1 or when asked to stop; 1 when a part did not come up or the
consultation failed; 2 when something outside must be put right first (one line says what).
"""

import os
import sys
import time
from pathlib import Path

from dermatech.run import preflight, programs
from dermatech.run.client import Client, RequestFailed
from dermatech.run.preflight import ROOT, Options, PreflightFailed
from dermatech.run.supervisor import Supervisor
from dermatech.run.terminal import Terminal, terminal

_READY_SECONDS = 60.0
_TAIL_LINES = 15
_OK = 200


class StartFailed(Exception):
    """A part did not come up; `log` says more."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


def _settings() -> tuple[bool, Path]:
    """Whether Redis is ours to start, and its socket; a bad setting is one line."""
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        return settings.REDIS_IS_EMBEDDED, settings.REDIS_SOCKET
    except ImproperlyConfigured as error:
        raise PreflightFailed(str(error)) from None


def _start_redis(supervisor: Supervisor, place: programs.Place) -> str:
    """Start the private Redis unless another was given; what is used, in words."""
    embedded, socket = _settings()
    if not embedded:
        return "the Redis of REDIS_URL"
    binary = programs.redis_server()
    if binary is None:
        raise PreflightFailed("No redis-server comes with this installation; give one with REDIS_URL.")
    program = programs.redis(place, binary=binary, socket=socket)
    socket.unlink(missing_ok=True)
    supervisor.start(program)
    deadline = time.monotonic() + 10
    while not socket.exists() and not supervisor.asked_to_stop():
        if time.monotonic() > deadline:
            raise StartFailed("Redis did not come up.", program.log)
        supervisor.wait(0.1)
    return "a private Redis on a unix socket, written to disk every second"


def _await_ready(supervisor: Supervisor, place: programs.Place) -> None:
    """Until readiness is 200; raises StartFailed with the parts that are not."""
    client = Client(preflight.HOST, place.port)
    deadline = time.monotonic() + _READY_SECONDS
    missing = "web does not answer"
    while not supervisor.asked_to_stop():
        supervisor.wait(0.4)
        try:
            answer = client.ask("GET", "/health/ready")
            if answer.status == _OK:
                return
            checks = answer.json()["checks"]
            missing = "; ".join(f"{k}: {v['detail']}" for k, v in checks.items() if v["state"] == "down")
        except (RequestFailed, ValueError, KeyError, TypeError):
            pass  # it is still starting; `missing` keeps the last thing known
        if time.monotonic() > deadline:
            log = place.log("worker" if missing.startswith("worker") else "web")
            raise StartFailed(f"Not ready after {_READY_SECONDS:.0f} s: {missing}.", log)


def _run(told: Terminal, options: Options, supervisor: Supervisor) -> int:
    place = programs.Place(options.data_dir, options.port)
    told.item(f"broker: {_start_redis(supervisor, place)}", mark="✓")
    status = supervisor.job(programs.step(place, "prepare"))
    if supervisor.asked_to_stop():
        return 0
    if status != 0:
        raise StartFailed("The database could not be prepared.")
    for program in (programs.web(place), programs.worker(place), programs.sealer(place)):
        supervisor.start(program)
    _await_ready(supervisor, place)
    if supervisor.asked_to_stop():
        return 0
    told.item(f"web, worker and sealer: running, on http://{preflight.HOST}:{options.port}", mark="✓")
    arguments = (str(options.photo),) if options.photo else ()
    status = supervisor.job(programs.step(place, "walk", *arguments))
    if supervisor.asked_to_stop():
        return 0
    if options.once:
        return 0 if status == 0 else 1
    told.line()
    told.line(f"Serving on http://{preflight.HOST}:{options.port} until you press Ctrl-C.", "bold")
    while not supervisor.asked_to_stop():
        supervisor.wait(60)
    return 0


def _tail(log: Path | None) -> str:
    if log is None or not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    return "\n".join([f"The end of {log}:", *lines]) if lines else ""


def main() -> int:
    os.umask(0o077)  # what is kept here is for its owner alone: database, photos, logs
    told = terminal()
    try:
        options = preflight.read_options()
        os.environ["DATA_DIR"], os.environ["PORT"] = str(options.data_dir), str(options.port)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermatech.settings")
        lock = preflight.lock_data_dir(options.data_dir)
        preflight.check_port_is_free(options.port)
    except PreflightFailed as problem:
        print(problem, file=sys.stderr)
        return 2
    told.title("DermaTech Ghana")
    supervisor = Supervisor(directory=ROOT, tell=lambda text: told.line(text, "yellow"))
    supervisor.listen()
    try:
        return _run(told, options, supervisor)
    except PreflightFailed as problem:
        print(problem, file=sys.stderr)
        return 2
    except StartFailed as problem:
        print(problem, file=sys.stderr)
        print(_tail(problem.log), file=sys.stderr)
        return 1
    finally:
        if not options.once:
            told.line("Stopping.", "dim")
        supervisor.stop()
        lock.close()


if __name__ == "__main__":
    sys.exit(main())
