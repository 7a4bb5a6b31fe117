"""A supervisor in a process of its own, for the tests to watch: `python -m tests.run.supervised DIR`.

DIR/programs.json names what to start: [{"name", "command", "stop_rank"?, "stop_seconds"?}]. It writes
DIR/pids.json whenever that changes and stops when asked to.
"""

import json
import sys
import time
from pathlib import Path

from dermatech.run.supervisor import Program, Supervisor


def main(folder: Path) -> None:
    told = (folder / "told.txt").open("a", buffering=1)

    def tell(text: str) -> None:
        told.write(f"{time.monotonic():.2f} {text}\n")

    supervisor = Supervisor(directory=folder, tell=tell)
    supervisor.listen()
    programs = [
        Program(**{**row, "command": tuple(row["command"]), "log": folder / f"{row['name']}.log"})
        for row in json.loads((folder / "programs.json").read_text())
    ]
    try:
        for program in programs:
            supervisor.start(program)
        known: dict[str, int | None] = {}
        while not supervisor.asked_to_stop():
            running = {program.name: supervisor.process_id(program.name) for program in programs}
            if running != known:
                known = running
                draft = folder / "pids.draft"
                draft.write_text(json.dumps(running))
                draft.rename(folder / "pids.json")
            supervisor.wait(0.2)
    finally:
        supervisor.stop()
    (folder / "stopped").touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
