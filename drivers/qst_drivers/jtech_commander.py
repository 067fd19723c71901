"""Driver for the JTECH Commander algometer: operator-read.

No public document describes what passes between gauge, console and computer, so nothing is sent or expected. Software
paces the press with the value the display should show, and checks the value that the operator types in. What is known
of the console comes from its manual (JTECH Commander Algometer, MN018_D). Unverified: range 25 lbf, digit 0.1 lbf.
"""

import re
import statistics
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar, Final

from qst.clock import Clock
from qst.errors import NotReadyError, StationFileError
from qst.instruments import (
    Capabilities,
    EntryVerdict,
    Identity,
    Link,
    PressureRamp,
    Reading,
    Sample,
    ThermalRamp,
)
from qst.units import parse
from qst_drivers.gauge_settings import HandGauge, hand_gauge, quantity, refuse_unknown

_RATE_BAND = (0.5, 2.0)  # implied mean rate over target; outside it the entry must be confirmed
_UNLIKELY_SD = 2.5  # standard deviations from the earlier repetitions
_ENOUGH_EARLIER = 3
_ENTRY: Final = re.compile(r"([0-9]{1,5}(?:[.,][0-9]{1,5})?)\s*([A-Za-z]*)")
#: How people write the units a console may show.
_SPELLINGS: Final = {
    "lbf": "lbf",
    "lb": "lbf",
    "lbs": "lbf",
    "kgf": "kgf",
    "kg": "kgf",
    "n": "N",
}


_UNVERIFIED: Final = (
    "range 25 lbf and digit 0.1 lbf",
    "whether the console can show kgf or N",
    "accuracy, and what is shown beyond the range",
)


def _gauge_of(settings: Mapping[str, Any]) -> HandGauge:
    return hand_gauge(
        settings,
        model=str(settings.get("model", "JTECH Commander")),
        capacity_n=quantity(settings, "range", "force", "25 lbf"),
        digit_n=quantity(settings, "resolution", "force", "0.1 lbf"),
    )


