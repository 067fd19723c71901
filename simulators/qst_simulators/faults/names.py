"""The faults by name."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Never


class Fault(StrEnum):
    """Everything that can be made to go wrong. The value is the name in a station file."""

    SILENCE = "silence"  # nothing comes back any more; what is sent still arrives
    DISCONNECT = "disconnect"  # the cable is out: nothing passes, and nobody answers a new connection
    RECONNECT = "reconnect"  # the cable is out for a while and then in again
    GARBAGE = "garbage"  # a reply is replaced by as many random bytes
    TRUNCATED = "truncated"  # a reply ends early
    DUPLICATED = "duplicated"  # a reply comes twice
    DELAYED = "delayed"  # a reply comes late
    STALE = "stale"  # the reply before comes once more instead of the right one
    WRONG_CHECKSUM = "wrong_checksum"  # none of the suite's wires has one: every device refuses it
    WRONG_ECHO = "wrong_echo"  # a reply names another request than the one it answers
    PORT_BUSY = "port_busy"  # another program has the port
    PERMISSION_DENIED = "permission_denied"  # the account may not open the port
    STUCK_SENSOR = "stuck_sensor"  # readings stay as they were
    JUMPING_SENSOR = "jumping_sensor"  # readings jump now and then
    DRIFTING_SENSOR = "drifting_sensor"  # readings move away from the truth
    SLOW_RAMP = "slow_ramp"  # the plate moves more slowly than commanded
    OVERSHOOT = "overshoot"  # the plate goes on for a while after it was told to return
    IGNORED_STOP = "ignored_stop"  # the device answers a stop and goes on
    BATTERY_LOW = "battery_low"  # the battery is nearly empty
    DEVICE_REBOOT = "device_reboot"  # the device starts anew and has forgotten what it was told
    SAFE_MODE = "safe_mode"  # the device has stopped by itself for safety and waits for a person
    OPERATOR_MENU = "operator_menu"  # somebody is in the device's own menu
    UNIT_KEY = "unit_key"  # somebody pressed the unit key of the gauge
    OVERLOAD = "overload"  # the sensor is loaded beyond its range
    STUCK_BUTTON = "stuck_button"  # the participant's button stays down once it is pressed
    BOUNCING_BUTTON = "bouncing_button"  # its contact opens and closes several times at each edge
    EARLY_PRESS = "early_press"  # the button is pressed without pain
    LATE_PRESS = "late_press"  # the button is pressed long after pain was felt


WIRE_FAULTS = frozenset(
    {
        *(Fault.SILENCE, Fault.DISCONNECT, Fault.RECONNECT, Fault.GARBAGE, Fault.TRUNCATED, Fault.DUPLICATED),
        *(Fault.DELAYED, Fault.STALE, Fault.PORT_BUSY, Fault.PERMISSION_DENIED),
    }
)
BUTTON_FAULTS = frozenset({Fault.STUCK_BUTTON, Fault.BOUNCING_BUTTON, Fault.EARLY_PRESS, Fault.LATE_PRESS})


def fault_named(name: str) -> Fault:
    """The fault of this name; spaces and hyphens count as underscores. Raises ValueError, naming all there are."""
    try:
        return Fault(name.strip().lower().replace(" ", "_").replace("-", "_"))
    except ValueError:
        raise ValueError(f"there is no fault '{name}'; there are {', '.join(Fault)}") from None


def refuse(name: str, device: str, possible: Iterable[Fault]) -> Never:
    """Raise ValueError for a fault that makes no sense for a device, naming those that do."""
    raise ValueError(f"{device} has no fault '{name}'; it has {', '.join(sorted(possible)) or 'none'}")
