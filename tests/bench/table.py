"""The printed table: figures of each system side by side, then each goal with what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

WIDTH = 52, 7, 16
"""Characters of the columns: what was measured, its unit, one system."""


@dataclass
class Table:
    """Lines of figures and of goals, in the order in which they were measured."""

    title: str
    systems: list[str]
    lines: list[str] = field(default_factory=list)
    goals: list[str] = field(default_factory=list)

    def figures(self, what: str, unit: str, values: Mapping[str, float | str]) -> None:
        """One line: a figure of each system that has one."""
        cells = [_cell(values.get(system, "-")) for system in self.systems]
        self.lines.append(_line(what, unit, cells))

    def goal(self, what: str, measured: float, limit: float, unit: str = "", *, at_least: bool = False) -> None:
        """A goal, and whether it is reached."""
        reached = measured >= limit if at_least else measured <= limit
        asked = f"at {'least' if at_least else 'most'} {limit:g}{unit}"
        self.goals.append(f"{'PASS' if reached else 'MISS'}  {what:<66} {measured:>8.2f}{unit:<3} {asked}")

    def text(self) -> str:
        """The whole table."""
        head = _line(self.title, "", self.systems)
        return "\n".join([head, "-" * len(head), *self.lines, "", *self.goals])


def _line(what: str, unit: str, cells: list[str]) -> str:
    name, small, wide = WIDTH
    return f"{what:<{name}} {unit:>{small}}" + "".join(f" {cell:>{wide}}" for cell in cells)


def _cell(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value != int(value) else f"{value:.0f}"
