"""One temperature from five zones, and when there is none."""

import math
from collections.abc import Sequence
from operator import itemgetter

from qst.errors import InstrumentFaultError
from qst_drivers.qstlab_tcs.program import Flags
from qst_drivers.wire.tcs_replies import NO_PROBE_ABOVE_C, Temperatures

#: Zones of one plate that differ by more than this do not measure the same thing. An engineering default.
ZONES_AGREE_C = 1.0
#: A zone that takes no part rests at the baseline (unverified), within this: what the maker's users allow at rest.
AT_REST_C = 2.0


class ZoneMean:
    """Mean of the zones that take part; the others lie on the same skin, and are looked at, too.

    Args:
        enabled: which zones take part; at least one.
        where: how a person would name the link.
    """

    def __init__(self, enabled: Flags, where: str) -> None:
        numbers = [zone for zone, on in enumerate(enabled) if on]
        self._count = len(numbers)
        self._pick = itemgetter(*numbers, numbers[0])  # at least two, so that it always gives a tuple
        self._others = [zone for zone, on in enumerate(enabled) if not on]
        self._where = where
        self.low_c = self.high_c = math.nan  #: coldest and hottest zone that takes part, in the last reading
        self._rest_low_c, self._rest_high_c = -math.inf, math.inf

    @property
    def all_take_part(self) -> bool:
        """Whether there is no other zone on the skin."""
        return not self._others

    def rest_within(self, low_c: float, high_c: float) -> None:
        """From now on zones that take no part rest at, or are on their way between, these temperatures."""
        self._rest_low_c, self._rest_high_c = low_c - AT_REST_C, high_c + AT_REST_C

    def mean_c(self, temperatures: Temperatures) -> float:
        """Mean in °C.

        Raises:
            InstrumentFaultError: no probe, zones that disagree, or one that takes no part and does not rest.
        """
        zones: tuple[float, ...] = self._pick(temperatures.zones_c)
        low_c, high_c = self.low_c, self.high_c = min(zones), max(zones)
        if high_c - low_c > ZONES_AGREE_C or high_c > NO_PROBE_ABOVE_C:
            raise self._fault(zones[:-1])
        for zone in self._others:
            if not self._rest_low_c <= temperatures.zones_c[zone] <= self._rest_high_c:
                raise self._strays(zone, temperatures.zones_c[zone])
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

    def _strays(self, zone: int, value_c: float) -> InstrumentFaultError:
        return InstrumentFaultError(
            f"zone {zone + 1} takes no part and is at {value_c:.1f} °C, more than {AT_REST_C:g} °C from its baseline",
            where=self._where,
            did="the stimulus was ended (A sent)",
            remedy="lift the thermode off the skin now; switch it off and on; if it stays, have the probe checked",
        )
