"""Puts a simulated station together: world, devices, participant, the operator's hands, one button."""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any, NamedTuple, cast

from qst.clock import Clock
from qst.errors import InputError
from qst_simulators.faults import FaultyButton, FaultyDevice, Moment, Moments
from qst_simulators.faults.arming import faults_of
from qst_simulators.hand import Hand
from qst_simulators.operator_hands import OperatorHands
from qst_simulators.participant import Experience, Participant
from qst_simulators.profile import Profile, Reading
from qst_simulators.surroundings import ButtonLine, SimulatorClass, Surroundings
from qst_simulators.world import World

#: Entry points in this group are simulators: name in a station file -> class.
GROUP = "qst.simulators"


class Edge(NamedTuple):
    """The button went down (``pressed``) or up at ``time_s`` on the visit's clock."""

    time_s: float
    pressed: bool


class BenchButton:
    """The participant's button as the host sees it: the shape of a response button.

    Args:
        world: whose time is brought up to the clock before anybody looks.
        line: the contact.
        now_s: the visit's clock.
    """

    def __init__(self, world: World, line: ButtonLine, now_s: Callable[[], float]) -> None:
        self._world = world
        self._line = line
        self._now_s = now_s
        self._seen = 0

    def edges(self) -> Sequence[Edge]:
        """Edges since the last call, oldest first. Never waits."""
        self._world.advance(self._now_s())
        history = self._line.history
        if self._seen == len(history):
            return ()
        new = [Edge(time_s, pressed) for time_s, pressed in history[self._seen :]]
        self._seen = len(history)
        return new

    def pressed(self) -> bool:
        """Whether it is down now."""
        self._world.advance(self._now_s())
        return self._line.pressed


class Bench:
    """A simulated station.

    Args:
        clock: the visit's clock.
        seed: everything random on the bench follows from it, the participant's person included.
        profile: the participant, the hand and the operator.
        devices: role (``thermode``, ``algometer``) -> simulator (name of an entry point, or a class) and its settings;
            ``faults`` among them is a list of mappings, each with ``name`` and what
            :meth:`qst_simulators.faults.FaultyDevice.inject` takes.
        tip_area_cm2: area of the algometer's tip; 1 cm² is the norm.
        reading: what a pressure trial on this station reports, hence which reading the profile's mean is the mean of:
            ``peak`` for a gauge that keeps only its peak.
        visit: number of the visit.
        withdraws_after: the participant has enough after so many stimuli; for tests of that.

    Raises:
        InputError: no such simulator, or settings that it refuses.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int | str,
        profile: Profile,
        devices: Mapping[str, tuple[str | SimulatorClass, Mapping[str, Any]]],
        tip_area_cm2: float = 1.0,
        reading: str = "at_response",
        visit: int = 1,
        withdraws_after: int | None = None,
    ) -> None:
        self.world = World(seed)
        self.line = line = FaultyButton(self.world)
        self.hand = hand = Hand(self.world, profile.hand)
        self.surroundings = Surroundings(button=line, force=hand)
        self.participant = Participant(
            self.world,
            profile,
            line,
            visit=visit,
            pressure_reading=Reading(reading),
            withdraws_after=withdraws_after,
        )
        self._devices = {role: self._build(role, *device) for role, device in devices.items()}
        self.button = BenchButton(self.world, line, clock.monotonic)
        self.hands = OperatorHands(
            self.world,
            clock.monotonic,
            profile=profile.operator,
            hand=hand,
            participant=self.participant,
            device=self.device,
            tip_area_cm2=tip_area_cm2,
            visit=visit,
        )

    @property
    def truth(self) -> list[Experience]:
        """What really happened in each trial so far, for tests."""
        return self.participant.experiences

    def device(self, role: str) -> Any:  # noqa: ANN401 - each simulator has its own class
        """The simulated device of ``role``. Raises KeyError when the station has none."""
        return self._devices[role]

    def _build(self, role: str, simulator: str | SimulatorClass, settings: Mapping[str, Any]) -> FaultyDevice:
        made = find_simulator(simulator) if isinstance(simulator, str) else simulator
        try:
            switches, faults = faults_of(settings)
            device = made(self.world, switches, self.surroundings)
            wrapped = FaultyDevice(device, self.world, role, self.line)
            if not hasattr(device, "surface") and isinstance(getattr(device, "moments", None), Moments):
                self._follow_hand(device.moments)
            for fault in faults:
                wrapped.inject(**fault)
        except (ValueError, TypeError) as error:
            raise InputError(
                f"the simulator of the {role} refuses its settings: {error}",
                where=f"instruments.{role}.simulator",
                remedy="correct the station file",
            ) from error
        return wrapped

    def _follow_hand(self, moments: Moments) -> None:
        """A gauge does not know when it is pressed and let go; the hand does."""

        def changed() -> None:
            if self.hand.pressing:
                moments.enter(Moment.RAMP)
            elif moments.now is Moment.RAMP:
                moments.enter(Moment.RETURN)

        self.hand.on_change.append(changed)


def find_simulator(name: str) -> SimulatorClass:
    """The simulator that is installed under ``name``.

    Raises:
        InputError: there is none.
    """
    installed = entry_points(group=GROUP)
    if name not in installed.names:
        known = ", ".join(sorted(installed.names)) or "none"
        raise InputError(f"no simulator is called '{name}'", remedy=f"installed simulators: {known}")
    return cast("SimulatorClass", installed[name].load())
