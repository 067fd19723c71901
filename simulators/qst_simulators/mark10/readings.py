"""What a simulated Mark-10 gauge shows of the force on its tip: zero, filters, polarity, unit, digits, peaks."""

from collections.abc import Mapping
from typing import Any

from qst_drivers.wire import mark10 as wire
from qst_drivers.wire.mark10 import ListReply, Unit
from qst_simulators.load_cell import LoadCell, PeakDetector, rounded_half_away
from qst_simulators.mark10.options import FORCE_FACTORS, SCALES, choice_of
from qst_simulators.surroundings import ForceSource
from qst_simulators.world import World

_SAMPLES_PER_S = 7000.0  # Series 5
_NOISE_DIGITS = 0.3  # standard deviation; our choice
_OVERLOAD = 1.10  # of capacity: the display then shows OVER
_DAMAGE = 1.50  # of capacity: safe overload


class Readings:
    """From force to line. :meth:`follow` must be told the gauge's settings before anything is read.

    Args:
        world: time and chance.
        settings: ``overload``, ``noise``, ``cell_errors`` and ``inverted_wiring`` of the simulator.
        force: what pushes on the tip.

    Attributes:
        cell: the sensor.
        damaged: whether it was ever loaded so much that it needs a new calibration.

    Raises:
        ValueError: a setting has an impossible value.
    """

    def __init__(self, world: World, settings: Mapping[str, Any], force: ForceSource) -> None:
        self._word = choice_of(settings, "overload", ("word", "clipped")) == "word"
        self.cell = LoadCell(
            world,
            "mark10",
            force,
            full_scale_n=SCALES[Unit.N].capacity,
            errors=bool(settings.get("cell_errors", True)),
            inverted=bool(settings.get("inverted_wiring", False)),
        )
        self.damaged = False
        self._sigma_digits = _NOISE_DIGITS if settings.get("noise", True) else 0.0
        self._noise = world.random("mark10", "noise").gauss
        self._tare_n = 0.0
        self._peaks = PeakDetector(self.cell, world.random("mark10", "peak noise"), world.now_s)

    def follow(self, settings: ListReply) -> None:
        """Everything that follows from the gauge's settings, so that no reading has to work it out."""
        unit = settings.unit or Unit.LBF
        self._mode = settings.mode
        self._unsigned = bool(settings.unsigned_output)
        self._scale = scale = SCALES[unit]
        self._shown_unit = unit if settings.with_units else None
        self._digits_per_n = 1.0 / (FORCE_FACTORS[unit] * scale.digit)
        self._most_digits = rounded_half_away(_OVERLOAD * scale.capacity / scale.digit)
        self._polarity = -1.0 if settings.input_inverted else 1.0
        self._display_window_s = 2 ** (settings.display_filter or 0) / _SAMPLES_PER_S
        self._current_window_s = 2 ** (settings.current_filter or 0) / _SAMPLES_PER_S

    # --- lines ---------------------------------------------------------------------------------------------------

    def displayed(self, at_s: float) -> bytes:
        """What is on the display: the force, or a peak."""
        if self._mode == "PC":
            return self.peak_compression(at_s)
        if self._mode == "PT":
            return self.peak_tension(at_s)
        return self._measured(at_s, self._display_window_s)

    def current(self, at_s: float) -> bytes:
        """The force through the current filter."""
        return self._measured(at_s, self._current_window_s)

    def _measured(self, at_s: float, window_s: float) -> bytes:
        load_n = self.cell.mean_n(at_s, window_s)
        digits = (load_n - self._tare_n) * self._polarity * self._digits_per_n
        if self._sigma_digits:
            digits += self._noise(0.0, self._sigma_digits)
        loaded = load_n * self._polarity * self._digits_per_n  # a zero takes no load off the sensor
        return self._shown(digits if abs(loaded) <= self._most_digits else loaded)

    def _shown(self, digits: float) -> bytes:
        """A value in digits of the present unit as the line that says it."""
        whole = rounded_half_away(digits)
        if abs(whole) > self._most_digits:
            self.damaged = self.damaged or abs(whole) > self._most_digits * _DAMAGE / _OVERLOAD
            if self._word:
                return wire.encode_text("OVER")  # unverified: what a gauge really sends then
            whole = self._most_digits if whole > 0 else -self._most_digits
        if self._unsigned:
            whole = abs(whole)
        return wire.encode_reading(whole * self._scale.step, self._scale.decimals, self._shown_unit)

    # --- zero and peaks ------------------------------------------------------------------------------------------

    def zero(self, now_s: float) -> None:
        """Zero the display and clear both peaks."""
        self._tare_n = self.cell.mean_n(now_s, self._current_window_s)
        self._peaks.clear(now_s)

    def forget_zero(self, now_s: float) -> None:
        """As after switching on: no zero, no peaks."""
        self._tare_n = 0.0
        self._peaks.clear(now_s)

    def clear_peaks(self, now_s: float) -> None:
        """Forget both peaks."""
        self._peaks.clear(now_s)

    def update_peaks(self, now_s: float) -> None:
        """The peak detector follows the current stream, before the display filter."""
        self._peaks.update(now_s, self._current_window_s, self._tare_n, self._sigma_digits / self._digits_per_n)

    def peak_compression(self, at_s: float) -> bytes:
        """The greatest push, or pull where the polarity is the other way round."""
        self.update_peaks(at_s)
        return self._shown((self._peaks.push_n if self._upright else self._peaks.pull_n) * self._digits_per_n)

    def peak_tension(self, at_s: float) -> bytes:
        """The greatest pull, or push where the polarity is the other way round."""
        self.update_peaks(at_s)
        return self._shown(-(self._peaks.pull_n if self._upright else self._peaks.push_n) * self._digits_per_n)

    @property
    def _upright(self) -> bool:
        return self.cell.sign * self._polarity > 0
