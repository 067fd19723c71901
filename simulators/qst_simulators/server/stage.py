"""The simulated world behind a server: devices by role, participant, hand and button, and what may be done to them."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from qst.clock import Clock
from qst.errors import InputError
from qst_simulators.bench import Bench, find_simulator
from qst_simulators.hand import Hand
from qst_simulators.operator_hands import OperatorHands
from qst_simulators.participant import Participant
from qst_simulators.profile import Profile, load_profile
from qst_simulators.server import commands
from qst_simulators.server.commands import CommandError
from qst_simulators.server.port import WORDLESS, ByteDevice
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World

ALGOMETER, THERMODE = "algometer", "thermode"
#: What a simulated device may show of itself, beside its temperature.
_HIDDEN = ("state", "stimulating", "following", "output_on", "menu_open", "damaged", "saved")


class Device(NamedTuple):
    """A simulator to serve: the name it is installed under, and its settings."""

    name: str
    settings: Mapping[str, Any] = {}


class Stage:
    """A bench whose devices are served, with everything that a person at its side could do.

    Args:
        clock: time of the simulated world.
        devices: what stands on the bench.
        seed: everything random follows from it.
        profile: the first participant; also the hand.
        visit: number of the visit.
        tip_area_cm2: area of the algometer's tip.

    Raises:
        InputError: no such simulator, or settings that it refuses.
    """

    def __init__(
        self,
        clock: Clock,
        devices: Sequence[Device],
        *,
        seed: int,
        profile: Profile,
        visit: int,
        tip_area_cm2: float,
    ) -> None:
        self._clock = clock
        self._visit = visit
        self._tip_area_cm2 = tip_area_cm2
        self.roles = _roles(devices)
        self.bench = Bench(
            clock,
            seed=seed,
            profile=profile,
            devices={role: (device.name, device.settings) for role, device in self.roles.items()},
            tip_area_cm2=tip_area_cm2,
            visit=visit,
        )
        for role in self.roles:
            announce = getattr(self.bench.device(role), "announce", None)
            if announce is not None:  # devices with an identity tell it there
                announce()
        self._exposures: dict[tuple[str, str, str], int] = {}
        self._placed = 0
        self._acts: dict[type, Callable[[Any], dict[str, Any] | None]] = {
            commands.Press: lambda _: self._button(pressed=True),
            commands.Release: lambda _: self._button(pressed=False),
            commands.Place: self._place,
            commands.Lift: lambda _: self.bench.hands.lift(),
            commands.Push: self._push,
            commands.PushTable: lambda _: self.bench.hands.press_on_table(),
            commands.LetGo: lambda _: self.bench.hands.release(),
            commands.ChangeParticipant: lambda command: self._seat(load_profile(command.profile)),
            commands.TellState: lambda _: self._state(),
            commands.Fault: self._inject,
            commands.Quit: lambda _: None,  # the server's own business
        }

    def device(self, role: str) -> ByteDevice:
        """The device's byte side. Raises KeyError."""
        device: ByteDevice = self.bench.device(role)
        return device

    def obey(self, command: commands.Command) -> dict[str, Any]:
        """Carry a command out, now.

        Raises:
            CommandError, InputError: it cannot be; nothing has changed.
        """
        self.bench.world.advance(self._clock.monotonic())
        return self._acts[type(command)](command) or {}

    def _button(self, *, pressed: bool) -> None:
        self.bench.surroundings.button.set(pressed=pressed)

    def _place(self, command: commands.Place) -> dict[str, Any]:
        role = command.role or (ALGOMETER if command.modality == "pressure" else THERMODE)
        if role not in self.roles:
            raise CommandError(f"there is no {role} here; there are {', '.join(self.roles)}")
        where = (command.modality, command.site, command.side)
        exposure = command.exposure or self._exposures.get(where, 0) + 1
        self._placed += 1
        key = command.key or f"control/{self._placed}"
        try:
            self.bench.hands.place(
                # To the hands every gauge is the algometer: they have one tip to push.
                role=ALGOMETER if role.startswith(ALGOMETER) else role,
                modality=command.modality,
                site_code=command.site,
                side=command.side,
                exposure=exposure,
                key=key,
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        self._exposures[where] = exposure
        return {"role": role, "key": key, "exposure": exposure}

    def _push(self, command: commands.Push) -> None:
        rate_kpa_per_s = command.kpa_per_s()
        try:
            self.bench.hands.press(rate_kpa_per_s=rate_kpa_per_s)
        except RuntimeError as error:  # nothing to push
            raise CommandError(str(error)) from error

    def _seat(self, profile: Profile) -> None:
        """Another person with the same button; the hand on the gauge stays the same operator's."""
        bench = self.bench
        hand = bench.surroundings.force
        if not isinstance(hand, Hand):
            raise CommandError("this bench has no hand")
        bench.hands.lift()
        bench.participant = Participant(bench.world, profile, bench.surroundings.button, visit=self._visit)
        bench.hands = OperatorHands(
            bench.world,
            self._clock.monotonic,
            profile=profile.operator,
            hand=hand,
            participant=bench.participant,
            device=bench.device,
            tip_area_cm2=self._tip_area_cm2,
            visit=self._visit,
        )

    def _inject(self, command: commands.Fault) -> None:
        if command.role not in self.roles:
            raise CommandError(f"there is no {command.role} here; there are {', '.join(self.roles)}")
        inject = getattr(self.bench.device(command.role), "inject", None)
        if inject is None:
            raise CommandError(f"the simulator of the {command.role} takes no faults")
        options = command.checked_options()
        try:
            inject(command.name, **options)
        except (InputError, ValueError, TypeError, KeyError) as error:
            raise CommandError(f"{command.name}: {error}") from error

    # -- the truth ----------------------------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        bench = self.bench
        now_s = bench.world.now_s
        experience = bench.truth[-1] if bench.truth else None
        trial = None
        if experience is not None:
            trial = {
                "key": experience.placement.key,
                "modality": experience.placement.modality,
                "site": experience.placement.site_code,
                "side": experience.placement.side,
                "threshold": experience.threshold,
                "reaction_time_s": experience.reaction_time_s,
                "perceived_s": experience.perceived_s,
                "press_s": experience.press_s,
                "value_at_press": experience.value_at_press,
            }
        return {
            "now_s": now_s,
            "pressed": bench.surroundings.button.pressed,
            "force_n": bench.surroundings.force.force_n(now_s),
            "withdrew": bench.participant.withdrew,
            "trial": trial,
            "devices": {role: self._hidden(role, device.name) for role, device in self.roles.items()},
        }

    def _hidden(self, role: str, name: str) -> dict[str, Any]:
        device = self.bench.device(role)
        shown: dict[str, Any] = {"device": name}
        surface = getattr(device, "surface", None)
        if surface is not None:
            shown["temperature_c"] = surface.temperature_c(self.bench.world.now_s)
        for each in _HIDDEN:
            value = getattr(device, each, None)
            if isinstance(value, Enum):
                shown[each] = value.value
            elif isinstance(value, bool | int | float | str):
                shown[each] = value
        return shown


def _roles(devices: Sequence[Device]) -> dict[str, Device]:
    """``thermode``, ``algometer``; the second of a kind is ``thermode-2``, and so on."""
    roles: dict[str, Device] = {}
    counts = {THERMODE: 0, ALGOMETER: 0}
    for device in devices:
        if device.name in WORDLESS:
            raise InputError(
                f"the {device.name} has no interface to a computer: an operator reads its display",
                remedy="leave it out",
            )
        kind = _kind(device)
        counts[kind] += 1
        roles[kind if counts[kind] == 1 else f"{kind}-{counts[kind]}"] = device
    return roles


def _kind(device: Device) -> str:
    """A thermode has a plate; whatever has none is an algometer. A trial piece in an empty world tells."""
    simulator = find_simulator(device.name)
    world = World(0)
    try:
        settings = {key: value for key, value in device.settings.items() if key != "faults"}  # the bench's, not its
        piece = simulator(world, settings, Surroundings(ButtonLine(world)))
    except ValueError as error:
        raise InputError(
            f"the simulator refuses its settings: {error}", where=device.name, remedy="correct the settings"
        ) from error
    return THERMODE if hasattr(piece, "surface") else ALGOMETER
