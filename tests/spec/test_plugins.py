"""Plug-ins: what a text leads to, and what is said when it leads nowhere."""

from __future__ import annotations

import subprocess
import sys
import typing
from pathlib import Path

import pytest

from cascade import workflow as cs
from cascade.adapters.caches.sqlite import SqliteCache
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.solvers.native import NativeSolver
from cascade.spec.plugin_url import PluginUrl
from cascade.spec.plugins import CACHES, EXECUTORS, SOLVERS, STATE_BACKENDS, PluginGroup
from cascade.spec.protocols import CachePolicy, Executor, Solver, StateStore
from tests.support.distributions import install

GROUPS: dict[PluginGroup[typing.Any], type] = {
    SOLVERS: Solver,
    EXECUTORS: Executor,
    CACHES: CachePolicy,
    STATE_BACKENDS: StateStore,
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which packages can be installed."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


@cs.task
def double(x: int) -> int:
    return 2 * x


# --- What comes with Cascade --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "text", "kind"),
    [
        (SOLVERS, "native://", "NativeSolver"),
        (SOLVERS, "native", "NativeSolver"),
        (SOLVERS, "NATIVE://", "NativeSolver"),
        (SOLVERS, "cascade.adapters.solvers.native:NativeSolver", "NativeSolver"),
        (EXECUTORS, "local://", "LocalExecutor"),
        (STATE_BACKENDS, "memory://", "InMemoryStateStore"),
        (STATE_BACKENDS, "sqlite:///runs.db?synchronous=full", "SqliteStateStore"),
        (CACHES, "memory://", "MemoryCache"),
        (CACHES, "sqlite:///results.db", "SqliteCache"),
        (CACHES, "file:///results/{key}.json", "FileTarget"),
    ],
)
def test_the_parts_of_cascade_are_plug_ins_like_any_other(group: PluginGroup[typing.Any], text: str, kind: str) -> None:
    made = group.make(text)
    assert type(made).__name__ == kind
    assert isinstance(made, GROUPS[group])


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.noun)
def test_the_members_that_are_asked_for_are_those_of_the_protocol(group: PluginGroup[typing.Any]) -> None:
    protocol = GROUPS[group]
    assert set(group.members) == {name for name in vars(protocol) if not name.startswith("_")}


def test_an_engine_takes_urls_for_its_parts() -> None:
    with cs.Engine(solver="native", executor="local://?threads=3") as engine:
        assert engine.executor.concurrency == 3
        assert isinstance(engine.solver, NativeSolver)
        assert cs.run(double(21), engine=engine) == 42


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"executor": 5}, "5 is no executor: it has no concurrency and no execute"),
        ({"solver": NativeSolver}, "NativeSolver'> is no solver: it is a class: make one of it"),
        ({"solver": LocalExecutor()}, "is no solver: it has no resolve"),
    ],
)
def test_an_engine_refuses_what_is_no_such_part(parts: dict[str, typing.Any], words: str) -> None:
    with pytest.raises(cs.PluginError, match=words):
        cs.Engine(**parts)


def test_the_options_of_a_url_reach_the_part(tmp_path: Path) -> None:
    cache = CACHES.make(f"sqlite:///{tmp_path}/results.db?ttl_s=60")
    assert cache == SqliteCache(tmp_path / "results.db", ttl_s=60)
    memory = CACHES.make("memory://?max_entries=7")
    assert isinstance(memory, cs.MemoryCache)
    assert memory.max_entries == 7


def test_the_same_url_of_a_cache_is_the_same_cache() -> None:
    calls: list[int] = []

    @cs.task
    def square(x: int) -> int:
        calls.append(x)
        return x * x

    url = "memory://?max_entries=12345"
    assert [cs.run(square.with_cache(url)(3)) for _ in range(3)] == [9, 9, 9]
    assert calls == [3]


def test_a_wrong_url_of_a_cache_is_refused_where_it_is_written() -> None:
    with pytest.raises(cs.PluginError, match=r"there is no option 'ttl'; it has max_entries, ttl_s"):
        double.with_cache("memory://?ttl=3")


