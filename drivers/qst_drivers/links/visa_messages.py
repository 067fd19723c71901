"""VISA resources that carry messages: GPIB, USBTMC, VXI-11 and HiSLIP, by PyVISA.

``visa://GPIB0::5::INSTR``, ``visa://USB0::0x1234::0x5678::SERIAL::INSTR``, ``visa://TCPIP::HOST::INSTR``. Such a device
speaks when it is told to, one whole message, whose end is marked on the bus (END) and not only by a line end. To read
when it has nothing to say is an error of the reader, and a read that times out in the middle of a message loses its
beginning. So the device is asked for its status byte every millisecond, and read when that says that a message is
available (bit MAV of IEEE 488.2); then the whole message is read, however long it takes. An abort ends the wait between
two looks.

A library that cannot ask for the status byte (pyvisa-py on USBTMC), or a device without MAV (``?stb=no``), is read
without looking: one read waits for the whole message until the deadline, an abort is noticed after it, and nothing can
be looked at without waiting. Messages that end by END alone get a line end with ``?end=lf`` or ``?end=crlf``, for
drivers of instruments that are spoken to in lines.

No instrument of the suite is of this kind, and none has been tried: unverified beyond simulated libraries.
"""

from typing import TYPE_CHECKING, Final

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst_drivers.links.urls import LinkUrl, one_of
from qst_drivers.links.visa_resource import PATIENT_MS, VisaResource, timed_out
from qst_drivers.links.waiting import LOOK_S

if TYPE_CHECKING:
    from pyvisa.resources import MessageBasedResource

#: Message available, of the status byte of IEEE 488.2.
MAV: Final = 0x10
_ENDS: Final = {"none": b"", "lf": b"\n", "crlf": b"\r\n"}


class VisaMessageLink(VisaResource):
    """A VISA resource that carries messages.

    Args:
        url: see the module.
        clock: for deadlines.
        abort: ends a wait for a message within 2 ms; without status byte, after the present read.

    Raises:
        StationFileError: a wrong option.
    """

    def __init__(self, url: LinkUrl, clock: Clock, abort: AbortSwitch) -> None:
        super().__init__(url, clock, abort, ("stb", "end"))
        self._end = _ENDS[one_of(url, "end", "none", tuple(_ENDS))]
        self._wants_status = one_of(url, "stb", "yes", ("yes", "no")) == "yes"
        self._looks = self._wants_status
        self._timeout_ms = PATIENT_MS

    def _set_up(self, resource: "MessageBasedResource") -> None:
        """END ends a message, nothing else; and see whether the status byte can be asked for."""
        from pyvisa import constants, errors  # noqa: PLC0415 - only who opens a resource needs PyVISA

        super()._set_up(resource)
        self._timeout_ms = PATIENT_MS
        resource.set_visa_attribute(constants.ResourceAttribute.termchar_enabled, False)
        resource.send_end = True
        self._looks = self._wants_status
        if self._looks:
            try:
                resource.read_stb()
            except NotImplementedError:
                self._looks = False
            except errors.VisaIOError as failed:
                if failed.error_code != constants.StatusCode.error_nonsupported_operation:
                    raise self._gone(failed) from failed
                self._looks = False

    def _be_patient(self, resource: "MessageBasedResource", timeout_ms: int) -> None:
        if self._timeout_ms != timeout_ms:
            resource.timeout = self._timeout_ms = timeout_ms

    def read(self, timeout_s: float) -> bytes:
        """One whole message.

        Raises:
            LinkTimeoutError: none came in time.
            LinkClosedError: not open, or the device is gone.
        """
        resource = self._require_open()
        deadline_s = self._now() + timeout_s
        while True:
            self._abort.check()
            left_s = deadline_s - self._now()
            data = self._message(resource, left_s)
            if data:
                return data
            if left_s <= 0.0 or not self._looks:
                self._abort.check()
                raise self._silent(timeout_s)
            self._abort.wait(min(left_s, LOOK_S))

    def read_available(self) -> bytes:
        """A message that is available; nothing where the status byte cannot be asked for.

        Raises:
            LinkClosedError: not open, or the device is gone.
        """
        resource = self._require_open()
        return self._message(resource, 0.0) if self._looks else b""

    def _message(self, resource: "MessageBasedResource", left_s: float) -> bytes:
        """The message that is available; without status byte, the one that comes within ``left_s``."""
        from pyvisa import errors  # noqa: PLC0415 - as above

        try:
            if self._looks:
                if not resource.read_stb() & MAV:
                    return b""
                self._be_patient(resource, PATIENT_MS)
            else:
                self._be_patient(resource, max(round(left_s * 1000), 1))
            return self._ended(resource.read_raw())
        except (errors.VisaIOError, OSError) as failed:
            if timed_out(failed) and not self._looks:
                return b""
            raise self._gone(failed) from failed

    def _ended(self, data: bytes) -> bytes:
        return data if data.endswith((b"\n", b"\r")) else data + self._end
