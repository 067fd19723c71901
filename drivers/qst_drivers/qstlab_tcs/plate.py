"""The plate under the TCS: where it is, where its baseline is, and its way home."""

import math
from typing import Final

from qst.clock import Clock
from qst.errors import InstrumentFaultError, LinkTimeoutError, RemoteProtocolError
from qst_drivers.qstlab_tcs.port import ABORT_REPEATS, TcsPort
from qst_drivers.qstlab_tcs.program import Flags
from qst_drivers.qstlab_tcs.zones import ZoneMean
from qst_drivers.wire.tcs import Neutral, encode
from qst_drivers.wire.tcs_replies import Temperatures, decode_parameters

AT_BASELINE_C: Final = 1.0
_AT_NEUTRAL_C: Final = 2.0
_REST_C: Final = 32.0  # neither warm nor cold to the skin
_NEUTRAL_WAIT_S: Final = 10.0
_HEADING_S: Final = 2.0
_HEADING_C: Final = 0.15
_LOOK_S: Final = 0.050
_REST: Final = encode(Neutral(_REST_C))


class Plate:
    """The zones as one temperature, the baseline the device returns to, and the proof that it does.

    Args:
        port: the line to the device.
        zones: which zones take part.
        clock: the visit's clock.
    """

    def __init__(self, port: TcsPort, zones: Flags, clock: Clock) -> None:
        self._port = port
        self._zones = ZoneMean(zones, port.where)
        self._clock = clock
        self._neutral_c: float | None = None
        self._rests_c: tuple[float, float] | None = None  # between these the zones that take no part are, once known

    @property
    def neutral_c(self) -> float | None:
        """The baseline, once it is known. A new one is gone to from the last one: how fast is not documented."""
        return self._neutral_c

    @neutral_c.setter
    def neutral_c(self, neutral_c: float | None) -> None:
        self._neutral_c = neutral_c
        if neutral_c is not None:
            low_c, high_c = self._rests_c or (-math.inf, math.inf)
            self._rest_within(min(low_c, neutral_c), max(high_c, neutral_c))

    def _rest_within(self, low_c: float, high_c: float) -> None:
        self._rests_c = low_c, high_c
        self._zones.rest_within(low_c, high_c)

    def has_arrived(self) -> None:
        """The plate is at its baseline: from now on nothing that takes no part may be elsewhere.

        Raises:
            InstrumentFaultError: something is. LinkError, RemoteProtocolError.
        """
        if self._neutral_c is not None and not self._zones.all_take_part:
            self._rest_within(self._neutral_c, self._neutral_c)
            self.temperature_c()

    def furthest_c(self, *, rising: bool) -> float:
        """Of the last reading the zone that went furthest: the mean hides it, the skin under it does not."""
        return self._zones.high_c if rising else self._zones.low_c

    def parameters(self) -> dict[str, int]:
        """The device's own listing. Raises LinkError, RemoteProtocolError."""
        return self._port.decoded("P", decode_parameters)

    def temperature_c(self) -> float:
        """Ask for the mean of the zones that take part. Raises InstrumentFaultError, LinkError, RemoteProtocolError."""
        (temperatures,) = self._port.ask("E")
        return self.mean_c(temperatures)  # type: ignore[arg-type]  # E is answered by Temperatures

    def mean_c(self, temperatures: Temperatures) -> float:
        """Mean of the zones that take part; ``A`` is sent when there is none. Raises InstrumentFaultError."""
        try:
            return self._zones.mean_c(temperatures)
        except InstrumentFaultError:
            self._port.abort()
            raise

    def require_rest(self) -> None:
        """Wait until the plate rests at its baseline; every zone has a probe then.

        Raises:
            InstrumentFaultError: it does not, or there is no probe. LinkError, RemoteProtocolError.
        """
        self.neutral_c = self.parameters().get("N", 0) / 10 or None
        deadline_s = self._clock.monotonic() + _NEUTRAL_WAIT_S
        while True:
            value_c = self.temperature_c()
            if self.neutral_c is None or abs(value_c - self.neutral_c) <= _AT_NEUTRAL_C:
                break
            if self._clock.monotonic() >= deadline_s:
                raise InstrumentFaultError(
                    f"the plate is at {value_c:.1f} °C, its baseline is {self.neutral_c:g} °C",
                    where=self._port.where,
                    did="nothing was started",
                    remedy="lift the thermode; switch it off and on; if it stays, have the probe checked",
                )
            self._clock.sleep(_LOOK_S)
        self.has_arrived()

    def go_home(self) -> None:
        """``A`` until the plate is at, or on its way to, a harmless temperature.

        Raises:
            LinkError: the device could not be reached.
            InstrumentFaultError: it was reached, and the plate does not return.
        """
        problem: LinkTimeoutError | RemoteProtocolError | None = None
        for _ in range(ABORT_REPEATS):
            self._port.abort()
            if self._leaves_baseline():
                self._port.send(_REST)  # whether anybody answers is seen later: a silent device has heard it
            try:
                self._port.resynchronise()
                self._leave_baseline()
                if self._heading_home():
                    return
                problem = None
            except (LinkTimeoutError, RemoteProtocolError) as failed:
                problem = failed
        if isinstance(problem, LinkTimeoutError):
            raise problem
        raise InstrumentFaultError(
            "the plate does not return to its baseline" if problem is None else f"no proof of a return: {problem.what}",
            where=self._port.where,
            did=f"A was sent {ABORT_REPEATS} times over",
            remedy="lift the thermode off the skin now, then switch it off at its own switch",
        )

    def _leave_baseline(self) -> None:
        if self.neutral_c is None:
            self.neutral_c = self.parameters().get("N", 0) / 10
        if self._leaves_baseline():
            self._port.send(_REST)
            self.neutral_c = _REST_C

    def _leaves_baseline(self) -> bool:
        """Whether the baseline is itself a stimulus, as far as it is known."""
        return self.neutral_c is not None and abs(self.neutral_c - _REST_C) > _AT_NEUTRAL_C

    def _heading_home(self) -> bool:
        """Whether the plate is within 1 °C of its baseline, or comes nearer."""
        first_c = distance_c = self._distance_c()
        deadline_s = self._clock.monotonic() + _HEADING_S
        while distance_c > AT_BASELINE_C and first_c - distance_c < _HEADING_C:
            if self._clock.monotonic() >= deadline_s:
                return False
            self._clock.sleep(_LOOK_S)
            distance_c = self._distance_c()
        return True

    def _distance_c(self) -> float:
        return abs(self.temperature_c() - (self.neutral_c or 0.0))
