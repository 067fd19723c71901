"""The byte side of the simulated MMS: one request and one reply a connection, then it hangs up."""

from collections.abc import Mapping
from typing import Any, ClassVar

from qst.errors import RemoteProtocolError
from qst_drivers.wire.mms import LENGTH_SIZE, U32_MAX, Command, ReceivedRequest, RequestDecoder
from qst_drivers.wire.mms_reply import encode_reply
from qst_simulators.faults import FaultTable, Moments
from qst_simulators.medoc_mms.faults import fault_table
from qst_simulators.medoc_mms.main_station import MainStation, State
from qst_simulators.medoc_mms.settings import Settings
from qst_simulators.surroundings import Surroundings
from qst_simulators.thermal import LaggedSurface
from qst_simulators.world import World

GET_STATUS = int(Command.GET_STATUS)


class SimulatedMedocMms:
    """Medoc Main Station with a thermode, behind its TCP port.

    A request is carried out, and its temperature measured, half a round trip after it was sent; the reply comes as two
    segments, the length and the body, ``hold_body_s`` apart. A second request on the same connection is never answered.
    A host that hangs up does not take back what it has sent.

    Args:
        world: time and chance.
        settings: see :class:`qst_simulators.medoc_mms.settings.Settings`; ``programs`` is a list of mappings with
            ``word``, ``baseline``, ``rate``, ``cutoff``, ``return_rate`` and optionally ``name``, ``method``,
            ``trials``, ``onset``.
        surroundings: the participant's button.

    Raises:
        ValueError: a setting is wrong.
    """

    TITLE: ClassVar[str] = "Medoc thermode behind Medoc Main Station (External Control over TCP)"

    def __init__(self, world: World, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._world = world
        self._settings = Settings.from_mapping(settings)
        self.main_station = MainStation(world, self._settings, surroundings.button)
        self._half_trip_s = self._settings.round_trip_s / 2
        self._decoder: RequestDecoder | None = None
        self._restarts_until_s = -1.0
        self.wrong_echoes = 0  # so many replies to come name another request
        self.fault_table: FaultTable = fault_table(self, self.main_station, world)
        self._forget()

    def inject(self, name: str, **options: Any) -> None:  # noqa: ANN401 - plain data from a station file
        """Let a fault of the device strike now; see :mod:`qst_simulators.medoc_mms.faults`. Raises ValueError."""
        self.fault_table.strike(name, options)

    def announce(self) -> None:
        """Let every status carry the message that this is a simulation; for hosts in other programs."""
        self.main_station.announce()

    def restart(self, for_s: float) -> None:
        """MMS starts anew: nobody answers for ``for_s``, then its operator has to go to the test again."""
        self.main_station.leave_test()
        self._restarts_until_s = self._world.now_s + for_s
        self._hung_up = True

    @property
    def moments(self) -> Moments:
        """In which part of a trial MMS is."""
        return self.main_station.moments

    @property
    def surface(self) -> LaggedSurface:
        """The plate, as the skin under it feels it."""
        return self.main_station.thermode.surface

    @property
    def true_temperature_c(self) -> float:
        """True temperature of the plate now, in °C."""
        return self.surface.temperature_c(self._world.now_s)

    @property
    def state(self) -> State:
        """Where MMS is now."""
        return self.main_station.state

    def _forget(self) -> None:
        """No request, no reply."""
        self._frame = b""
        self._taken = 0
        self._status: ReceivedRequest | None = None  # carried out when its reply is fetched: it changes nothing
        self._status_due_s = 0.0
        self._length_due_s: float | None = None
        self._body_due_s = 0.0
        self._hung_up = False

    def connect(self, now_s: float) -> None:
        """Accept a connection."""
        self._world.advance(now_s)
        if now_s < self._restarts_until_s:
            raise ConnectionRefusedError("nobody listens on the port of MMS")
        self._decoder = RequestDecoder()
        self._forget()

    def disconnect(self, now_s: float) -> None:
        """The host has hung up."""
        self._world.advance(now_s)
        self._decoder = None
        self._length_due_s = self._status = None

    def receive(self, data: bytes, now_s: float) -> None:
        """Bytes of a request; an illegal length makes MMS hang up (SIM)."""
        self._world.advance(now_s)
        if self._decoder is None or self._length_due_s is not None or self._hung_up:
            return
        try:
            requests = self._decoder.feed(data)
        except RemoteProtocolError:
            self._hung_up = True
            return
        if requests:
            self._length_due_s = now_s + self._settings.round_trip_s
            self._body_due_s = self._length_due_s + self._settings.hold_body_s
            request = requests[0]
            if request.command == GET_STATUS:
                self._status, self._status_due_s = request, now_s + self._half_trip_s
            else:
                self._world.at(now_s + self._half_trip_s, lambda: self._carry_out(request))

    def _carry_out(self, request: ReceivedRequest) -> None:
        self._frame = self._encoded(request)

    def _encoded(self, request: ReceivedRequest) -> bytes:
        reply = self.main_station.answer(request)
        if self.wrong_echoes:
            self.wrong_echoes -= 1
            reply = reply._replace(timestamp=(reply.timestamp - 1) & U32_MAX)
        return encode_reply(reply)

    def transmit(self, now_s: float) -> bytes:
        """The length, then the body, each once it has reached the host; both at once when both have."""
        due_s = self._length_due_s
        if due_s is None or now_s < due_s or self._hung_up:
            self._world.advance(now_s)
            return b""
        if self._status is not None:
            self._world.advance(self._status_due_s)
            self._frame = self._encoded(self._status)
            self._status = None
        self._world.advance(now_s)
        taken = self._taken
        if now_s >= self._body_due_s:
            self._hung_up = True
            return self._frame[taken:] if taken else self._frame
        self._taken = LENGTH_SIZE
        return b"" if taken else self._frame[:LENGTH_SIZE]

    def next_transmit_s(self) -> float | None:
        """When the next segment reaches the host."""
        if self._length_due_s is None or self._hung_up:
            return None
        return self._body_due_s if self._taken else self._length_due_s

    def hung_up(self, now_s: float) -> bool:
        """Whether MMS has closed and its last byte was taken."""
        self._world.advance(now_s)
        return self._hung_up
