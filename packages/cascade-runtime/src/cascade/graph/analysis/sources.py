"""From a function to the syntax tree of its source.

The whole file is parsed once and its functions are found by line and name, because the text of one function alone
cannot always be parsed: a lambda in the middle of a call, a method between strings that are not indented. Source that
is not there, cannot be parsed, is not what was compiled, or is larger than a person writes is no error: it has no tree.
"""

from __future__ import annotations

import ast
import linecache
import threading
import warnings
from collections import OrderedDict
from types import CodeType
from typing import Any, Final

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Index = dict[tuple[int, str], list[FunctionNode]]

LARGEST_SOURCE: Final = 1_000_000
"""Characters; a larger file was written by a program, and would take seconds to parse."""

_FILES: Final = 4  # syntax trees are large, and the tasks of a program mostly stand in a few files
_lock = threading.Lock()
_files: OrderedDict[str, tuple[str, _Index]] = OrderedDict()


def function_node(code: CodeType, namespace: dict[str, Any]) -> FunctionNode | None:
    """The syntax tree of a function.

    Args:
        code: The function's code.
        namespace: The globals of its module; a loader there may know the source of a file that is in an archive.

    Returns:
        The definition or the lambda, or ``None`` if its source cannot be read.
    """
    candidates = _index(code.co_filename, namespace).get((code.co_firstlineno, code.co_name), [])
    if len(candidates) > 1:  # lambdas in one line
        candidates = [node for node in candidates if _holds(node, code)]
    if len(candidates) != 1:
        return None
    (node,) = candidates
    return node if _parameters(node) == code.co_varnames[: len(_parameters(node))] else None


def _index(file: str, namespace: dict[str, Any]) -> _Index:
    """The functions of a file by their first line and name."""
    try:
        linecache.checkcache(file)  # it may have been changed and loaded again
        text = "".join(linecache.getlines(file, namespace))
    except Exception:  # the loader's own code
        return {}
    if not text or len(text) > LARGEST_SOURCE:
        return {}
    with _lock:
        cached = _files.get(file)
        if cached is None or cached[0] != text:
            cached = _files[file] = (text, _functions(text))
        _files.move_to_end(file)
        if len(_files) > _FILES:
            _files.popitem(last=False)
        return cached[1]


def _functions(text: str) -> _Index:
    index: _Index = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about this source; they were given when it was compiled
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return index
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            index.setdefault((node.lineno, "<lambda>"), []).append(node)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            index.setdefault((first, node.name), []).append(node)
    return index


def _parameters(node: FunctionNode) -> tuple[str, ...]:
    """The names of the parameters in the order in which code objects list them."""
    args = node.args
    named = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    return tuple(argument.arg for argument in named)


def _holds(node: FunctionNode, code: CodeType) -> bool:
    """Whether all instructions were compiled from within the body of a lambda."""
    if not isinstance(node, ast.Lambda):
        return False
    first = (node.body.lineno, node.body.col_offset)
    last = (node.body.end_lineno or 0, node.body.end_col_offset or 0)
    spans = [
        ((line, column), (end_line, end_column))
        for line, end_line, column, end_column in code.co_positions()
        if line is not None and column is not None and end_line is not None and end_column is not None
    ]
    spans = [span for span in spans if span[0] != span[1]]  # the entry of the function stands nowhere
    return bool(spans) and all(first <= begin and end <= last for begin, end in spans)


__all__ = ["LARGEST_SOURCE", "FunctionNode", "function_node"]
