"""How a benchmark prints a figure: value, unit, the limit or peer it is held against, and the ratio."""

import gc
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qst.clock import performance_seconds


class Figure:
    """One measured number against its limit.

    Args:
        name: what was measured.
        value: the number.
        unit: its unit.
        at_least: it should not be below this.
        at_most: it should not be above this.
    """

    def __init__(
        self, name: str, value: float, unit: str, *, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        self.name, self.value, self.unit = name, value, unit
        self.at_least, self.at_most = at_least, at_most

    @property
    def ratio(self) -> float | None:
        """Value over limit; None without a limit."""
        limit = self.at_most if self.at_least is None else self.at_least
        return None if limit is None else self.value / limit

    @property
    def met(self) -> bool:
        """Whether the limit, if there is one, is kept."""
        above = self.at_least is None or self.value >= self.at_least
        return above and (self.at_most is None or self.value <= self.at_most)

    def line(self) -> str:
        """The figure as one line."""
        text = f"{self.name:<58} {self.value:>12,.4g} {self.unit:<10}"
        if self.value >= 1000:
            text = f"{self.name:<58} {self.value:>12,.0f} {self.unit:<10}"
        if self.ratio is None:
            return text.rstrip()
        sign, limit = ("≤", self.at_most) if self.at_least is None else ("≥", self.at_least)
        return f"{text} limit {sign} {limit:<8,g} ratio {self.ratio:<6.3g} {'met' if self.met else 'NOT MET'}"


def show(figure: Figure) -> None:
    """Print it."""
    print(figure.line(), flush=True)


def show_machine() -> None:
    """Print where this was measured, and how busy the machine was: a busy one makes every figure worse."""
    load = ""
    if hasattr(os, "getloadavg"):
        load = f"; load {os.getloadavg()[0]:.2f} over the last minute"
    print(f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores{load}", flush=True)


@contextmanager
def undisturbed() -> Iterator[None]:
    """No garbage collection inside: what an earlier measurement left behind is not this one's cost."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def seconds(action: Callable[[], object]) -> float:
    """Wall time of one call, s."""
    begin_s = performance_seconds()
    action()
    return performance_seconds() - begin_s
