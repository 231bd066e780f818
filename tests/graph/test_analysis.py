"""What the source of tasks says about the calls that they may make."""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
import gc
import importlib
import importlib.util
import linecache
import math
import os
import py_compile
import re
import subprocess
import sys
import textwrap
import warnings
import weakref
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.graph.analysis import Position, possible_calls, warnings_of
from cascade.graph.analysis.callees import find_calls
from cascade.graph.analysis.expressions import Arguments, OutOfFuel, Trace
from cascade.graph.analysis.sources import LARGEST_SOURCE
from cascade.graph.analysis.statements import Body
from cascade.graph.analysis.values import known
from tests.graph.analysed_programs import HEAD, PROGRAMS

Load = Callable[..., ModuleType]
AnyTask = cs.Task[..., Any]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Import a program from a file."""

    def load(source: str, name: str = "analysed_program") -> ModuleType:
        file = tmp_path / f"{name}.py"
        file.write_text(source, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def tasks_of(module: ModuleType) -> list[AnyTask]:
    found = [*vars(module).values(), *getattr(module, "TASKS", ())]
    return list(dict.fromkeys(value.base for value in found if isinstance(value, cs.Task)))


def expected(source: str) -> Counter[tuple[int, str, bool]]:
    marks: Counter[tuple[int, str, bool]] = Counter()
    for number, line in enumerate(source.splitlines(), 1):
        for mark in re.findall(r"\S+", line.partition("#>")[2]):
            marks[number, mark.rstrip("!"), mark.endswith("!")] += 1
    return marks


def positions(position: Position) -> str:
    return "+".join(str(part.name).lower() for part in position)


@pytest.mark.parametrize("form", PROGRAMS)
def test_calls_are_found_where_the_program_says(form: str, load: Load) -> None:
    source = HEAD + textwrap.dedent(PROGRAMS[form])
    tasks = tasks_of(load(source))
    warned = {tuple(map(int, re.findall(r"\.py:(\d+):(\d+):", warning.message)[0])) for warning in warnings_of(tasks)}
    calls = {
        (call.line, call.column, call.task, call.position, (call.line, call.column + 1) in warned)
        for task in tasks
        for call in possible_calls(task)
    }
    found = Counter(
        (line, f"{task.name}:{positions(position)}", is_warned) for line, _, task, position, is_warned in calls
    )
    assert found == expected(source)


# --- The warning --------------------------------------------------------------------------------------------------


def test_a_warning_says_where_what_and_what_to_do(load: Load) -> None:
    module = load(HEAD + "@cs.task\ndef fib(n): return n if n < 2 else add(fib(n - 1), fib(n - 2))\n")
    first, second = warnings_of([module.fib])
    assert first.code == "CS-W001"
    assert first.task is module.fib
    assert re.match(
        r".*analysed_program\.py:11:40: task 'fib' calls itself as an argument of 'add', which is not in tail "
        r"position: this works, but .* memory grows with the depth; .* pass on as arguments",
        first.message,
    )
    assert ".py:11:52: " in second.message


def test_a_warning_about_a_longer_circle_names_the_task_that_leads_back(load: Load) -> None:
    module = load(
        HEAD + "@cs.task\ndef up(n): return add(down(n - 1))\n@cs.task\ndef down(n): return cs.Router(1, {1: up(n)})\n"
    )
    messages = {warning.task.name: warning.message for warning in warnings_of([module.up])}
    assert "calls 'down', which leads back to it, as an argument of 'add', which" in messages["up"]
    assert list(messages) == ["up"], "what a router chooses is the next step"


def test_what_is_called_by_what_is_asked_about_is_looked_at_too(load: Load) -> None:
    module = load(
        HEAD + "@cs.task\ndef deep(n): return add(deep(n)) if n else n\n@cs.task\ndef start(n): return deep.map([n])\n"
    )
    assert [warning.task for warning in warnings_of([module.start])] == [module.deep]
    assert list(warnings_of([module.add])) == []


# --- Cycles -------------------------------------------------------------------------------------------------------

CYCLES = """
@cs.task
def loop(n): return loop(n - 1) if n else 0
@cs.task
def even(n): return odd(n - 1) if n else loop(n)
@cs.task
def odd(n): return cs.Router(1, {1: even(n - 1)}) if n else third(n)
@cs.task
def third(n): return [even.with_retry(2)(n)]
@cs.task
def into(n): return even(n)
@cs.task
def fib(n): return add(fib(n - 1))
"""


def test_tasks_of_one_cycle_have_one_id_and_others_have_none(load: Load) -> None:
    module = load(HEAD + CYCLES)
    ids = {task.name: task._tco_cycle_id for task in tasks_of(module)}
    assert ids["even"] == ids["odd"] == ids["third"] is not None
    assert ids["loop"] not in (None, ids["even"])
    assert ids["add"] is ids["into"] is ids["fib"] is None, "none of them comes back to itself by a tail call"
    assert module.loop.with_retry(2)._tco_cycle_id == ids["loop"]


def test_it_does_not_matter_which_task_of_a_cycle_is_asked_first(load: Load) -> None:
    orders = (["third", "even", "into", "odd"], ["into", "odd", "even", "third"])
    ids = []
    for order in orders:
        module = load(HEAD + CYCLES)
        ids.append({name: getattr(module, name)._tco_cycle_id for name in order})
    assert ids[0] == ids[1]


def test_a_new_version_is_a_new_cycle(load: Load) -> None:
    before = load(HEAD + CYCLES).loop._tco_cycle_id
    after = load(HEAD + CYCLES.replace("@cs.task", "@cs.task(version=2)", 1)).loop._tco_cycle_id
    assert before != after


@pytest.mark.slow
def test_ids_and_warnings_are_the_same_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(HEAD + CYCLES, encoding="utf-8")
    script = (
        "import program; from cascade.graph.analysis import warnings_of\n"
        "tasks = [program.into, program.loop, program.fib]\n"
        "print([task._tco_cycle_id for task in (*tasks, program.odd)], [w.message for w in warnings_of(tasks)])"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(answers) == 1
    assert answers.pop().count(".py:") == 1, "the argument"


@pytest.mark.slow
def test_a_circle_of_many_tasks_is_found_without_recursion(load: Load) -> None:
    count = 1_500
    tasks = [f"@cs.task\ndef t{n}(x): return t{(n + 1) % count}(x)\n" for n in range(count)]
    module = load(HEAD + "".join(tasks))
    ids = {getattr(module, f"t{n}")._tco_cycle_id for n in range(count)}
    assert len(ids) == 1
    assert None not in ids


# --- When and for how long ------------------------------------------------------------------------------------------


def test_nothing_is_read_before_somebody_asks_and_nothing_twice(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = linecache.getlines

    def getlines(file: str, namespace: dict[str, Any] | None = None) -> list[str]:
        asked.append(file)
        return real(file, namespace)

    monkeypatch.setattr(linecache, "getlines", getlines)
    module = load(HEAD + CYCLES)
    assert cs.run(module.loop(3)) == 0
    assert asked == []
    assert module.loop._tco_cycle_id is not None
    assert asked == [module.__file__]
    assert module.loop._tco_cycle_id is not None
    assert len(list(warnings_of([module.loop]))) == 0
    assert asked == [module.__file__]


def test_tasks_made_at_run_time_are_freed() -> None:
    def make() -> weakref.ref[AnyTask]:
        @cs.task
        def loop(n: int) -> int:
            return loop(n - 1) if n else 0

        assert loop._tco_cycle_id is not None
        return weakref.ref(loop)

    reference = make()
    gc.collect()
    assert reference() is None


# --- Source that cannot be read -------------------------------------------------------------------------------------


def executed(source: str, file: str = "<string>") -> Any:
    namespace: dict[str, Any] = {"cs": cs, "__name__": "executed"}
    exec(compile(source, file, "exec"), namespace)
    return namespace["f"]


@pytest.mark.parametrize(
    "make",
    [
        lambda _: cs.task(len),
        lambda _: cs.task(math.sqrt),
        lambda _: cs.task(str.upper),
        lambda _: cs.task(int),
        lambda _: cs.task(functools.partial(max, 1)),
        lambda _: executed("@cs.task\ndef f(n): return f(n)"),
        lambda _: executed("@cs.task\ndef f(n): return f(n)", "no/such/file.py"),
        lambda _: executed("@cs.task\ndef f(n): return f(n)", __file__),
        lambda folder: executed("@cs.task\ndef f(n): return f(n)", str(folder)),
    ],
    ids=[
        "builtin",
        "C",
        "method of C",
        "class",
        "partial of C",
        "exec",
        "no file",
        "wrong file",
        "folder",
    ],
)
def test_source_that_cannot_be_read_is_no_error(make: Callable[[Path], AnyTask], tmp_path: Path) -> None:
    task = make(tmp_path)
    assert find_calls(task) == ()
    assert task._tco_cycle_id is None
    assert list(warnings_of([task])) == []


@pytest.mark.parametrize(
    "text",
    [
        "@cs.task\ndef f(n) return f(n)\n",
        "@cs.task\ndef f(n): return \0\n",
        "\ndef g(n): return 1\n",
        "@cs.task\ndef f(m): return 1\n",
        "",
        f"@cs.task\ndef f(n): return f(n){' ' * LARGEST_SOURCE}\n",
        "@cs.task\ndef f(n): return " + "(" * 5_000 + "f(n)" + ")" * 5_000,
        "@cs.task\ndef f(n): return " + "-" * 50_000 + "f(n)",
    ],
    ids=["syntax of the future", "no text", "other", "changed", "empty", "huge", "brackets", "signs"],
)
def test_source_that_cannot_be_parsed_or_was_changed_is_no_error(text: str, tmp_path: Path) -> None:
    file = tmp_path / "changed.py"
    task = executed("@cs.task\ndef f(n): return f(n)\n", str(file))
    file.write_text(text, encoding="utf-8")
    assert find_calls(task) == ()


def test_only_byte_code(tmp_path: Path) -> None:
    file = tmp_path / "compiled_only.py"
    file.write_text(HEAD + CYCLES, encoding="utf-8")
    py_compile.compile(str(file), str(tmp_path / "compiled_only.pyc"), doraise=True)
    file.unlink()
    script = "import compiled_only; print(compiled_only.loop._tco_cycle_id)"
    run = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout == "None\n"


def test_source_in_an_archive_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "program.zip", "w") as archive:
        archive.writestr("archived.py", HEAD + CYCLES)
    script = "import sys; sys.path.insert(0, 'program.zip'); import archived; print(archived.loop._tco_cycle_id)"
    run = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"[0-9a-f]{32}\n", run.stdout)


@pytest.mark.parametrize(
    "body",
    [
        "x = [x]\n" * 3_000 + "return loop(n)",
        "\n".join(f"x{n} = [loop(n), x{n - 1}] if n else x{n - 1}" for n in range(1, 3_000)) + "\nreturn x2999",
        "return " + " + ".join(["n"] * 900) + " + loop(n)",
        "return " + ".named('x')".join(["loop(n)", *[""] * 500]),
        "".join(f"{' ' * n}for a{n} in [loop(n), n]:\n" for n in range(15)) + " " * 15 + "n = [n]\nreturn n",
        "".join(f"{'el' if n else ''}if n == {n}: return loop({n})\n" for n in range(600)),
    ],
    ids=["deep container", "many variables", "long sum", "long chain", "nested loops", "many branches"],
)
def test_entangled_source_takes_limited_effort(body: str, load: Load) -> None:
    module = load(HEAD + f"@cs.task\ndef loop(n, x=0, x0=0):\n{textwrap.indent(body, '    ')}\n")
    find_calls(module.loop)  # that it comes back is the test


def test_objects_of_the_program_are_looked_at_without_running_their_code(load: Load) -> None:
    module = load(
        HEAD
        + """
