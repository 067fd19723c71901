"""What the controller says about itself, and what that means."""

from typing import Final

from qst.errors import InstrumentFaultError, LinkTimeoutError
from qst_drivers.arroyo_5300.talk import ArroyoTalk, describe_errors
from qst_drivers.wire.arroyo import AnswerEnd, Bit, Echo, HexFloat, Identification, Plain, Tolerance, encode

LIFT: Final = "lift the thermode off the skin now"
#: Readings beyond these are no temperatures of a plate on skin, but of a sensor that is broken.
COLDEST_C, HOTTEST_C = -20.0, 70.0
_HALF_STEP: Final = 5e-3
_SETTLED: Final = Tolerance(0.1, 2.0)
_LIMITS: Final = Bit.TEMPERATURE_HIGH | Bit.TEMPERATURE_LOW  # of TEC:ENAB:OUTOFF too
_TROUBLE: Final = {
    Bit.SENSOR_LIMIT: "the sensor is outside its limits",
    Bit.TEMPERATURE_HIGH: "the temperature is above its limit",
    Bit.TEMPERATURE_LOW: "the temperature is below its limit",
    Bit.SENSOR_SHORT: "the sensor is shorted",
    Bit.SENSOR_OPEN: "the sensor is open",
    Bit.MODULE_OPEN: "the Peltier module is not connected",
    Bit.RUNAWAY: "thermal runaway",
}


def greet(talk: ArroyoTalk) -> Identification:
    """Bring the line in step, make answers plain, regulate temperature, see that the unit can ramp. Nothing moves.

    Raises:
        LinkError, RemoteProtocolError: no answer, or not an Arroyo's.
        InstrumentFaultError: it has no temperature ramp, its limits do not act, or it reports an error.
    """
    talk.send(b"\r\n")  # ends whatever half a line is in its buffer
    for command in (Echo(on=False), AnswerEnd(0), HexFloat(on=False), Plain("RADIX DEC"), Plain("*CLS")):
        talk.send(encode(command))
    identification = talk.resynchronise()
    talk.errors()  # what this unit does not know of the above
    _require_ramp(talk)
    _require_limits_that_act(talk)
    if talk.text("TEC:MODE") != "T":
        talk.order(Plain("TEC:MODE:T"))
    talk.order(_SETTLED)
    return identification


def _require_ramp(talk: ArroyoTalk) -> None:
    try:
        talk.number("TEC:TRATE")
    except LinkTimeoutError:
        errors = talk.errors()
        if not errors:
            raise
        raise InstrumentFaultError(
            f"this unit has no temperature ramp: {describe_errors(errors)} after TEC:TRATE?",
            where=talk.where,
            did="nothing was started",
            remedy="use a unit and a firmware with TEC:TRATE",
        ) from None


def _require_limits_that_act(talk: ArroyoTalk) -> None:
    """The temperature limits written for each ramp are worth something only if they switch the output off."""
    if talk.integer("TEC:ENAB:OUTOFF") & _LIMITS != _LIMITS:
        raise InstrumentFaultError(
            "this unit's temperature limits do not switch its output off",
            where=talk.where,
            did="nothing was started",
            remedy="set TEC:ENAB:OUTOFF to its default again (1240), see the controller's manual",
        )


def verify(talk: ArroyoTalk, name: str, wanted: float) -> None:
    """Read a setting back. Raises InstrumentFaultError when it is another than was sent."""
    got = talk.number(name)
    if abs(got - wanted) > _HALF_STEP:
        raise InstrumentFaultError(
            f"the controller holds {name} = {got:g} where {wanted:g} was sent",
            where=talk.where,
            did="no ramp was started",
            remedy="prepare again; if it stays, check the cable and the controller's own settings",
        )


def condition(talk: ArroyoTalk, *, driving: bool) -> int:
    """The condition bits.

    Args:
        talk: the line.
        driving: the output was switched on, and must be on.

    Raises:
        InstrumentFaultError: they tell of trouble; the error queue is told with it.
    """
    bits = talk.condition()
    trouble = [text for bit, text in _TROUBLE.items() if bits & bit]
    if driving and not bits & Bit.OUTPUT_ON:
        trouble.append("its output is off")
    if trouble:
        errors = describe_errors(talk.errors()) or "no error in its queue"
        raise InstrumentFaultError(
            f"the controller reports: {', '.join(trouble)}; {errors}",
            where=talk.where,
            remedy=f"{LIFT}: without power it drifts towards its heat sink",
        )
    return bits


def implausible(talk: ArroyoTalk, value_c: float, *, driving: bool) -> InstrumentFaultError | None:
    """What is wrong with a reading that no plate on skin has; None when it is a temperature."""
    if COLDEST_C < value_c < HOTTEST_C:
        return None
    try:
        condition(talk, driving=driving)
    except InstrumentFaultError as fault:
        return fault
    return InstrumentFaultError(
        f"the sensor reads {value_c:.2f} °C", where=talk.where, remedy=f"{LIFT}; then check the sensor"
    )
