"""Imports point one way, in one line, without circles, at the top of the module.

    interfaces <- runtime <- engine <- workflow          testing -> interfaces          plug-ins -> interfaces

The sources are parsed, never imported: a check cannot be fooled by what happens to be installed. An import that only a
type checker runs (``if TYPE_CHECKING``) counts like any other for the direction; it closes no circle, because two types
of one distribution may name each other (a task and its lazy results). Each rule is tried on planted violations, too.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Container, Iterator, Mapping, Set
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What each distribution may import of Cascade, itself included. What is not listed is a plug-in.
MAY_IMPORT = {
    "cascade-interfaces": {"cascade-interfaces"},
    "cascade-runtime": {"cascade-interfaces", "cascade-runtime"},
    "cascade-engine": {"cascade-interfaces", "cascade-runtime", "cascade-engine"},
    "cascade-workflow": {"cascade-interfaces", "cascade-runtime", "cascade-engine", "cascade-workflow"},
    "cascade-testing": {"cascade-interfaces", "cascade-testing"},
}

# What each distribution may import of others. A plug-in may import its driver, so it is not listed.
THIRD_PARTY: Mapping[str, set[str]] = {
    "cascade-interfaces": set(),
    "cascade-runtime": set(),
    "cascade-engine": set(),
    "cascade-workflow": {"click", "rich"},
    "cascade-testing": {"hypothesis", "pytest"},
}

# The command line and the console progress, with the libraries behind them, are loaded when somebody uses them and not
# before. Pairs of the module that imports and the module that it imports inside a function.
LAZY_IMPORTS: Set[tuple[str, str]] = {
    # multiprocessing would be a tenth of the time that importing Cascade takes.
    ("cascade.adapters.executors.local", "cascade.adapters.executors.processes"),
    ("cascade.workflow.cli.entry", "cascade.workflow.cli.command"),
    # So would the static analysis be.
    ("cascade.graph.static_analysis", "cascade.graph.analysis"),
    # And a third of it would be what only kept runs need.
    ("cascade.runtime.engine", "cascade.runtime.durability.keeper"),
}

# The facade imports these when one of their names is first used, by `__getattr__`, and so not what is behind them.
IMPORTED_BY_NAME = (
    "cascade.adapters.caches",
    "cascade.adapters.serializers",
    "cascade.adapters.state",
    "cascade.runtime.durability.durable",
    "cascade.workflow.streaming",
    "json",
    "pathlib",
    "sqlite3",
)


class Import(NamedTuple):
    target: str
    line: int
    in_function: bool
    for_types_only: bool


@dataclass(frozen=True)
class Module:
    name: str
    distribution: str
    file: Path
    imports: tuple[Import, ...]


class Sources:
    """All modules below ``packages/*/src`` of a folder, by name."""

    def __init__(self, root: Path) -> None:
        files: dict[str, tuple[str, Path]] = {}
        for source in sorted(root.glob("packages/*/src")):
            for file in sorted(source.rglob("*.py")):
                parts = file.relative_to(source).with_suffix("").parts
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                files[name] = (source.parent.name, file)
        self.modules: dict[str, Module] = {}
        for name, (distribution, file) in files.items():
            tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            imports = tuple(find_imports(tree, package, known=files.keys()))
            self.modules[name] = Module(name, distribution, file, imports)


