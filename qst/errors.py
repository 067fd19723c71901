"""Every error of the suite, in one tree.

::

    QstError                      QST-000  something the suite did not do, and why
    ├── InputError                QST-100  what a person gave us is wrong (exit code 2)
    │   ├── ProtocolFileError     QST-110
    │   ├── StationFileError      QST-120
    │   └── PlanError             QST-130  protocol and station do not fit together
    ├── LinkError                 QST-200  the cable, not the device
    │   ├── LinkOpenError         QST-210
    │   ├── LinkTimeoutError      QST-220
    │   └── LinkClosedError       QST-230
    ├── WireError                 QST-300  the language on the cable
    │   ├── LocalProtocolError    QST-310  we asked for something the wire cannot say
    │   └── RemoteProtocolError   QST-320  the device said something it must not say
    ├── InstrumentError           QST-400  the device, its limits and its state
    │   ├── RefusedError          QST-410  the request is outside what the instrument can or may do
    │   ├── NotReadyError         QST-420  the device is not in a state to do this now
    │   └── InstrumentFaultError  QST-430  the device reported or showed a fault; or, found by driver or visit:
    │       ├── StaleReadingError     QST-431  no reading for too long during a stimulus
    │       ├── FrozenReadingError    QST-432  readings that do not move on a ramp
    │       ├── OffRampError          QST-433  measured is not what was commanded
    │       ├── RampRateError         QST-434  the ramp is too fast
    │       ├── ReadingClockError     QST-435  the readings' clock went back, or ahead
    │       ├── ReadingJumpError      QST-436  a reading jumped
    │       ├── HeldButtonError       QST-437  the participant's button is down from the start
    │       ├── RampTimeoutError      QST-438  a ramp that does not end in its time
    │       ├── BeyondCutoffError     QST-439  the skin gets more than the cut-off
    │       ├── NoNumberError         QST-440  a reading that is not a number
    │       └── OffStartError         QST-441  before the ramp the plate goes away from its start
    ├── SafetyError               QST-500  a limit that protects the skin
    │   ├── LongStayError         QST-510  too long in a band of temperature
    │   └── HotTrialError         QST-520  too long at 43 or 48 °C and above in one trial
    ├── LogError                  QST-600  the visit log
    │   ├── LogWriteError         QST-610
    │   └── LogDamagedError       QST-620
    └── DefectError               QST-900  a defect of the suite, or of a driver

Each carries a stable code that a technician can read out on the telephone, what happened, what the suite did,
and what to do next.
"""

from typing import ClassVar


class QstError(Exception):
    """Root of the tree.

    Args:
        what: what happened, in one sentence.
        where: file and line, instrument or link, if there is one.
        did: what the suite did about it.
        remedy: what the reader can do now.
    """

    code: ClassVar[str] = "QST-000"

    def __init__(self, what: str, *, where: str = "", did: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.did = did
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what

    def report(self) -> str:
        """The whole message for a person: code, where, what, what was done, what to do."""
        lines = [f"{self.code}: {self}"]
        if self.did:
            lines.append(f"  Done: {self.did}")
        if self.remedy:
            lines.append(f"  To do: {self.remedy}")
        return "\n".join(lines)


class InputError(QstError):
    """What a person gave us (a file, an option, an identifier) is wrong. Nothing was connected."""

    code = "QST-100"


class ProtocolFileError(InputError):
    """A protocol file is wrong; ``where`` names file and line."""

    code = "QST-110"


class StationFileError(InputError):
    """A station file is wrong; ``where`` names file and line."""

    code = "QST-120"


class PlanError(InputError):
    """The protocol asks for something that the station, or the suite's limits, do not allow."""

    code = "QST-130"


class LinkError(QstError):
    """The way to the device failed."""

    code = "QST-200"


class LinkOpenError(LinkError):
    """The link could not be opened."""

    code = "QST-210"


class LinkTimeoutError(LinkError):
    """No byte came before the deadline."""

    code = "QST-220"


class LinkClosedError(LinkError):
    """The other side is gone, or the link was used after it was closed."""

    code = "QST-230"


class WireError(QstError):
    """Something illegal was said on the wire."""

    code = "QST-300"


class LocalProtocolError(WireError):
    """We asked for something that the wire cannot express or that is illegal in this state: our fault."""

    code = "QST-310"


class RemoteProtocolError(WireError):
    """The device said something illegal: its fault, or line noise."""

    code = "QST-320"


class InstrumentError(QstError):
    """The instrument cannot or will not do this."""

    code = "QST-400"


class RefusedError(InstrumentError):
    """The request is outside what the instrument can or may do. It was refused, never clamped."""

    code = "QST-410"


class NotReadyError(InstrumentError):
    """The device is not in a state to do this now."""

    code = "QST-420"


class InstrumentFaultError(InstrumentError):
    """The device reported a fault, or its readings show one."""

    code = "QST-430"


class StaleReadingError(InstrumentFaultError):
    """No reading has come for too long during a stimulus."""

    code = "QST-431"


class FrozenReadingError(InstrumentFaultError):
    """The readings stay exactly the same on a ramp that should move."""

    code = "QST-432"


class OffRampError(InstrumentFaultError):
    """The plate has not been where it was commanded for too long."""

    code = "QST-433"


class RampRateError(InstrumentFaultError):
    """The plate moves faster than it was commanded."""

    code = "QST-434"


class ReadingClockError(InstrumentFaultError):
    """The clock that stamps the readings went backwards, or ahead of the host's."""

    code = "QST-435"


class ReadingJumpError(InstrumentFaultError):
    """Two neighbouring readings lie further apart than any plate moves."""

    code = "QST-436"


class HeldButtonError(InstrumentFaultError):
    """The participant's button is down before the stimulus: it cannot answer."""

    code = "QST-437"


class RampTimeoutError(InstrumentFaultError):
    """A ramp that should have been over, by its rate and its cut-off, is not."""

    code = "QST-438"


class BeyondCutoffError(InstrumentFaultError):
    """The instrument applies more than the cut-off and its stated overshoot."""

    code = "QST-439"


class NoNumberError(InstrumentFaultError):
    """A reading, or the time that stamps it, is not a finite number: what the skin has is not known."""

    code = "QST-440"


class OffStartError(InstrumentFaultError):
    """Before its ramp the plate is not on the way from where it was to its start, nor there."""

    code = "QST-441"


class SafetyError(QstError):
    """A limit that protects the skin would be, or was, exceeded."""

    code = "QST-500"


class LongStayError(SafetyError):
    """The skin has been in one band of temperature for longer than the table allows."""

    code = "QST-510"


class HotTrialError(SafetyError):
    """One trial has spent its time at or above 43 or 48 °C."""

    code = "QST-520"


class LogError(QstError):
    """The visit log."""

    code = "QST-600"


class LogWriteError(LogError):
    """The log cannot be written; the visit stops safely."""

    code = "QST-610"


class LogDamagedError(LogError):
    """The log does not verify."""

    code = "QST-620"


class DefectError(QstError):
    """The suite, or a driver, failed in a way that nobody foresaw; what it was is the cause of this one."""

    code = "QST-900"
