"""`Variant`: what the options of a call say, whether they are those of the task or of the call itself.

A guard has to know three things of a call with options: that it is a call of this task, that its policies are these,
and what decides whether and when it runs (and what it is called). The last is data, and looked at like any argument.
"""

from __future__ import annotations

from typing import Any

from cascade.graph.model import Node
from cascade.spec.lazy_types import KeywordLazyResult, LazyResult, ModifiedLazyResult
from cascade.spec.policies import NO_OPTIONS, NOTHING, CallOptions, Policies
from cascade.spec.task import Task


class Variant:
    """Reads the options of calls of a task, which may be those of the task or of the call itself.

    Args:
        node: What the call must be.
        policies: The policies that it must have.
    """

    __slots__ = (
        "_has_condition",
        "_has_label",
        "_has_otherwise",
        "_is_gated",
        "_known",
        "_policies",
        "_predecessors",
        "_task",
    )

    def __init__(self, node: Node, policies: Policies) -> None:
        options = node.options
        self._task = node.task
        self._policies = policies
        self._has_condition = options.condition is not None
        self._has_otherwise = options.otherwise is not None
        self._predecessors = len(options.after)
        self._has_label = options.label is not None
        self._is_gated = self._has_condition or self._has_label or bool(options.after)
        self._known: Task[..., Any] | None = None
        """A variant of the task that has just these policies: it is usually the same in all steps."""

    def gates(self, call: Any) -> tuple[Any, ...] | None:
        """The operands in the order of `forms.gates`; ``None`` if it is another call."""
        kind = type(call)
        if kind is LazyResult or kind is KeywordLazyResult:
            task = call._task
            if task is self._known:
                return ()
            options = task._options
        elif kind is ModifiedLazyResult:
            task = call._task
            options = call._options
            if task._options is not NO_OPTIONS:
                options = options.merged_into(task._options)
        else:
            return None
        if task.base is not self._task or not self._fits(options):
            return None
        if not self._is_gated:
            self._known = task if kind is not ModifiedLazyResult else self._known
            return ()
        condition = (options.condition,) if self._has_condition else ()
        otherwise = (options.otherwise,) if self._has_otherwise else ()
        label = (options.label,) if self._has_label else ()
        return *condition, *otherwise, *options.after, *label

    def _fits(self, options: CallOptions) -> bool:
        return (
            (options.policies is self._policies or options.policies == self._policies)
            and (options.condition is not NOTHING) is self._has_condition
            and (not self._has_condition or (options.otherwise is not NOTHING) is self._has_otherwise)
            and len(options.after) == self._predecessors
            and (options.label is not None) is self._has_label
        )


__all__ = ["Variant"]
