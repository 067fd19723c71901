"""One temperature from five zones, and when there is none."""

from collections.abc import Sequence
from operator import itemgetter

from qst.errors import InstrumentFaultError
from qst_drivers.qstlab_tcs.program import Flags
from qst_drivers.wire.tcs_replies import NO_PROBE_ABOVE_C, Temperatures

#: Zones of one plate that differ by more than this do not measure the same thing. An engineering default.
ZONES_AGREE_C = 1.0


class ZoneMean:
    """Mean of the zones that take part.

    Args:
        enabled: which zones take part; at least one.
        where: how a person would name the link.
    """

    def __init__(self, enabled: Flags, where: str) -> None:
        numbers = [zone for zone, on in enumerate(enabled) if on]
        self._count = len(numbers)
        self._pick = itemgetter(*numbers, numbers[0])  # at least two, so that it always gives a tuple
        self._where = where

    def mean_c(self, temperatures: Temperatures) -> float:
        """Mean in °C.

        Raises:
            InstrumentFaultError: no probe, or zones that disagree.
        """
        zones: tuple[float, ...] = self._pick(temperatures.zones_c)
        low_c, high_c = min(zones), max(zones)
        if high_c - low_c > ZONES_AGREE_C or high_c > NO_PROBE_ABOVE_C:
            raise self._fault(zones[:-1])
        return (sum(zones) - zones[0]) / self._count

    def _fault(self, zones: Sequence[float]) -> InstrumentFaultError:
        absent = max(zones) > NO_PROBE_ABOVE_C
        shown = ", ".join([f"{zone:.1f}" for zone in zones])
        return InstrumentFaultError(
            "no probe answers" if absent else f"the zones disagree by more than {ZONES_AGREE_C:g} °C: {shown}",
            where=self._where,
            did="the stimulus was ended (A sent)",
            remedy="check the probe's plug" if absent else "lift the thermode; have the probe checked",
        )
