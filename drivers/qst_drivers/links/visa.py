"""``visa://RESOURCE``: a VISA resource that carries a stream of bytes, by PyVISA.

``visa://ASRL3::INSTR?baud=38400`` and ``visa://TCPIP::192.168.0.2::10001::SOCKET``. Resources that carry messages
(GPIB, USBTMC, VXI-11) are those of :mod:`qst_drivers.links.visa_messages`.

A VISA read that times out throws away what it had got, and pyvisa-py applies a port's one time-out to writes as well,
and to a read as a whole. So nothing is ever asked for that may not be there. A serial resource tells how many bytes
have arrived: it is looked at every millisecond, and exactly those are read, with a time-out that is never reached. A
socket does not tell: it is read one byte at a time, in short waits.
"""

from typing import TYPE_CHECKING, Any, Final

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst_drivers.links.urls import LinkUrl, one_of, whole_number, wrong
from qst_drivers.links.visa_resource import PATIENT_MS, VisaResource, timed_out
from qst_drivers.links.waiting import LOOK_S, SLICE_S

if TYPE_CHECKING:
    from pyvisa.resources import MessageBasedResource

_SLICE_MS: Final = round(SLICE_S * 1000)
_SERIAL_OPTIONS: Final = ("baud", "bits", "parity", "stopbits")
_STOP_BITS: Final = {"1": 10, "1.5": 15, "2": 20}  # VISA counts in tenths
_MOST: Final = 65536


class VisaLink(VisaResource):
    """A VISA resource that carries bytes: a serial port or a socket.

    Args:
        url: see the module.
        clock: for deadlines.
        abort: ends a wait for an answer at once (serial resource) or within 5 ms (socket).

    Raises:
        StationFileError: no resource that carries bytes, or a wrong option.
    """

    def __init__(self, url: LinkUrl, clock: Clock, abort: AbortSwitch) -> None:
        self._serial = url.place.upper().startswith("ASRL")
        super().__init__(url, clock, abort, _SERIAL_OPTIONS if self._serial else ())
        self._line = _line_settings(url) if self._serial else {}
        self._timeout_ms = PATIENT_MS

    def _set_up(self, resource: "MessageBasedResource") -> None:
        """Bytes as they are: nothing ends a read but their number."""
        from pyvisa import constants  # noqa: PLC0415 - as above

        super()._set_up(resource)
        self._timeout_ms = PATIENT_MS
        if not self._serial:
            resource.set_visa_attribute(constants.ResourceAttribute.termchar_enabled, False)
            return
        attribute = constants.ResourceAttribute
        none = constants.SerialTermination.none
        resource.set_visa_attribute(attribute.asrl_end_in, none)
        resource.set_visa_attribute(attribute.asrl_end_out, none)
        for name, value in self._line.items():
            resource.set_visa_attribute(getattr(attribute, name), value)

    def read(self, timeout_s: float) -> bytes:
        """At least one byte. Whether the other side has closed is not told by every backend: it may show as silence.

        Raises:
            LinkTimeoutError: nothing came in time.
            LinkClosedError: not open, or the other side is gone.
        """
        resource = self._require_open()
        deadline_s = self._now() + timeout_s
        while True:
            self._abort.check()
            left_s = deadline_s - self._now()
            data = self._rest(resource) if self._serial else self._one(resource, _SLICE_MS)
            if data:
                return data
            if left_s <= 0.0:
                raise self._silent(timeout_s)
            if self._serial:
                self._abort.wait(min(left_s, LOOK_S))

    def read_available(self) -> bytes:
        """Whatever has arrived. On a socket this waits for up to 1 ms: VISA cannot look without reading.

        Raises:
            LinkClosedError: not open, or the other side is gone.
        """
        resource = self._require_open()
        if self._serial:
            return self._rest(resource)
        data = b""
        while len(data) < _MOST and (byte := self._one(resource, 0)):
            data += byte
        return data

    def _be_patient(self, resource: "MessageBasedResource", timeout_ms: int) -> None:
        """Only sockets ever change their time-out: setting it sets a serial port up anew."""
        if not self._serial and self._timeout_ms != timeout_ms:
            resource.timeout = self._timeout_ms = timeout_ms

    def _one(self, resource: "MessageBasedResource", timeout_ms: int) -> bytes:
        """One byte, or none within the time-out: a read of one cannot lose anything."""
        self._be_patient(resource, timeout_ms)
        return self._take(resource, 1)

    def _rest(self, resource: "MessageBasedResource") -> bytes:
        count = self._arrived(resource)
        return self._take(resource, count) if count else b""

    def _arrived(self, resource: "MessageBasedResource") -> int:
        from pyvisa import constants, errors  # noqa: PLC0415 - as above

        available = constants.ResourceAttribute(constants.VI_ATTR_ASRL_AVAIL_NUM)
        try:
            return int(resource.get_visa_attribute(available))
        except (errors.VisaIOError, OSError) as failed:
            raise self._gone(failed) from failed

    def _take(self, resource: "MessageBasedResource", count: int) -> bytes:
        from pyvisa import constants, errors  # noqa: PLC0415 - as above

        try:
            with resource.ignore_warning(constants.StatusCode.success_max_count_read):  # just what was asked for
                data, _ = resource.visalib.read(resource.session, count)
        except (errors.VisaIOError, OSError) as failed:
            if timed_out(failed):
                return b""
            raise self._gone(failed) from failed
        return bytes(data)


def _line_settings(url: LinkUrl) -> dict[str, Any]:
    """VISA attributes of a serial resource."""
    from pyvisa import constants  # noqa: PLC0415 - as above

    if "baud" not in url.options:
        raise wrong(url.text, "its speed is not stated", "add ?baud=38400, or whatever the device is set to")
    parities = ("none", "odd", "even", "mark", "space")
    return {
        "asrl_baud_rate": whole_number(url, "baud"),
        "asrl_data_bits": int(one_of(url, "bits", "8", ("5", "6", "7", "8"))),
        "asrl_parity": constants.Parity[one_of(url, "parity", "none", parities)],
        "asrl_stop_bits": constants.StopBits(_STOP_BITS[one_of(url, "stopbits", "1", tuple(_STOP_BITS))]),
    }