def test_looking_for_plug_ins_costs_nothing_until_a_url_is_used() -> None:
    program = (
        "import sys; from cascade import workflow as cs; cs.Engine().close(); "
        "print('importlib.metadata' in sys.modules); cs.Engine(solver='native').close(); "
        "print('importlib.metadata' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "True"]


# --- Plug-ins of others -------------------------------------------------------------------------------------------

REVERSED = """
    class Reversed:
        def __init__(self, url=None):
            self.url = url
        def resolve(self, graph):
            return [[node] for node in graph.nodes]
    ready = Reversed()
"""


def test_a_plug_in_is_found_by_its_scheme_and_gets_the_url(site: Path) -> None:
    install(site, "acme-solvers", {"cascade.solvers": {"rev": "acme_solver_a:Reversed"}}, {"acme_solver_a": REVERSED})
    made: typing.Any = SOLVERS.make("rev://somewhere/else?depth=3")
    assert type(made).__name__ == "Reversed"
    assert (made.url.scheme, made.url.location, made.url.options(depth=int)) == ("rev", "somewhere/else", {"depth": 3})
    assert SOLVERS.schemes().items() >= {"native": ["cascade-engine"], "rev": ["acme-solvers"]}.items()


def test_a_class_or_an_object_of_a_module_needs_no_entry_point(site: Path) -> None:
    (site / "acme_solver_b.py").write_text("if True:" + REVERSED, encoding="utf-8")
    assert type(SOLVERS.make("acme_solver_b:Reversed")).__name__ == "Reversed"
    assert SOLVERS.make("acme_solver_b:ready") is SOLVERS.make("acme_solver_b:ready")
    assert cs.run(double(2), engine=cs.Engine(solver="acme_solver_b:ready")) == 4


@pytest.mark.slow
def test_a_module_that_is_imported_for_a_shared_part_may_ask_for_one_itself(site: Path) -> None:
    (site / "own_caches.py").write_text(
        "from cascade import workflow as cs\n"
        "from cascade.spec.plugins import CACHES\n"
        "inner = CACHES.shared('memory://?max_entries=7')\n"
        "class Own(cs.MemoryCache): pass\n"
    )
    program = "from cascade.spec.plugins import CACHES; print(type(CACHES.shared('own_caches:Own')).__name__)"
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=site, capture_output=True, text=True, timeout=60, check=True
    )
    assert answer.stdout == "Own\n"


def test_an_unknown_scheme_lists_the_known_ones_and_says_what_to_install() -> None:
    with pytest.raises(cs.PluginError) as caught:
        cs.Engine(executor="dask://ada:secret@host:8786")
    known = ", ".join(f"'{scheme}' ({owner})" for scheme, (owner,) in EXECUTORS.schemes().items())
    assert "'local' (cascade-engine)" in known
    assert str(caught.value) == (
        f"executor 'dask://ada:***@host:8786': no plug-in for the scheme 'dask' is installed; there are {known}. "
        "Install the distribution that declares an entry point 'dask' in the group "
        "'cascade.executors' (those of Cascade are named like cascade-dask), or name a class: 'package.module:Class'"
    )


@pytest.mark.parametrize("path", ["runs.db", "/var/lib/runs.db", "state/runs"])
def test_a_path_in_place_of_a_url_is_told_what_it_would_be_as_a_url(path: str) -> None:
    for group, noun in ((STATE_BACKENDS, "state store"), (CACHES, "cache")):
        with pytest.raises(cs.PluginError) as caught:
            group.make(path)
        assert str(caught.value) == (
            f"{noun} {path!r} is no URL and no scheme that is installed: name a file as in 'sqlite:///{path}', a class "
            "as in 'package.module:Class'"
        )
    with pytest.raises(cs.PluginError, match=r"installed: name a class as in 'package.module:Class'"):
        SOLVERS.make("acme_solver.Reversed")


