"""`loaded`: a file of Python becomes a module, and stays one as long as it is used.

The file is treated as Python treats a script: its folder comes first on ``sys.path``, and ``sys.argv`` names it. Unlike
a script it is a module under its own name, so a block under ``if __name__ == "__main__"`` does not run, and a worker
process finds the tasks again by the name of their module.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

from cascade.workflow.cli.faults import bad_input
from cascade.workflow.cli.tracebacks import describe_error


@contextmanager
def loaded(file: Path) -> Iterator[ModuleType]:
    """Import a file.

    Args:
        file: A file of Python.

    Raises:
        Fault: There is no such file, it is no Python, or it raised something.
    """
    if not file.exists():
        raise bad_input(f"there is no file {str(file)!r}")
    if file.is_dir():
        raise bad_input(f"{str(file)!r} is a folder; name a file of Python in it")
    file = file.resolve()
    name = _module_name(file)
    loader = SourceFileLoader(name, str(file))
    spec = spec_from_loader(name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    before = sys.path[:], sys.argv, sys.modules.get(name)
    sys.path.insert(0, str(file.parent))
    sys.argv = [str(file)]
    sys.modules[name] = module
    try:
        _execute(loader, module, file)
        yield module
    finally:
        sys.path[:], sys.argv = before[:2]
        if before[2] is None:
            sys.modules.pop(name, None)


def _execute(loader: SourceFileLoader, module: ModuleType, file: Path) -> None:
    try:
        code = loader.get_code(module.__name__)
    except OSError as error:
        raise bad_input(f"{file.name} cannot be read: {error.strerror}", error) from None
    except (SyntaxError, ValueError) as error:  # ValueError: bytes that are no text at all
        raise bad_input(f"{file.name} is not Python:\n{describe_error(error)}", error) from None
    assert code is not None
    try:
        exec(code, module.__dict__)
    except SystemExit as error:
        raise bad_input(
            f"{file.name} ended the process (exit code {error.code!r}) while it was loaded; put what is only meant for "
            '`python FILE` under `if __name__ == "__main__":`',
            error,
        ) from None
    except Exception as error:
        raise bad_input(f"{file.name} could not be loaded:\n{describe_error(error)}", error) from None


def _module_name(file: Path) -> str:
    """The file's own name, unless another module has it: ``random.py`` must not take the place of ``random``."""
    name = file.stem.replace(".", "_")
    if name in sys.modules or name in sys.stdlib_module_names:
        return re.sub(r"\W", "_", f"program_{name}")
    return name


__all__ = ["loaded"]
