"""A simulated JTECH Commander console: a display and five keys. It says nothing to a computer.

Known from the console's manual (JTECH Commander Algometer, MN018_D): live force in Test and Test Alt, the maximum of a
repetition in Review, memory for 40 tests, coefficient of variation, bilateral deficit, Clear deletes a whole test.
Unverified: range 25 lbf, digit 0.1 lbf, start threshold, which side comes first, the formula of the deficit, what is
shown beyond the range (the range, here) and the wording of the screens.
"""

import statistics
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from qst.units import parse
from qst_simulators.faults import Fault, FaultTable, Moments, SensorFault, sensor_strikes
from qst_simulators.load_cell import LoadCell, rounded_half_away
from qst_simulators.surroundings import Surroundings
from qst_simulators.world import World

MEMORY: Final = 40
_GRID_S = 0.01  # how finely presses are looked for
_BLOCK = 50  # looks that are left out together while nothing presses
_NOISE_DIGITS = 0.3
_JUMP_N, _DRIFT_N_PER_S, _OVERLOAD_N = 20.0, 2.0, 300.0  # usual sizes of faults
_NEWTONS = parse("1 lbf", "force")
_DIGITS_PER_LBF = 10

_SETTINGS = frozenset({"repetitions", "threshold_lbf", "range_lbf", "noise", "cell_errors"})


class Mode(StrEnum):
    """What the console is doing."""

    TEST = "TEST"  # the repetitions of one side after the other
    TEST_ALT = "TEST ALT"  # sides alternate
    REVIEW = "REVIEW"


class StoredTest:
    """The maxima of one test, right and left, in tenths of a pound."""

    def __init__(self) -> None:
        self.maxima: dict[str, list[int]] = {"R": [], "L": []}

    def count(self) -> int:
        """Repetitions of both sides."""
        return len(self.maxima["R"]) + len(self.maxima["L"])

    def cv_percent(self, side: str) -> float | None:
        """Coefficient of variation; None before the second repetition."""
        maxima = self.maxima[side]
        return 100.0 * statistics.stdev(maxima) / statistics.fmean(maxima) if len(maxima) > 1 else None

    def deficit_percent(self) -> float | None:
        """How far the weaker side's mean is below the stronger side's; None before both have one."""
        if not all(self.maxima.values()):
            return None
        low, high = sorted(statistics.fmean(maxima) for maxima in self.maxima.values())
        return 100.0 * (high - low) / high


