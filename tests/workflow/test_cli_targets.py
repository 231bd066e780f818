"""What of a file is run, and how the file is loaded."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.workflow.support import call, program

TASKS = """
@cs.task
def load(n: int = 2) -> list[int]:
    return list(range(n))

@cs.task
def size(items: list[int]) -> int:
    return len(items)
"""


def output(*arguments: str) -> str:
    done = call("run", "--quiet", *arguments)
    assert done.exit_code == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("definition", "printed"),
    [
        pytest.param("size(load())", "2", id="lazy result"),
        pytest.param("size.map([[1], [1, 2]])", "[1, 2]", id="map"),
        pytest.param("cs.Router(size(load()), {2: load(1), 3: load(3)})", "[0]", id="router"),
        pytest.param("{'a': size(load()), 'b': (size([]), 7)}", "{'a': 2, 'b': (0, 7)}", id="container"),
        pytest.param("load()[1]", "1", id="item"),
        pytest.param("load", "[0, 1]", id="task"),
        pytest.param("load.with_retry(2)", "[0, 1]", id="variant of a task"),
        pytest.param("lambda: size(load())", "2", id="function that returns a lazy result"),
        pytest.param("lambda: [size(load())]", "[2]", id="function that returns a container"),
        pytest.param("lambda: load", "[0, 1]", id="function that returns a task"),
        pytest.param("__import__('functools').partial(load, 1)", "[0]", id="partial"),
    ],
)
def test_a_target_may_be_many_things(tmp_path: Path, definition: str, printed: str) -> None:
    file = program(tmp_path, f"{TASKS}\nmain = {definition}")
    assert output(file) == printed
    assert output(f"{file}:main") == printed


def test_a_task_takes_its_params_from_its_defaults(tmp_path: Path) -> None:
    file = program(
        tmp_path,
        """
        @cs.task
        def main(n: int = cs.Param("n", default=3)) -> int:
            return n + 1
        """,
    )
    assert output(file) == "4"
    assert output(file, "--param", "n=9") == "10"
    assert output(file, "-p", "n=1", "-p", "n=2") == "3", "the last one counts"


def test_main_comes_before_everything_else(tmp_path: Path) -> None:
    assert output(program(tmp_path, f"{TASKS}\nother = load()\nmain = size(load())\nanother = load()")) == "2"


def test_without_main_the_only_thing_that_nothing_else_uses_is_run(tmp_path: Path) -> None:
    """words is an argument of count, load is called by words; _hidden and the import are nobody's business."""
    source = f"import functools\n{TASKS}\nwords = load()\ncount = size(words)\nsame = count\n_hidden = load()"
    assert output(program(tmp_path, source)) == "2"


def test_if_it_is_not_clear_what_is_meant_the_candidates_are_listed(tmp_path: Path) -> None:
    done = call("run", program(tmp_path, f"{TASKS}\nfirst = load(1)\nsecond = load(2)"))
    assert done.exit_code == 2
    assert "several things that can be run: first, second" in done.stderr
    assert "for example flow.py:first" in done.stderr


def test_a_candidate_that_cannot_be_built_is_still_one(tmp_path: Path) -> None:
    done = call("run", program(tmp_path, f"{TASKS}\nwrong = size(1, 2, 3)"))
    assert done.exit_code == 2
    assert "several things that can be run: load, wrong" in done.stderr


def test_a_name_may_have_dots(tmp_path: Path) -> None:
    source = f"{TASKS}\nclass Flows:\n    small = size(load())"
    assert output(f"{program(tmp_path, source)}:Flows.small") == "2"


def test_a_file_with_a_colon_in_its_name_can_be_run(tmp_path: Path) -> None:
    assert output(program(tmp_path, f"{TASKS}\nmain = size(load())", "odd:name")) == "2"


def test_the_folder_of_the_file_can_be_imported_from_and_argv_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_flow.py").write_text("WORD = 'imported'")
    before = list(sys.path), list(sys.argv)
    file = program(
        tmp_path,
        """
        import sys
        from neighbour_of_flow import WORD
        @cs.task
        def main() -> list[str]:
            return [WORD, *sys.argv]
        """,
    )
    assert output(file) == repr(["imported", str(Path(file).resolve())])
    assert (sys.path, sys.argv) == before
    assert "flow" not in sys.modules


def test_a_file_named_like_a_module_of_python_does_not_take_its_place(tmp_path: Path) -> None:
    file = program(
        tmp_path,
        """
        @cs.task
        def main() -> str:
            return __name__
        """,
        "statistics.py",
    )
    assert output(file) == "program_statistics"


def test_what_is_meant_for_python_file_does_not_run(tmp_path: Path) -> None:
    source = f"{TASKS}\nmain = load()\nif __name__ == '__main__':\n    raise SystemExit('must not run')"
    assert output(program(tmp_path, source)) == "[0, 1]"


def test_the_engine_of_the_file_is_used(tmp_path: Path) -> None:
    source = """
        engine = cs.Engine(system_resources={"gpu": 1})
        @cs.task
        def train() -> str:
            return "trained"
        main = train.with_constraints(gpu=1)()
        """
    assert output(program(tmp_path, source)) == "trained"
    done = call("run", program(tmp_path, source.replace("engine =", "other =")))
    assert done.exit_code == 2
    assert "call it 'engine'" in done.stderr


def test_the_parts_of_the_engine_are_chosen_by_urls(tmp_path: Path) -> None:
    source = """
        class Solver:
            def resolve(self, graph):
                print("own solver")
                return [[node] for node in graph.nodes]

        @cs.task
        def main() -> int:
            return 1
    """
    file = program(tmp_path, source)
    done = call("run", file, "--executor", "local://?threads=2", "--solver", "flow:Solver")
    assert (done.exit_code, done.stdout) == (0, "own solver\n1\n")
