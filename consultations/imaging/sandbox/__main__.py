"""`python -I .../sandbox PARENT_PID MEMORY`: the child, as a program.

Isolated mode keeps the environment, the working directory and the user's packages out of the import
path; this file puts itself in as a package, so that no part of the application is imported.
"""

import importlib.util
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def _package() -> str:
    name = "photo_sandbox"
    spec = importlib.util.spec_from_file_location(
        name, _HERE / "__init__.py", submodule_search_locations=[str(_HERE)]
    )
    if spec is None or spec.loader is None:
        raise SystemExit("the sandbox is not installed")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return name


if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != _HERE]
    importlib.import_module(f"{_package()}.child").main()