class JtechCommander:
    """A Commander console whose display only the operator can see.

    Settings: ``tip_area`` (required), ``range`` (``25 lbf``), ``resolution`` (``0.1 lbf``), ``unit`` (``lbf``, what the
    console shows), ``model``, ``serial``, ``calibration_date``.

    Args:
        link: kept for its description; nothing passes over it.
        settings: see above.
        clock: the visit's clock.

    Raises:
        StationFileError: a setting is missing, unknown or impossible.
    """

    TITLE: ClassVar[str] = "JTECH Commander algometer (read by the operator)"
    CAPABILITIES: ClassVar[Capabilities] = _gauge_of({"tip_area": "1 cm²"}).capabilities(Reading.OPERATOR, _UNVERIFIED)

    def __init__(self, link: Link, settings: Mapping[str, Any], clock: Clock) -> None:  # noqa: ARG002 - as every driver
        refuse_unknown(settings, "range", "unit")
        self._unit = _unit(settings)
        self._gauge = _gauge_of(settings)
        self._link = link
        self._capabilities = self._gauge.capabilities(Reading.OPERATOR, _UNVERIFIED)
        self._newtons_per_unit = parse(f"1 {self._unit}", "force")
        self._digit = _in_unit(self._gauge.digit_n, self._newtons_per_unit)
        self._range = _in_unit(self._gauge.capacity_n, self._newtons_per_unit)
        self._ramp: PressureRamp | None = None

    @property
    def capabilities(self) -> Capabilities:
        """With the configured tip, range and digit."""
        return self._capabilities

    @property
    def tip_area_cm2(self) -> float:
        """Area of the tip in cm². The console shows force; it does not know the tip."""
        return self._gauge.tip_area_cm2

    def connect(self) -> Identity:
        """What the station file says of the console; nothing can be asked."""
        calibrated = self._gauge.calibration_date or "not stated"
        return Identity(
            model=self._gauge.model,
            serial=self._gauge.serial,
            detail=f"tip {self.tip_area_cm2:g} cm²; read by the operator in {self._unit}; calibrated: {calibrated}",
        )

    def check(self, ramp: ThermalRamp | PressureRamp) -> None:
        """Prove that the cut-off is inside the range. Raises RefusedError."""
        self._gauge.check_ramp(ramp, where=self._link.description)

    def prepare(self, ramp: PressureRamp) -> None:
        """Prove that the cut-off is inside the range; remember the rate for pacing.

        Raises:
            RefusedError: outside the range.
        """
        self.check(ramp)
        self._ramp = ramp

    def tare(self) -> None:
        """Nothing: no zero key is documented. The operator sees that the free gauge shows 0."""

    def begin(self) -> None:
        """The press may begin.

        Raises:
            NotReadyError: nothing is prepared.
        """
        self._prepared()

    def poll(self) -> Sequence[Sample]:
        """Never a sample: software cannot see the force."""
        return ()

    def stop(self) -> None:
        """Nothing: only the operator can end the press."""

    def peak_kpa(self) -> float | None:
        """None: the console's maximum is typed in."""
        return None

    def make_safe(self) -> None:
        """Nothing: software cannot take a hand away."""

    def close(self) -> None:
        """Nothing was opened."""

    def expected_display(self, elapsed_s: float) -> str:
        """What the display should show now, rounded to its digit, such as ``2.2 lbf``.

        Raises:
            NotReadyError: nothing is prepared.
        """
        force_n = self._prepared().rate_kpa_per_s * max(elapsed_s, 0.0) / self._gauge.kpa_per_n
        digits = (Decimal(force_n / self._newtons_per_unit) / self._digit).quantize(Decimal(1), ROUND_HALF_UP)
        return f"{digits * self._digit:f} {self._unit}"

    def check_entry(self, text: str, elapsed_s: float, earlier_kpa: Sequence[float] = ()) -> EntryVerdict:
        """Check a typed-in value.

        Args:
            text: as typed: ``7.1``, ``7,1`` or ``7.1 lbf``.
            elapsed_s: from contact to release.
            earlier_kpa: values of the earlier repetitions, kPa.

        Raises:
            NotReadyError: nothing is prepared.
        """
        ramp = self._prepared()
        match = _ENTRY.fullmatch(text.strip())
        if match is None:
            return _refused(text, f"'{text.strip()}' is not a number such as 7.1 or 7,1.")
        shown = Decimal(match[1].replace(",", "."))
        problem = self._wrong_unit(match[2]) or self._not_shown(shown)
        if problem:
            return _refused(text, problem)
        value_kpa = float(shown) * self._newtons_per_unit * self._gauge.kpa_per_n
        warnings = [self._at_range(shown), self._rate_warning(value_kpa, elapsed_s, ramp.rate_kpa_per_s)]
        warnings.append(self._outlier_warning(value_kpa, earlier_kpa))
        return EntryVerdict(value_kpa=value_kpa, raw_text=text, warnings=tuple(filter(None, warnings)))

    def _prepared(self) -> PressureRamp:
        if self._ramp is None:
            raise NotReadyError("no ramp is prepared", where=self._link.description)
        return self._ramp

    def _wrong_unit(self, unit: str) -> str:
        if not unit or _SPELLINGS.get(unit.lower()) == self._unit:
            return ""
        return f"The display shows {self._unit}, not {unit}. Type the number as it is displayed."

    def _not_shown(self, shown: Decimal) -> str:
        """Why the display cannot have shown this; empty when it can."""
        if shown > self._range:
            return f"{shown} {self._unit} is beyond the range of the gauge ({self._range} {self._unit})."
        if shown % self._digit:
            return f"The display cannot show {shown}: it counts in steps of {self._digit} {self._unit}."
        return "" if shown > 0 else "0 is no measured value; leave the trial without one if nothing was shown."

    def _at_range(self, shown: Decimal) -> str:
        return "This is the end of the gauge's range; the true value may lie beyond it." if shown == self._range else ""

    def _rate_warning(self, value_kpa: float, elapsed_s: float, target_kpa_per_s: float) -> str:
        if elapsed_s <= 0:
            return "The duration of the press is not known, so its rate could not be checked."
        ratio = value_kpa / elapsed_s / target_kpa_per_s
        if _RATE_BAND[0] <= ratio <= _RATE_BAND[1]:
            return ""
        return f"That would be a press at {ratio:.1f} times the intended rate."

    def _outlier_warning(self, value_kpa: float, earlier_kpa: Sequence[float]) -> str:
        """The spread counts as at least one digit: equal repetitions do not make the next digit unlikely."""
        if len(earlier_kpa) < _ENOUGH_EARLIER:
            return ""
        spread_kpa = max(statistics.stdev(earlier_kpa), self._gauge.digit_kpa)
        deviations = abs(value_kpa - statistics.fmean(earlier_kpa)) / spread_kpa
        if deviations <= _UNLIKELY_SD:
            return ""
        return f"That is {deviations:.1f} standard deviations away from the earlier repetitions."


def _unit(settings: Mapping[str, Any]) -> str:
    stated = str(settings.get("unit", "lbf"))
    unit = _SPELLINGS.get(stated.lower())
    if unit is None:
        raise StationFileError(f"unit: '{stated}' is no unit of a console", remedy="write lbf, kgf or N")
    return unit


def _in_unit(force_n: float, newtons_per_unit: float) -> Decimal:
    """A force in the console's unit, free of binary dust: consoles have few decimals."""
    return Decimal(f"{force_n / newtons_per_unit:.6f}").normalize() + Decimal(0)


def _refused(text: str, problem: str) -> EntryVerdict:
    return EntryVerdict(value_kpa=None, raw_text=text, problem=problem)
