"""Drawings of graphs as Mermaid and DOT."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cascade import workflow as cs
from cascade.graph.build import build_graph
from cascade.graph.render import render_dot, render_mermaid
from cascade.graph.serialize import graph_to_dict
from cascade.graph.static_analysis import possible_flows

Render = Callable[[Any], str]


@cs.task
def load() -> list[int]:
    return [1, 2]


@cs.task
def choose(items: list[int]) -> str:
    return "left"


@cs.task
def use(items: Any, *more: Any, extra: Any = None) -> Any:
    return items


@dataclass
class Pair:
    first: Any
    second: Any


class Side(Enum):
    LEFT = 1


def mermaid(target: Any) -> str:
    graph, data, _ = build_graph(target)
    return render_mermaid(graph, data)


def dot(target: Any) -> str:
    graph, data, _ = build_graph(target)
    return render_dot(graph, data)


def named_arrows(drawing: str) -> set[tuple[str, str, str]]:
    """The arrows of a Mermaid drawing as (source, words, target), by the names of the nodes."""
    names = dict(re.findall(r'([nt]\d+)[\[({/]+"(.*?)"', drawing))
    found = re.findall(r'([nt]\d+) -\.?->(?:\|"(.*?)"\|)? ([nt]\d+)', drawing)
    return {(names[source], words, names[target]) for source, words, target in found}


@pytest.mark.parametrize("render", [mermaid, dot])
def test_every_node_is_drawn_once_and_every_reference_is_an_arrow(render: Render) -> None:
    """load -> use(items, extra); one node, two arrows to the same consumer."""
    source = load()
    drawing = render(use(source, extra=source))
    assert drawing.count("load") == 1
    assert len(re.findall(r"->", drawing.replace("-->", "->"))) == 2


def test_arrows_bear_the_names_of_parameters() -> None:
    assert named_arrows(mermaid(use(load(), load(), extra=choose([])))) == {
        ("load", "items", "use"),
        ("load", "1", "use"),
        ("choose", "extra", "use"),
    }


def test_a_router_has_a_diamond_and_its_arrows_bear_the_keys() -> None:
    source = load()
    routes = {"left": use.named("a")(1), Side.LEFT: use.named("b")(2), ("x", 3): use.named("c")(3)}
    drawing = mermaid(cs.Router(choose(source), routes, default=use.named("d")(4)))
    assert '{"router"}' in drawing
    assert named_arrows(drawing) == {
        ("load", "items", "choose"),
        ("choose", "selects", "router"),
        ("a", "left", "router"),
        ("b", "Side.LEFT", "router"),
        ("c", "('x', 3)", "router"),
        ("d", "default", "router"),
    }


def test_conditions_predecessors_and_amounts_are_arrows_of_their_own_kind() -> None:
    target = use(1).run_if(choose.named("condition")([]), otherwise=load()).after(use.named("before")(2))
    drawing = mermaid(target.with_constraints(gpu=use.named("amount")(3)))
    assert named_arrows(drawing) == {
        ("condition", "if", "use<br/>gpu"),
        ("load", "otherwise", "use<br/>gpu"),
        ("before", "after", "use<br/>gpu"),
        ("amount", "gpu", "use<br/>gpu"),
    }
    assert "-->" not in drawing, "none of these is a plain flow of data"


def test_containers_records_and_items_are_drawn_small_with_their_keys() -> None:
    source = load()
    drawing = mermaid(use({"k": Pair(source, 1), "i": source[0]}))
    assert named_arrows(drawing) == {
        ("load", "first", "Pair"),
        ("load", "", "[0]"),
        ("Pair", "k", "dict"),
        ("[0]", "i", "dict"),
        ("dict", "items", "use"),
    }
    assert drawing.count("))" + ":::small") == 3


def test_parameters_and_environment_variables_are_drawn_as_inputs() -> None:
    drawing = mermaid(use(cs.Param("shards", default=4), cs.Env("HOME", default="")))
    assert '[/"shards"/]' in drawing
    assert '[/"#36;HOME"/]' in drawing


def test_a_map_is_told_apart_from_a_call() -> None:
    assert '[["use (map)"]]' in mermaid(use.map([1, 2]))
    assert "peripheries=2" in dot(use.map([1, 2]))


def test_what_was_said_about_running_a_node_is_shown_in_it() -> None:
    assert '"use<br/>3 attempts, 2.5 s"' in mermaid(use.with_retry(3).with_timeout(2.5)(1))


def test_a_label_is_drawn_instead_of_the_name_if_the_data_are_there() -> None:
    graph, data, _ = build_graph(load.named("first")())
    assert '"first"' in render_mermaid(graph, data)
    assert '"load"' in render_mermaid(graph)


def test_without_the_data_a_router_has_arrows_without_keys() -> None:
    graph, _, _ = build_graph(cs.Router(choose([]), {"left": load(), "right": load()}))
    assert named_arrows(render_mermaid(graph)) == {("choose", "selects", "router"), ("load", "", "router")}


def test_a_chain_of_many_calls_is_drawn_without_recursion() -> None:
    target: Any = load()
    for _ in range(5_000):
        target = use(target)
    assert mermaid(target).count("-->") == 5_000


def test_a_key_without_words_of_its_own_is_drawn_by_its_type() -> None:
    assert "object at" not in mermaid(cs.Router(choose([]), {object(): load()}))


def test_a_long_name_is_shortened() -> None:
    drawing = mermaid(load.named("x" * 1_000)())
    assert "…" in drawing
    assert max(map(len, drawing.splitlines())) < 100


names = st.text(min_size=1, max_size=40).filter(str.isprintable)


@pytest.mark.slow
@given(names)
def test_any_name_can_be_read_back_from_mermaid(name: str) -> None:
    (written,) = re.findall(r'n0\["(.*)"\]', mermaid(load.named(name)()))
    assert re.sub(r"#(\d+);", lambda match: chr(int(match[1])), written) == name
    assert not re.search(r'["`<>{}|*:$]', written)


@pytest.mark.slow
@given(names)
def test_any_name_can_be_read_back_from_dot(name: str) -> None:
    (written,) = re.findall(r'n0 \[label="((?:[^"\\]|\\.)*)", shape', dot(load.named(name)()))
    assert html.unescape(re.sub(r"\\(.)", r"\1", written)) == name


@pytest.mark.parametrize("name", ["a\nb", "a\0b", "a\u202eb", "\ud800"])
def test_characters_without_a_shape_are_written_as_escapes(name: str) -> None:
    for drawing in (mermaid(load.named(name)()), dot(load.named(name)())):
        assert name not in drawing
        drawing.encode()


@pytest.mark.slow
def test_drawings_are_the_same_in_every_process() -> None:
    program = """
