"""The way to safety: towards 32 °C, with power. Without it a plate drifts towards its heat sink."""

from typing import Final

from qst.clock import Clock
from qst.errors import InstrumentFaultError
from qst.instruments import SafeScript, SafeStep
from qst_drivers.arroyo_5300.health import LIFT
from qst_drivers.arroyo_5300.settings import REST_C
from qst_drivers.arroyo_5300.talk import ArroyoTalk
from qst_drivers.wire.arroyo import Command, Output, RampRate, Setpoint, encode

#: This near to 32 °C a plate is home.
HOME_WITHIN_C: Final = 1.0
#: The rate home when no ramp says which: 1 °C/s.
HOME_RATE: Final = RampRate(60.0)
HOME: Final = Setpoint(REST_C)
_HEADING_S: Final = 2.5
_HEADING_C: Final = 0.15
_LOOK_S: Final = 0.1
_OFF: Final = encode(Output(on=False))
_SPOILT: Final = b"~\r\n"
#: A command may take the controller 20 to 50 ms.
_BETWEEN_S: Final = 0.05


def way_home(target: Setpoint, rate: RampRate) -> tuple[Command, ...]:
    """The commands that turn the plate round, one line.

    Set-point first: were the rate to be spoilt on the way, the plate comes back slowly; were it the other way round, it
    would go on to its cut-off faster. Set-point again: whether a new rate changes a ramp that runs is not documented.
    """
    return target, rate, target


def guard_script(rate: RampRate) -> SafeScript:
    """The same way home as a guard sends it, unasked and unanswered, and maybe right behind half a line.

    The tilde makes that half a line an error, so that it is not obeyed: half of a longer number is another number.
    """
    return SafeStep(_SPOILT), SafeStep(encode(*way_home(HOME, rate)), _BETWEEN_S)


def heading_home(talk: ArroyoTalk, clock: Clock) -> bool:
    """Whether the plate is within 1 °C of 32 °C, or comes nearer."""
    deadline_s = clock.monotonic() + _HEADING_S
    first_c = distance_c = abs(talk.temperature_c() - REST_C)
    while distance_c > HOME_WITHIN_C and first_c - distance_c < _HEADING_C:
        if clock.monotonic() >= deadline_s:
            return False
        clock.sleep(_LOOK_S)
        distance_c = abs(talk.temperature_c() - REST_C)
    return True


def cut_power(talk: ArroyoTalk) -> None:
    """The output off, for a plate whose loop cannot be trusted. Written at once; nothing is asked."""
    talk.send(_OFF)


def require_no_power(talk: ArroyoTalk) -> None:
    """The output off, and see that it is. Raises InstrumentFaultError when it is not."""
    cut_power(talk)
    if talk.number("TEC:OUT") != 0:
        raise InstrumentFaultError(
            "the controller does not switch its output off",
            where=talk.where,
            did="it was told to",
            remedy=f"{LIFT}, then switch the controller off at its own switch",
        )
