"""`Capacities`: how much there is of each thing that tasks hold while they run (GPUs, licences, memory)."""

from __future__ import annotations

from collections.abc import Mapping

from cascade.spec.errors import CapacityError, InternalError

Amounts = Mapping[str, float]


class Capacities:
    """Totals and what is in use. Not locked: the constraint manager does that.

    Args:
        totals: The engine's ``system_resources``.

    Raises:
        CapacityError: A total is not a number of at least 0.
    """

    def __init__(self, totals: Amounts) -> None:
        for name, total in totals.items():
            if isinstance(total, bool) or not isinstance(total, (int, float)) or not total >= 0:
                raise CapacityError(f"system_resources[{name!r}] must be a number of at least 0, not {total!r}")
        self._totals = dict(totals)
        self._used = dict.fromkeys(totals, 0.0)

    def fault(self, task: str, amounts: Amounts) -> str | None:
        """Why these amounts can never be had, or ``None``."""
        for name, amount in amounts.items():
            if isinstance(amount, bool) or not isinstance(amount, (int, float)) or not amount >= 0:
                return f"task {task!r} asks for {name}={amount!r}, which is not a number of at least 0"
            total = self._totals.get(name)
            if total is None:
                known = ", ".join(repr(known) for known in sorted(self._totals)) or "none at all"
                return (
                    f"task {task!r} asks for {name}={amount!r}, but the engine's system_resources are {known}; "
                    f"create the engine with Engine(system_resources={{{name!r}: …}})"
                )
            if amount > total:
                return f"task {task!r} asks for {name}={amount!r}, but the engine has {total!r} in all"
        return None

    def fits(self, amounts: Amounts, reserved: Amounts) -> bool:
        """Whether all of the amounts are free now, next to what earlier requests wait for."""
        return all(
            self._used[name] + amount + (reserved.get(name, 0) if amount else 0) <= self._totals[name]
            for name, amount in amounts.items()
        )

    def has_room(self, amounts: Amounts, reserved: Amounts) -> bool:
        """Whether anything of these capacities is neither used nor reserved."""
        return any(
            amount and self._used[name] + reserved.get(name, 0) < self._totals[name] for name, amount in amounts.items()
        )

    def take(self, amounts: Amounts) -> None:
        """Count the amounts as used."""
        for name, amount in amounts.items():
            self._used[name] += amount

    def give_back(self, amounts: Amounts) -> None:
        """Count the amounts as free again."""
        for name, amount in amounts.items():
            self._used[name] -= amount
            if self._used[name] < -1e-9:
                raise InternalError(f"more of {name!r} was given back than had been taken")

    def in_use(self) -> dict[str, float]:
        """How much of each is used now."""
        return dict(self._used)


__all__ = ["Amounts", "Capacities"]