def find_imports(
    tree: ast.AST, package: str, known: Container[str], in_function: bool = False, for_types_only: bool = False
) -> Iterator[Import]:
    """Yields every import below ``tree``, relative ones made absolute.

    ``from cascade.graph import build`` is an import of ``cascade.graph.build`` if there is such a module, else of
    ``cascade.graph``, whose ``build`` it then is.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, in_function, for_types_only)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                ancestors = package.split(".")
                base = ".".join([*ancestors[: len(ancestors) - node.level + 1], *([base] if base else [])])
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                yield Import(submodule if submodule in known else base, node.lineno, in_function, for_types_only)
        elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from find_imports(ast.Module(node.body, []), package, known, in_function, for_types_only=True)
            yield from find_imports(ast.Module(node.orelse, []), package, known, in_function, for_types_only)
        else:
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from find_imports(node, package, known, in_function or is_function, for_types_only)


def is_cascade(target: str) -> bool:
    return target == "cascade" or target.startswith("cascade.")


def wrong_directions(sources: Sources) -> list[str]:
    faults = []
    for module in sources.modules.values():
        allowed = MAY_IMPORT.get(module.distribution, {"cascade-interfaces", module.distribution})
        for target, line, *_ in module.imports:
            if not is_cascade(target):
                continue
            if target not in sources.modules:
                faults.append(f"{module.name}:{line} imports {target}, which is no module")
            elif (owner := sources.modules[target].distribution) not in allowed:
                faults.append(f"{module.name}:{line} ({module.distribution}) imports {target} ({owner})")
    return faults


def foreign_imports(sources: Sources) -> list[str]:
    faults = []
    for module in sources.modules.values():
        if module.distribution not in THIRD_PARTY:
            continue
        allowed = {"cascade", *sys.stdlib_module_names, *THIRD_PARTY[module.distribution]}
        for target, line, *_ in module.imports:
            if target.partition(".")[0] not in allowed:
                faults.append(f"{module.name}:{line} ({module.distribution}) imports {target}")
    return faults


def imports_inside_functions(sources: Sources) -> list[str]:
    return [
        f"{module.name}:{line} imports {target} inside a function"
        for module in sources.modules.values()
        for target, line, in_function, _ in module.imports
        if in_function and is_cascade(target) and (module.name, target) not in LAZY_IMPORTS
    ]


def circle(sources: Sources) -> list[str]:
    """Returns the modules of a circle of imports, or nothing. An import inside a function closes a circle, too."""
    graph = {
        module.name: {
            target
            for target, _, in_function, for_types_only in module.imports
            if target in sources.modules
            and not for_types_only
            and not (in_function and (module.name, target) in LAZY_IMPORTS)
        }
        for module in sources.modules.values()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]  # graphlib lists what is imported first
    return []


RULES = {
    "direction": wrong_directions,
    "third party": foreign_imports,
    "inside functions": imports_inside_functions,
    "circle": circle,
}


@pytest.fixture(scope="module")
def sources() -> Sources:
    found = Sources(ROOT)
    assert set(MAY_IMPORT) <= {module.distribution for module in found.modules.values()}, "sources are missing"
    return found


def test_imports_point_from_the_outer_to_the_inner_distribution(sources: Sources) -> None:
    assert wrong_directions(sources) == []


def test_core_packages_import_the_standard_library_only(sources: Sources) -> None:
    assert foreign_imports(sources) == []


def test_modules_do_not_import_each_other_in_a_circle(sources: Sources) -> None:
    assert circle(sources) == []


def test_no_import_hides_inside_a_function(sources: Sources) -> None:
    assert imports_inside_functions(sources) == []


def test_the_listed_lazy_imports_are_in_use(sources: Sources) -> None:
    in_use = {
        (module.name, target)
        for module in sources.modules.values()
        for target, _, in_function, _ in module.imports
        if in_function
    }
    assert in_use >= LAZY_IMPORTS


@pytest.mark.slow
def test_importing_the_facade_imports_no_third_party_module() -> None:
    program = (
        "import sys; before = set(sys.modules); import cascade.workflow; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(answer.stdout.split()) - {"cascade", *sys.stdlib_module_names} == set()


@pytest.mark.slow
def test_a_run_that_is_not_kept_imports_nothing_of_what_keeps_runs_and_values() -> None:
    program = (
        "import sys; from cascade import workflow as cs; "
        "assert cs.run(cs.task(len)([1])) == 1; "
        f"print(*[name for name in sys.modules if name.startswith({IMPORTED_BY_NAME!r})])"
    )
    answer = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, check=False, env=_environment()
    )
    assert (answer.returncode, answer.stdout.split()) == (0, []), answer.stderr


@pytest.mark.slow
def test_every_name_of_the_facade_is_there_whenever_it_is_imported() -> None:
    program = (
        "from cascade import workflow as cs; names = set(dir(cs)); "
        "assert names >= set(cs.__all__), set(cs.__all__) - names; "
        "assert cs.__all__ == sorted(cs.__all__); "
        "found = {name: getattr(cs, name) for name in cs.__all__}; "
        "from cascade.workflow import *; "
        "assert all(globals()[name] is one for name, one in found.items()); "
        "cs.no_such_name"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "AttributeError: module 'cascade.workflow' has no attribute 'no_such_name'" in answer.stderr


def _environment() -> dict[str, str]:
    """For a Python without the start-up code of whatever else is installed, which may import anything."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(str(source) for source in sorted(ROOT.glob("packages/*/src")))}


PLANTED: list[tuple[str, dict[str, dict[str, str]]]] = [
    ("direction", {"cascade-interfaces": {"cascade.spec.a": "import cascade.runtime.b"}}),
    ("direction", {"cascade-interfaces": {"cascade.spec.a": "from cascade.runtime import b"}}),
    ("direction", {"cascade-interfaces": {"cascade.spec.a": "class A:\n    from cascade.runtime.b import c"}}),
    ("direction", {"cascade-interfaces": {"cascade.spec.a": "if TYPE_CHECKING:\n    from ..runtime import b"}}),
    ("direction", {"cascade-testing": {"cascade.testing.a": "import cascade.runtime.b"}}),
    ("direction", {"cascade-redis": {"cascade.adapters.redis": "import cascade.runtime.b"}}),
    ("direction", {"cascade-workflow": {"cascade.workflow.a": "import cascade.no_such_module"}}),
    ("third party", {"cascade-engine": {"cascade.runtime.engine": "import numpy.linalg"}}),
    ("third party", {"cascade-workflow": {"cascade.workflow.a": "import click, hypothesis"}}),
    ("inside functions", {"cascade-engine": {"cascade.runtime.a": "async def f():\n    import cascade.runtime.b"}}),
    ("circle", {"cascade-engine": {"cascade.runtime.c": "if TYPE_CHECKING:\n    pass\nelse:\n    from . import c"}}),
    ("circle", {"cascade-runtime": {"cascade.runtime.c": "from . import d", "cascade.runtime.d": "from . import c"}}),
]


def plant(root: Path, modules: Mapping[str, Mapping[str, str]]) -> Sources:
    for distribution, texts in modules.items():
        for name, text in texts.items():
            file = root.joinpath("packages", distribution, "src", *name.split(".")).with_suffix(".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return Sources(root)


@pytest.mark.parametrize(("rule", "violation"), PLANTED)
def test_a_planted_violation_is_found(rule: str, violation: dict[str, dict[str, str]], tmp_path: Path) -> None:
    plant(tmp_path, {"cascade-runtime": {"cascade.runtime.b": "import os"}})
    planted = plant(tmp_path, violation)
    assert {name for name, check in RULES.items() if check(planted)} == {rule}


def test_imports_that_follow_the_rules_are_not_reported(tmp_path: Path) -> None:
    planted = plant(
        tmp_path,
        {
            "cascade-interfaces": {"cascade.graph.model": "class Graph:\n    import os"},
            "cascade-runtime": {
                "cascade.graph.build": "from .model import Graph\nfrom . import names",
                "cascade.graph.names": "def f():\n    import json\nfrom cascade.graph.model import Graph",
            },
            "cascade-engine": {
                "cascade.runtime.a": "from cascade.runtime import b",
                "cascade.runtime.b": "if TYPE_CHECKING:\n    from cascade.runtime.a import A",
            },
            "cascade-redis": {"cascade.adapters.state.redis": "import redis\nfrom cascade.graph import model"},
        },
    )
    assert {name: check(planted) for name, check in RULES.items()} == {name: [] for name in RULES}