def test_two_plug_ins_that_claim_one_scheme_are_both_named(site: Path) -> None:
    for name in ("acme-one", "acme-two"):
        install(site, name, {"cascade.solvers": {"rev": "acme_solver_c:Reversed"}})
    with pytest.raises(cs.PluginError, match="several plug-ins claim the scheme 'rev'") as caught:
        SOLVERS.make("rev")
    assert "acme_solver_c:Reversed of acme-one 1.0; acme_solver_c:Reversed of acme-two 1.0" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        (
            "acme_broken_a",
            "import no_such_driver",
            r"acme_broken_a:make of acme 1\.0 cannot be imported: ModuleNotFoundError: .*'no_such_driver'",
        ),
        ("acme_broken_b", "", r"acme_broken_b:make of acme 1\.0 cannot be imported: AttributeError: .*'make'"),
        ("acme_broken_c", "make = 7", r"acme_broken_c:make of acme 1\.0 is 7, which is no factory"),
        (
            "acme_broken_d",
            "def make(url): return object()",
            r"acme_broken_d:make of acme 1\.0 made a object, which is no solver: it has no resolve",
        ),
        (
            "acme_broken_e",
            "def make(url): raise OSError('no route to host')",
            r"'rev://' could not be made by acme_broken_e:make of acme 1\.0: no route to host",
        ),
    ],
)
def test_a_faulty_plug_in_is_named(site: Path, name: str, source: str, words: str) -> None:
    install(site, "acme", {"cascade.solvers": {"rev": f"{name}:make"}}, {name: source})
    with pytest.raises(cs.PluginError, match=words):
        SOLVERS.make("rev://")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no_such_module:Solver", r"'no_such_module:Solver' cannot be imported: ModuleNotFoundError"),
        ("cascade.adapters.solvers.native:Naïve", r"cannot be imported: AttributeError"),
        ("math:pi", r"is 3\.14.*, which is no solver and no class of one"),
        ("math:gcd", r"math:gcd made a int, which is no solver: it has no resolve"),
        ("", r"is no URL"),
        ("native://?depth=3", r"'native://\?depth=3': there is no option 'depth'; it has none"),
        ("native://here", r"nothing was expected between 'native://' and the options"),
    ],
)
def test_a_text_that_names_nothing_is_refused(text: str, words: str) -> None:
    with pytest.raises(cs.PluginError, match=words):
        SOLVERS.make(text)


# --- URLs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:///runs.db", "runs.db"),
        ("sqlite:////var/lib/runs.db?x=1", "/var/lib/runs.db"),
        ("sqlite:///a%3Fb%20c.db", "a?b c.db"),
    ],
)
def test_a_path_is_relative_after_three_slashes_and_absolute_after_four(text: str, path: str) -> None:
    assert PluginUrl(text).path() == path


def test_two_slashes_are_no_path_and_the_right_form_is_shown() -> None:
    with pytest.raises(cs.PluginError, match=r"did you mean 'sqlite:///runs\.db'"):
        PluginUrl("sqlite://runs.db").path()
    with pytest.raises(cs.PluginError, match="did you mean 'sqlite:///FILE'"):
        PluginUrl("sqlite://").path()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("n=x", r"the option n='x' is no int: invalid literal"),
        ("n=1&n=2", r"the option 'n' stands twice"),
        ("m=1", r"there is no option 'm'; it has n, on"),
        ("on=maybe", r"the option on='maybe' is no bool: yes or no was expected"),
    ],
)
def test_wrong_options_are_refused(query: str, words: str) -> None:
    with pytest.raises(cs.PluginError, match=words):
        PluginUrl(f"x://?{query}").options(n=int, on=bool)


def test_options_are_converted_and_those_not_given_are_left_out() -> None:
    url = PluginUrl("x://?on=no&name=a%26b&empty=")
    assert url.options(n=int, on=bool, name=str, empty=str) == {"on": False, "name": "a&b", "empty": ""}


def test_a_password_is_never_shown() -> None:
    url = PluginUrl("postgresql://ada:secret@host/runs?x=1")
    assert "secret" in url.text
    assert (str(url), repr(url)) == (
        "postgresql://ada:***@host/runs?x=1",
        "PluginUrl('postgresql://ada:***@host/runs?x=1')",
    )


def test_local_executors_of_a_url_are_apart() -> None:
    first, second = EXECUTORS.make("local://"), EXECUTORS.make("local://")
    assert isinstance(first, LocalExecutor)
    assert first is not second