class Trap:
    def __getattribute__(self, name): raise SystemExit(name)
    def __eq__(self, other): raise SystemExit
    __hash__ = None
    def __len__(self): raise SystemExit
class Property:
    @property
    def step(self): raise SystemExit
    def __getattr__(self, name): raise SystemExit
trap, stored = Trap(), Property()
@cs.task
def loop(n):
    if n == 1: return trap.step(n)
    if n == 2: return stored.step(n) or stored.other(n)
    if n == 3: return trap[n](n) or trap(n) or [trap, *trap] or {trap: trap}
    return loop(n - 1)
"""
    )
    assert [call.task for call in find_calls(module.loop)] == [module.loop]


STANDARD_LIBRARY = Path(os.__file__).parent


LIBRARIES = """
    argparse ast asyncio.base_events asyncio.tasks configparser dataclasses difflib email.message enum functools
    inspect json.decoder logging mailbox optparse pickle shutil statistics tarfile typing unittest.mock zipfile
"""


def functions_of(module: ModuleType) -> Iterator[FunctionType]:
    for value in list(vars(module).values()):
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            yield value
        elif isinstance(value, type) and value.__module__ == module.__name__:
            yield from (member for member in vars(value).values() if isinstance(member, FunctionType))


@pytest.mark.slow
def test_every_function_of_loaded_libraries_can_be_analysed() -> None:
    count = 0
    for name in LIBRARIES.split():
        for function in functions_of(importlib.import_module(name)):
            try:
                task = cs.task(function)
            except cs.TaskDefinitionError:  # a generator
                continue
            find_calls(task)
            count += 1
    assert count > 500


@pytest.mark.slow
def test_every_file_of_the_standard_library_can_be_followed_as_a_function() -> None:
    """Also what no function of a module is made of: the files themselves, as if each were the body of a task."""
    files = sorted(STANDARD_LIBRARY.glob("*.py"))[::2]
    count = 0
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        arguments = ast.parse("def f(): pass").body[0].args  # type: ignore[attr-defined]
        node = ast.FunctionDef("f", arguments, tree.body, [], lineno=1, col_offset=0)
        with contextlib.suppress(OutOfFuel):
            Body(node, lambda name: known(vars(builtins).get(name)), str(file), Trace("")).run(Arguments())
        count += 1
    assert count > 50