from cascade import workflow as cs
from cascade.graph.build import build_graph
from cascade.graph.render import render_dot, render_mermaid
@cs.task
def load(): ...
@cs.task
def use(*values, **options): ...
graph, data, _ = build_graph(use({load(), load()}, cs.Router(load(), {"a": load(), 1: load()}), x=load(), y=load()[0]))
print(render_mermaid(graph, data), render_dot(graph, data))
"""
    run = [sys.executable, "-c", program]
    drawings = {
        subprocess.run(run, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2")
    }
    assert len(drawings) == 1


@cs.task
def finish(n: int) -> int:
    return n


@cs.task
def even(n: int) -> int:
    return finish(n) if n == 0 else odd(n - 1)


@cs.task
def odd(n: int) -> int:
    return finish(n) if n == 0 else even(n - 1)


@cs.task
def loop(n: int) -> Any:
    return loop(n - 1) if n else []


def with_flows(target: Any) -> tuple[str, str, list[dict[str, Any]]]:
    graph, data, _ = build_graph(target)
    flows = possible_flows(graph)
    described = graph_to_dict(graph, flows).get("flows", [])
    return render_mermaid(graph, data, flows), render_dot(graph, data, flows), described


def test_what_a_task_may_go_on_with_is_a_dashed_arrow_to_the_node_or_the_task() -> None:
    """even -> use, with even ..> odd ..> even and both ..> finish; two loops, each ..> itself."""
    drawing, dot, described = with_flows(use(even(3), loop(1), loop(2)))
    assert named_arrows(drawing) == {
        ("even", "items", "use"),
        ("loop", "1", "use"),
        ("loop", "2", "use"),
        ("even", "next", "odd"),
        ("even", "next", "finish"),
        ("odd", "next", "even"),
        ("odd", "next", "finish"),
        ("loop", "next", "loop"),
    }
    assert "n1 -.-> " not in drawing
    assert 'n1 -.->|"next"| n1' in drawing
    assert 'n2 -.->|"next"| n2' in drawing
    assert drawing.count("]):::possible") == 2
    assert dot.count('label="next", style=dashed') == 6
    assert 'label="odd", shape=box, style="rounded,dashed"' in dot
    name = f"{__name__}:odd:"
    assert {"source": {"task": name}, "target": {"node": "even-0"}} in described
    assert {"source": {"node": "loop-1"}, "target": {"node": "loop-1"}} in described


def test_a_task_with_several_nodes_that_others_lead_to_stands_for_itself() -> None:
    """Which of the two calls of even it would be cannot be said."""
    drawing, _, _ = with_flows(use(even(1), even(2)))
    assert re.findall(r'(t\d)\(\["(\w+)"\]\)', drawing) == [("t0", "finish"), ("t1", "odd"), ("t2", "even")]
    assert 't1 -.->|"next"| t2' in drawing


def test_without_tail_calls_the_drawing_is_the_same_as_before() -> None:
    target = use(load(), extra=choose([]))
    assert with_flows(target) == (mermaid(target), dot(target), [])
