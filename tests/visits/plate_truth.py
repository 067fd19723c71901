"""Where the plate really goes, to the exact moment: the skin under it knows no sampling."""

from typing import Any, Final

from qst.instruments import ThermalRamp
from qst_simulators.faults import WIRE_FAULTS, Fault
from qst_simulators.world import Event, World

#: Rest of every thermode here, °C.
REST_C: Final = 32.0
#: Where a broken device may go by itself, °C: a TCS that has started anew goes to 30 °C as fast as it can, and at that
#: speed 1.1 °C beyond, and back to 32 °C in the same way; a laboratory-built plate without power drifts to its heat sink, and its power is cut when nothing
#: else helps.
BY_ITSELF_C: Final = {"qstlab-tcs": (30.0 - 1.1, REST_C + 1.1), "arroyo-5300": (REST_C, 36.0)}
#: Noise of events and of the arithmetic around them, °C.
EXACT_C: Final = 0.02
#: From a stop to what the plate does, s: a few round trips.
OBEYED_WITHIN_S: Final = 0.15
#: The same on a wire that answers late, wrongly or not at all: a wait for one answer and its repeats may come first, s.
DOUBTFUL_WIRE_S: Final = 2.5
#: After these nobody can tell the device anything, or it does not do what it is told: only its own limits are left.
DEAF: Final = frozenset(
    {Fault.IGNORED_STOP, Fault.DISCONNECT, Fault.RECONNECT, Fault.PORT_BUSY, Fault.PERMISSION_DENIED}
)
#: An overshoot that is injected, °C, where it is more than the maker states.
OVERSHOOT_C: Final = {"medoc-mms": 0.4, "qstlab-tcs": 0.4, "arroyo-5300": 0.0}
#: Plates whose *regulating* sensor can be stuck: the loop then drives them at full power, and nothing on the wire tells.
#: No software bounds that; docs/hazards.md says what such a plate needs instead: a thermostat of its own.
RUNS_AWAY: Final = frozenset({"arroyo-5300"})


class PlateTruth:
    """Watches one plate for going where it must not, on either side.

    Args:
        world: time.
        surface: the plate.
        driver: whose plate it is.
        overshoot_c: how far beyond a set-point the device may go by its own statement; with a device that ignores its
            limits, and how far it goes while the host sees that and acts.
        problems: what it finds is written here.

    """

    def __init__(self, world: World, surface: Any, driver: str, overshoot_c: float, problems: list[str]) -> None:
        self._world, self._surface, self._driver = world, surface, driver
        self._overshoot_c = overshoot_c
        self._problems = problems
        self.ramp: ThermalRamp | None = None
        self._stopped_c: float | None = None  # where the plate was when somebody stopped
        self._stopped_s = 0.0
        self._beyond_c = 0.0  # by how much more a broken device goes too far
        self._reaction_s = OBEYED_WITHIN_S
        self._home_c = (REST_C, REST_C)  # coldest and hottest place to which a device goes by itself
        self._deaf = self._excused = False
        self._began_c = REST_C  # where the plate was when the attempt began
        self._ramps: list[ThermalRamp] = []
        self._events: list[Event] = []
        surface.on_change.append(self._watch)

    def began(self, ramp: ThermalRamp) -> None:
        """An attempt begins; what was stopped before it is over."""
        self.ramp, self._stopped_c = ramp, None
        self._ramps.append(ramp)
        self._began_c = self._surface.temperature_c(self._world.now_s)
        self._watch()

    def stopped(self) -> None:
        """Somebody stops: from now on the plate must not go further away from rest."""
        if self.ramp is not None and self._stopped_c is None:
            self._stopped_s = self._world.now_s
            self._stopped_c = self._surface.temperature_c(self._stopped_s)
            self._watch()

    def broke(self, fault: Fault) -> None:
        """Something has broken: what the device cannot help any more is not asked of it."""
        if fault in DEAF:
            self._deaf = True
        elif fault in WIRE_FAULTS or fault is Fault.WRONG_ECHO:
            self._reaction_s = DOUBTFUL_WIRE_S
        elif fault is Fault.OVERSHOOT:
            self._beyond_c += OVERSHOOT_C[self._driver]
        elif fault is Fault.STUCK_SENSOR and self._driver in RUNS_AWAY:
            self._excused = True
        self._home_c = BY_ITSELF_C.get(self._driver, self._home_c)
        self._watch()

    def _limit_c(self, ramp: ThermalRamp, sign: float) -> tuple[float, str]:
        """Furthest that the plate may be now, and why. A plate is excused for what its device states, and no more."""
        allowed_c = self._overshoot_c + self._beyond_c + EXACT_C
        limit_c, why = sign * ramp.cutoff_c + allowed_c, "beyond the cut-off"
        if self._stopped_c is not None and not self._deaf:
            from_c = max(sign * self._stopped_c, *(sign * home_c for home_c in self._home_c))
            after_c = from_c + allowed_c + ramp.rate_c_per_s * self._reaction_s
            if after_c < limit_c:
                return sign * after_c, f"away after the stop at {self._stopped_s:.2f} s"
        return sign * limit_c, why

    def _other_limit_c(self, ramp: ThermalRamp, sign: float) -> tuple[float, str]:
        """Furthest that it may be on the side to which no ramp goes: where it was, rests, starts, or goes by itself.

        A device that hears nothing any more may still be at what an earlier attempt has told it.
        """
        places_c = [ramp.start_c, self._began_c, REST_C, *self._home_c]
        if self._deaf:
            places_c += [place_c for earlier in self._ramps for place_c in (earlier.start_c, earlier.cutoff_c)]
        furthest_c = max(-sign * place_c for place_c in places_c) + self._overshoot_c + self._beyond_c + EXACT_C
        return -sign * furthest_c, "on the other side of its start"

    def _watch(self) -> None:
        """On every change of the path, the next moments at which it crosses a limit are moments to look."""
        while self._events:
            self._events.pop().cancel()
        ramp = self.ramp
        if ramp is None or self._excused:
            return
        sign = 1.0 if ramp.rising else -1.0
        self._watch_for(*self._limit_c(ramp, sign), sign)
        self._watch_for(*self._other_limit_c(ramp, sign), -sign)

    def _watch_for(self, limit_c: float, why: str, sign: float) -> None:
        at_s = self._surface.when(limit_c, rising=sign > 0, after_s=self._world.now_s)
        if at_s is not None:
            self._events.append(self._world.at(at_s, lambda: self._look(limit_c, sign, why)))

    def _look(self, limit_c: float, sign: float, why: str) -> None:
        now_s = self._world.now_s
        true_c = self._surface.temperature_c(now_s)
        if sign * (true_c - limit_c) >= -1e-9:
            furthest = "" if self._stopped_c is None else f", stopped at {self._stopped_c:.2f} °C"
            self._problems.append(f"{now_s:.2f} s: {true_c:.2f} °C is {why} (limit {limit_c:.2f} °C{furthest})")