class SimulatedJtechCommander:
    """The console with its gauge.

    Settings (all optional): ``repetitions`` a side (1), ``threshold_lbf`` that starts a repetition (0.5), ``range_lbf``
    (25), ``noise`` and ``cell_errors`` (true).

    Args:
        world: time and chance.
        settings: see above.
        surroundings: what pushes on the tip.

    Raises:
        ValueError: a setting has an impossible value.
    """

    WIRE_FAULTS: Final[frozenset[Fault]] = frozenset()  # nothing passes over a wire

    TITLE = "JTECH Commander algometer (simulated console)"

    def __init__(self, world: World, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        unknown = sorted(set(settings) - _SETTINGS)
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(sorted(_SETTINGS))}")
        self._world = world
        self._force = surroundings.force
        self._repetitions = int(settings.get("repetitions", 1))
        self._threshold_n = float(settings.get("threshold_lbf", 0.5)) * _NEWTONS
        self._most = round(float(settings.get("range_lbf", 25.0)) * _DIGITS_PER_LBF)
        if self._repetitions < 1 or self._threshold_n <= 0 or self._most <= 0:
            raise ValueError("repetitions, threshold_lbf and range_lbf are positive")
        self._cell = LoadCell(
            world,
            "jtech-commander",
            surroundings.force,
            full_scale_n=self._most / _DIGITS_PER_LBF * _NEWTONS,
            errors=bool(settings.get("cell_errors", True)),
        )
        self._noise_digits = _NOISE_DIGITS if settings.get("noise", True) else 0.0
        self._gauss = world.random("jtech-commander", "noise").gauss
        self.mode = Mode.TEST
        self._taking = Mode.TEST  # the mode to return to from Review
        self.number = 1
        self.tests: dict[int, StoredTest] = {}
        self._watched_s = world.now_s
        self._pressed_s: float | None = None  # when the present repetition began
        self._last: tuple[int, str, int] | None = None  # test, side and index of the last repetition
        self._shown = 1  # the test on the display in Review
        self._page = 0
        self.stored = 0  # repetitions taken so far; who looks at the display can count them
        self._felt_most_n = 0.0  # in the present repetition
        self._waits_for_release = False
        self._dark = False  # the battery is empty
        self.moments = Moments()
        self.fault_table = self._make_faults()

    def inject(self, name: str, **options: Any) -> None:  # noqa: ANN401 - plain data from a station file
        """Let a fault of the console strike now.

        Options: ``size`` (20 N), ``rate`` (2 N/s), ``every_s``, ``lasts_s`` of the sensor's; ``size`` (300 N) of an
        overload.

        Raises:
            ValueError: a console has no such fault, or an unknown option.
        """
        self.fault_table.strike(name, options)

    def _make_faults(self) -> FaultTable:
        def install(sensor: SensorFault) -> None:
            self._watch(self._world.now_s)
            self._cell.fault = sensor

        strikes: dict[Fault, Callable[..., None]] = {
            **sensor_strikes(self._world, install, jump=_JUMP_N, drift_per_s=_DRIFT_N_PER_S, load=_OVERLOAD_N),
            Fault.BATTERY_LOW: self._go_dark,
            Fault.DEVICE_REBOOT: self._restart,
            Fault.OPERATOR_MENU: self._stay_in_review,
        }
        return FaultTable("the simulated console", strikes)

    def _go_dark(self) -> None:
        """The battery is empty: the display is off, and nothing is stored any more."""
        self._watch(self._world.now_s)
        self._dark = True
        self._last = self._pressed_s = None

    def _stay_in_review(self) -> None:
        """Somebody looks at old tests: no repetition is taken meanwhile."""
        self._watch(self._world.now_s)
        self._pressed_s = None
        self.mode = Mode.REVIEW

    def _restart(self) -> None:
        """Off and on again: the press under way is not taken any more; what was stored is kept (our choice)."""
        self._watch(self._world.now_s)
        self._waits_for_release = self._felt_n(self._world.now_s) >= self._threshold_n
        self._last = self._pressed_s = None
        self.mode = self._taking = Mode.TEST

    # ----------------------------------------------------------------------------------- the byte side: says nothing

    def connect(self, now_s: float) -> None:
        """Nobody notices."""
        self._watch(now_s)

    def disconnect(self, now_s: float) -> None:
        """Nobody notices."""
        self._watch(now_s)

    def receive(self, data: bytes, now_s: float) -> None:  # noqa: ARG002 - nobody reads them
        """Bytes go nowhere."""
        self._watch(now_s)

    def transmit(self, now_s: float) -> bytes:
        """Never a byte."""
        self._watch(now_s)
        return b""

    def next_transmit_s(self) -> float | None:
        """Never."""
        return None

    def hung_up(self, now_s: float) -> bool:  # noqa: ARG002 - the answer does not depend on it
        """There is no connection to close."""
        return False

    # --------------------------------------------------------------------------------------- display and keys, now

    def display(self) -> str:
        """The whole screen. Its last line is ``LBS`` and the number: live force, or in Review the maximum."""
        self._watch(self._world.now_s)
        if self.mode is Mode.REVIEW:
            pages = self._pages()
            return pages[self._page][1] if pages else "NO DATA"
        side, repetition = self._next_place()
        if self._full():
            return "MEMORY FULL"
        return f"{self.mode.value} {self.number:02d} {side} REP {repetition}\nLBS {self._text(self._live())}"

    def read_maximum(self) -> str:
        """What an operator does after a press: Review, read the maximum off, back to testing.

        Empty while the press goes on, and when no repetition is stored.
        """
        self._watch(self._world.now_s)
        if self._pressed_s is not None or self._last is None:
            return ""
        self.press_review()
        shown = self.display().rpartition("LBS ")[2]
        self.press_test()
        return shown

    def press_test(self) -> None:
        """Take the repetitions of one side after the other; from Review, return to taking them."""
        self._watch(self._world.now_s)
        self.mode = self._taking if self.mode is Mode.REVIEW else Mode.TEST
        self._taking = self.mode

    def press_test_alt(self) -> None:
        """Take repetitions right and left in turn."""
        self._watch(self._world.now_s)
        self.mode = self._taking = Mode.TEST_ALT

    def press_review(self) -> None:
        """Show the last repetition; again: the next page (repetitions and CV of each side, deficit)."""
        self._watch(self._world.now_s)
        if self.mode is Mode.REVIEW:
            self._page = (self._page + 1) % max(1, len(self._pages()))
            return
        self.mode = Mode.REVIEW
        self._shown, self._page = self.number, 0
        if self._last is not None:
            self._shown, side, index = self._last
            self._page = [title for title, _ in self._pages()].index(f"{side}{index}")

    def press_next(self) -> None:
        """Go to the next test: in Review the next one that has data, else the next number."""
        self._watch(self._world.now_s)
        if self.mode is Mode.REVIEW:
            later = [number for number in sorted(self.tests) if number > self._shown]
            self._shown = later[0] if later else min(self.tests, default=self._shown)
            self._page = 0
        else:
            self._next_test()

    def press_clear(self) -> None:
        """Delete the shown test with all repetitions of both sides."""
        self._watch(self._world.now_s)
        self.tests.pop(self._shown if self.mode is Mode.REVIEW else self.number, None)
        if self._last is not None and self._last[0] not in self.tests:
            self._last = None
        self._page = 0

    # ---------------------------------------------------------------------------------------------------- repetitions

    def _watch(self, now_s: float) -> None:
        """Look for presses since the last look: begun and ended where the force crosses the threshold."""
        self._world.advance(now_s)
        from_s = self._watched_s
        if now_s <= from_s:
            return
        self._watched_s = now_s
        steps = max(1, round((now_s - from_s) / _GRID_S))
        times_s = [from_s + (now_s - from_s) * step / steps for step in range(steps + 1)]
        for first in range(0, steps, _BLOCK):
            block = times_s[first : first + _BLOCK + 1]
            greatest_n = self._force.max_force_n(block[0], block[-1])
            quiet = self._pressed_s is None and greatest_n < self._threshold_n and self._cell.fault is None
            for at_s in () if quiet else block[1:]:
                self._look(at_s)

    def _look(self, at_s: float) -> None:
        if self._dark or self.mode is Mode.REVIEW:
            return
        felt_n = self._felt_n(at_s)
        above = felt_n >= self._threshold_n
        self._waits_for_release = self._waits_for_release and above
        if self._waits_for_release:
            return
        if above:
            self._felt_most_n = max(self._felt_most_n, felt_n)
        if above and self._pressed_s is None:
            self._pressed_s = at_s
        elif not above and self._pressed_s is not None:
            whole = self._cell.fault is None
            self._store(self._force.max_force_n(self._pressed_s, at_s) if whole else self._felt_most_n)
            self._pressed_s = None
            self._felt_most_n = 0.0

    def _felt_n(self, at_s: float) -> float:
        """What reaches the electronics, with the fault of the cell if it has one."""
        true_n, fault = self._force.force_n(at_s), self._cell.fault
        return true_n if fault is None else fault.read(at_s, true_n)

    def _store(self, greatest_n: float) -> None:
        self.stored += 1
        if self._full():
            self._last = None
            return
        side, repetition = self._next_place()
        test = self.tests.setdefault(self.number, StoredTest())
        test.maxima[side].append(self._digits(self._cell.gain * greatest_n))
        self._last = (self.number, side, repetition)
        if test.count() >= 2 * self._repetitions:
            self._next_test()

    def _full(self) -> bool:
        """Whether the memory has come round to a finished test."""
        test = self.tests.get(self.number)
        return test is not None and test.count() >= 2 * self._repetitions

    def _next_place(self) -> tuple[str, int]:
        """Side and number of the repetition to come."""
        maxima = (self.tests.get(self.number) or StoredTest()).maxima
        right, left = len(maxima["R"]), len(maxima["L"])
        if self._taking is Mode.TEST_ALT:
            return ("R", right + 1) if right <= left else ("L", left + 1)
        return ("R", right + 1) if right < self._repetitions else ("L", left + 1)

    def _next_test(self) -> None:
        self.number = self.number % MEMORY + 1

    # ---------------------------------------------------------------------------------------------------- the display

    def _live(self) -> int:
        return self._digits(self._cell.gain * self._felt_n(self._world.now_s))

    def _digits(self, force_n: float) -> int:
        digits = force_n / _NEWTONS * _DIGITS_PER_LBF
        if self._noise_digits:
            digits += self._gauss(0.0, self._noise_digits)
        return min(max(0, rounded_half_away(digits)), self._most)

    @staticmethod
    def _text(digits: int) -> str:
        return f"{digits // _DIGITS_PER_LBF}.{digits % _DIGITS_PER_LBF}"

    def _pages(self) -> list[tuple[str, str]]:
        """Title and text of every page of the shown test in Review."""
        number = self._shown
        test = self.tests.get(number)
        if test is None:
            return []
        pages = []
        for side in ("R", "L"):
            for index, digits in enumerate(test.maxima[side], start=1):
                pages.append((f"{side}{index}", f"REVIEW {number:02d} {side} REP {index}\nLBS {self._text(digits)}"))
            if (cv := test.cv_percent(side)) is not None:
                pages.append((f"{side} CV", f"REVIEW {number:02d} {side}\nCV {cv:.1f}"))
        if (deficit := test.deficit_percent()) is not None:
            pages.append(("DEF", f"REVIEW {number:02d}\n%DEF {deficit:.1f}"))
        return pages
