"""In which part of a trial a device is: the moments at which a fault can be made to strike."""

from collections.abc import Callable
from enum import StrEnum


class Moment(StrEnum):
    """Parts of a trial, in their order. The value is what a station file says after ``when``."""

    CONNECT = "connect"  # from the beginning, before anybody connects
    ADAPT = "adapt"  # a plate goes to its start; a gauge is zeroed
    SETTLE = "settle"  # the plate has arrived, the ramp has not begun; a gauge sends and is not pressed yet
    RAMP = "ramp"  # the stimulus
    RETURN = "return"  # the way back; the hand lets go


class Moments:
    """What a simulated device tells about where it is. Entering a moment again tells it again."""

    __slots__ = ("listeners", "now")

    def __init__(self) -> None:
        self.now = Moment.CONNECT
        self.listeners: list[Callable[[Moment], None]] = []

    def enter(self, moment: Moment) -> None:
        """The device is there now."""
        self.now = moment
        for listener in tuple(self.listeners):
            listener(moment)
